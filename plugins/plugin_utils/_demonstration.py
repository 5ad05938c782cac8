# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verified runs: ``demo.yml``, ``verify_migration.yml`` and ``verify_restart.yml``, and ``verify.yml`` alone.

The first three are one script of rounds: send values, then crash a worker and bring it back, here or
elsewhere, then send on. The rounds are planned before anything is started, so that a path that
makes no sense is refused while nothing has changed.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Optional

from ..module_utils._catalogue.applications import VERIFIED, application
from ..module_utils._cluster.record import OLD_COPY, TWO_OWNERS, ClusterRecord
from ..module_utils._engines.contract import EXACTLY_ONCE, MOVED, NO_GUARANTEE, RESTARTED, Damageable, NotOffered
from ..module_utils._engines.registry import engine, offered
from ..module_utils._server.server_state import SENT_DIRECTORY
from . import _inputs
from ._arguments import JOURNAL
from ._owners import not_answering
from ._report.words import counted
from ._sent import Sent, known_of
from ._servers import Refusal, Servers, refuse_fixed, resolve_worker
from ._stalled import told_of_stopped

BATCH, BATCH_UNDER_LOAD = 100, 2
"""Values that are sent at once, and while a worker is crashed: at 0.05 seconds a tick, 1000 values take 25 seconds."""

PATIENCE = 5
"""Seconds to wait for what a negative run is to lose. What comes later is called lost, and no worker tells why."""


def demonstration(name: str, arguments: Mapping[str, Any], servers: Servers, wanted: ClusterRecord) -> dict[str, Any]:
    """The rounds of a verified run.

    :param name: of the playbook, which says where the worker goes when nothing else does.
    :returns: also ``formation``, what the cluster of the run is started with.
    """
    servers.require_all()
    if not application(wanted.application).is_verified:
        raise Refusal(
            f"Verified runs send values, which {wanted.application} does not take: they need {VERIFIED}. "
            "What it makes of its files verify.yml verifies, after start_sender.yml."
        )
    worker = resolve_worker(arguments["worker"], wanted)
    path = _path(name, arguments, servers, wanted, worker)
    refuse_fixed(wanted, worker, MOVED if len(path) > 1 else RESTARTED)
    restarts = arguments["restarts"]
    if restarts is None:
        restarts = 1 if len(path) == 1 else 0
    if len(path) == 1 and restarts == 0:
        raise Refusal(f"A run with path={path[0]} and restarts=0 crashes nothing and so proves nothing.")
    values, drain, via = arguments["values"], arguments["drain"], arguments.get("via")
    acts = [
        {"act": "migrate", "worker": worker, "src": src, "dst": dst, "via": via} for src, dst in zip(path, path[1:])
    ] + [{"act": "restart", "worker": worker, "src": path[-1], "dst": path[-1]} for _unused in range(restarts)]
    if wanted.negative:
        _refuse_blurred(arguments, path, wanted)
        acts = _with_damage(acts, wanted.negative)
    rounds = [
        {**act, "number": index + 1, "last": (index + 2) * values, "drained": drain} for index, act in enumerate(acts)
    ]
    if wanted.negative:
        rounds[-1]["patience"] = PATIENCE
    if wanted.negative == TWO_OWNERS:
        # These are only to come out no more, and a cluster that stands still takes no more than its sockets hold.
        rounds[-1]["last"] = rounds[-2]["last"] + min(values, BATCH)
    return {
        "worker": worker,
        "path": path,
        "restarts": restarts,
        "first_last": values,
        "last": rounds[-1]["last"],
        "expected": rounds[-1]["last"] * wanted.keys,
        "rounds": rounds,
        "batch": arguments["batch"] or (BATCH if drain else BATCH_UNDER_LOAD),
        **{name: arguments[name] for name in ("drain", "interval", "keep_running", "on_violation")},
        "mode": arguments["mode"] or mode_of(wanted, drain),
        "source_log": source_log_of(wanted),
        "prove_seed": _prove_seed(name, arguments, wanted),
        "formation": {**arguments, "journal": wanted.journal, "mode": arguments["mode"] or mode_of(wanted, drain)},
        "stop_first": not all(_is_clean(servers.states[name]) for name in servers.names),
    }


def mode_of(record: ClusterRecord, drained: bool) -> str:
    """The guarantee within which a cluster is verified, where nobody says.

    :param drained: everything has come out and is covered before each crash, so that nothing is repeated or lost.
    """
    promised = engine(record.engine).guarantee(record.source, record.sink)
    # Where nothing is promised it is to be seen what a crash takes: nobody asks for less without saying so.
    return EXACTLY_ONCE if drained or promised == NO_GUARANTEE else promised


def _with_damage(acts: list[dict[str, Any]], negative: str) -> list[dict[str, Any]]:
    """The acts of a run that moves a worker once, with what its damage needs before or after that."""
    (move,) = acts
    if negative == OLD_COPY:
        # Then there is an older state for sure: the one at this restart.
        return [{"act": "restart", "worker": move["worker"], "src": move["src"], "dst": move["src"]}, move]
    if negative == TWO_OWNERS:
        return [move, {**move, "act": "second_owner"}]
    return [move]


def _refuse_blurred(arguments: Mapping[str, Any], path: list[str], wanted: ClusterRecord) -> None:
    """In a negative run nothing but the damage may be a cause."""
    negative = wanted.negative
    if len(path) != 2 or arguments["restarts"]:
        raise Refusal(
            f"negative={negative} moves the worker once: leave restarts out, and let a path have two servers."
        )
    if not arguments["drain"]:
        raise Refusal(f"negative={negative} with drain=false would lose messages by the crash, too: leave drain out.")
    if arguments["keep_running"]:
        raise Refusal(f"negative={negative} leaves a damaged cluster, which is stopped: leave keep_running out.")
    if negative == TWO_OWNERS:
        shut_out = engine(wanted.engine).shuts_out_second
        if shut_out:
            raise Refusal(f"negative={negative} would show nothing with engine={wanted.engine}: {shut_out}.")
        return
    try:
        adapter: Damageable = offered(wanted.engine, Damageable)
    except NotOffered as lacking:
        raise Refusal(f"{lacking} Leave negative={negative} out.") from lacking
    if negative == OLD_COPY and not adapter.keeps_older_state:
        raise Refusal(
            f"negative={negative} is not for engine={wanted.engine}: it keeps the state of its last checkpoint alone."
        )


def _prove_seed(name: str, arguments: Mapping[str, Any], record: ClusterRecord) -> Optional[int]:
    """From what the damage of the verifier's proof follows; None where none was asked for.

    Another one for each cluster, and one that a person can type again.
    """
    wanted, seed = arguments["prove_detector"], arguments["prove_seed"]
    if name == "demo" and wanted is False:
        raise Refusal("demo.yml always proves its detector: leave prove_detector out, or run verify_migration.yml.")
    if not (wanted or name == "demo" or seed is not None):
        return None
    return zlib.crc32(record.identifier.encode()) % 10**6 if seed is None else int(seed)


def _is_clean(state: Mapping[str, Any]) -> bool:
    """Whether a server is as after ``stop_cluster.yml``: nothing runs or moved, and no cluster is known."""
    alive = any(process["alive"] for process in state["processes"].values())
    return not (alive or state["cluster"] or state["damaged"] or state["moved_addresses"])


def verify(arguments: Mapping[str, Any], servers: Servers) -> dict[str, Any]:
    """What must have come out of the cluster that runs, or ran last.

    :param arguments: ``last`` (by default the value up to which was sent), ``mode``.
        Of an application that is sent files these are the ``inputs`` of the verifier.
    :return: with ``unchecked``, why nothing can be verified since servers are gone; empty when it can.
    """
    wanted = arguments["last"]
    gone = _unchecked(servers, wanted)
    if gone:
        return gone
    record = servers.cluster()
    if application(record.application).files:
        return _inputs.plan(arguments, servers, record)
    first, leading = record.first_server.name, record.worker_names()[0]
    sender = (servers.states[first].get("processes") or {}).get("sender") or {}
    sent = Sent.of(servers, first)
    warnings = told_of_stopped(servers)
    if sender.get("alive"):
        last = known_of(sender, "last")
        raise Refusal(
            f"A sender is still running on {first}, up to {last}; wait for it with start_sender.yml -e last={last}."
        )
    if wanted is None:
        last, interrupted = _sent_so_far(sent)
        warnings += interrupted
    elif wanted < sent.sure:
        raise Refusal(
            f"last={wanted}, but values up to {sent.sure} of each key were sent, so more than that must have come out: "
            f"leave last out, or say last={sent.sure}."
        )
    else:
        last = wanted
    return {
        "unchecked": "",
        "warnings": warnings,
        "cluster": record.to_dict(),
        "server": first,
        "base": record.first_server.base,
        "leading": leading,
        "last": last,
        "expected": last * record.keys,
        "mode": arguments["mode"] or mode_of(record, drained=False),
        **_crashes(servers, record),
        "prove_seed": _prove_seed("verify", arguments, record),
    }


def _crashes(servers: Servers, record: ClusterRecord) -> dict[str, Any]:
    """What the servers know of the crashes of a cluster: where its source log is, and when workers were killed.

    Kills on a server that does not answer are not known, and nobody notes one that was made by hand: the log tells of
    these that its readers went.
    """
    kills = [
        float(kill)
        for state in servers.states.values()
        for known in (state.get("workers") or {}).values()
        for kill in known.get("kills") or []
        if kill > record.started
    ]
    return {"source_log": source_log_of(record), "kills": sorted(kills)}


def source_log_of(record: ClusterRecord) -> str:
    """The folder of the source log; empty where the engine needs none."""
    return f"{record.first_server.base}/{SENT_DIRECTORY}" if engine(record.engine).dials else ""


def _unchecked(servers: Servers, last: Optional[int]) -> dict[str, Any]:
    """The plan of a verification that cannot be made, since what it needs is on a server that is gone; else empty."""
    silent = not_answering(servers)
    known = [state["cluster"] for state in servers.states.values() if state.get("cluster")]
    cluster: dict[str, Any] = known[0] if known else {}
    first = servers.cluster().first_server.name if cluster else servers.names[0]
    problem = (servers.states.get(first) or {}).get("problem")
    if first not in silent and (cluster or not silent):
        return {}
    if problem and last is not None and cluster:
        # What came out may be readable nevertheless, and up to where it has to come is known.
        return {}
    if first in silent:
        what = f"cannot be used ({problem.rstrip('.')})" if problem else "did not answer"
        why = f"{first} {what}, and what came out and what was sent is known there alone"
    else:
        why = f"{', '.join(silent)} did not answer, and none of the others knows a cluster"
    expected = (last or 0) * int(cluster.get("keys") or 0)
    messages = f"None of the {expected:,} messages" if expected else "No message"
    mend = f"bring {first if first in silent else silent[0]} back, and run verify.yml again"
    return {
        "unchecked": f"{why}. {messages} was checked: {mend}.",
        "warnings": [],
        "cluster": cluster,
        "server": first,
        "base": "",
        "last": last or 0,
        "expected": expected,
        "mode": "",
    }


def _sent_so_far(sent: Sent) -> tuple[int, list[str]]:
    """Up to which value everything must have come out, and what is to be said about that.

    :raises Refusal: when that is not known, or nothing was sent.
    """
    if sent.everything or sent.nothing:
        done = sent.done()
        if not done:
            raise Refusal("Nothing was sent yet, so there is nothing to verify; send with start_sender.yml.")
        return done, []
    if not sent.exact:
        raise Refusal(f"{sent.interrupted}, so what must have come out is not known; say up to which value with last=.")
    if sent.sure != sent.perhaps:
        rest = f"start_sender.yml -e last={sent.last}"
        raise Refusal(f"{sent.interrupted}. Send the rest with {rest}, or say up to which value with last=.")
    if sent.sure < 1:
        raise Refusal(f"{sent.interrupted}, so there is nothing to verify; send with start_sender.yml.")
    return sent.sure, [f"{sent.interrupted}, and up to there it is verified."]


def told(plan: Mapping[str, Any], servers: Servers) -> list[str]:
    """What a run would do, in sentences, for ``--check``."""
    cluster, worker = plan["cluster"], plan["worker"]
    running = sorted(
        f"{process} on {server}"
        for server, state in servers.states.items()
        for process, known in (state.get("processes") or {}).items()
        if known.get("alive")
    )
    said = [f"Would stop what runs: {', '.join(running)}."] if running else []
    workers = counted(cluster["workers"], "worker")
    said.append(f"Would start {workers} of {cluster['application']} on the {cluster['engine']} engine.")
    said.append(f"Would send the values 1 to {plan['first_last']} for {counted(cluster['keys'], 'key')}.")
    before = "" if plan["drain"] else " while messages flow"
    for one in plan["rounds"]:
        if one["act"] == "second_owner":
            said.append(f"Would start {worker} on {one['src']} a second time, and send up to {one['last']}.")
            continue
        where = (
            f"move it from {one['src']} to {one['dst']}" if one["act"] == "migrate" else f"restart it on {one['dst']}"
        )
        through = " through the journal server" if one.get("via") == JOURNAL else ""
        said.append(f"Would kill {worker}{before}, {where}{through}, and send up to {one['last']}.")
    if cluster.get("negative"):
        said.append(
            f"All that on a cluster that is damaged on purpose ({cluster['negative']}): the verdict has to be fail."
        )
    proof = ", prove the detector" if plan["prove_seed"] is not None else ""
    after = "leave the cluster running" if plan["keep_running"] else "stop the cluster"
    said.append(f"Would verify {counted(plan['expected'], 'message')} ({plan['mode']}){proof}, and {after}.")
    return said


def _path(name: str, arguments: Mapping[str, Any], servers: Servers, wanted: ClusterRecord, worker: str) -> list[str]:
    """The servers a worker visits, by their inventory names."""
    home = wanted.placement[worker]
    path = [servers.resolve(item) for item in arguments.get("path") or []]
    dst = arguments.get("dst")
    if dst and path and path != [home, servers.resolve(dst)]:
        raise Refusal(
            f"dst={dst} is short for path={home},{dst}, but path={','.join(path)} was given too: leave one out."
        )
    if dst:
        path = [home, servers.resolve(dst)]
    path = path or _default_path(name, servers, wanted, home)
    if path[0] != home:
        raise Refusal(f"The path must begin where {worker} is started, on {home}; it begins on {path[0]}.")
    for here, there in zip(path, path[1:]):
        if here == there:
            raise Refusal(f"The path goes from {here} to {there}: a migration needs two servers (see restarts=).")
    return path


def _default_path(name: str, servers: Servers, wanted: ClusterRecord, home: str) -> list[str]:
    if name == "verify_restart":
        return [home]
    if name == "demo":
        return [home, servers.names[(servers.names.index(home) + 1) % len(servers.names)]]
    if wanted.workers >= len(servers.names):
        raise Refusal(
            f"dst is missing: with {counted(wanted.workers, 'worker')} on {counted(len(servers.names), 'server')} no "
            "server comes after the "
            f"last worker's; say where {name}.yml is to move the worker, e.g. dst={len(servers.names)}."
        )
    return [home, servers.names[wanted.workers]]
