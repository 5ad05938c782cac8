# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent is waited for in the same call, thing by thing."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.filter.sending_calls import sending_calls

VALUES = {"name": "sender", "program": "sender", "argv": ["--last", "9"], "details": {"last": 9}, "result_file": "/r"}
CLUSTER = {"application": "market_spread", "version": "", "engine": "embedded", "checkpoint_interval": 0.5}


def called(plan: dict[str, Any], **waiting: Any) -> list[tuple[str, dict[str, Any]]]:
    whole = {"base": "/b", "server": "server1", "leading": "initializer", "cluster": CLUSTER, "generate": [], **plan}
    how = {"settle": True, "tells": False, "check": False, "run": "r", "send_timeout": 600, "checkpoint_timeout": ""}
    awaited = {"path": "/b/received", "on_violation": "continue"}
    calls = sending_calls({"wait": True, **whole}, {**how, "awaited": awaited, **waiting})
    return [(one["module"], one["arguments"]) for one in calls]


def names(plan: dict[str, Any], **waiting: Any) -> list[str]:
    return [module for module, _arguments in called(plan, **waiting)]


@pytest.mark.parametrize(
    ("waiting", "expected"),
    [
        ({}, ["program", "received_wait", "checkpoint_wait"]),
        ({"settle": False}, ["program", "received_wait"]),
        ({"tells": True}, ["program", "received_wait", "checkpoint_wait", "server_info"]),
        ({"check": True}, ["program"]),
    ],
)
def test_values_have_come_out_when_the_call_ends(waiting: dict[str, Any], expected: list[str]) -> None:
    assert names({"last": 9, "sends": [VALUES]}, **waiting) == expected


def test_who_does_not_wait_only_begins() -> None:
    ((module, arguments),) = called({"last": 9, "sends": [VALUES], "wait": False})
    assert (module, arguments["wait"], arguments["argv"]) == ("program", False, VALUES["argv"])


def test_what_was_sent_before_is_waited_for_alone() -> None:
    assert names({"last": 9, "sends": []}) == ["received_wait"]
    assert names({"last": 9, "sends": []}, check=True) == []


def test_files_are_made_and_then_each_is_covered_before_the_next() -> None:
    """Quotes have to be known before the orders that they reject."""
    files = [{**VALUES, "name": f"sender_{name}"} for name in ("nbbo", "orders")]
    calls = called({"sends": files, "generate": ["--seed", "1"]}, settle=False)
    assert [arguments.get("name", module) for module, arguments in calls] == [
        "market_data",
        "sender_nbbo",
        "checkpoint_wait",
        "sender_orders",
        "checkpoint_wait",
    ]
    assert calls[0][1]["argv"] == ["--seed", "1", "--result", "/b/run/market_data/result.json"]


def test_files_that_were_sent_are_not_made_again() -> None:
    assert names({"sends": [], "generate": ["--seed", "1"]}) == []


def test_a_sender_stops_at_a_violation_only_where_that_is_wanted() -> None:
    awaited = {"path": "/b/received", "on_violation": "stop"}
    plan = {"last": 9, "sends": [VALUES]}
    assert called(plan, awaited=awaited)[0][1]["received"] == "/b/received"
    assert called(plan)[0][1]["received"] == ""
