# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the metrics UI and the libraries that it needs: bundled on the controller, installed on a server.

A server has no internet and needs no pip: the bundle brings the wheels along, and pip as one of them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from .._formats.json_record import read_object
from .._formats.whole_file import make_private_directory, replacing, write_whole
from .command import ProvisioningError, run
from .wheels import gather

DIRECTORY = "metrics_ui"
"""Below ``wallaroo_base``: ``page``, ``environment``, and what says that both are complete."""

_PREFIX = "metrics_ui-"
_KEPT = 3
"""Bundles that are kept on the controller."""
_COMPLETE = "complete.json"
_PIP = ("--isolated", "--disable-pip-version-check", "--no-input")


@dataclass(frozen=True)
class Bundle:
    """A file on the controller."""

    path: Path
    fingerprint: str
    """Of what is in it, and in the name of the file."""
    changed: bool
    """Whether it was made anew, or would be."""


def bundle(
    page: Path, lock: Path, cache: Path, given: Optional[Path], python: str, limit: float, only_check: bool = False
) -> Bundle:
    """Have the bundle of a page and a lock. What is there already is neither made nor fetched again.

    :param page: a directory of files.
    :param cache: where bundles and wheels are kept.
    :param given: a directory with the wheels; without it they are fetched with pip.
    :param python: the interpreter whose pip fetches them.
    :param limit: seconds for that.
    :raises ProvisioningError: when a wheel cannot be had.
    :raises OSError: when the bundle cannot be written; none is there then.
    """
    files = {path.name: path.read_bytes() for path in sorted(page.iterdir()) if path.is_file()}
    fingerprint = _fingerprint(files, lock.read_bytes())
    path = cache / f"{_PREFIX}{fingerprint[:20]}.zip"
    if path.is_file() or only_check:
        return Bundle(path, fingerprint, not path.is_file())
    make_private_directory(cache)
    wheels = gather(lock, cache / "wheels", given, python, limit)
    with replacing(path) as stream, zipfile.ZipFile(stream, "w") as archive:
        _add(archive, "fingerprint", fingerprint.encode())
        for one, content in files.items():
            _add(archive, f"page/{one}", content)
        for wheel in wheels:
            _add(archive, f"wheels/{wheel.name}", wheel.read_bytes())
    _forget_old(cache)
    return Bundle(path, fingerprint, True)


def install(base: str, archive: Path, limit: float, only_check: bool = False) -> dict[str, Any]:
    """Unpack a bundle on this server, and make the environment with its libraries, unless exactly that is there.

    :param limit: seconds for pip.
    :raises ProvisioningError: when the environment cannot be made; an unfinished one is made anew by the next call.
    :raises OSError: when something cannot be written.
    """
    place = Path(base) / DIRECTORY
    environment, page = place / "environment", place / "page"
    try:
        with zipfile.ZipFile(archive) as opened:
            state = {"fingerprint": opened.read("fingerprint").decode("ascii"), "python": _python()}
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError) as error:
        raise ProvisioningError(f"{archive} is no bundle of the metrics UI ({error}); remove it") from error
    changed = _read(place / _COMPLETE) != state or not (environment / "bin" / "python").exists()
    if changed and not only_check:
        make_private_directory(place)
        (place / _COMPLETE).unlink(missing_ok=True)
        for old in (environment, page):
            shutil.rmtree(old, ignore_errors=True)
        try:
            with tempfile.TemporaryDirectory(dir=place, prefix=".unpacked.") as name:
                with zipfile.ZipFile(archive) as opened:
                    opened.extractall(name)
                _make_environment(environment, Path(name) / "wheels", limit)
                (Path(name) / "page").rename(page)
        except BaseException:
            # A full disk is the likeliest reason, and half an environment would keep it full.
            shutil.rmtree(environment, ignore_errors=True)
            raise
        write_whole(place / _COMPLETE, json.dumps(state).encode())
    return {"changed": changed, "python": str(environment / "bin" / "python"), "page": str(page)}


def _make_environment(environment: Path, wheels: Path, limit: float) -> None:
    # Without pip: the package that could put it in is one that Debian leaves out.
    ended = run([sys.executable, "-E", "-s", "-m", "venv", "--without-pip", str(environment)], limit)
    if ended.code:
        raise ProvisioningError(
            f"{sys.executable} -m venv failed, so the libraries have no place: {ended.last_lines[-300:]}"
        )
    found = sorted(wheels.iterdir())
    pip = next((path for path in found if path.name.startswith("pip-")), None)
    if pip is None:
        raise ProvisioningError("the bundle has no wheel of pip")
    libraries = [str(path) for path in found if path != pip]
    python = str(environment / "bin" / "python")
    ended = run(
        [python, "-E", "-s", str(pip / "pip"), "install", "--quiet", *_PIP, "--no-index", "--no-deps", "--no-cache-dir"]
        + libraries,
        limit,
    )
    if ended.code:
        raise ProvisioningError(f"pip could not install the libraries on this server: {ended.last_lines[-300:]}")


def _python() -> str:
    """What an environment is made for."""
    return f"{os.path.realpath(sys.executable)} {sys.version.split()[0]}"


def _fingerprint(files: dict[str, bytes], lock: bytes) -> str:
    digest = hashlib.sha256()
    for name, content in [*sorted(files.items()), ("", lock)]:
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # The same content makes the same file, so that it is copied to a server once.
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o600 << 16
    entry.compress_type = zipfile.ZIP_STORED if name.endswith(".whl") else zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def _forget_old(cache: Path) -> None:
    bundles = sorted(cache.glob(f"{_PREFIX}*.zip"), key=lambda path: path.stat().st_mtime)
    for old in bundles[:-_KEPT]:
        old.unlink(missing_ok=True)


def _read(path: Path) -> Any:
    try:
        return read_object(path, "")
    except ValueError:
        return None
