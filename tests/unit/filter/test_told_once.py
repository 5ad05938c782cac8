# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One failure, one sentence: what is the same on all servers is said once."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.filter.told_once import told_once


def refused(server: str, told: str) -> dict[str, Any]:
    """What a module that failed returns under ``failed_when: false``."""
    return {"failed": False, "failed_when_result": False, "msg": f"{server}: {told}."}


def test_what_is_the_same_on_all_servers_is_said_once() -> None:
    results = {name: refused(name, "there is no rsync; install it") for name in ("server2", "server3")}
    results["server4"] = refused("server4", "/opt/w has files")
    assert told_once(results) == "server2, server3: there is no rsync; install it. server4: /opt/w has files."


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"skipped": True, "msg": "Conditional result was False", "failed_when_result": False},
        {"changed": False, "files": 0, "failed": False, "failed_when_result": False},
        {"rc": 0, "stdout": "CHANGED=true", "msg": "", "failed_when_result": False},
    ],
)
def test_what_went_well_is_not_told(result: dict[str, Any]) -> None:
    assert told_once({"server1": result}) == ""


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ({"unreachable": True, "msg": "Connection timed out\nmore"}, "server1: does not answer: Connection timed out."),
        ({"failed": True, "msg": "boom"}, "server1: boom."),
        (
            {"rc": 1, "stdout": "packages: git\r\nPROBLEM=No way.\r\nE: why", "msg": "non-zero"},
            "server1: No way.\r\nE: why.",
        ),
        (
            {"rc": 127, "stderr": "sh: not found", "msg": "non-zero return code"},
            "server1: sh: not found non-zero return code.",
        ),
    ],
)
def test_however_something_failed_it_is_told(result: dict[str, Any], told: str) -> None:
    assert told_once({"server1": result}) == told
