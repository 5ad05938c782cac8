# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``start_sender.yml``: what is to be sent to which source, and what was sent already.

Both applications are sent to declaratively, so that the playbook can be run again: the detector gets
its values *up to* ``last``, market-spread its files *for the time* ``round``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.record import ClusterRecord
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _arguments as arguments_of
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal, Servers

Arguments = Mapping[str, Any]
Plan = dict[str, Any]

ORDER_FRAME, QUOTE_FRAME = 57, 46
"""Bytes of an order and of an NBBO quote with its header (reference D.4)."""

MARKET_DATA = ("initial_nbbo", "orders", "nbbo")
"""The files of market-spread in the order in which they are sent; the first in the first round only."""


def send(arguments: Arguments, servers: Servers) -> Plan:
    """What is to be sent, in order, each with the command line of its program."""
    wait = arguments_of.boolean(arguments, "wait", True)
    record = _whole_cluster(servers)
    market_spread = record.application == "market_spread"
    return {**(_market_spread if market_spread else _detector)(arguments, servers, record), "wait": wait}


def _detector(arguments: Arguments, servers: Servers, record: ClusterRecord) -> Plan:
    last = arguments_of.integer(arguments, "last", 1000)
    first_server = record.first_server.name
    processes = servers.states[first_server].get("processes") or {}
    sent = servers.states[first_server].get("sent") or {}
    plan: Plan = {
        "cluster": record.to_dict(),
        "server": first_server,
        "base": record.first_server.base,
        "last": last,
        "key_count": record.keys,
        "expected": last * record.keys,
        "running": bool((processes.get("sender") or {}).get("alive")),
        "generate": [],
    }
    if plan["running"]:
        under_way = int(((processes["sender"].get("details") or {}).get("last")) or 0)
        if last != under_way:
            raise Refusal(
                f"A sender is still running on {first_server}, up to {under_way}; "
                f"wait for it with start_sender.yml -e last={under_way}, or stop the cluster."
            )
        first = int((processes["sender"].get("details") or {}).get("first") or 1)
        return _with_values(plan, arguments, record, first, last)
    if sent and sent.get("exit_code") != 0 and sent.get("begun", True):
        raise Refusal(
            f"The last sender did not end well ({sent.get('message')}): what arrived of its last values is not known, "
            "so going on would prove nothing. Start a fresh cluster with stop_cluster.yml and start_cluster.yml."
        )
    # One that never reached the source has sent nothing.
    done = int(sent.get("last") or 0) if sent.get("exit_code") == 0 else int(sent.get("first") or 1) - 1
    if arguments.get("first") not in (None, ""):
        first = arguments_of.integer(arguments, "first")
        if first != done + 1 and not (first <= last <= done):
            raise Refusal(
                f"first={first} does not follow: values up to {done} were sent, so the next is {done + 1}. "
                "The detector stops a worker when a value is missing or comes twice."
            )
    return _with_values(plan, arguments, record, done + 1, last)


def _with_values(plan: Plan, arguments: Arguments, record: ClusterRecord, first: int, last: int) -> Plan:
    result_file = f"{record.first_server.base}/run/sender/result.json"
    argv = [
        *("--to", _source(record, 0), "--first", str(first), "--last", str(last), "--keys", str(record.keys)),
        *("--batch", str(arguments_of.integer(arguments, "batch", 100))),
        *("--interval", str(arguments_of.number(arguments, "interval", 0.05))),
        *("--result", result_file),
    ]
    one = {
        "name": "sender",
        "program": "sender",
        "what": f"the values up to {last}",
        "argv": argv,
        "details": {"first": first, "last": last},
        "result_file": result_file,
    }
    sends = [one] if last >= first else []
    return {**plan, "first": first, "needed": bool(sends), "sends": sends}


def _market_spread(arguments: Arguments, servers: Servers, record: ClusterRecord) -> Plan:
    base, number = record.first_server.base, arguments_of.integer(arguments, "round", 1)
    plan: Plan = {
        "cluster": record.to_dict(),
        "server": record.first_server.name,
        "base": base,
        "round": number,
        "generate": [],
    }
    given = {name: arguments_of.file(arguments, f"{name}_file", record.first_server.name) for name in MARKET_DATA}
    if not any(given.values()):
        plan["generate"] = _generator(arguments, base)
        given = {name: f"{base}/market_data/{name.replace('_', '-')}.msg" for name in MARKET_DATA}
    processes = servers.states[record.first_server.name].get("processes") or {}
    plan["sends"] = [
        one
        for name in MARKET_DATA
        if given[name] and (number == 1 or name != "initial_nbbo")
        if (one := _file(arguments, record, name, given[name], number, processes.get(f"sender_{name}"))) is not None
    ]
    return {**plan, "needed": bool(plan["sends"])}


def _generator(arguments: Arguments, base: str) -> list[str]:
    """The arguments of the program that makes the files (reference H.3: the demo's own are no longer to be had)."""
    rejecting = arguments_of.share(arguments, "rejecting", 0.05)
    return [
        *("--directory", f"{base}/market_data"),
        *("--seed", str(arguments_of.integer(arguments, "seed", 1))),
        *("--symbols", str(arguments_of.integer(arguments, "symbols", 350))),
        *("--orders", str(arguments_of.integer(arguments, "orders", 1000))),
        *("--quotes", str(arguments_of.integer(arguments, "quotes", 1000))),
        *("--rejecting", f"{rejecting:g}"),
    ]


def _file(
    arguments: Arguments,
    record: ClusterRecord,
    name: str,
    path: str,
    number: int,
    process: Optional[Mapping[str, Any]],
) -> Optional[Plan]:
    """One file to be sent; None when it was."""
    server, process = record.first_server.name, process or {}
    done = int((process.get("details") or {}).get("round") or 0)
    if process.get("alive"):
        if done != number:
            raise Refusal(
                f"A sender of {name} is still running on {server}, in round {done}; wait for it with round={done}."
            )
    elif done:
        result = process.get("result") or {}
        if result.get("exit_code") != 0 and not result.get("begun", True):
            done -= 1
        elif result.get("exit_code") != 0:
            why = result.get("message") or "it was killed"
            raise Refusal(
                f"The last sender of {name} did not end well ({why}): what arrived "
                "is not known. Start a fresh cluster with stop_cluster.yml and start_cluster.yml."
            )
        if done >= number:
            return None
    if number > done + 1 and name != "initial_nbbo":
        raise Refusal(
            f"round={number} does not follow: {name} were sent {done} times, so the next is round={done + 1}."
        )
    result_file = f"{record.first_server.base}/run/sender_{name}/result.json"
    size = ORDER_FRAME if name == "orders" else QUOTE_FRAME
    return {
        "name": f"sender_{name}",
        "program": "file_sender",
        "what": f"{name} for the time {number}",
        "argv": [
            *("--to", _source(record, 0 if name == "orders" else 1), "--file", path, "--msg-size", str(size)),
            *("--batch", str(arguments_of.integer(arguments, "batch", 100))),
            *("--interval", str(arguments_of.number(arguments, "interval", 0.05))),
            *("--result", result_file),
        ],
        "details": {"round": number},
        "result_file": result_file,
    }


def _source(record: ClusterRecord, number: int) -> str:
    return f"{record.first_server.address}:{record.port_numbers.sources(record.application)[number]}"


def _whole_cluster(servers: Servers) -> ClusterRecord:
    record = servers.running_cluster()
    dead = [worker for worker in record.worker_names() if servers.running_on(worker) is None]
    if dead:
        raise Refusal(
            f"{', '.join(dead)} does not run: messages for its keys would wait for ever. "
            "Restart it with restart_worker.yml, or start the cluster afresh."
        )
    return record
