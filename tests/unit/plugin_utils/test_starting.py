# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a cluster is started, completed, replaced or refused, from what the servers said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.registry import formation
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import checkpoint_ids
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import ProcessIdentity
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Servers

from tests.server_states import ADDRESSES, record_of, refusal, sending, servers, start, wanted, worker


class TestStart:
    def fresh(self) -> Servers:
        there = servers(server1={}, server2={})
        for state in there.states.values():
            state["cluster"] = None  # type: ignore[index]
        return there

    def test_on_clean_servers(self) -> None:
        assert start(self.fresh(), wanted(), {})["needed"]

    def test_over_the_leftovers_of_a_crashed_cluster(self) -> None:
        there = servers(server1={"initializer": worker(False)}, server2={"worker2": worker(False)})
        assert start(there, wanted(), {})["needed"]

    def test_the_same_cluster_runs(self) -> None:
        assert not start(servers(), wanted(), {})["needed"]

    def test_another_cluster_runs(self) -> None:
        assert "A cluster of 2 workers" in refusal(start, servers(), wanted(workers=3), {})
        assert "with other settings" in refusal(start, servers(), wanted(keys=3), {})

    def test_a_part_of_a_cluster_runs(self) -> None:
        there = servers(server2={"worker2": worker(False)})
        assert "Of a cluster of 2 workers only initializer is running" in refusal(start, there, wanted(), {})

    def half_started(self, *alive: str, **changes: Any) -> Servers:
        """What an interrupted start of three workers has left."""
        there = servers(3)
        for name, server in (("initializer", "server1"), ("worker2", "server2"), ("worker3", "server3")):
            there.states[server]["processes"][name]["alive"] = name in alive
        there.states["server1"].update({"formation": "forming", **changes})  # type: ignore[attr-defined]
        return there

    def test_a_start_that_was_interrupted_is_replaced_as_a_whole(self) -> None:
        for alive in (["initializer"], ["initializer", "worker2"], ["worker2"], ["initializer", "worker3"]):
            plan = start(self.half_started(*alive), wanted(workers=3, keys=11), {})
            assert (plan["needed"], plan["replace"], plan["ask"]) == (True, True, False)
        assert plan["warnings"] == [
            "An earlier start of this cluster was interrupted; what it has started (initializer on server1, worker3 on "
            "server3) is replaced."
        ]

    def test_one_that_was_interrupted_when_all_workers_were_started_is_waited_for(self) -> None:
        there = self.half_started("initializer", "worker2", "worker3")
        again = record_of({"workers": 3}, ADDRESSES, "cluster-2", 2.0)
        plan = start(there, again, {})
        assert (plan["needed"], plan["replace"]) == (True, False)
        assert plan["cluster"]["identifier"] == "cluster-1"
        assert plan["warnings"][0].endswith("is waited for.")

    def test_other_arguments_do_not_complete_it(self) -> None:
        for arguments, difference in (
            ({"workers": 2}, "workers=3 instead of 2. Run that command again, or stop it first with stop_cluster.yml."),
            ({"workers": 3, "app": "market_spread"}, "app=multi_partition_detector instead of market_spread"),
            ({"workers": 3, "checkpoint_interval": 5}, "checkpoint_interval=1.0 instead of 5.0"),
            ({"workers": 3, "wallaroo_ports": "28000"}, "other wallaroo_ports"),
        ):
            for alive in (["initializer"], ["initializer", "worker2", "worker3"]):
                sentence = refusal(start, self.half_started(*alive), wanted(**arguments), {})
                assert sentence.startswith("The start of another cluster was interrupted (initializer on server1")
                assert difference in sentence

    def test_a_cluster_that_may_have_a_state_is_never_replaced(self) -> None:
        for how_far in ("", "formed", "covered"):
            there = self.half_started("initializer", formation=how_far)
            assert "Of a cluster of 3 workers only initializer" in refusal(start, there, wanted(workers=3), {})
        there = self.half_started("initializer", sent={"sender": sending(last=10)})
        assert "Of a cluster of 3 workers only initializer" in refusal(start, there, wanted(workers=3), {})
        there = self.half_started("initializer")
        there.states["server3"]["formation"] = "covered"  # type: ignore[index]
        assert "Of a cluster of 3 workers only initializer" in refusal(start, there, wanted(workers=3), {})

    def test_one_that_has_only_just_come_together_is_asked_whether_it_is_up(self) -> None:
        there = self.half_started("initializer", "worker2", "worker3", formation="formed")
        plan = start(there, wanted(workers=3), {})
        assert (plan["needed"], plan["ask"]) == (False, True)
        there.states["server2"]["formation"] = "covered"  # type: ignore[index]
        assert not start(there, wanted(workers=3), {})["ask"]

    def test_a_taken_port(self) -> None:
        there = self.fresh()
        taken = {"port": 7000, "address": "10.0.0.1", "pid": 815, "program": "nginx", "ours": False}
        there.states["server1"]["ports_taken"] = [taken]  # type: ignore[index]
        sentence = refusal(start, there, wanted(), {})
        assert "Port 7000 on server1 (10.0.0.1) is taken by process 815 (nginx)" in sentence

    @pytest.mark.parametrize("port", [4000, 5001])
    def test_a_port_of_the_metrics_ui_that_is_taken(self, port: int) -> None:
        there = self.fresh()
        taken = {"port": port, "address": "10.0.0.1", "pid": None, "program": "", "ours": False}
        there.states["server1"]["ports_taken"] = [taken]  # type: ignore[index]
        sentence = refusal(start, there, wanted(), {})
        assert sentence.endswith("with wallaroo_ports, or go without the metrics UI (metrics_ui=false).")

    def test_a_directory_that_cannot_be_used(self) -> None:
        there = self.fresh()
        there.states["server3"]["problem"] = "/w cannot be written"  # type: ignore[index]
        assert refusal(start, there, wanted(), {}) == "server3: /w cannot be written"


class TestFormation:
    """How far a cluster has come together, from the log of its initializer and the files of its workers."""

    SAID = "Initializing application\nApplication has successfully initialized.\n"

    def of(self, base: Path, said: str | None) -> str:
        log = base / "log"
        if said is not None:
            log.write_text(said)
        process = ProcessRecord(
            "initializer", "worker", ProcessIdentity(1, 1, "boot", ("engine",)), ["engine"], str(base), str(log), 1.0
        )
        return formation(str(base), wanted(), {"initializer": process})

    def test_it_is_formed_when_the_initializer_says_so(self, tmp_path: Path) -> None:
        assert formation(str(tmp_path), None, {}) == ""
        assert formation(str(tmp_path), wanted(), {}) == ""
        assert self.of(tmp_path, None) == "forming"
        assert self.of(tmp_path, "Running as Initializer...\n") == "forming"
        assert self.of(tmp_path, self.SAID) == "formed"

    def test_a_checkpoint_in_the_files_of_any_worker_counts_whatever_a_log_says(self, tmp_path: Path) -> None:
        folder = tmp_path / "resilience" / "worker2"
        folder.mkdir(parents=True)
        ids = folder / "multi_partition_detector-worker2.checkpoint_ids"
        ids.touch()
        assert self.of(tmp_path, "") == "forming"
        checkpoint_ids.append(ids, checkpoint_ids.CheckpointId(1, 0))
        assert self.of(tmp_path, "") == "covered"
        assert formation(str(tmp_path), wanted(), {}) == "covered"

    def test_a_log_that_cannot_be_read_is_none_of_a_cluster_that_never_formed(self, tmp_path: Path) -> None:
        (tmp_path / "log").mkdir()
        assert self.of(tmp_path, None) == "formed"


class TestWaves:
    def calls(self, record: Any) -> list[list[tuple[str, str, str]]]:
        """Server, module and what for, wave by wave."""
        there = servers(server1={}, server2={})
        for state in there.states.values():
            state["cluster"] = None  # type: ignore[index]
        plan = start(there, record, {})
        return [
            [
                (server, call["module"], call["arguments"].get("worker") or call["arguments"].get("name") or "")
                for server, calls in wave["calls"].items()
                for call in calls
            ]
            for wave in plan["waves"]
        ]

    def test_the_receiver_is_there_before_a_worker_is_ready_and_the_cluster_is_asked_at_the_end(self) -> None:
        assert self.calls(wanted()) == [
            [("server1", "program", "receiver"), ("server1", "worker", "initializer")],
            [("server2", "worker", "worker2")],
            [("server1", "worker", "initializer"), ("server1", "cluster_status", "")],
        ]

    def test_the_journal_server_is_there_before_a_worker_starts(self) -> None:
        first, *_others = self.calls(wanted(journal=True))
        assert first[1:] == [("server1", "program", "journal_server"), ("server1", "worker", "initializer")]

    def test_another_server_s_first_worker_waits_for_the_receiver(self) -> None:
        record = replace(wanted(), placement={"initializer": "server2", "worker2": "server1"})
        assert self.calls(record) == [
            [("server1", "program", "receiver")],
            [("server2", "worker", "initializer")],
            [("server1", "worker", "worker2")],
            [("server2", "worker", "initializer"), ("server2", "cluster_status", "")],
        ]
