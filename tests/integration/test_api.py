# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python API against a cluster that runs."""

from __future__ import annotations

import asyncio
import errno
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _timeline
from ansible_collections.wallaroo.resilience.plugins.plugin_utils.cluster import (
    CallCancelled,
    CallFailed,
    CallTimedOut,
    Cluster,
    Event,
    NotEnded,
    NotProved,
)

from tests import wallaroo_repository

from .conftest import Loopback


def api(loopback: Loopback, environment: dict[str, str] | None = None, **settings: Any) -> Cluster:
    return Cluster(
        loopback.repository / "inventory" / "loopback",
        ports=loopback.ports,
        runs=loopback.runs,
        environment={"WALLAROO_LOOPBACK": loopback.environment["WALLAROO_LOOPBACK"], **(environment or {})},
        **settings,
    )


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the API keeps what must not stay."""
    directory = tmp_path / "scratch"
    directory.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(directory))
    return directory


def test_a_cancelled_migration_is_completed_by_the_same_call(cluster: Loopback, scratch: Path) -> None:
    events: list[Event] = []
    cluster_api = api(cluster, on_event=events.append)
    move = cluster_api.migrate.begin(worker=2, src=2, dst=4)
    _wait_for(lambda: cluster.alive().get("worker2") != "server2", "the kill")

    assert move.cancel()

    assert move.done()
    with pytest.raises(CallCancelled, match="the same call again completes it") as caught:
        move.wait()
    folder = Path(str(caught.value.folder))
    assert folder.parent == cluster.runs
    assert "finish" not in [record["record"] for record in _timeline.read(folder / "timeline.jsonl")]
    assert any(event.step == "Move the worker to server4" for event in events)

    moved = cluster_api.migrate(worker="2", src="server2", dst="4")

    assert (moved.worker, moved.src, moved.dst, moved.epoch) == ("worker2", "server2", "server4", 2)
    assert cluster.alive()["worker2"] == "server4"
    # One folder has both halves.
    assert [path.name for path in cluster.runs.iterdir() if not path.is_symlink()] == [folder.name]
    assert moved.folder == str(folder)
    (whole,) = cluster.results()
    assert [bool(part["finished"]) for part in whole["parts"]] == [False, True]
    records = [record["record"] for record in _timeline.read(folder / "timeline.jsonl")]
    assert (records.count("run"), records.count("finish")) == (2, 1)
    assert (folder / "ansible.log").exists(), "what was said until it was cancelled"
    proof = cluster_api.verify()
    assert proof.passed
    assert (proof.expected, proof.received) == (2200, 2200)
    assert list(scratch.iterdir()) == []


def test_a_call_that_fails_says_which_step_and_where_and_keeps_what_was_said(
    cluster: Loopback, scratch: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CallFailed) as caught:
        api(cluster).migrate(worker=2, src=3, dst=4)

    failed = caught.value
    assert failed.playbook == "migrate"
    assert failed.step == "Check everything before the kill"
    assert failed.host == "server1"
    assert failed.message == "server3 does not hold worker2: it runs on server2. Use src=server2."
    assert failed.message in str(failed)
    folder = Path(str(failed.folder))
    assert "server3 does not hold worker2" in (folder / "ansible.log").read_text()
    assert _timeline.read(folder / "timeline.jsonl")[-1]["record"] == "finish"
    assert cluster.alive()["worker2"] == "server2"

    with pytest.raises(NotProved) as unproved:
        api(cluster, variables={"wallaroo_verify_timeout": 0.1}).verify(last=201)

    result = unproved.value.result
    assert result is not None
    # Nobody has sent 201, so it was not lost.
    assert (result.verdict, result.violation_count) == ("unknown", 0)
    assert result.unsent or result.reason == "201 of each key was never sent."
    assert (Path(str(unproved.value.folder)) / "result.json").exists()
    assert list(scratch.iterdir()) == []
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


def test_calls_can_be_awaited_polled_and_limited(loopback: Loopback, scratch: Path) -> None:
    async def two() -> None:
        status = api(loopback).status.begin()
        assert not status.done()
        with pytest.raises(NotEnded, match="status has not ended after 0 s; it goes on"):
            status.wait(limit=0)
        assert (await status).workers == 0
        assert status.done()
        waiting = asyncio.ensure_future(_awaited(api(loopback).status.begin()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(two())
    with pytest.raises(CallTimedOut, match="took longer than"):
        api(loopback, limit=0.1).status()
    assert list(scratch.iterdir()) == []


@pytest.fixture
def _without_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container without /dev/pts."""

    def none_there() -> Any:
        raise FileNotFoundError(errno.ENOENT, "out of pty devices")

    monkeypatch.setattr("os.openpty", none_there)
    monkeypatch.setattr("os.forkpty", none_there)


@pytest.mark.usefixtures("_without_terminals")
def test_without_pseudo_terminals_calls_work_and_end_when_they_are_told_to(
    loopback: Loopback, scratch: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert api(loopback).status().workers == 0
    assert capfd.readouterr().out == ""
    assert api(loopback, show=True).status().workers == 0
    assert "PLAY RECAP" in capfd.readouterr().out
    with pytest.raises(CallFailed, match=r"(?s)ended with code \d+: .*'many'"):
        api(loopback, environment={"ANSIBLE_FORKS": "many"}).status()
    with pytest.raises(CallTimedOut, match="took longer than"):
        api(loopback, limit=0.1).status()
    begun = threading.Event()
    status = api(loopback, on_event=lambda _event: begun.set()).status.begin()
    assert begun.wait(60)
    assert status.cancel()
    with pytest.raises(CallCancelled):
        status.wait()
    assert list(scratch.iterdir()) == []


async def _awaited(handle: Any) -> Any:
    return await handle


def test_what_an_event_handler_raises_cancels_the_call_and_comes_out_of_it(loopback: Loopback, scratch: Path) -> None:
    def handler(event: Event) -> None:
        assert threading.current_thread() is not threading.main_thread()
        raise LookupError(event.record)

    with pytest.raises(LookupError, match="run"):
        api(loopback, on_event=handler).status()
    assert list(scratch.iterdir()) == []


def test_a_playbook_that_cannot_even_begin_is_told_with_ansible_s_own_words(loopback: Loopback) -> None:
    with pytest.raises(CallFailed, match=r"(?s)ended with code \d+: .*'many'") as caught:
        api(loopback, environment={"ANSIBLE_FORKS": "many"}).status()
    assert caught.value.failures == ()
    assert "\x1b" not in str(caught.value)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("name", ["yaml", "json", "null"])
def test_whatever_prints_for_the_user_is_nothing_to_the_api(
    loopback: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    configuration = tmp_path / "ansible.cfg"
    configuration.write_text(f"[defaults]\nstdout_callback = {name}\ncallback_result_format = {name}\n")
    monkeypatch.setenv("ANSIBLE_CONFIG", str(configuration))
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", name)
    monkeypatch.setenv("LC_ALL", "C")
    assert api(loopback).status().workers == 0


def test_an_inventory_without_servers_is_no_success(loopback: Loopback, tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {hosts: {server1: {}}}\n")
    with pytest.raises(CallFailed, match="the inventory has no hosts in the group servers"):
        Cluster(inventory, runs=loopback.runs).status()


def test_what_was_built_is_told(loopback: Loopback, tmp_path: Path) -> None:
    wallaroo_repository.needed()
    repository = wallaroo_repository.Repository(tmp_path / "repository")
    home = tmp_path / "wallaroo"
    tools = wallaroo_repository.toolchain(tmp_path)

    built = api(loopback, wallaroo_home=str(home)).setup_repo(
        wallaroo_repo_url=repository.url, wallaroo_repo_make=f"PONYCC={tools}/ponyc PONYSTABLE={tools}/stable"
    )

    assert built.changed
    assert (built.home, built.branch, built.resilience) == (str(home), "0.5.4", True)
    assert built.commit == repository.git("rev-parse", "HEAD")
    assert wallaroo_repository.DETECTOR in [executable.path for executable in built.executables]
    assert all(len(executable.sha256) == 64 for executable in built.executables)


def _wait_for(condition: Any, what: str, limit: float = 60) -> None:
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"waited {limit} s for {what}"
        time.sleep(0.005)
