# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What steps decide when a server has a damaged record, or could tell nothing at all."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.filter.cluster_table import cluster_table
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._publishing import of_step
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Servers

from tests.server_states import MOVE, refusal, registered, send, servers, steps, worker


def damaged(there: Servers, server: str, record: str, name: str = "") -> Servers:
    path = f"/w/{server}/{record}"
    entry: dict[str, Any] = {"record": record, "name": name, "path": path, "what": "it is empty", "do": "mend it"}
    there.states[server]["damaged"] = [entry]  # type: ignore[index]
    return there


def failed(there: Servers, server: str) -> Servers:
    """The module that looks at a server said why it could not."""
    there.states[server] = {"problem": "No module named 'json'"}
    return there


def said(server: str, record: str) -> str:
    return f"{server}: /w/{server}/{record} cannot be read (it is empty); mend it."


@pytest.mark.parametrize("server", ["server2", "server3", "server4"])
def test_a_step_that_could_make_a_second_owner_needs_every_record_of_the_worker(server: str) -> None:
    dead = {"server2": {"worker2": worker(alive=False)}}
    for record in ("ownership", "process"):
        for step, arguments in ((steps.copy, MOVE), (steps.restart, {"worker": "2"}), (steps.migrate, MOVE)):
            assert refusal(step, arguments, damaged(servers(2, **dead), server, record, "worker2")) == said(
                server, record
            )


def test_what_does_not_need_a_damaged_record_works() -> None:
    for record, name in (("ownership", "worker3"), ("process", "worker3"), ("sent", "sender"), ("cluster", "")):
        plan = steps.migrate({**MOVE, "settle": "false"}, damaged(servers(3), "server3", record, name))
        assert (plan["worker"], plan["dst"]) == ("worker2", "server4")
    assert steps.kill({"worker": "2"}, damaged(servers(3), "server3", "process", "worker3"))["server"] == "server2"
    assert steps.stop({}, damaged(servers(3), "server3", "cluster"))["keep_files"] is False


def test_what_a_damaged_record_would_say_may_be_known_otherwise() -> None:
    there = damaged(servers(2), "server2", "process", "worker2")
    there.states["server2"]["damaged"][0]["settled"] = True
    plan = steps.kill({"worker": "2"}, there)
    assert (plan["server"], plan["needed"]) == ("server2", True)
    assert steps.migrate(MOVE, there)["epoch"] == 2


def test_nobody_says_that_a_worker_never_ran_when_that_is_not_known() -> None:
    gone: dict[str, Any] = {"server2": {}}
    for record in ("process", "ownership"):
        there = damaged(servers(2, **gone), "server2", record, "worker2")
        why = f"Where worker2 is cannot be told. {said('server2', record)}"
        assert refusal(steps.kill, {"worker": "2"}, there) == why
    there = failed(servers(2), "server2")
    assert refusal(steps.kill, {"worker": "2"}, there).startswith(
        "server2 cannot be used (No module named 'json'), and worker2 may run there"
    )
    assert refusal(steps.kill, {"worker": "2"}, servers(2, **gone)).startswith("worker2 is on no server: none of them")


@pytest.mark.parametrize("server", ["server2", "server4"])
def test_a_server_whose_module_failed_is_named_with_what_it_said(server: str) -> None:
    for step in (steps.copy, steps.migrate):
        sentence = refusal(step, MOVE, failed(servers(2), server))
        assert sentence.startswith(f"{server} cannot be used (No module named 'json'), and worker2 may run there")


def test_a_damaged_record_of_the_cluster_is_no_cluster_that_was_never_started() -> None:
    there = servers(2)
    for name in there.names:
        there.states[name]["cluster"] = None  # type: ignore[index]
    assert refusal(send, {}, damaged(there, "server1", "cluster")) == said("server1", "cluster")


def test_status_shows_what_is_damaged() -> None:
    there = damaged(servers(2), "server2", "ownership", "worker2")
    for state in there.states.values():
        state["processes"] = {}  # type: ignore[index]
    sentence = "/w/server2/ownership cannot be read (it is empty); mend it"
    assert f"server2: {sentence}" in cluster_table(there.states)
    status: Any = of_step("status", registered(there.states), check=False)
    assert status.servers[1].damaged == (sentence,)
