# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves through the journal server alone, and market-spread."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame, iterate_file
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import record as process_record
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until

from tests.decoders import decode_result

from .conftest import LIMIT, QUICK, Loopback, start_directly


class Fire:
    """Takes a server's whole directory away as soon as the worker that ran there is dead."""

    def __init__(self, base: Path, worker: str) -> None:
        self._base = base
        self._worker = worker
        self.has_burnt = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def put_out(self) -> None:
        self._over.set()
        self._thread.join(LIMIT)

    def _watch(self) -> None:
        seen_alive = False
        while not self._over.wait(0.002):
            known = process_record.read(str(self._base), self._worker)
            alive = known is not None and is_alive(known.identity)
            if seen_alive and not alive:
                # Aside in one step: nobody finds half of it.
                self._base.rename(self._base.with_name(f".{self._base.name}.burnt"))
                self.has_burnt.set()
                return
            seen_alive = seen_alive or alive


@pytest.mark.sampled(1)
@pytest.mark.parametrize(("workers", "dst"), [(2, 3), (3, 4)])
def test_no_message_is_lost_when_the_source_server_burns(loopback: Loopback, workers: int, dst: int) -> None:
    loopback.bring_programs()
    fire = Fire(loopback.base(2), "worker2")
    try:
        run = loopback.play("verify_migration", f"workers={workers} dst={dst} via=journal {QUICK}")
    finally:
        fire.put_out()

    assert fire.has_burnt.is_set()
    (result,) = loopback.results()
    assert (result["verdict"], result["received"]) == ("pass", 4400)
    (migration,) = result["migrations"]
    assert (migration["src"], migration["dst"], migration["via"]) == ("server2", f"server{dst}", "journal")
    assert f"moved from server2 to server{dst} through the journal server" in run.output
    left = {path.name for path in loopback.base(2).rglob("*") if path.is_file()} if loopback.base(2).exists() else set()
    signs = {"run.acts", "run.entered"}
    assert left - signs <= {"ownership.json"}, "nothing but the fence was put there, and the signs of its run"


def test_the_single_steps_through_the_journal_each_run_twice(loopback: Loopback) -> None:
    start_directly(loopback, journal="true")
    assert loopback.alive()["journal_server"] == "server1"
    loopback.play("kill_worker", "worker=2 server=2")
    shutil.rmtree(loopback.base(2))
    copy = ("copy_resilience", "worker=2 src=2 dst=4 via=journal")
    assert loopback.play(*copy, "--check").changed > 0
    assert not (loopback.base(4) / "resilience" / "worker2" / "multi_partition_detector-worker2.evlog").exists()
    assert loopback.play(*copy).changed > 0
    assert loopback.play(*copy).changed == 0
    assert loopback.play("restart_worker", "worker=2 server=4").changed > 0
    loopback.play("start_sender", "last=300 interval=0")
    # And on from there, as any other worker: with its journals.
    loopback.play("migrate", "worker=2 src=4 dst=3 settle=true")
    loopback.play("start_sender", "last=400 interval=0")
    assert loopback.play("stop_cluster").changed > 0
    assert not list(loopback.base(1).glob("journals/*/*")), "journals go together with the files (wallaroo.md, Trap 3)"


def test_a_server_that_is_gone_for_good(loopback: Loopback, tmp_path: Path) -> None:
    start_directly(loopback, journal="true")
    worker = process_record.read(str(loopback.base(2)), "worker2")
    assert worker is not None
    os.kill(worker.identity.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(worker.identity), LIMIT, "the end of worker2")
    inventory = tmp_path / "inventory"
    shutil.copytree(loopback.repository / "inventory" / "loopback", inventory)
    hosts = (inventory / "hosts.yml").read_text()
    # An ssh that reaches nobody: so it says by its exit code, and the machine of the tests needs none.
    (tmp_path / "ssh").write_text("#!/bin/sh\nexit 255\n")
    (tmp_path / "ssh").chmod(0o700)
    lost = {"ansible_connection": "ssh", "ansible_ssh_executable": str(tmp_path / "ssh")}
    lines = "".join(f"          {name}: {value}\n" for name, value in lost.items())
    (inventory / "hosts.yml").write_text(hosts.replace("server2:\n", f"server2:\n{lines}"))
    where = ("-i", str(inventory / "hosts.yml"))
    move = "worker=2 src=2 dst=4 via=journal"

    refused = loopback.play("migrate", move, *where, succeed=False)
    assert "server2 did not answer. Where it is switched off and will not come back" in refused.message
    run = loopback.play("migrate", f"{move} source_lost=true", *where)

    assert "worker2 lost with its server, moved from server2 to server4 through the journal server" in run.message
    assert loopback.alive()["worker2"] == "server4"
    loopback.play("start_sender", "last=300 interval=0", *where)
    # When the machine comes back after all, it cannot start a second one.
    late = loopback.play("restart_worker", "worker=2 server=2", succeed=False)
    assert "worker2 runs on server4 already" in late.message


def test_market_data_is_made_and_sent_round_by_round(loopback: Loopback) -> None:
    loopback.bring_programs()
    loopback.play("start_cluster", "app=market_spread workers=2 checkpoint_interval=0.2")
    send = "seed=3 symbols=50 orders=400 quotes=100 rejecting=0.2 batch=100 interval=0"
    assert loopback.play("start_sender", send).changed > 0
    assert loopback.play("start_sender", send).changed == 0
    received = loopback.base(1) / "received" / "received.bin"
    foretold = json.loads((loopback.base(1) / "market_data" / "market_data.json").read_text())["results"]
    results = [decode_result(payload) for _offset, payload in iterate_file(received)]
    assert len(results) == foretold > 0
    loopback.play("kill_worker", "worker=2")
    loopback.play("restart_worker", "worker=2")
    assert loopback.play("start_sender", f"{send} round=2").changed > 0
    results = [decode_result(payload) for _offset, payload in iterate_file(received)]
    assert len(results) == 2 * foretold, "the quotes are known after the crash"
    assert all(result.bid for result in results)
    assert "each exactly once and in order" in loopback.play("verify").message
    frames = [frame(payload) for _offset, payload in iterate_file(received)]
    received.write_bytes(b"".join(frames[:foretold] + frames[foretold + 1 :]))
    symbol = results[foretold].symbol
    assert f"verdict fail: {symbol}: " in loopback.play("verify", succeed=False).message
    passed, failed = loopback.results()
    inputs = json.loads((loopback.runs / "latest" / "sent" / "sent.json").read_text())["inputs"]
    assert [Path(one).stem for one in inputs] == ["initial-nbbo", "orders", "nbbo", "orders", "nbbo"]
    assert (passed["verdict"], passed["expected"], passed["received"]) == ("pass", 2 * foretold, 2 * foretold)
    (gap,) = failed["violations"]
    assert (failed["verdict"], gap["kind"], gap["key"]) == ("fail", "gap", symbol)
