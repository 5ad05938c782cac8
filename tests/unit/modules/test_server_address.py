# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever changes a server's address does so while nobody else still does."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting import acting
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import LimitReached
from ansible_collections.wallaroo.resilience.plugins.modules import server_address


def test_the_road_back_waits_for_who_stood_by_and_was_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_address, "_ALONE_SECONDS", 0.05)
    monkeypatch.setattr(server_address, "_changed", lambda _addresses, _wanted: ["10.9.8.7"])
    wanted = {"base": str(tmp_path), "run": "", "standby": False}
    # What a standby does that was told and whose caller is gone.
    with acting(str(tmp_path)):
        with pytest.raises(LimitReached):
            server_address._change(wanted, only_check=False)
        assert server_address._change({**wanted, "standby": True}, only_check=False) == ["10.9.8.7"]
    assert server_address._change(wanted, only_check=False) == ["10.9.8.7"]
