# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real modules of awx.awx, which nothing else here needs: out of one wheel of PyPI, by its hash."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

WHEEL = "ansible-11.13.0-py3-none-any.whl"
DIGEST = "7f1c9c6a6026ff214d9240647e4d2b019b2a9d4c7a2bc733932bcf92af80ab04"
"""PyPI's ``ansible`` 11.13.0, which holds awx.awx 24.6.1. Fetched once a machine."""


def collections() -> Path:
    """A directory with ``ansible_collections/awx/awx``; the test is skipped where it cannot be had, and fails in CI."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wallaroo-resilience-tests"
    there = home / DIGEST[:16]
    if (there / "complete").exists():
        return there
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as directory:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        wanted = Path(directory) / "wanted.txt"
        wanted.write_text(f"ansible=={WHEEL.split('-')[1]} --hash=sha256:{DIGEST}\n")
        command += ["--require-hashes", "--dest", directory, "--requirement", str(wanted)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            reason = f"awx.awx cannot be fetched: {ended.stderr.strip()[-300:]}"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        wheel = Path(directory) / WHEEL
        assert hashlib.sha256(wheel.read_bytes()).hexdigest() == DIGEST
        unpacked = Path(directory) / "unpacked"
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.startswith("ansible_collections/awx/")]
            archive.extractall(unpacked, names)
        (unpacked / "complete").touch()
        try:
            unpacked.rename(there)
        except OSError:
            # Another process was quicker.
            assert (there / "complete").exists()
    return there
