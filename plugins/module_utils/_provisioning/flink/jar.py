# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The job as a jar: compiled once, for the Flink that lies beside it."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

from ..command import ProvisioningError, run
from .home import Distribution, line_of

_MANIFEST = "META-INF/MANIFEST.MF"
_WIDTH = 72
"""Bytes of a line of a manifest, its end not among them."""
_ALWAYS = (1980, 1, 1, 0, 0, 0)
"""When its files are said to be of: the same sources make the same jar."""
_LIMIT = 300.0


def is_for(jar: bytes, flink: Distribution) -> bool:
    """Whether it is a whole jar that finds its libraries beside it."""
    try:
        with zipfile.ZipFile(io.BytesIO(jar)) as archive:
            lines = archive.read(_MANIFEST).decode("utf-8", "replace").replace("\r\n ", "").splitlines()
    except (zipfile.BadZipFile, KeyError, OSError):
        return False
    return f"Class-Path: {' '.join(flink.class_path)}" in lines


def compiled(sources: bytes, flink: Distribution, compiler: str, place: Path) -> bytes:
    """The jar.

    :param sources: a zip of them; what is no Java goes into the jar as it is.
    :param compiler: the program.
    :param place: an empty directory.
    :raises ProvisioningError: when they cannot be compiled.
    """
    line = line_of(flink.version)
    written, classes = place / "sources", place / "classes"
    with zipfile.ZipFile(io.BytesIO(sources)) as archive:
        archive.extractall(written)
    mine = [
        path for path in written.rglob("*") if path.is_file() and _is_for_line(path.relative_to(written), line.sources)
    ]
    java = sorted(str(path) for path in mine if path.suffix == ".java")
    words = [compiler, "--release", "11", "-proc:none", "-nowarn", "-encoding", "UTF-8", "-d", str(classes)]
    ended = run([*words, "-cp", str(flink.jar), *java], _LIMIT)
    if ended.code:
        raise ProvisioningError(f"the job could not be compiled for Flink {flink.version}: {ended.last_lines}")
    others = {str(path.relative_to(written)): path for path in mine if path.suffix != ".java"}
    found = {str(path.relative_to(classes)): path for path in classes.rglob("*.class")}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(_MANIFEST, _ALWAYS), _manifest(flink))
        for name, path in sorted({**others, **found}.items()):
            archive.writestr(zipfile.ZipInfo(name, _ALWAYS), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return made.getvalue()


def lacks_calls(flink: Distribution) -> bool:
    """Whether what Flink would unpack at each start of a process does not lie beside the job, as it might.

    Where a Flink has no such library its processes do as they always do.
    """
    return not flink.calls.exists() and _calls(flink) != ""


def take_calls_out(flink: Distribution, place: Path) -> None:
    """Lay it there.

    :param place: a directory for what is half done.
    """
    with zipfile.ZipFile(flink.jar) as archive:
        Path(archive.extract(_calls(flink), place)).replace(flink.calls)


def _calls(flink: Distribution) -> str:
    with zipfile.ZipFile(flink.jar) as archive:
        names = [name for name in archive.namelist() if re.fullmatch(r"flink-rpc-\w+\.jar", name)]
    return names[0] if len(names) == 1 else ""


def _is_for_line(path: Path, folder: str) -> bool:
    first = path.parts[0]
    return first == folder or not first.startswith("flink-")


def _manifest(flink: Distribution) -> bytes:
    rest = f"Class-Path: {' '.join(flink.class_path)}"
    lines = ["Manifest-Version: 1.0"]
    while rest:
        lines.append(rest[:_WIDTH])
        rest = f" {rest[_WIDTH:]}" if rest[_WIDTH:] else ""
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()
