# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine and an application that somebody adds go through a verified migration."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.additions import APPLICATION, ENGINE, collection
from tests.port_block import PortBlock

from .conftest import Loopback


def test_a_migration_of_both_is_verified(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = collection(repository, tmp_path, APPLICATION, ENGINE)
    monkeypatch.setenv("PYTHONPATH", str(tree / ".collections"))
    block = PortBlock()
    loopback = Loopback(tree, tmp_path, block)
    try:
        run = loopback.play("verify_migration", "app=windows engine=second values=200")
        assert "2 workers of windows on the second engine" in run.message
        (result,) = loopback.results()
        assert result["verdict"] == "pass"
        assert (result["app"], result["engine"]) == ("windows", "second")
        refused = loopback.play("verify_migration", "app=windows engine=second via=journal", succeed=False)
        assert "The engine second keeps no journals" in refused.message
    finally:
        loopback.play("stop_cluster", succeed=None)
        block.close()
