# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``verify.yml`` compares with, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal, Servers

from tests.server_states import record_of, sending, verify

SENT = {"sender": sending(500)}


def servers(app: str = "multi_partition_detector", silent: bool = False, **first: Any) -> Servers:
    names = ["server1", "server2"]
    addresses = [{"name": name, "address": "10.0.0.1", "base": f"/w/{name}"} for name in names]
    record = record_of({"app": app}, addresses, "cluster-1", 1.0).to_dict()
    states = {name: {"problem": None, "cluster": record, "processes": {}, "workers": {}, "sent": {}} for name in names}
    states["server1"].update(first)
    if silent:
        del states["server1"]
    return Servers(names, states)


def test_it_compares_with_what_was_sent() -> None:
    plan = verify({"last": "", "mode": ""}, servers(sent=SENT))
    assert (plan["last"], plan["expected"], plan["mode"]) == (500, 5500, "exactly_once")
    assert (plan["server"], plan["base"]) == ("server1", "/w/server1")


def test_after_a_killed_sender_it_compares_with_what_that_has_sent_and_says_so() -> None:
    plan = verify({}, servers(sent={"sender": sending(1000, 640)}))
    assert plan["last"] == 640
    assert plan["warnings"] == [
        "The last sender (1 to 1000) was interrupted: it was killed, or its server went down. Values up to 640 of each "
        "key were sent, and up to there it is verified."
    ]
    # A try that never reached the source has taken nothing back.
    again = sending(2000, 1000, first=1001, exit_code=1, message="no connection")
    assert verify({}, servers(sent={"sender": again}))["last"] == 1000


def test_it_compares_with_what_the_user_says() -> None:
    plan = verify({"last": "7", "mode": "at_least_once"}, servers())
    assert (plan["last"], plan["expected"], plan["mode"]) == (7, 77, "at_least_once")


SENDING = {"sender": {"alive": True, "details": {"last": 900}}}


@pytest.mark.parametrize(
    ("arguments", "known", "sentence"),
    [
        ({}, {"sent": {}}, "Nothing was sent yet"),
        ({}, {"sent": {"sender": sending(1000, 0)}}, "Nothing was sent yet"),
        (
            {},
            {"sent": {"sender": sending(1000, 640, 740, exit_code=1, message="broken pipe")}},
            "interrupted: broken pipe. Values up to 640 of each key were sent, and those up to 740 perhaps, so what",
        ),
        (
            {},
            {"sent": {"sender": sending(1000, 640, 740, exact=True)}},
            "of some keys up to 740. Send the rest with start_sender.yml -e last=1000",
        ),
        ({}, {"processes": SENDING}, "wait for it with start_sender.yml -e last=900"),
        ({"last": 0}, {"sent": SENT}, "last=0 is too small"),
        ({"mode": "never"}, {"sent": SENT}, "mode=never is not known"),
        ({}, {"app": "market_spread"}, "market_spread has no ordering that could be verified"),
        ({"mode": "never"}, {"silent": True}, "mode=never is not known"),
        ({"last": "some"}, {"silent": True}, "last=some is no"),
    ],
)
def test_what_would_prove_nothing_is_refused(arguments: dict[str, Any], known: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence):
        verify(arguments, servers(**known))


def test_what_lies_on_a_server_that_is_gone_is_not_checked_and_so_not_passed() -> None:
    plan = verify({}, servers(silent=True))
    assert plan["unchecked"] == (
        "server1 did not answer, and what came out and what was sent is known there alone. "
        "No message was checked: bring server1 back, and run verify.yml again."
    )
    assert plan["cluster"]["application"] == "multi_partition_detector"
    plan = verify({"last": 100}, servers(silent=True))
    assert "None of the 1,100 messages was checked" in plan["unchecked"]
    assert plan["expected"] == 1100


def test_a_server_that_cannot_be_used_is_asked_only_where_everything_else_is_known() -> None:
    broken = servers(problem="its directory cannot be written")
    assert "server1 cannot be used (its directory cannot be written)" in verify({}, broken)["unchecked"]
    assert verify({"last": 100}, broken)["unchecked"] == ""


def test_servers_that_are_all_silent_have_not_said_that_there_is_no_cluster() -> None:
    plan = verify({}, Servers(["server1", "server2"], {}))
    assert plan["unchecked"].startswith("server1 did not answer")
    assert plan["cluster"] == {}
    with pytest.raises(Refusal, match="No cluster is running"):
        verify({}, Servers(["server1"], {"server1": {"problem": None, "cluster": None}}))
