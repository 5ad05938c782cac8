# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verified runs: what they prove, and what they leave behind."""

from __future__ import annotations

import gzip
import re

import pytest

from tests.integration.conftest import QUICK, Loopback
from tests.strangers_check import agrees, check


def test_the_demo_moves_worker_2_and_all_22000_messages_come_out_in_order(loopback: Loopback) -> None:
    loopback.as_users_do = True

    run = loopback.play("demo", "checkpoint_interval=0.2")

    (result,) = loopback.results()
    assert result["verdict"] == "pass"
    assert (result["expected"], result["received"]) == (22000, 22000)
    assert result["violations"] == []
    assert (result["engine"], result["app"], result["workers"], result["keys"]) == (
        "embedded",
        "multi_partition_detector",
        2,
        11,
    )
    (migration,) = result["migrations"]
    assert (migration["worker"], migration["src"], migration["dst"]) == ("worker2", "server2", "server3")
    assert 0 < migration["downtime_seconds"] < 20
    assert migration["copied_bytes"] > 0
    # The start has brought the programs to every server, which the look before the move has seen.
    deployed = run.output.partition("Deploy the programs before the kill")[2].partition("TASK")[0]
    assert "skipping" in deployed
    assert migration["output_gap_seconds"] > migration["downtime_seconds"]
    times = [migration[name] for name in ("killed", "died", "copied", "started", "resumed")]
    assert times == sorted(times)
    assert result["started"] < times[0] < result["finished"]
    assert "22,000 of 22,000" in run.output
    assert "verdict: pass" in run.output
    logs = {path.name for path in loopback.runs.glob("*/logs/*/*.log")}
    assert logs == {"initializer.log", "worker2.log", "receiver.log", "sender.log"}
    assert loopback.alive() == {}
    # Somebody else, who has the folder and nothing of ours, comes to the same verdict; and to none when it was changed.
    folder = loopback.runs / "latest"
    assert "pass (all came)" in agrees(folder)
    kept = folder / "received" / "received.bin.gz"
    content = gzip.decompress(kept.read_bytes())
    kept.write_bytes(gzip.compress(content.replace(b"[997,998,999,1000]", b"[997,998,999,1001]", 1)))
    code, said = check(folder)
    assert (code, "is not what came out in this run" in said) == (1, True), said


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("playbook", "arguments", "moves"),
    [
        ("verify_restart", "workers=2", [("server2", "server2")]),
        ("verify_migration", "workers=2 dst=3", [("server2", "server3")]),
        ("verify_migration", "workers=3 dst=4", [("server2", "server4")]),
        ("demo", "workers=2 path=2,4,2,3", [("server2", "server4"), ("server4", "server2"), ("server2", "server3")]),
        ("demo", "workers=3 path=2,4,2,4", [("server2", "server4"), ("server4", "server2"), ("server2", "server4")]),
        ("demo", "workers=2 path=2,4 restarts=5", [("server2", "server4")] + [("server4", "server4")] * 5),
        ("demo", "workers=5 worker=worker5 path=1,server3", [("server1", "server3")]),
    ],
)
def test_no_message_is_lost_on_any_path(
    loopback: Loopback, playbook: str, arguments: str, moves: list[tuple[str, str]]
) -> None:
    loopback.bring_programs()
    loopback.environment["ANSIBLE_STDOUT_CALLBACK"] = "wallaroo.resilience.steps"

    run = loopback.play(playbook, f"{arguments} {QUICK}")

    (result,) = loopback.results()
    assert result["verdict"] == "pass"
    assert result["received"] == 200 * 11 * (len(moves) + 1)
    assert [(migration["src"], migration["dst"]) for migration in result["migrations"]] == moves
    assert "pass (all came)" in agrees(loopback.runs / "latest")
    report = (loopback.runs / "latest").resolve() / "report.html"
    assert run.output.rstrip().splitlines()[-1].split() == ["report:", str(report)], "it is told last"
    assert report.is_file()


def test_a_crash_while_messages_flow_loses_some_and_the_run_says_which(loopback: Loopback) -> None:
    loopback.bring_programs()

    run = loopback.play("demo", "drain=false checkpoint_interval=0.2", succeed=False)

    (result,) = loopback.results()
    assert result["verdict"] == "fail"
    assert result["received"] < result["expected"]
    assert result["violation_count"] > 0
    assert any(violation["missing"] for violation in result["violations"])
    assert [crashed["worker"] for crashed in result["crashed"]] != []
    assert any("Increments test failed" in crashed["last_line"] for crashed in result["crashed"])
    # What is lost comes first, with why; what was never sent is told from it.
    assert re.match(r"Sent and never came out: \d+(\.\.\d+)? of key_\d+", result["reason"])
    assert re.search(
        r"\. After the crash of worker2 state was rolled back behind values that had been sent: "
        r"\w+ on server\d died when \d+ of key_\d+ came, for its state was at \d+[.;]",
        result["reason"],
    )
    tails = [violation for violation in result["violations"] if violation["kind"] == "lost_tail"]
    assert any("sent and did not come out" in violation["sentence"] for violation in tails)
    assert not any("never sent" in violation["sentence"] for violation in tails)
    assert re.search(r"\d+(\.\.\d+)? of each key (was|were) never sent", result["unsent"])
    # What was lost of each key is in the first line; what follows from it is told last, and apart.
    for violation in result["violations"]:
        assert violation["key"] in result["reason"], violation
    assert f"verdict: fail: {result['reason']}" in run.output
    assert result["then"]
    assert result["then"] not in result["reason"]
    assert loopback.alive() == {}
    assert re.search(r": fail \(.+\); result.json says fail", agrees(loopback.runs / "latest"))


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("path=3,4", "The path must begin where worker2 is started, on server2"),
        ("workers=zero", "workers=zero is no whole number"),
        ("app=wordcount", "app=wordcount is not known"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused_before_anything_is_started(
    loopback: Loopback, arguments: str, sentence: str
) -> None:
    run = loopback.play("demo", arguments, succeed=False)

    assert sentence in run.message
    assert loopback.alive() == {}
    assert loopback.results() == []


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("negative", "cause"),
    [
        (
            "dropped_state",
            r"The state that was dropped left state behind .+: worker2 on server3 died when 201 of key_\d+ .+ at 0\. ",
        ),
        (
            "old_copy",
            r"The old copy that was restored left state behind .+: worker2 on server3 died when 401 of key_\d+ ",
        ),
        ("two_owners", r"The second owner(, worker2 on server2, died of itself| came to nothing): "),
    ],
)
def test_what_is_damaged_on_purpose_is_caught_and_called_by_its_name(
    loopback: Loopback, negative: str, cause: str
) -> None:
    loopback.bring_programs()

    run = loopback.play("verify_migration", f"workers=2 dst=3 negative={negative} {QUICK}")

    (result,) = loopback.results()
    assert (result["verdict"], result["negative"]["damage"], result["negative"]["caught"]) == ("fail", negative, True)
    assert f"negative run: {negative} was caught: " in run.output
    assert re.match(cause, result["reason"]), result["reason"]
    assert "Sent and never came out: " in result["reason"]
    assert {violation["kind"] for violation in result["violations"]} == {"lost_tail"}
    # Who was not damaged has lost nothing, unless a second owner makes all of them stand still.
    assert (result["violation_count"] == 11) == (negative == "two_owners")
    assert f"verdict: fail: {result['reason']}" in run.output
    assert re.search(r": fail \(.+\); result.json says fail", agrees(loopback.runs / "latest"))
    assert loopback.alive() == {}
