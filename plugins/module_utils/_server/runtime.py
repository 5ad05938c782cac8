# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs on a server: one archive that Python executes, ``<base>/runtime/<digest>.pyz``.

The controller makes it of this very library (``plugin_utils/_programs.py``) and brings it along when a server has
another one. It is known by what is in it: what a program runs is what its digest says, and a server needs no download
and no installation.
"""

from __future__ import annotations

import io
import marshal
import os
import shutil
import time
import zlib
from collections.abc import Mapping
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import Path

from .._engines.command_line import PROGRAMS
from .._formats.whole_file import make_private_directory, remove_directory, sync_directory, write_whole
from .._process import living


def digest_of(contents: Mapping[str, bytes]) -> str:
    """SHA-256 over names and contents: the same whoever packed them, and however."""
    # Only where programs are brought: every look at a server would wait for it.
    import hashlib

    digest = hashlib.sha256()
    for name in sorted(contents):
        digest.update(f"{name}\0{len(contents[name])}\0".encode())
        digest.update(contents[name])
    return digest.hexdigest()


def is_installed(base: str, digest: str) -> bool:
    """Whether this server runs these programs, and no disk has damaged them since."""
    link = Path(base) / "runtime" / PROGRAMS
    archive = Path(os.path.realpath(link))
    if archive.name != archive_name(digest):
        return False
    try:
        return _sum_path(archive).read_text(encoding="ascii") == _sum(archive.read_bytes())
    except (OSError, UnicodeDecodeError):
        return False


def install(base: str, digest: str, archive: str) -> None:
    """Run these programs from now on, as a whole or not at all.

    :param archive: where the archive has arrived on this server.
    :raises ValueError: when it is not what its digest says.
    :raises OSError: when it cannot be read or written.
    """
    contents = _read(archive)
    if digest_of(contents) != digest:
        raise ValueError(f"{archive} is not what the controller has sent; run it again")
    runtime = Path(base) / "runtime"
    make_private_directory(runtime)
    made = _compiled(contents)
    for place in (runtime / archive_name(digest), _sum_path(runtime / archive_name(digest))):
        remove_directory(place)
    write_whole(runtime / archive_name(digest), made)
    write_whole(_sum_path(runtime / archive_name(digest)), _sum(made).encode())
    link = runtime / f".{PROGRAMS}"
    link.unlink(missing_ok=True)
    link.symlink_to(archive_name(digest))
    os.replace(link, runtime / PROGRAMS)
    sync_directory(runtime)
    _forget_older(base, runtime)


def archive_name(digest: str) -> str:
    """Its file in ``<base>/runtime``."""
    return f"{digest[:16]}.pyz"


def _sum_path(archive: Path) -> Path:
    return archive.with_suffix(".crc32")


def _sum(data: bytes) -> str:
    return f"{zlib.crc32(data):08x}"


def _read(archive: str) -> dict[str, bytes]:
    import zipfile

    try:
        with zipfile.ZipFile(archive) as opened:
            return {name: opened.read(name) for name in opened.namelist()}
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{archive} is no archive of programs ({error}); run it again") from error


def _compiled(contents: Mapping[str, bytes]) -> bytes:
    """The archive with the compiled code of this Python beside each source; another Python takes the source.

    Python writes no compiled code into an archive, and a worker that is down would wait for its compilation. The
    sources need not be looked at again (PEP 552: unchecked hash), since an archive never changes.
    """
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, source in contents.items():
            archive.writestr(name, source)
            if name.endswith(".py"):
                code = marshal.dumps(compile(source, name, "exec", dont_inherit=True))
                flags = (1).to_bytes(4, "little")
                archive.writestr(f"{name}c", MAGIC_NUMBER + flags + source_hash(source) + code)
    return packed.getvalue()


def _forget_older(base: str, runtime: Path) -> None:
    archives = [path for path in runtime.glob("*.pyz") if not path.is_symlink()]
    by_age = sorted((path.stat().st_mtime, path) for path in archives)
    # Programs that run read what they have not loaded yet from the archive they were started from.
    known = living.survey(base)
    if known.damaged:
        # Of whom nothing is known nothing is taken.
        return
    begun = min((process.started for process in [*known.living().values(), *known.strays]), default=time.time())
    for (_made, old), (replaced, _newer) in zip(by_age[:-2], by_age[1:]):
        if replaced < begun:
            old.unlink(missing_ok=True)
            _sum_path(old).unlink(missing_ok=True)
    # What version 1.0 deployed.
    shutil.rmtree(runtime / "wallaroo_resilience", ignore_errors=True)
    (runtime / "launch.py").unlink(missing_ok=True)
