# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``start_cluster.yml``: whether a cluster can and must be started, and what an interrupted start has left.

A cluster that never came together has no state: what was started of it may be replaced as a whole, and has to be.
A worker can join only while the initializer waits for it, and only once. One that came together and lost a
worker has a state, and is never started afresh by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ..module_utils._catalogue.applications import application
from ..module_utils._cluster.record import ClusterRecord
from ..module_utils._engines.contract import COVERED, EXACTLY_ONCE, FORMING, NO_GUARANTEE, PLAIN, Answering, Wave
from ..module_utils._engines.registry import engine
from ..module_utils._server.server_state import RECEIVED_FILE, SENT_DIRECTORY
from . import _spare
from ._metrics_ui import metrics_ui
from ._report.words import counted
from ._servers import Refusal, Servers
from ._stalled import SOURCE_LOG, told_of_stopped

Arguments = Mapping[str, Any]
Plan = dict[str, Any]

STOP = "stop it first with stop_cluster.yml"

_CALLED = {
    "application": "app",
    "version": "wallaroo_version",
    "checkpoints": "flink_checkpoints",
    "ports": "wallaroo_ports",
    "placement": "the servers",
    "servers": "the servers",
}
"""What a field of the record is called where a user says it; all others have the same name."""

_NOT_SAID = ("identifier", "started", "metrics_ui")


def start(servers: Servers, wanted: ClusterRecord, arguments: Arguments) -> Plan:
    """Fresh, unless exactly this cluster runs already; an interrupted start of it is completed.

    The metrics UI is started and stopped as wanted in either case: a cluster does not depend on it.

    :returns: ``needed``; ``waves``: what starts together; ``replace``: what an interrupted start has left is stopped
        before; ``ask``: nothing is to be started, but the cluster may have come together in this very moment, and is
        asked whether it is up.
    """
    answers = isinstance(engine(wanted.engine), Answering)
    servers.require_all()
    running = _running_workers(servers)
    interrupted: Optional[ClusterRecord] = None
    if running:
        record = servers.cluster()
        whole = set(running) == set(record.worker_names())
        if _never_formed(servers):
            if not record.same_as(wanted):
                raise Refusal(_other_start(record, wanted, running))
            interrupted = record
        elif record.same_as(wanted) and whole:
            where = {worker: servers.owner(worker) or home for worker, home in record.placement.items()}
            return {
                "needed": False,
                "replace": False,
                "again": _again(servers, record),
                "ask": answers and COVERED not in _formations(servers),
                "leading": record.worker_names()[0],
                "cluster": record.to_dict(),
                "warnings": told_of_stopped(servers),
                **metrics_ui(servers, wanted, arguments, where),
            }
        else:
            raise Refusal(_other_cluster(record, wanted, running))
    _refuse_taken_ports(servers, wanted)
    for server in servers.names:
        if servers.states[server].get("moved_addresses"):
            moved = ", ".join(servers.states[server]["moved_addresses"])
            raise Refusal(f"{moved} moved with a worker, and {server} is part of that; run stop_cluster.yml first.")
    refuse_different_executables(servers, servers.names)
    # Whole, it only has to be waited for. A part cannot be added to: whoever died or was undone has been counted.
    waits = interrupted is not None and set(running) == set(interrupted.worker_names())
    plan: Plan = {
        "needed": True,
        "again": [],
        "replace": interrupted is not None and not waits,
        "ask": False,
        "leading": wanted.worker_names()[0],
        "page": engine(wanted.engine).page(wanted),
        "cluster": (interrupted if interrupted is not None and waits else wanted).to_dict(),
        "waves": _waves(wanted, str(arguments.get("mode") or EXACTLY_ONCE)),
        **metrics_ui(servers, wanted, arguments, wanted.placement),
    }
    if interrupted is not None:
        what = "is waited for" if waits else "is replaced"
        plan["warnings"] = [
            f"An earlier start of this cluster was interrupted; what it has started ({_told(running)}) {what}."
        ]
    return plan


def _again(servers: Servers, record: ClusterRecord) -> list[Plan]:
    """The source log of a cluster that runs, when it has died: what it keeps is on the disk. And its spare."""
    first = record.first_server.name
    known = (servers.states[first].get("processes") or {}).get(SOURCE_LOG) or {}
    log = [_program(record, SOURCE_LOG, EXACTLY_ONCE)] if known and not known.get("alive") else []
    found = [(first, log), (record.spare_server.name, _spare.again(servers, record))]
    return [{"server": server, "calls": calls} for server, calls in found if calls]


def _waves(record: ClusterRecord, mode: str) -> list[Plan]:
    """What starts or is waited for at the same time, by server: ``calls`` of modules, one after the other.

    No worker becomes ready before the receiver is there, and at the end the cluster itself is asked.

    :param mode: in which the receiver verifies what comes.
    """
    first, leading = record.first_server.name, record.worker_names()[0]
    adapter = engine(record.engine)
    waves = [_wave(record, wave) for wave in adapter.waves(record)]
    programs = ["receiver", *(["journal_server"] if record.journal else []), *(["source_log"] if adapter.dials else [])]
    calls = [_program(record, name, mode) for name in programs]
    if list(waves[0]["calls"]) == [first]:
        waves[0]["calls"][first][:0] = calls
        waves[0]["what"] = ", ".join([*programs, waves[0]["what"]])
    else:
        waves.insert(0, {"what": ", ".join(programs), "calls": {first: calls}})
    if isinstance(adapter, Answering):
        home = record.placement[leading]
        asking = _call(
            "cluster_status",
            host=record.server(home).address,
            port=record.port_numbers.external,
            engine=record.engine,
            wait_for="initialized",
            workers=record.workers,
        )
        if list(waves[-1]["calls"]) == [home]:
            waves[-1]["calls"][home].append(asking)
        else:
            waves.append({"what": "the cluster", "calls": {home: [asking]}})
    if record.spare:
        # Behind all others, so that the work is theirs.
        waves.append({"what": "the spare", "calls": {record.spare_server.name: [_spare.started(record)]}})
    return waves


def _wave(record: ClusterRecord, wave: Wave) -> Plan:
    calls: dict[str, list[Plan]] = {}
    for worker in wave.workers:
        server = record.server(record.placement[worker])
        whose = {"base": server.base, "server": server.name, "worker": worker}
        calls.setdefault(server.name, []).append(
            _call("worker", **whose, cluster=record.to_dict(), wait_for=wave.until)
        )
    return {"what": f"{', '.join(wave.workers)} ({wave.until})", "calls": calls}


def _program(record: ClusterRecord, name: str, mode: str) -> Plan:
    """A program of the first server, and where it listens."""
    server, ports = record.first_server, record.port_numbers
    # What a violation stops is for who waits for messages to say: all that comes is received.
    verifies = ["--on-violation", "continue", "--keys", str(record.keys), "--mode", mode]
    # Of what may be taken back again nothing is said while it comes.
    verified = application(record.application).is_verified and record.sink == PLAIN and mode != NO_GUARANTEE
    port, words = {
        "receiver": (ports.sink, ["--file", f"{server.base}/{RECEIVED_FILE}", *(verifies if verified else [])]),
        "journal_server": (ports.journal, ["--directory", f"{server.base}/journals"]),
        "source_log": (
            ports.orders,
            ["--serve", f"{server.address}:{ports.log}", "--directory", f"{server.base}/{SENT_DIRECTORY}"],
        ),
    }[name]
    return _call(
        "program",
        base=server.base,
        server=server.name,
        name=name,
        program=name,
        argv=["--listen", f"{server.address}:{port}", *words],
        ready_pattern=f"{name.replace('_', '.')}: listening on ",
    )


def _call(module: str, **arguments: Any) -> Plan:
    return {"module": module, "arguments": arguments}


def refuse_different_executables(servers: Servers, names: list[str]) -> None:
    """Where the engine is an executable all must have the same build: others do not understand one another."""
    found = {name: servers.states[name].get("executable") for name in names if name in servers.states}
    for name, executable in found.items():
        if executable and executable.get("problem"):
            raise Refusal(f"{name}: {executable['problem']}.")
    digests = {name: executable["sha256"] for name, executable in found.items() if executable}
    for name, digest in digests.items():
        first = next(iter(digests))
        known = found[name] or {}
        if digest != digests[first]:
            raise Refusal(
                f"{name} has another build than {first} at {known.get('path')}; bring the same one to all servers "
                f"({known.get('mend')})."
            )


def _running_workers(servers: Servers) -> dict[str, str]:
    return {
        process: server
        for server in servers.names
        for process, known in (servers.states[server].get("processes") or {}).items()
        if known.get("alive") and known.get("kind") == "worker"
    }


def _formations(servers: Servers) -> set[str]:
    return {str(state.get("formation") or "") for state in servers.states.values()}


def _never_formed(servers: Servers) -> bool:
    """Whether it is certain that there is no state to be lost."""
    found = _formations(servers)
    sent = any(state.get("sent") for state in servers.states.values())
    return FORMING in found and found <= {"", FORMING} and not sent


def _other_start(record: ClusterRecord, wanted: ClusterRecord, running: Mapping[str, str]) -> str:
    return (
        f"The start of another cluster was interrupted ({_told(running)} runs), with {_differences(record, wanted)}. "
        f"Run that command again, or {STOP}."
    )


def _other_cluster(record: ClusterRecord, wanted: ClusterRecord, running: Mapping[str, str]) -> str:
    what = f"A cluster of {counted(record.workers, 'worker')} ({record.application}, {record.engine}) is running"
    if set(running) != set(record.worker_names()):
        what = f"Of a cluster of {counted(record.workers, 'worker')} only {', '.join(sorted(running))} is running"
    elif record.same_as(wanted) is False and record.workers == wanted.workers:
        what += " with other settings"
    return f"{what}; {STOP}."


def _differences(record: ClusterRecord, wanted: ClusterRecord) -> str:
    """How the cluster that was begun differs from the one that is wanted, as the user says it."""
    there, here = record.to_dict(), wanted.to_dict()
    found: dict[str, str] = {}
    for name, value in there.items():
        if name in _NOT_SAID or value == here[name]:
            continue
        called = _CALLED.get(name, name)
        plain = isinstance(value, (str, int, float, bool))
        found.setdefault(called, f"{called}={value} instead of {here[name]}" if plain else f"other {called}")
    if "workers" in found:
        # Where they are follows from how many there are.
        found.pop("the servers", None)
    return ", ".join(found.values())


def _told(running: Mapping[str, str]) -> str:
    return ", ".join(f"{worker} on {server}" for worker, server in sorted(running.items()))


def _refuse_taken_ports(servers: Servers, wanted: ClusterRecord) -> None:
    for server in servers.names:
        taken = servers.states[server].get("ports_taken") or []
        foreign = [port for port in taken if not port.get("ours")]
        if foreign:
            port = foreign[0]
            by = f" by process {port['pid']} ({port['program']})" if port.get("pid") else ""
            ports = wanted.port_numbers
            without = ", or go without the metrics UI (metrics_ui=false)"
            raise Refusal(
                f"Port {port['port']} on {server} ({port['address']}) is taken{by}: "
                "another cluster or program uses it. Stop that, or choose other ports with wallaroo_ports"
                f"{without if port['port'] in (ports.metrics, ports.metrics_ui) else ''}."
            )
