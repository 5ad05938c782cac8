# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``verify.yml`` compares with, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal, Servers

from tests.server_states import record_of, refusal, send, sending, verify, worker

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


def test_crashes_are_those_that_servers_have_noted_of_this_cluster() -> None:
    """Of an engine that dials; the source log tells of the others."""
    plain = verify({}, servers(sent=SENT))
    assert (plain["source_log"], plain["kills"]) == ("", [])
    known = servers(sent=SENT, workers={"worker2": {"kills": [0.5, 9.0, 5.0]}})
    known.states["server2"]["workers"] = {"worker2": {"kills": [7.0]}, "worker3": {}}
    for state in known.states.values():
        state["cluster"].update(engine="flink", version="2.3", engine_home="/f", source="replayable")
    plan = verify({}, known)
    assert (plan["source_log"], plan["kills"]) == ("/w/server1/sent", [5.0, 7.0, 9.0])
    assert plan["mode"] == "at_least_once"


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
        ({"last": 10}, {"sent": SENT}, "last=10, but values up to 500 of each key were sent, so more than that must"),
        ({"last": 0}, {"sent": SENT}, "last=0 is too small"),
        ({"mode": "never"}, {"sent": SENT}, "mode=never is not known"),
        ({}, {"app": "market_spread"}, "Nothing was sent yet"),
        ({"last": 7}, {"app": "market_spread"}, "last=7 cannot be used: market_spread is sent files"),
        ({"prove_seed": 7}, {"app": "market_spread"}, "is proved with app=multi_partition_detector alone"),
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


class Market:
    """A cluster of market-spread that is sent what somebody sends to it."""

    def __init__(self) -> None:
        self.there = servers("market_spread")
        self.first = self.there.states["server1"]
        for name, state in self.there.states.items():
            one = f"worker{name[-1]}" if name != "server1" else "initializer"
            state["workers"] = {one: worker()}
            state["processes"] = {one: {"alive": True, "kind": "worker"}}

    def send(self, came_to: int = 1000, alive: bool = False, **arguments: Any) -> list[str]:
        """The senders that were started, each with a file of 1000 records."""
        plan = send(arguments, self.there)
        for one in plan["sends"]:
            self.first["processes"][one["name"]] = {"alive": alive, "kind": "sender", "details": one["details"]}
            self.first["sent"][one["name"]] = sending(1000, came_to, round=plan["round"])
        return [one["name"] for one in plan["sends"]]

    def inputs(self) -> list[str]:
        return verify({}, self.there)["inputs"]


class TestMarketSpread:
    def test_it_compares_with_the_files_in_the_order_in_which_they_were_sent(self) -> None:
        market = Market()
        market.send(initial_nbbo_file="/d/initial", orders_file="/d/orders", nbbo_file="/d/quotes")
        market.send(round=2, orders_file="/d/more", nbbo_file="/d/quotes")
        plan = verify({"mode": "at_least_once"}, market.there)
        assert plan["inputs"] == ["/d/initial", "/d/orders", "/d/quotes", "/d/more", "/d/quotes"]
        assert (plan["expectation"], plan["mode"], "last" in plan) == ("market_spread", "at_least_once", False)

    def test_quotes_that_were_sent_before_the_orders_of_their_round_come_before_them(self) -> None:
        market = Market()
        market.send(nbbo_file="/d/quotes")
        market.send(orders_file="/d/orders")
        assert market.inputs() == ["/d/quotes", "/d/orders"]

    def test_files_that_were_made_are_those_that_were_sent(self) -> None:
        market = Market()
        market.send(seed=3)
        market.send(seed=3, round=2)
        names = ("initial-nbbo", "orders", "nbbo", "orders", "nbbo")
        assert market.inputs() == [f"/w/server1/market_data/{name}.msg" for name in names]
        market.send(seed=4, round=3)
        assert "made anew, with other arguments, after some" in refusal(verify, {}, market.there)

    def test_a_file_of_which_nothing_was_sent_counts_once_it_was(self) -> None:
        market = Market()
        market.send(orders_file="/d/orders")
        market.send(came_to=0, round=2, orders_file="/d/more")
        assert market.inputs() == ["/d/orders"]
        assert market.send(round=2, orders_file="/d/others") == ["sender_orders"]
        assert market.inputs() == ["/d/orders", "/d/others"]

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ({"alive": True}, "A sender of orders is still running on server1, in round 1; wait for it with"),
            (
                {"came_to": 400},
                "sender of orders (round 1) was interrupted: it was killed, or its server went down. Of its 1000 "
                "records those up to 400 were sent, so what must have come out is not known. Start a fresh cluster",
            ),
            ({"wait": False}, "/d/orders was sent with wait=false: which quotes an order met"),
        ],
    )
    def test_what_is_not_known_is_refused(self, arguments: dict[str, Any], sentence: str) -> None:
        market = Market()
        market.send(orders_file="/d/orders", **arguments)
        assert sentence in refusal(verify, {}, market.there)

    def test_a_sender_that_is_waited_for_keeps_what_it_was_started_with(self) -> None:
        market = Market()
        market.send(orders_file="/d/orders", alive=True)
        known = market.first["processes"]["sender_orders"]["details"]
        (again,) = send({"orders_file": "/d/orders"}, market.there)["sends"]
        assert again["details"] == known

    def test_files_that_nobody_has_kept_are_not_guessed(self) -> None:
        market = Market()
        market.send(orders_file="/d/orders")
        del market.first["processes"]["sender_orders"]
        assert "Which files of orders were sent is not known" in refusal(verify, {}, market.there)
