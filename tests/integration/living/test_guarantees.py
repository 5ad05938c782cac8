# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same playbooks on a living engine: what is promised depends on source and sink, and just that holds."""

from __future__ import annotations

import pytest

from tests.integration.conftest import Loopback
from tests.strangers_check import agrees

from .conftest import asked, verified

FLOWING = "drain=false checkpoint_interval=0.5"
"""A crash while messages flow, and for long enough that they do wherever this runs."""


def outlasting(servers: Loopback) -> str:
    """Enough values to flow for longer than the engine is away: those that are sent last must find somebody."""
    return "values=1000" if "engine=flink" in servers.engine else "values=300"


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("playbook", "arguments", "moves"),
    [
        ("verify_restart", "workers=2", [("server2", "server2")]),
        ("demo", "workers=2 path=2,4,2,3", [("server2", "server4"), ("server4", "server2"), ("server2", "server3")]),
        ("verify_migration", "workers=3", [("server2", "server4")]),
    ],
)
def test_no_message_is_lost_on_any_path_of_any_worker(
    living: Loopback, playbook: str, arguments: str, moves: list[tuple[str, str]]
) -> None:
    result, _said = verified(living, playbook, f"{arguments} values=200 interval=0 checkpoint_interval=0.5")

    assert result["verdict"] == "pass"
    assert result["engine"] in living.engine
    assert "each exactly once and in order" in result["scope"]
    assert [(one["src"], one["dst"]) for one in result["migrations"]] == moves
    assert living.alive() == {}


@pytest.mark.sampled(1)
def test_a_source_that_is_read_again_repeats_what_no_checkpoint_covered_and_loses_nothing(living: Loopback) -> None:
    result, said = verified(living, "verify_migration", f"{FLOWING} values=1000 keep_running=true")

    assert result["verdict"] == "pass"
    assert "each at least once and in order" in result["scope"]
    assert result["received"] > result["expected"] == 2000 * 11, "what came behind the checkpoint comes twice"
    assert "first violation" not in said, "the receiver verifies within the guarantee, too"
    assert "pass (all came)" in agrees(living.runs / "latest")
    first, *again = asked(living)
    assert first == ("FROM", 0)
    assert {word for word, _at in again} == {"FROM"}
    assert 0 < again[-1][1] < result["expected"]
    # By what the servers have kept verify.yml comes to the same, and by a crash that nobody noted, too.
    same = living.play("verify").message
    assert "each at least once and in order" in same
    again_from = f"the source was read again from record {again[-1][1] + 1:,} on"
    assert again_from in same
    assert again_from in said
    (living.base(2) / "run/worker2/kills").unlink()
    unnoted = living.play("verify").message
    assert again_from in unnoted
    assert "No step noted a kill then" in unnoted
    assert "No step noted" not in same
    # That is not exactly once, and is not called so.
    said = living.play("verify", "mode=exactly_once", succeed=False).message
    assert "verdict: fail" in said
    assert {one["kind"] for one in living.results()[-1]["violations"]} <= {"rewind", "duplicate"}


@pytest.mark.sampled(1)
def test_a_sink_that_takes_back_what_is_repeated_makes_it_exactly_once(living: Loopback) -> None:
    result, _said = verified(living, "verify_migration", f"{FLOWING} values=300 sink=committing")

    assert result["verdict"] == "pass"
    assert "6,600 of 6,600 messages of 11 keys, each exactly once and in order" in result["scope"]
    assert "pass (all came)" in agrees(living.runs / "latest")
    taken_back = next(living.runs.glob("latest/logs/server1/receiver.log")).read_text()
    assert "bytes are taken back" in taken_back


@pytest.mark.sampled(1)
def test_a_plain_source_loses_what_was_sent_meanwhile_and_the_lost_values_are_named(living: Loopback) -> None:
    result, said = verified(living, "verify_migration", f"{FLOWING} {outlasting(living)} source=plain", succeed=False)

    assert result["verdict"] == "fail"
    assert result["received"] < result["expected"]
    kinds = {one["kind"] for one in result["violations"]}
    assert kinds & {"gap", "lost_tail", "bad_window", "reset_state"}
    first = result["violations"][0]
    assert f"{first['key']}: " in said, "whose, and what came in the place of what was expected"
    assert " was expected" in said or " is missing" in said
    assert {word for word, _at in asked(living)} == {"NOW"}


@pytest.mark.sampled(1)
def test_where_nothing_is_promised_losses_are_allowed_and_named(living: Loopback) -> None:
    """Only those of the crash: what was sent after the last checkpoint and before the source came back."""
    result, _said = verified(living, "verify_migration", f"{FLOWING} {outlasting(living)} source=plain mode=none")

    assert result["verdict"] == "pass"
    assert "with what was lost named" in result["scope"]


@pytest.mark.sampled(1)
def test_two_workers_that_are_dead_come_back_one_after_the_other(living: Loopback) -> None:
    living.play("start_cluster", f"{living.engine} workers=3 checkpoint_interval=0.5")
    living.play("start_sender", "last=50 interval=0")
    living.play("kill_worker", "worker=2")
    living.play("kill_worker", "worker=3")

    first = living.play("migrate", "worker=2 src=2 dst=4").message
    assert "worker2 was not waited for until it works" in first
    assert "worker3 is dead. Bring back what is missing: restart_worker.yml -e worker=3" in first
    assert "was not waited for" not in living.play("restart_worker", "worker=3").message

    living.play("start_sender", "last=100 interval=0")
    assert "1,100 of 1,100 messages" in living.play("verify", "mode=exactly_once").message


def test_all_workers_that_are_dead_come_back_one_after_the_other(bytewax: Loopback) -> None:
    """Everything is in files, and what came in is read again."""
    bytewax.play("start_cluster", f"{bytewax.engine} checkpoint_interval=0.5")
    bytewax.play("start_sender", "last=50 interval=0")
    for worker in (1, 2):
        bytewax.play("kill_worker", f"worker={worker}")
    assert "restart_worker.yml -e worker=1" in bytewax.play("migrate", "worker=2 dst=4", succeed=False).message
    for worker in (1, 2):
        bytewax.play("restart_worker", f"worker={worker}")
    bytewax.play("start_sender", "last=100 interval=0")
    assert "1,100 of 1,100 messages" in bytewax.play("verify", "mode=exactly_once").message
