# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the programs on a server of a test, as the action of ``server_prepare`` does."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._server import runtime
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _programs


def digest() -> str:
    """What the programs are known by."""
    return _programs.digest()


def archive(directory: Path) -> Path:
    """The programs as they reach a server."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "arrived.pyz"
    _programs.pack(path)
    return path


def deploy(base: Path) -> None:
    """The programs, ready to run."""
    arrived = archive(base)
    runtime.install(str(base), digest(), str(arrived))
    arrived.unlink()


def bring(base: Path) -> None:
    """The same for a test that is not about it: they are compiled once for all tests of this process, and copied."""
    made = Path(_made().name) / "runtime"
    if runtime.is_installed(str(base), digest()):
        return
    # With the time of now, as of an installation.
    shutil.copytree(made, base / "runtime", symlinks=True, copy_function=shutil.copy)


@functools.cache
def _made() -> tempfile.TemporaryDirectory[str]:
    kept = tempfile.TemporaryDirectory(prefix="wallaroo-resilience-programs-")
    deploy(Path(kept.name))
    return kept
