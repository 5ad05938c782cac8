# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parser of a worker's command line, with its edges (wallaroo.md, A.1 to A.4)."""

from __future__ import annotations

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.applications.detector import Detector
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.command_line import (
    WALLAROO,
    UsageError,
    WorkerOptions,
    addresses,
    host_port,
    parse,
    worker_options,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.main import main

INITIALIZER = ["-t", "-c", "h:1", "-d", "h:2", "-m", "h:3", "--run-with-resilience"]
WORKER = ["-n", "worker2", "-c", "h:1", "-m", "h:3", "--my-control", "h:4", "--my-data", "h:5", "--run-with-resilience"]


def given(*argv: str) -> list[tuple[str, object]]:
    return list(parse(argv, WALLAROO))


@pytest.mark.parametrize(
    "argv",
    [
        ["--name", "worker2"],
        ["--name=worker2"],
        ["-n", "worker2"],
        ["-nworker2"],
        ["-n=worker2"],
    ],
)
def test_a_value_is_written_in_five_ways(argv: list[str]) -> None:
    assert given(*argv) == [("name", "worker2")]


def test_short_options_can_be_grouped() -> None:
    assert given("-tw3") == [("cluster-initializer", None), ("worker-count", 3)]
    assert given("-tnworker2") == [("cluster-initializer", None), ("name", "worker2")]


@pytest.mark.parametrize(
    "argv", [["--nam", "x"], ["--names", "x"], ["--Name", "x"], ["-N", "x"], ["--", "x"], ["-", "x"]]
)
def test_names_match_exactly_and_what_is_unknown_is_skipped(argv: list[str]) -> None:
    assert given(*argv) == []


def test_pony_options_and_other_unknown_ones_disturb_nothing() -> None:
    argv = ["--ponythreads", "4", "--ponynoblock", "positional", "-n", "a", "--unknown=3", "-Qt", "-w", "2"]
    assert given(*argv) == [("name", "a"), ("worker-count", 2)], "-Qt is skipped as a whole"


def test_a_value_that_begins_with_a_hyphen_is_taken_only_with_an_equals_sign() -> None:
    assert given("--name=-x") == [("name", "-x")]
    assert given("--name", "-t", "-w", "2") == [("cluster-initializer", None), ("worker-count", 2)]


def test_an_option_without_its_value_is_dropped() -> None:
    assert given("--name") == []
    assert given("-n", "", "-t") == [("cluster-initializer", None)]
    assert given("-e", "-t") == [("cluster-initializer", None)]


@pytest.mark.parametrize(
    ("text", "number"), [("50_000_000", 50000000), ("0x10", 16), ("0b11", 3), ("007", 7), ("1_0", 10)]
)
def test_numbers_may_have_underscores(text: str, number: int) -> None:
    assert given("--time-between-checkpoints", text) == [("time-between-checkpoints", number)]


@pytest.mark.parametrize("text", ["many", "3x", "_1", "1.5"])
def test_a_number_that_is_none_is_dropped(text: str) -> None:
    assert given("-w", text, "-t") == [("cluster-initializer", None)]


def test_an_address_is_split_at_every_colon() -> None:
    assert host_port("localhost:7000") == ("localhost", 7000)
    assert host_port(":7000") == ("", 7000)
    assert host_port("a:1:2") == ("a", 1)
    for text in ("localhost", "localhost:", "a:b", "a:70000", ""):
        with pytest.raises(ValueError, match="is no address"):
            host_port(text)


def test_sources_and_sinks_are_lists_by_position() -> None:
    found = parse(["-i", "a:1,b:2", "--out=c:3", "-m", "d:4"], Detector().options)
    assert addresses(found, "in") == [("a", 1), ("b", 2)]
    assert addresses(found, "out") == [("c", 3)]


def test_what_an_initializer_and_a_worker_are_told() -> None:
    assert worker_options([*INITIALIZER, "-w", "3", "-e", "h:6", "-n", "ignored", "-r", "/rd"]) == WorkerOptions(
        name="initializer",
        is_initializer=True,
        metrics=("h", 3),
        control=("h", 1),
        data=("h", 2),
        external=("h", 6),
        worker_count=3,
        resilience_directory="/rd",
        run_with_resilience=True,
    )
    worker = worker_options([*WORKER, "--time-between-checkpoints", "50_000_000", "--log-rotation"])
    assert (worker.name, worker.my_control, worker.my_data) == ("worker2", ("h", 4), ("h", 5))
    assert worker.checkpoint_pause == 0.05
    assert worker.log_rotation
    assert worker_options(INITIALIZER).worker_count == 1
    journalling = worker_options([*WORKER, "--resilience-enable-io-journal", "--resilience-dos-server=j:7"])
    assert (journalling.journal, journalling.journal_server) == (True, ("j", 7))


@pytest.mark.parametrize(
    ("argv", "text", "to_stdout"),
    [
        ([*INITIALIZER, "-w", "0"], "Error: --worker-count must be at least 1.", False),
        ([*INITIALIZER, "-r", "/tmp/"], "--resilience-dir must not end in /", True),
        ([*INITIALIZER, "-j", "h:1"], "--cluster-initializer is an invalid command line argument when joining.", True),
        (["-t", "-m", "h:3"], "Error: Cluster initializer needs its data channel address", False),
        ([*WORKER, "-w", "2"], "Error: Only supply --worker-count to cluster initializer or to joining worker.", False),
        ([*WORKER, "-d", "h:2"], "Error: Only supply --data to cluster initializer.", False),
        (
            ["-n", "worker2", "-m", "h:3", "--my-data", "h:5"],
            "Error: Non-initializer nodes must specify --my-control",
            False,
        ),
        (["-n", "worker2", "-m", "h:3", "-x", "h:5"], "Error: Non-initializer nodes must specify --my-control", False),
        (INITIALIZER[:-1], "Error: You are running a resilience-enabled binary.", False),
        (WORKER[:-1], "Error: You are running a resilience-enabled binary.", False),
        ([*INITIALIZER, "-e", "nowhere"], "Error: --external: 'nowhere' is no address: write it as host:port", False),
    ],
)
def test_what_does_not_fit_together_is_refused(argv: list[str], text: str, to_stdout: bool) -> None:
    with pytest.raises(UsageError) as refused:
        worker_options(argv)
    assert str(refused.value).startswith(text)
    assert (refused.value.code, refused.value.to_stdout) == (1, to_stdout)


def test_the_checks_come_in_wallaroos_own_order() -> None:
    for argv, text in (
        (["-t", "-j", "h:1", "-r", "/tmp/"], "--resilience-dir"),
        (["-t", "-j", "h:1"], "--cluster-initializer"),
        (["-t"], "Error: Cluster initializer needs"),
        (["-w", "2", "-d", "h:1"], "Error: Only supply --worker-count"),
        (["-d", "h:1"], "Error: Only supply --data"),
        (["-n", "a"], "Error: Non-initializer nodes"),
    ):
        with pytest.raises(UsageError, match=f"^{text}"):
            worker_options(argv)


@pytest.mark.parametrize(
    "argv", [[], ["-i", "h:1"], ["-o", "h:1"], ["-i", "h", "-o", "h:1"], ["-i", "h:1", "-o", "-m", "h:1"]]
)
def test_without_source_or_sink_there_is_no_topology_and_the_exit_code_is_0(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("multi_partition_detector", [*argv, *INITIALIZER]) == 0
    assert capsys.readouterr().out == "Couldn't build topology!\n"


def test_a_refused_command_line_is_one_sentence_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("multi_partition_detector", ["-i", "h:1", "-o", "h:2", "-t"]) == 1
    captured = capsys.readouterr()
    assert captured.err == "Error: Cluster initializer needs its data channel address to be specified via --data.\n"
    assert captured.out.splitlines()[0] == "Adding level 1"


def test_what_the_embedded_engine_does_not_do_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    both = ["-i", "h:1", "-o", "h:2"]
    assert main("multi_partition_detector", [*both, "--gen-source", *INITIALIZER]) == 1
    assert main("multi_partition_detector", [*both, "-j", "h:1", *WORKER]) == 1
    assert main("word_count", both) == 1
    errors = capsys.readouterr().err.splitlines()
    assert [line.startswith("Error: ") for line in errors] == [True, True, True]


def test_each_level_of_depth_is_announced(capsys: pytest.CaptureFixture[str]) -> None:
    main("multi_partition_detector", ["-i", "h:1", "-o", "h:2", "--depth", "2", "-t"])
    assert capsys.readouterr().out.splitlines()[:2] == ["Adding level 1", "Adding level 2"]
