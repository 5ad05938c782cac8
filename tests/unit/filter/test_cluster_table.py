# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``status.yml`` shows: a line for each process and each worker."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.filter.cluster_table import cluster_table

CLUSTER = {"workers": 2, "application": "market_spread", "engine": "embedded"}


def process(alive: bool, result: Any = None) -> dict[str, Any]:
    return {"alive": alive, "pid": 7, "log": "/l", "result": result}


@pytest.mark.parametrize(
    ("known", "life"),
    [
        (process(True), "runs"),
        (process(False), "dead"),
        (process(False, {"exit_code": 0, "message": "1,000 records sent"}), "ended: 1,000 records sent"),
        (process(False, {"exit_code": 1, "message": "no connection"}), "failed: no connection"),
        (process(False, {}), "dead"),
    ],
)
def test_who_has_ended_is_not_called_dead(known: dict[str, Any], life: str) -> None:
    state = {"cluster": CLUSTER, "processes": {"sender_orders": known}, "workers": {}}
    assert cluster_table({"server1": state}) == [
        "2 workers of market_spread on the embedded engine",
        f"server1: sender_orders {life} (pid 7, log /l)",
    ]


def test_servers_that_cannot_be_used_say_why() -> None:
    states = {"server1": {"problem": "its disk is full"}, "server2": {"msg": "no route"}, "server3": {}}
    assert cluster_table(states) == [
        "no cluster was started",
        "server1: its disk is full",
        "server2: no route",
        "server3: does not answer",
    ]


def test_where_the_metrics_are_shown_is_said() -> None:
    shown = {"alive": True, "pid": 7, "log": "/l", "details": {"address": "10.0.0.1:4000"}}
    state = {"cluster": CLUSTER, "processes": {"metrics_ui": shown}, "workers": {}}
    assert "metrics UI: http://10.0.0.1:4000/" in cluster_table({"server1": state})
    state["processes"] = {"metrics_ui": {**shown, "alive": False}}
    assert not [line for line in cluster_table({"server1": state}) if line.startswith("metrics UI")]
