# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployment of the programs: this very library, written to ``<base>/runtime`` on a server.

An Ansible module carries the library with it. What a server runs is exactly what the modules
of that run were made of, and a server needs no download and no installation.
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
import shutil
from pathlib import Path
from typing import Optional

from .._catalogue.applications import APPLICATIONS
from .._engines.command_line import LAUNCHER
from .._programs.engine import main as _engine
from .._programs.file_sender import main as _file_sender
from .._programs.journal_server import main as _journal_server
from .._programs.market_data import main as _market_data
from .._programs.metrics_ui import main as _metrics_ui
from .._programs.port_listener import main as _port_listener
from .._programs.receiver import main as _receiver
from .._programs.sender import main as _sender
from .._programs.source_agent import main as _source_agent
from .sources import source_of

PACKAGE = "wallaroo_resilience"
"""The name under which the library is imported on a server."""

PROGRAMS = {
    "file_sender": _file_sender,
    "journal_server": _journal_server,
    "market_data": _market_data,
    "metrics_ui": _metrics_ui,
    "port_listener": _port_listener,
    "receiver": _receiver,
    "sender": _sender,
    "source_agent": _source_agent,
}
"""Named here so that whoever carries this file carries the programs too."""

ENGINE = _engine

_LAUNCHER_TEXT = '''\
"""Starts a program of the wallaroo.resilience collection: launch.py PROGRAM [ARGUMENT ...]"""

import sys
from importlib import import_module
from os.path import dirname, realpath

sys.path[0] = dirname(realpath(__file__))

if len(sys.argv) < 2:
    sys.exit("usage: launch.py PROGRAM [ARGUMENT ...]")
PROGRAM, ARGUMENTS = sys.argv[1], sys.argv[2:]
if PROGRAM in {applications!r}:
    sys.exit(import_module("{package}._programs.engine.main").main(PROGRAM, ARGUMENTS))
if PROGRAM in {programs!r}:
    sys.exit(import_module("{package}._programs." + PROGRAM + ".main").main(ARGUMENTS))
sys.exit("launch.py: there is no program " + repr(PROGRAM))
'''


def files() -> dict[str, bytes]:
    """Every file of the runtime: path below ``runtime/`` -> content.

    The sources are asked of Python's import system, since inside a module they lie in an archive.
    """
    root = __name__.rsplit(".", 2)[0]
    found = {
        LAUNCHER: _LAUNCHER_TEXT.format(
            package=PACKAGE, applications=tuple(APPLICATIONS), programs=tuple(sorted(PROGRAMS))
        ).encode(),
        f"{PACKAGE}/__init__.py": b"",
    }
    package = importlib.import_module(root)
    for module in pkgutil.walk_packages(package.__path__, root + "."):
        relative = module.name[len(root) + 1 :].replace(".", "/")
        if relative.split("/")[0] not in _OWN_PACKAGES:
            continue
        suffix = "/__init__.py" if module.ispkg else ".py"
        found[f"{PACKAGE}/{relative}{suffix}"] = source_of(module.name).encode()
    return found


_OWN_PACKAGES = (
    "_catalogue",
    "_formats",
    "_resilience",
    "_process",
    "_verification",
    "_programs",
    "_engines",
    "_cluster",
    "_server",
)


def fingerprint(contents: dict[str, bytes]) -> str:
    """SHA-256 over names and contents."""
    digest = hashlib.sha256()
    for name in sorted(contents):
        digest.update(f"{name}\0{len(contents[name])}\0".encode())
        digest.update(contents[name])
    return digest.hexdigest()


def installed_fingerprint(base: str) -> Optional[str]:
    """What is deployed on this server, or None when nothing or something incomplete is."""
    runtime = Path(base) / "runtime"
    if not (runtime / LAUNCHER).is_file():
        return None
    contents = {
        str(path.relative_to(runtime)): path.read_bytes()
        for path in runtime.rglob("*.py")
        if path.is_file() and "__pycache__" not in path.parts
    }
    return fingerprint(contents)


def install(base: str) -> None:
    """Put the runtime on this server, as a whole or not at all.

    Programs that already run keep what they have loaded.
    """
    runtime = Path(base) / "runtime"
    fresh, old = runtime.with_name(".runtime.new"), runtime.with_name(".runtime.old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    for name, content in files().items():
        path = fresh / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o600)
    if runtime.exists():
        runtime.rename(old)
    fresh.rename(runtime)
    shutil.rmtree(old, ignore_errors=True)
