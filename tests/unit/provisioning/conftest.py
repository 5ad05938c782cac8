# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small repository with the names of Wallaroo's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.wallaroo_repository import IDENTITY, Repository, needed, toolchain


@pytest.fixture
def upstream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    needed()
    for name, value in IDENTITY.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{toolchain(tmp_path / 'toolchain')}:{os.environ['PATH']}")
    return Repository(tmp_path / "repository")
