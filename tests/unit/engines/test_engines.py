# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every adapter of an engine must answer."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._catalogue.applications import APPLICATIONS
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.naming import worker_names
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.record import ClusterRecord, ServerAddress
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines import registry
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.contract import (
    AT_LEAST_ONCE,
    EXACTLY_ONCE,
    LISTENING,
    NO_GUARANTEE,
    READY,
    Answering,
    Checkpointed,
    Damageable,
    Engine,
    Journalled,
    KnowsPeers,
    LogLine,
    NotOffered,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.adapter import Wallaroo
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import asking

from tests.engines import ROWS

WORKERS = worker_names(3)

every_engine = pytest.mark.parametrize("engine", registry.ENGINES.values(), ids=list(registry.ENGINES))


def record(engine: Engine) -> ClusterRecord:
    servers = [ServerAddress(f"server{number}", f"10.0.0.{number}", f"/w/server{number}") for number in (1, 2, 3)]
    placement = dict(zip(WORKERS, (server.name for server in servers)))
    return ClusterRecord("id", "market_spread", engine.name, engine.versions[0], 3, servers, placement)


def test_no_more_adapters_are_loaded_than_are_asked_for() -> None:
    """Each call on a server would wait for them."""
    program = (
        "import sys\n"
        f"from {registry.__name__} import ENGINES, engine\n"
        "assert 'flink' in ENGINES and len(list(ENGINES)) == len(ENGINES) and 'nobody' not in ENGINES\n"
        "engine('embedded')\n"
        "print(*sorted(name.rpartition('_engines.')[2] for name in sys.modules if '_engines.' in name))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    # The embedded one is made like Wallaroo.
    assert {"embedded", "wallaroo"} <= set(ended.stdout.split())
    assert not {"flink", "bytewax"} & set(ended.stdout.split())


def test_the_conformance_suite_has_a_row_for_each_that_behaves_as_wallaroo_does() -> None:
    assert set(ROWS) == {name for name, engine in registry.ENGINES.items() if isinstance(engine, Wallaroo)}


@every_engine
def test_every_worker_starts_and_is_waited_for_by_a_signal_that_a_server_can_see(engine: Engine) -> None:
    cluster = record(engine)
    waves = engine.waves(cluster)
    assert {worker for wave in waves for worker in wave.workers} == set(WORKERS)
    assert {wave.until for wave in waves} <= {LISTENING, READY}
    for worker in WORKERS:
        for until in (LISTENING, READY):
            for recovering in (False, True):
                signal = engine.signal(worker, until, recovering)
                assert isinstance(signal, LogLine)
                re.compile(signal.pattern)
    for failure in engine.failures:
        re.compile(failure)


@every_engine
def test_no_two_workers_are_started_alike_and_their_files_differ(engine: Engine) -> None:
    cluster = record(engine)
    commands = [engine.command(cluster, worker, cluster.servers[0], "/usr/bin/python3").argv for worker in WORKERS]
    assert len({tuple(command) for command in commands}) == len(WORKERS)
    for application in APPLICATIONS:
        for version in engine.versions:
            layouts = [engine.layout(application, version, worker) for worker in (*WORKERS, "worker20")]
            assert len({(layout.stem, layout.trees) for layout in layouts}) == len(layouts)
            for layout in layouts:
                known = (*layout.required, *layout.optional, *layout.journals)
                assert layout.key in layout.required
                assert {*layout.growing, *layout.rotated.values(), *layout.addresses, layout.newest} <= {*known, ""}
                assert layout.made_of == (engine.name, application, version)


@every_engine
def test_who_cannot_be_moved_has_a_reason_and_the_coordinator_is_a_worker(engine: Engine) -> None:
    for worker in WORKERS:
        role = engine.role(worker)
        assert role.movable is not bool(role.why_not)
        assert "{act}" in role.why_not or role.movable
    assert engine.coordinator in ("", *WORKERS)


@every_engine
def test_nothing_is_promised_of_a_plain_source(engine: Engine) -> None:
    assert engine.guarantee("plain", "plain") == NO_GUARANTEE
    assert engine.guarantee("replayable", "plain") in (AT_LEAST_ONCE, EXACTLY_ONCE)


def test_what_is_not_known_or_not_offered_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="'storm' is no engine: there are bytewax, embedded, flink, wallaroo"):
        registry.engine("storm")
    for capability in (Checkpointed, KnowsPeers, Journalled, Answering, Damageable):
        assert registry.offered("wallaroo", capability) is registry.ENGINES["wallaroo"]
    monkeypatch.setattr(registry, "ENGINES", {"bare": object()})
    with pytest.raises(NotOffered, match="The engine bare keeps no journals"):
        registry.offered("bare", Journalled)
    with pytest.raises(NotOffered, match="The engine bare has workers that answer no questions"):
        asking.say("bare", "127.0.0.1", 1, "hello", only_check=False)
