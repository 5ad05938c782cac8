# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step did, would do, or had no need to do, in a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._publishing import Registered
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._telling import told

from tests.server_states import servers, worker

MOVE = {"worker": "worker2", "src": "server2", "dst": "server4", "via": "files", "kill": True, "needed": True}
THERE = {"worker": "worker2", "server": "server2", "crash": False}
CLUSTER = {
    "workers": 2,
    "application": "multi_partition_detector",
    "engine": "embedded",
    "placement": {"initializer": "server1", "worker2": "server2"},
}


def sentence(playbook: str, check: bool = False, alive: bool = True, **answers: Any) -> str:
    there = servers(server2={"worker2": worker(alive, pid=123, bytes=130576, files=4)})
    hosts = {name: {"cluster_server_state": state} for name, state in there.states.items()}
    for name, found in answers.pop("everywhere", {}).items():
        for server, answer in found.items():
            hosts[server][name] = answer
    return told(playbook, Registered({"groups": {"servers": there.names}, "hostvars": hosts, **answers}), check)


def plan(**values: Any) -> dict[str, Any]:
    return {"plan": values}


@pytest.mark.parametrize(
    ("changes", "alive", "said"),
    [
        ({}, True, "would kill worker2 (pid 123) on server2, copy 4 files (130,576 bytes), start it on server4"),
        ({}, False, "would copy 4 files (130,576 bytes) of worker2, start it on server4"),
        (
            {"via": "journal"},
            True,
            "would kill worker2 (pid 123) on server2, restore its files from the journal server, start it on server4",
        ),
        (
            {"via": "journal", "kill": False},
            False,
            "would restore the files of worker2 from the journal server, start it on server4",
        ),
        (
            {"needed": False, "completes": True, "fence": True},
            True,
            "would complete the move that an interrupted run began: wait for worker2 on server4, "
            "and fence it on server2",
        ),
        ({"needed": False, "completes": False}, True, "nothing to do: worker2 already runs on server4"),
    ],
)
def test_a_move_is_told_before_it_is_made(changes: dict[str, Any], alive: bool, said: str) -> None:
    assert sentence("migrate", True, alive, migration_step=plan(**{**MOVE, **changes})) == said


def test_a_move_that_was_made_is_told_by_its_result_and_one_that_was_not_needed_by_nobody_else() -> None:
    assert sentence("migrate", migration_step=plan(**MOVE)) == ""
    nothing = plan(**{**MOVE, "needed": False, "completes": False})
    assert sentence("migrate", migration_step=nothing) == "nothing to do: worker2 already runs on server4"


@pytest.mark.parametrize(
    ("check", "needed", "answer", "said"),
    [
        (True, True, {"changed": True, "pid": 123}, "would kill worker2 (pid 123) on server2"),
        (False, True, {"changed": True, "pid": 123}, "killed worker2 (pid 123) on server2"),
        (False, False, {"changed": False}, "nothing to do: worker2 is dead already on server2"),
        (True, False, {"skipped": True}, "nothing to do: worker2 is dead already on server2"),
    ],
)
def test_a_kill(check: bool, needed: bool, answer: dict[str, Any], said: str) -> None:
    assert sentence("kill_worker", check, worker_step=plan(**THERE, needed=needed), worker_killed=answer) == said


def test_a_copy() -> None:
    step = plan(**MOVE)
    assert sentence("copy_resilience", True, False, migration_step=step) == (
        "would copy 4 files (130,576 bytes) of worker2 from server2 to server4"
    )
    answer = {"changed": True, "copied": ["a"], "copied_bytes": 12}
    assert sentence("copy_resilience", migration_step=step, migration_copied=answer) == (
        "copied 1 file (12 bytes) of worker2 from server2 to server4"
    )
    assert sentence("copy_resilience", migration_step=step, migration_copied={"changed": False}) == (
        "nothing to do: server4 holds the resilience files of worker2 already"
    )


def test_a_restart() -> None:
    crash = plan(**{**THERE, "crash": True}, needed=True)
    assert sentence("restart_worker", True, worker_step=crash) == (
        "would kill worker2 (pid 123) on server2, start it on server2"
    )
    dead = plan(**THERE, needed=True)
    started = {"changed": True, "pid": 7}
    assert sentence("restart_worker", worker_step=dead, worker_started=started) == "started worker2 (pid 7) on server2"
    runs = plan(**THERE, needed=False)
    assert sentence("restart_worker", worker_step=runs) == "nothing to do: worker2 already runs on server2"


def test_a_cluster_and_what_is_sent_to_it() -> None:
    cluster = "2 workers of multi_partition_detector on the embedded engine"
    step = {"cluster": CLUSTER, "replace": False}
    assert sentence("start_cluster", True, cluster_step=plan(**step, needed=True)) == (
        f"would start {cluster}, on server1, server2"
    )
    assert sentence("start_cluster", cluster_step=plan(**step, needed=False)) == (
        f"nothing to do: a cluster of {cluster} runs already"
    )
    values = {"needed": True, "first": 1, "last": 1000, "key_count": 11, "wait": True}
    assert (
        sentence("start_sender", sender_step=plan(**values)) == "sent the values 1 to 1000 of 11 keys (11,000 messages)"
    )
    sent = plan(needed=False, last=1000, key_count=11)
    assert sentence("start_sender", sender_step=sent) == "nothing to do: the values up to 1000 were sent already"
    begun = sentence("start_sender", sender_step=plan(**{**values, "wait": False}))
    assert begun == "began to send the values 1 to 1000 of 11 keys (11,000 messages)"
    files = plan(needed=True, wait=True, round=1, sends=[{"what": "the orders"}, {"what": "the quotes"}])
    assert sentence("start_sender", True, sender_step=files) == "would send the orders and the quotes"


def test_a_stop() -> None:
    answers = {"server1": {"changed": True, "stopped": {"receiver": 1}, "removed": ["resilience"]}, "server2": {}}
    assert sentence("stop_cluster", True, everywhere={"cluster_stopped": answers}) == (
        "would stop receiver on server1, remove the resilience files on server1"
    )
    assert sentence("stop_cluster") == "nothing to do: nothing of the collection runs on these servers"


def test_what_tells_itself_is_not_told_again() -> None:
    assert sentence("status") == sentence("demo") == ""
