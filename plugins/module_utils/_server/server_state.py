# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one server knows: processes, resilience files and owners of workers, the cluster, its ports."""

from __future__ import annotations

import functools
import os
import pwd
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Optional

from .._cluster import record as cluster_record
from .._cluster.record import ClusterRecord
from .._engines.contract import Checkpointed, Engine, Examinable, HalfWritten, KnowsPeers, Sparing
from .._engines.registry import engine, files_at, formation
from .._faults import records
from .._formats import sending_progress
from .._formats.json_record import Damaged, read_object
from .._process import acting, living, times
from .._process import log as process_log
from .._process.identity import boot_id, is_alive, is_stopped
from .._process.record import ProcessRecord
from .._process.ssh import path_problem
from .._process.waiting import LimitReached
from .._resilience import ownership
from .._resilience.files import ResilienceSet, resilience_directory
from . import checkpoint, moved_record, runtime
from .machine import facts
from .reading import Kept

DIRECTORIES = ("resilience", "run", "journals", "received", "sent")
"""What a server keeps below ``wallaroo_base`` beside ``runtime``."""

LOG_BYTES = 64 << 10
"""How much of the end of each log is kept with a run."""

SENT_DIRECTORY = "sent"
"""Where the source log of server 1 keeps what was sent, below ``wallaroo_base``."""

RECEIVED_FILE = "received/received.bin"
"""Where the receiver of server 1 writes, below ``wallaroo_base``."""


def describe(
    base: str, name: str, wanted: Optional[ClusterRecord] = None, logs: bool = False, programs: str = ""
) -> dict[str, Any]:
    """The state of this server.

    :param wanted: a cluster about to be started: its ports on this server are tried.
    :param logs: also the ends of all logs.
    :param programs: the digest of the programs that it should have.
    """
    state: dict[str, Any] = {
        "server": name,
        "base": base,
        "problem": base_problem(base),
        "cluster": None,
        "processes": {},
        "workers": {},
        "sent": {},
        "ports_taken": [],
        "free_bytes": _free_bytes(base),
        "user": _user_name(),
        "python": sys.executable,
        "machine": machine(),
        "host": facts(),
        "executable": None,
        "prepared": bool(programs) and runtime.is_installed(base, programs),
        "formation": "",
        "moved_addresses": {},
        "damaged": [],
    }
    kept = Kept(state["damaged"])
    moved: dict[str, str] = {}
    state["moved_addresses"] = kept.read("addresses", "", lambda: moved_record.moved_here(base), moved)
    if state["problem"]:
        return state
    record: Optional[ClusterRecord] = kept.read("cluster", "", lambda: cluster_record.read(base), None)
    processes = living.survey(base)
    for process, damage in processes.damaged.items():
        kept.note("process", process, damage)
    state["processes"] = {process: _process(known, kept) for process, known in processes.processes.items()}
    workers = record.worker_names() if record is not None else _names_of_workers(base)
    state["workers"] = {
        worker: known
        for worker in workers
        if (known := _worker(base, record, worker, state["processes"].get(worker), kept))
    }
    state["sent"] = _sent(base, kept)
    if record is not None:
        state["cluster"] = record.to_dict()
        state["executable"] = _executable(record)
    if wanted is not None:
        state["formation"] = formation(base, record, processes.processes)
        state["executable"] = _executable(wanted)
        try:
            state["ports_taken"] = _ports_taken(wanted, name, state["processes"])
        except OSError as error:
            state["problem"] = state["problem"] or (
                f"its address {wanted.server(name).address} cannot be listened on ({error.strerror}); "
                "set wallaroo_address to an address of this server"
            )
    if wanted is not None and wanted.checkpoints:
        state["problem"] = state["problem"] or _shared_problem(wanted.checkpoints)
    if logs:
        state["logs"] = {
            # Also of processes whose record is gone because their start was undone.
            log.parent.name: process_log.tail(str(log), lines=2000, max_bytes=LOG_BYTES)
            for log in sorted(Path(base).glob("run/*/log"))
        }
        for pattern in engine(record.engine).diagnostics if record is not None else ():
            for path in sorted(Path(base).glob(pattern)):
                name = path.relative_to(base).as_posix()
                state["logs"][name] = process_log.tail(str(path), lines=2000, max_bytes=LOG_BYTES)
    return state


def answer(
    base: str,
    name: str,
    wanted: Optional[ClusterRecord],
    logs: bool,
    acts_limit: float,
    run: str,
    enter: bool = False,
    programs: str = "",
) -> tuple[dict[str, Any], list[Damaged]]:
    """The same for a run that looks at all servers in one moment; ``problem`` says when this is not that moment.

    :param acts_limit: seconds to wait for the end of what is under way here; 0 does not look.
    :param run: the run that asks, when it has entered the servers.
    :param enter: the run enters this one first. Nobody else changes it from then on, so what is told stays true while
        other servers are entered. What faults of an interrupted run have left is healed.
    :returns: the state, and the records of faults that nobody understands.
    """
    under_way, damaged = None, []
    try:
        if enter:
            acting.enter(base, run, acts_limit)
            damaged = records.heal(base)
        elif acts_limit:
            acting.wait_for_acts(base, acts_limit)
    except LimitReached as reached:
        under_way = f"{reached}; it has a limit of its own, so run this again later, or stop the cluster."
    except OSError as error:
        under_way = f"it cannot be entered ({error}); mend that, or set wallaroo_base to another place."
    state = describe(base, name, wanted, logs, programs)
    entered = acting.entered(base) if run else None
    other = entered is not None and entered != run
    superseded = (
        "it did not answer when this run began, or another run has taken over the lock of the servers since; "
        "run this again."
    )
    state["problem"] = state["problem"] or under_way or (superseded if other else None)
    return state, damaged


def base_problem(base: str) -> Optional[str]:
    """Why the server's directory cannot be used, as a sentence; None when it can."""
    unspeakable = path_problem(base)
    if unspeakable:
        return unspeakable
    path = Path(base)
    existing = path
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    places = [path / name for name in (*DIRECTORIES, "runtime") if (path / name).exists()] or [existing]
    for place in places:
        if not place.is_dir():
            return f"{place} is not a directory; remove it, or set wallaroo_base to another place."
        if not os.access(place, os.W_OK | os.X_OK):
            return f"{place} cannot be written by {_user()}; mend its owner or mode, or set wallaroo_base."
        if place != existing or place == path:
            problem = _write_problem(place)
            if problem:
                return problem
    return None


def _write_problem(place: Path) -> Optional[str]:
    # Only a try tells: root passes every check of a mode, and still fails on a read-only file system.
    try:
        # Without a name, so that nothing of it stays when this process is killed.
        tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        return f"{place} cannot be written ({error.strerror}); mend that, or set wallaroo_base to another place."
    return None


def _shared_problem(path: str) -> Optional[str]:
    """Why checkpoints cannot lie in a directory."""
    if not Path(path).is_dir():
        return f"there is no directory {path}; bring the same one to all servers, or mend flink_checkpoints."
    problem = _write_problem(Path(path))
    return f"{problem.partition(';')[0]}; mend that, or flink_checkpoints." if problem else None


def _names_of_workers(base: str) -> list[str]:
    """The workers that were ever here, when no record of the cluster tells who its workers are."""
    found = [path.name for path in Path(base).glob("run/*") if living.kind_of(path.name) == living.WORKER]
    return sorted(found)


def _process(process: ProcessRecord, kept: Kept) -> dict[str, Any]:
    alive = is_alive(process.identity)
    result = None
    if process.kind != living.WORKER and not alive:
        path = Path(process.log).with_name("result.json")
        result = kept.read("result", process.name, lambda: _result(path), None)
    return {
        "kind": process.kind,
        "pid": process.identity.pid,
        "alive": alive,
        "stopped": alive and is_stopped(process.identity),
        "started": process.started,
        "log": process.log,
        "argv": list(process.argv),
        "details": process.details,
        "result": result,
    }


def _worker(
    base: str, record: Optional[ClusterRecord], worker: str, process: Optional[dict[str, Any]], kept: Kept
) -> Optional[dict[str, Any]]:
    before = len(kept)
    owned = kept.read("ownership", worker, lambda: ownership.read(base, worker), None)
    ownership_known = len(kept) == before
    directory = resilience_directory(base, worker)
    files: dict[str, Any] = {"resilience": "unknown", "missing": [], "bytes": 0, "files": 0, "peers": {}, "address": ""}
    if record is not None:
        found, adapter = files_at(base, record, worker), engine(record.engine)
        files = kept.read("resilience", worker, lambda: _files(found, adapter), files)
    if process is None and owned is None and ownership_known and (record is None or files["resilience"] == "none"):
        return None
    alive = bool(process and process["alive"])
    return {
        "alive": alive,
        "settling": _settling(record, found) if record and alive else {},
        "unsound": _unsound(record, found) if record and not alive and files["resilience"] == "complete" else "",
        "pid": process["pid"] if process else None,
        "directory": directory,
        **files,
        "ownership": owned.state if owned else "none" if ownership_known else "unknown",
        "epoch": owned.epoch if owned else 0,
        "moved_to": owned.moved_to if owned else None,
        "since": owned.since if owned else None,
        "copied_from": owned.copied_from if owned else None,
        "times": times.read(base, worker),
        "kills": times.kills(base, worker),
    }


def _settling(record: ClusterRecord, files: ResilienceSet) -> dict[str, int]:
    """Which checkpoints cover what has come out of the cluster by now; only the worker that begins them knows."""
    adapter = engine(record.engine)
    if files.worker != adapter.coordinator or not isinstance(adapter, Checkpointed):
        return {}
    try:
        since, count = checkpoint.covering(adapter, files, record.checkpoint_interval)
    except (HalfWritten, OSError, ValueError):
        # Whoever waits finds out himself.
        return {}
    return {"since": since, "checkpoints": count}


def _unsound(record: ClusterRecord, files: ResilienceSet) -> str:
    """Why a dead worker would not come back from its files, where the engine can tell."""
    adapter = engine(record.engine)
    return adapter.unsound(files) if isinstance(adapter, Examinable) else ""


def _files(files: ResilienceSet, adapter: Engine) -> dict[str, Any]:
    """What is here of a worker's resilience files."""
    knowing = adapter if isinstance(adapter, KnowsPeers) else None
    state: str = "fenced" if files.is_fenced() else files.state()
    return {
        "resilience": state,
        "missing": [path.name for path in files.missing()] if state != "complete" else [],
        "bytes": files.size(),
        "files": len(files.present()),
        "peers": knowing.peers(files) if knowing and state != "none" else {},
        "peers_problem": knowing.peers_problem(files) if knowing and state == "complete" else "",
        "address": adapter.address(files),
    }


def _ports_taken(wanted: ClusterRecord, name: str, processes: dict[str, Any]) -> list[dict[str, Any]]:
    ports, adapter = wanted.port_numbers, engine(wanted.engine)
    needed: list[int] = []
    for worker in wanted.worker_names():
        # On one machine every server has every port, so only the home of a worker looks for its ports.
        if wanted.placement[worker] == name:
            needed += adapter.listens(wanted, worker)
    if wanted.spare and isinstance(adapter, Sparing) and wanted.spare_server.name == name:
        needed += adapter.spare_listens(wanted)
    if wanted.first_server.name == name:
        needed += [ports.sink]
        needed += [ports.journal] if wanted.journal else []
        needed += [ports.orders, ports.log] if adapter.dials else []
        needed += [ports.metrics, ports.metrics_ui] if wanted.metrics_ui else []
    # Only where a cluster is about to be started: every other look would wait for it.
    from . import port_check

    ours = {process["pid"] for process in processes.values() if process["alive"]}
    found = []
    for port in port_check.taken(wanted.server(name).address, needed):
        found.append({**port.to_dict(), "ours": port.pid in ours})
    return found


def _free_bytes(base: str) -> Optional[int]:
    path = Path(base)
    while not path.exists() and path != path.parent:
        path = path.parent
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None


def _sent(base: str, kept: Kept) -> dict[str, dict[str, Any]]:
    """What each sender has sent, whatever became of it."""
    found = {}
    for name in sorted(folder.name for folder in Path(base).glob("run/sender*")):
        path = Path(base) / "run" / name / sending_progress.FILE_NAME
        sending = kept.read("sent", name, functools.partial(sending_progress.read, path), None)
        if sending is not None:
            found[name] = sending.to_dict()
    return found


def _result(path: Path) -> Optional[dict[str, Any]]:
    """What a program said when it ended.

    :raises Damaged: when that cannot be read.
    """
    do = f"how {path.parent.name} ended is not known"
    found = read_object(path, do)
    if found is not None and not isinstance(found.get("exit_code"), int):
        raise Damaged(path, "it has no exit code", do)
    return found


def machine() -> str:
    """What two servers have in common when they are one machine with one file system, and only then."""
    try:
        namespace = os.readlink("/proc/self/ns/mnt")
    except OSError:
        namespace = ""
    return f"{boot_id()} {namespace}"


def _executable(cluster: ClusterRecord) -> Optional[dict[str, Any]]:
    """What is executed for a worker of a real engine; its digest is none where it is missing or cannot be executed."""
    adapter = engine(cluster.engine)
    path = adapter.executable(cluster)
    if not path:
        return None
    # Only of an engine that was built: every other look would wait for it.
    from .._provisioning.build_record import digest, executable_problem

    problem = executable_problem(path, adapter.mend)
    return {"path": path, "sha256": digest(Path(path)), "problem": problem, "mend": adapter.mend}


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _user() -> str:
    return f"user {os.geteuid()}"
