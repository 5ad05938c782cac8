# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each step is to do, decided before anything is changed.

One function a playbook: it takes the arguments, typed as they are declared, and what the servers said,
and returns what the roles need, or refuses with one sentence. Being pure, every refusal and every
"nothing to do" is a unit test.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ..module_utils._cluster.naming import worker_number
from ..module_utils._cluster.record import ClusterRecord
from ..module_utils._engines.contract import LISTENING, MOVED, READY, RESTARTED, KnowsPeers
from ..module_utils._engines.registry import engine
from ..module_utils._resilience.files import resilience_directory
from ..module_utils._server.moved_record import RELEASED, TAKEN
from . import _spare
from ._arguments import FILES, JOURNAL
from ._moves import known_times
from ._owners import fence_of_source, lost_servers, not_answering, refuse_two_owners, require_answers, rivals
from ._servers import Refusal, Servers, refuse_fixed, resolve_worker
from ._stalled import refuse_stopped, refuse_unsettled, refuse_without_ends, told_of_stopped
from ._starting import refuse_different_executables

Arguments = Mapping[str, Any]
Plan = dict[str, Any]


def kill(arguments: Arguments, servers: Servers) -> Plan:
    """``kill_worker.yml``: SIGKILL to exactly one worker."""
    record = servers.running_cluster()
    worker = resolve_worker(arguments["worker"], record)
    owner = servers.owner(worker)
    server = owner if arguments["server"] is None else servers.resolve(arguments["server"])
    wrong = rivals(servers, worker)
    if wrong and server in wrong and arguments["server"] is not None:
        other = next(name for name in wrong if name != server)
        return {
            **_there(servers, record, worker, server),
            "needed": bool(servers.worker(worker, server).get("alive")),
            # The operator's word which of the two is wrong: it must not come back.
            "fence": {"moved_to": other, "epoch": servers.epoch(worker)},
        }
    refuse_two_owners(servers)
    if servers.running_on(worker) is None:
        require_answers(servers, worker)
    if server is None or owner is None:
        raise servers.nowhere(worker)
    if server != owner:
        raise Refusal(f"{worker} is not on {server}: it {_is_or_was(servers, worker, owner)}. Use server={owner}.")
    if not servers.running_on(worker):
        servers.require_known(worker)
    return {**_there(servers, record, worker, server), "needed": bool(servers.running_on(worker)), "fence": {}}


def copy(arguments: Arguments, servers: Servers) -> Plan:
    """``copy_resilience.yml``: bring the files of a dead worker to another server.

    With ``via=journal`` they come from the journal server, and nothing is asked of the source server.
    """
    plan = _move(arguments, servers)
    worker, src, dst = plan["worker"], plan["src"], plan["dst"]
    require_answers(servers, worker, [src] if plan["source_lost"] else [])
    running = servers.running_on(worker)
    if running == src:
        pid = servers.worker(worker, src).get("pid")
        raise Refusal(
            f"{worker} still runs on {src} (pid {pid}): the files of a running worker do not fit together. "
            f'Kill it first: kill_worker.yml -e "worker={worker} server={src}".'
        )
    if running is not None:
        raise Refusal(f"{worker} runs on {running}: copying files now would not reach it. Nothing was copied.")
    copied_to_dst = servers.owner(worker) == dst and servers.worker(worker, dst).get("epoch") == servers.epoch(worker)
    if copied_to_dst and servers.worker(worker, dst).get("copied_from") == src:
        # An interrupted or finished copy is made again under the same epoch; it finds little or nothing to do.
        plan["epoch"] = servers.epoch(worker)
        return plan
    plan["epoch"] = _next_epoch(servers, plan)
    return plan


def restart(arguments: Arguments, servers: Servers) -> Plan:
    """``restart_worker.yml``: start a crashed worker from the resilience files of a server."""
    record = servers.crashed_cluster()
    worker = resolve_worker(arguments["worker"], record)
    refuse_fixed(record, worker, RESTARTED)
    owner = servers.owner(worker)
    server = owner if arguments["server"] is None else servers.resolve(arguments["server"])
    if server is None:
        raise servers.nowhere(worker)
    refuse_two_owners(servers)
    running = servers.running_on(worker)
    lost = lost_servers(arguments, servers)
    crash = arguments["crash"] and running == server
    if running != server:
        require_answers(servers, worker, lost)
    plan: Plan = {
        **_there(servers, record, worker, server),
        "needed": running != server or crash,
        "crash": crash,
        # A server that is lost may have been one epoch ahead of what the others know. Else the worker keeps its own.
        "epoch": servers.epoch(worker) + 2 if lost else int(servers.worker(worker, server).get("epoch") or 0),
        "peers": servers.addresses(record),
    }
    plan["fence"] = fence_of_source(servers, record, worker, server)
    kept = servers.kept_address(worker, server)
    if kept:
        plan["cluster"] = record.with_address(server, kept).to_dict()
    if running == server and not crash:
        return {**plan, "spare": {}, "warnings": told_of_stopped(servers)}
    servers.require_known(worker, server)
    if running is not None and running != server:
        raise Refusal(f"{worker} runs on {running} already; two owners would destroy its state. Nothing was started.")
    known = servers.worker(worker, server)
    if known.get("ownership") == "moved":
        raise Refusal(
            f"{worker} moved to {known.get('moved_to')} at {known.get('since')}, epoch {known.get('epoch')}; "
            "migrate it back instead."
        )
    # By the records alone: where an old owner came back it runs there, and belongs elsewhere since.
    holder = servers.holder(worker)
    if known.get("ownership") == "owner" and holder != server:
        raise Refusal(
            f"{worker} belongs to {holder} since epoch {servers.epoch(worker)}, and {server} still has epoch "
            f"{known.get('epoch')}; restart it there (server={holder}), or copy its files back first."
        )
    refuse_stopped(servers, worker)
    if known.get("resilience", "none") == "none":
        hint = (
            f'they are on {owner}: copy_resilience.yml -e "worker={worker} src={owner} dst={server}"' if owner else ""
        )
        raise Refusal(f"{server} holds no resilience files of {worker}" + (f"; {hint}." if hint else "."))
    if known.get("ownership", "none") == "none" and owner not in (None, server):
        raise Refusal(
            f"{worker} belongs to {owner} since epoch {servers.epoch(worker)}, and {server} never got it; restart it "
            f"there (server={owner}), or copy its files first: "
            f'copy_resilience.yml -e "worker={worker} src={owner} dst={server}".'
        )
    _refuse_bad_files(servers, worker, server)
    _refuse_without_coordinator(servers, record, worker)
    missing = _waited_for(servers, record, worker)
    back = _spare.hand_back(servers, record, worker, LISTENING if missing else READY)
    return {**plan, **back, "warnings": missing}


def migrate(arguments: Arguments, servers: Servers) -> Plan:
    """``migrate.yml``: kill, copy, restart elsewhere; completes a migration that was interrupted."""
    plan = _migration(arguments, servers)
    return {**plan, "behind": _behind(plan, servers), "kept": _kept(plan, servers)}


def _migration(arguments: Arguments, servers: Servers) -> Plan:
    plan = _move(arguments, servers)
    record = servers.running_cluster()
    require_answers(servers, plan["worker"], [plan["src"]] if plan["source_lost"] else [])
    worker, src, dst = plan["worker"], plan["src"], plan["dst"]
    running = servers.running_on(worker)
    plan.update({"settle": arguments["settle"], "settling": _settling(servers, record), "needed": True})
    # A server that is gone for good can be neither asked to kill nor fenced: its epoch is the older one.
    plan.update({"fence": not plan["source_lost"], "await_start": False})
    # What this run does not measure itself, since an interrupted one has done it.
    plan["known"] = known_times(servers.worker(worker, src), servers.worker(worker, dst), running == src)
    plan["completes"] = False
    knowing = isinstance(engine(record.engine), KnowsPeers)
    plan["mending"] = [name for name in servers.names if knowing and _has_others(servers.states.get(name), worker)]
    if running == dst:
        at_source = servers.worker(worker, src)
        moved_here = at_source.get("ownership") == "moved" and at_source.get("moved_to") == dst
        started_unfenced = servers.worker(worker, dst).get("copied_from") == src
        if moved_here or started_unfenced:
            fence = plan["fence"] and not moved_here
            plan.update(peers=servers.addresses(record), epoch=servers.epoch(worker))
            # What an interrupted run has started may still be on its way back.
            back = {"wait_for": READY, "spare": {}} if moved_here else _spare.hand_back(servers, record, worker, READY)
            state = {"needed": False, "fence": fence, "await_start": not moved_here, "completes": not moved_here}
            return {**plan, **back, **state}
        raise Refusal(f"{src} does not hold {worker}: it runs on {dst} already.")
    if running is not None and running != src:
        _refuse_wrong_source(servers, worker, src)
    if running is None and servers.owner(worker) == dst and servers.worker(worker, dst).get("copied_from") == src:
        # Interrupted between copy and start: the copy is proved again under the epoch it already has.
        plan["epoch"] = servers.epoch(worker)
    else:
        plan["epoch"] = _next_epoch(servers, plan)
    if running is None:
        plan["settle"] = False
    refuse_stopped(servers, worker)
    if plan["settle"]:
        refuse_unsettled(servers, worker)
    _refuse_without_coordinator(servers, record, worker)
    refuse_different_executables(servers, [record.placement[record.worker_names()[0]], dst])
    plan.update(_address_kept(arguments, servers, record, plan))
    # Of a worker that is dead the journals have all, and its server need not answer the target.
    asked = plan["via"] == FILES or running is not None or plan["address"] != ""
    plan["kill"] = asked and not plan["source_lost"]
    missing = _waited_for(servers, record, worker)
    plan.update(_spare.hand_back(servers, record, worker, LISTENING if missing else READY))
    plan["warnings"] = [*missing, *_stranded(servers, record, worker, plan["peers"][worker])]
    needed, free = int(servers.worker(worker, src).get("bytes") or 0), servers.states[dst].get("free_bytes")
    if free is not None and int(free) < 2 * needed:
        raise Refusal(
            f"{dst} has {int(free):,} bytes free below {plan['target_base']}, and {worker} needs {needed:,} "
            "(twice that while they are being copied); make room first."
        )
    return plan


def _behind(plan: Plan, servers: Servers) -> list[Plan]:
    """What is done once the worker works where it is now, a call of a module each: each is tried, whatever fails."""
    told = [_call(servers, name, "peer_addresses", peers=plan["peers"]) for name in plan["mending"]]
    moved = {"base": plan["source_base"], "moved_to": plan["dst"], "worker": plan["worker"], "epoch": plan["epoch"]}
    return [*told, *([_call(servers, plan["src"], "worker_fence", **moved)] if plan["fence"] else [])]


def _kept(plan: Plan, servers: Servers) -> list[Plan]:
    """What is asked for the folder of the run, a call of a module each: what came out when, and the logs."""
    first = plan["cluster"]["servers"][0]
    return [
        _call(servers, first["name"], "run_flow", base=first["base"]),
        *(_call(servers, name, "server_info", logs=True) for name in plan["reached"]),
    ]


def _call(servers: Servers, server: str, module: str, **arguments: Any) -> Plan:
    base = servers.access[server]["base"]
    return {"server": server, "module": module, "arguments": {"base": base, "server": server, **arguments}}


def _settling(servers: Servers, record: ClusterRecord) -> Plan:
    """Where to wait for which checkpoints: they cover what had come out when the servers were looked at."""
    if engine(record.engine).dials:
        # Its source log says what is covered.
        first = record.first_server
        return {"worker": record.worker_names()[0], "server": first.name, "base": first.base}
    coordinator = record.worker_names()[0]
    server = servers.owner(coordinator) or record.placement[coordinator]
    found = servers.worker(coordinator, server).get("settling") or {}
    return {"worker": coordinator, "server": server, "base": record.server(server).base, **found}


def stop(arguments: Arguments, servers: Servers) -> Plan:
    """``stop_cluster.yml``: always possible, also when little is left to stop."""
    moved = {
        name: sorted(set((servers.states.get(name, {}).get("moved_addresses") or {}).values()))
        for name in servers.names
    }
    return {
        "keep_files": arguments["keep_files"],
        # Who took an address gives it back before its owner takes it again.
        "takers": [name for name in servers.names if TAKEN in moved[name]],
        "owners": [name for name in servers.names if RELEASED in moved[name] and TAKEN not in moved[name]],
        "become": {name: servers.states[name].get("user") != "root" for name in servers.names if moved[name]},
    }


def _has_others(state: Optional[Mapping[str, Any]], worker: str) -> bool:
    """Whether workers on a server may look for this one at its old address: others that belong there."""
    if state is None:
        return False
    others = [known for name, known in (state.get("workers") or {}).items() if name != worker]
    unsure = state.get("problem") or state.get("damaged")
    return bool(unsure or any(known["ownership"] in ("owner", "unknown") for known in others))


def _there(servers: Servers, record: ClusterRecord, worker: str, server: str) -> Plan:
    """Which worker is meant, and where it is."""
    return {
        "cluster": record.to_dict(),
        "worker": worker,
        "server": server,
        "base": record.server(server).base,
        "metrics_ui": servers.metrics_ui(),
    }


def _move(arguments: Arguments, servers: Servers) -> Plan:
    record = servers.running_cluster()
    worker = resolve_worker(arguments["worker"], record)
    dst = servers.resolve(arguments["dst"])
    src = _home(arguments, servers, worker, dst) if arguments["src"] is None else servers.resolve(arguments["src"])
    if src == dst:
        home = servers.holder(worker) or src
        raise Refusal(
            f"src and dst are both {src}: to start {worker} again where it is"
            f"{'' if home == src else f', on {home},'} use "
            f'restart_worker.yml -e "worker={worker} server={home}".'
        )
    refuse_fixed(record, worker, MOVED)
    refuse_two_owners(servers)
    servers.require_known(worker, src, dst)
    source, target, ports = record.server(src), record.server(dst), record.port_numbers
    via, lost = arguments["via"], arguments["source_lost"]
    if via == JOURNAL:
        _refuse_without_journal(record, servers)
    if lost and via != JOURNAL:
        raise Refusal(
            "source_lost=true needs via=journal: from a server that is gone no files can be copied "
            "(and only a cluster started with journal=true has another copy)."
        )
    if lost and src not in not_answering(servers):
        raise Refusal(
            f"source_lost=true, but {src} answers: leave it out, so that {worker} is killed and fenced there. "
            "Two owners would destroy its state."
        )
    if via == JOURNAL and not lost and src not in servers.states:
        raise Refusal(
            f"{src} did not answer. Where it is switched off and will not come back by itself, say so with "
            f"source_lost=true; as long as {worker} may still run there, a second one would destroy its state."
        )
    reached = [dst] if lost else [src, dst]
    return {
        "cluster": record.to_dict(),
        "via": via,
        "source_lost": lost,
        "reached": reached,
        "journal_server": f"{record.first_server.address}:{ports.journal}" if via == JOURNAL else "",
        # Which of the two need the programs; the target talks to a program on the source.
        "deploy": [name for name in reached if not (servers.states.get(name) or {}).get("prepared")],
        "worker": worker,
        "src": src,
        "dst": dst,
        "source_base": source.base,
        "source_directory": resilience_directory(source.base, worker),
        "source_ssh": servers.ssh(src, dst),
        "target_base": target.base,
        "target_directory": resilience_directory(target.base, worker),
        "control": f"{target.address}:{ports.control_of(worker)}",
        "data": f"{target.address}:{ports.data_of(worker)}",
        "peers": servers.addresses(record, {worker: dst}),
        "metrics_ui": servers.metrics_ui(),
    }


def _home(arguments: Arguments, servers: Servers, worker: str, dst: str) -> str:
    """Where a worker is moved from when nobody says it: where it belongs, or came from when it has arrived already."""
    lost = lost_servers(arguments, servers)
    owner = lost[0] if lost else servers.owner(worker)
    if owner is None:
        raise servers.nowhere(worker)
    came = str(servers.worker(worker, dst).get("copied_from") or "")
    return came if owner == dst and came in servers.names else owner


def _address_kept(arguments: Arguments, servers: Servers, record: ClusterRecord, plan: Plan) -> Plan:
    """What ``keep_address=true`` adds to a plan: the worker's address goes along (wallaroo.md, "Observed", Trap 6)."""
    worker, src, dst = plan["worker"], plan["src"], plan["dst"]
    taken = servers.kept_address(worker, src)
    if not arguments["keep_address"]:
        if taken:
            raise Refusal(
                f"{worker} took its address {taken} along to {src}, and the others know it there: "
                "move it on with keep_address=true."
            )
        return {"address": "", "source_cluster": record.to_dict()}
    # Its file says it also when an earlier run was interrupted after the address had left.
    address = str(servers.worker(worker, src).get("address") or record.server(src).address)
    if servers.states.get(src, {}).get("machine") == servers.states[dst].get("machine"):
        raise Refusal(f"keep_address=true is for servers that are different machines; {src} and {dst} are one.")
    for server in (src, dst):
        others = [other for other in record.worker_names() if other != worker and servers.owner(other) == server]
        if server == record.first_server.name:
            others.append("what belongs to the first server (receiver, senders)")
        if others:
            raise Refusal(
                f"keep_address=true: {others[0]} is on {server} too, and would lose its connections when {address} "
                f"moves. Move it away first, or leave keep_address out."
            )
    if not plan["source_lost"]:
        for use, variable in (("controller", "ansible_host"), ("host", "wallaroo_ssh_address")):
            if servers.access[src].get(use) == address:
                raise Refusal(
                    f"keep_address=true: {src} is reached at {address}, which is going to move away from it; "
                    f"set {variable} of {src} to another address of it."
                )
    return {
        "address": address,
        "own_address": record.server(dst).address,
        "source_own_address": record.server(src).address,
        "source_cluster": record.with_address(src, address).to_dict(),
        "cluster": record.with_address(dst, address).to_dict(),
        "control": f"{address}:{record.port_numbers.control_of(worker)}",
        "data": f"{address}:{record.port_numbers.data_of(worker)}",
        "peers": {**plan["peers"], worker: address},
        "become": {name: servers.states.get(name, {}).get("user") != "root" for name in (src, dst)},
    }


def _is_or_was(servers: Servers, worker: str, server: str) -> str:
    return f"runs on {server}" if servers.running_on(worker) else f"ran on {server} last"


def _refuse_wrong_source(servers: Servers, worker: str, src: str) -> None:
    owner = servers.owner(worker)
    if owner is None:
        raise servers.nowhere(worker)
    if owner != src:
        raise Refusal(f"{src} does not hold {worker}: it {_is_or_was(servers, worker, owner)}. Use src={owner}.")


def _next_epoch(servers: Servers, plan: Plan) -> int:
    """The epoch in which the worker will belong to the target, once its source is known to be the right one."""
    worker, src = plan["worker"], plan["src"]
    # A server that is lost may be one epoch ahead of what the others know: a move to it that was not finished.
    ahead = 2 if plan["source_lost"] else 1
    if plan["via"] == JOURNAL and servers.owner(worker) is None:
        # What the source knew is gone with it; it was at least the first epoch.
        return max(servers.epoch(worker), 1) + ahead
    _refuse_wrong_source(servers, worker, src)
    if plan["via"] == FILES and servers.running_on(worker) is None:
        _refuse_bad_files(servers, worker, src)
    return servers.epoch(worker) + ahead


def _refuse_without_journal(record: ClusterRecord, servers: Servers) -> None:
    first = record.first_server.name
    if not record.journal:
        raise Refusal(
            "This cluster does not journal, so there is nothing to restore from: leave via=journal out, "
            "or start the cluster with start_cluster.yml -e journal=true."
        )
    processes = (servers.states.get(first) or {}).get("processes") or {}
    if not (processes.get("journal_server") or {}).get("alive"):
        raise Refusal(
            f"The journal server does not run on {first}; what it holds lies in {record.first_server.base}/journals. "
            "Leave via=journal out as long as the source server has the files."
        )


def _refuse_bad_files(servers: Servers, worker: str, server: str) -> None:
    known = servers.worker(worker, server)
    if known.get("unsound"):
        raise Refusal(f"{worker} would not come back from its files on {server}: {known['unsound']}. Nothing was done.")
    if known.get("resilience") == "complete":
        return
    missing = ", ".join(known.get("missing") or []) or "all of them"
    raise Refusal(
        f"{server} holds no complete set of resilience files of {worker} in {known.get('directory')}; "
        f"missing: {missing}. A worker does not start from half a set: copy it again, or start the cluster afresh."
    )


def _stranded(servers: Servers, record: ClusterRecord, moving: str, address: str) -> list[str]:
    """The workers that could not be restarted after this move, a sentence each (wallaroo.md, Trap 6)."""
    found, adapter = [], engine(record.engine)
    for worker in record.worker_names():
        owner = servers.owner(worker)
        if worker == moving or owner is None or not adapter.role(worker).movable:
            continue
        state = servers.worker(worker, owner)
        if state.get("peers_problem") and (state.get("peers") or {}).get(moving) != address:
            found.append(
                f"After this migration {worker} on {owner} can no longer be restarted: it would look for {moving} "
                f"where it was, and cannot be told of {address} ({state['peers_problem']}). It runs on as long as "
                f"nothing crashes it. Ways out: keep_address=true, moving {moving} back before, or a fresh cluster."
            )
    return found


def _waited_for(servers: Servers, record: ClusterRecord, worker: str) -> list[str]:
    """For whom a worker that comes back will have to wait, as a warning; nobody where each works on its own."""
    adapter = engine(record.engine)
    others = [other for other in record.worker_names() if other != worker] if adapter.waits_for_all else []
    # Of a server that says nothing it is not known.
    dead = [other for other in others if servers.running_on(other) is None and servers.owner(other) in servers.states]
    if not dead:
        return []
    back = ", ".join(f"restart_worker.yml -e worker={worker_number(other)}" for other in dead)
    return [
        f"{worker} was not waited for until it works, since with engine={adapter.name} none does before all run, and "
        f"{' and '.join(dead)} {'is' if len(dead) == 1 else 'are'} dead. Bring back what is missing: {back}."
    ]


def _refuse_without_coordinator(servers: Servers, record: ClusterRecord, worker: str) -> None:
    refuse_without_ends(servers, record)
    adapter = engine(record.engine)
    if adapter.coordinator in ("", worker) or servers.running_on(adapter.coordinator) is not None:
        return
    back = "Start the cluster afresh with stop_cluster.yml and start_cluster.yml."
    if adapter.role(adapter.coordinator).allows(RESTARTED):
        back = f"Restart it first: restart_worker.yml -e worker={worker_number(adapter.coordinator)}."
    raise Refusal(f"The {adapter.coordinator} does not run, and {worker} cannot recover without it. {back}")
