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

from ..module_utils._catalogue.applications import InputFile, application
from ..module_utils._cluster.record import ClusterRecord
from ..module_utils._formats.sending_progress import FILE_NAME
from . import _inputs
from ._owners import refuse_two_owners
from ._sent import AFRESH, Sent, known_of
from ._servers import Refusal, Servers
from ._stalled import refuse_stopped, refuse_without_ends

Arguments = Mapping[str, Any]
Plan = dict[str, Any]

_GO_ON = "--go-on"
"""To the sender: each key from where it came to."""


def send(arguments: Arguments, servers: Servers) -> Plan:
    """What is to be sent, in order, each with the command line of its program."""
    record = _whole_cluster(servers)
    refuse_two_owners(servers)
    sends = _files if application(record.application).files else _values
    first = record.first_server
    head: Plan = {"cluster": record.to_dict(), "server": first.name, "base": first.base, "generate": []}
    leading = record.worker_names()[0]
    plan = {**head, "leading": leading, **sends(arguments, servers, record), "wait": arguments["wait"]}
    return {**plan, "what": ", then ".join(one["what"] for one in plan["sends"]) or "nothing new"}


def _values(arguments: Arguments, servers: Servers, record: ClusterRecord) -> Plan:
    last = arguments["last"]
    first_server = record.first_server.name
    processes = servers.states[first_server].get("processes") or {}
    sent = Sent.of(servers, first_server)
    plan: Plan = {
        "last": last,
        "key_count": record.keys,
        "expected": last * record.keys,
        "running": bool((processes.get("sender") or {}).get("alive")),
    }
    if plan["running"]:
        # One that has only just been started has not noted anything yet.
        under_way, first = (known_of(processes["sender"], name) for name in ("last", "first"))
        if last != under_way:
            raise Refusal(
                f"A sender is still running on {first_server}, up to {under_way}; "
                f"wait for it with start_sender.yml -e last={under_way}, or stop the cluster."
            )
        going_on = _GO_ON in (processes["sender"].get("argv") or [])
        return _with_values(plan, arguments, record, first, last, going_on)
    done = sent.done()
    going_on = sent.begun and not sent.everything
    if going_on:
        what = "what follows is sent" if last > done else "nothing is sent"
        plan["warnings"] = [f"{sent.interrupted}; {what}."]
    first = arguments["first"]
    if first is not None and first != done + 1 and not (first <= last <= done):
        raise Refusal(
            f"first={first} does not follow: values up to {done} were sent, so the next is {done + 1}. "
            "The detector stops a worker when a value is missing or comes twice."
        )
    if going_on and last < sent.perhaps:
        raise Refusal(f"last={last} is too small: of some keys values up to {sent.perhaps} were sent already.")
    return _with_values(plan, arguments, record, done + 1, last, going_on)


def _with_values(
    plan: Plan, arguments: Arguments, record: ClusterRecord, first: int, last: int, going_on: bool = False
) -> Plan:
    result_file = f"{record.first_server.base}/run/sender/result.json"
    argv = [
        *("--to", _source(record, 0), "--first", str(first), "--last", str(last), "--keys", str(record.keys)),
        *("--batch", str(arguments["batch"])),
        *("--interval", str(arguments["interval"])),
        *("--progress", f"{record.first_server.base}/run/sender/{FILE_NAME}", "--result", result_file),
        *([_GO_ON] if going_on else []),
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


def _files(arguments: Arguments, servers: Servers, record: ClusterRecord) -> Plan:
    base, number = record.first_server.base, arguments["round"]
    plan: Plan = {"round": number}
    files = application(record.application).files
    processes = servers.states[record.first_server.name].get("processes") or {}
    given = {file.name: arguments[f"{file.name}_file"] or "" for file in files}
    if not any(given.values()):
        plan["generate"] = _generator(arguments, base)
        given = {file.name: f"{base}/market_data/{file.name.replace('_', '-')}.msg" for file in files}
    made = " ".join(plan.get("generate") or [])
    plan["sends"] = [
        one
        for turn, file in enumerate(files, _inputs.last_turn(processes) + 1)
        if given[file.name] and (number == 1 or not file.once)
        if (one := _file(arguments, servers, record, file, given[file.name], turn, made)) is not None
    ]
    return {**plan, "needed": bool(plan["sends"])}


def _generator(arguments: Arguments, base: str) -> list[str]:
    """The arguments of the program that makes the files (wallaroo.md, H.3: the demo's own are no longer to be had)."""
    return [
        *("--directory", f"{base}/market_data"),
        *("--seed", str(arguments["seed"])),
        *("--symbols", str(arguments["symbols"])),
        *("--orders", str(arguments["orders"])),
        *("--quotes", str(arguments["quotes"])),
        *("--rejecting", f"{arguments['rejecting']:g}"),
    ]


def _file(
    arguments: Arguments,
    servers: Servers,
    record: ClusterRecord,
    file: InputFile,
    path: str,
    turn: int,
    made: str,
) -> Optional[Plan]:
    """One file to be sent; None when it was.

    :param turn: its place among all that was ever sent.
    :param made: by which arguments of the generator; empty for a file of the user's.
    """
    number = arguments["round"]
    server, name = record.first_server.name, file.name
    process = (servers.states[server].get("processes") or {}).get(f"sender_{name}") or {}
    sent = Sent.of(servers, server, f"sender_{name}")
    done = sent.round
    if process.get("alive"):
        # One that has only just been started has not noted anything yet.
        done = known_of(process, "round") or done
        if done != number:
            raise Refusal(
                f"A sender of {name} is still running on {server}, in round {done}; wait for it with round={done}."
            )
    elif done:
        if sent.nothing and not sent.everything:
            done -= 1
        elif not sent.everything:
            raise Refusal(
                f"The last sender of {name} (round {done}) was interrupted: {sent.how_it_ended}. Of its {sent.last} "
                f"records {sent.told('those', '')}, so the file cannot be sent as a whole any more. {AFRESH}"
            )
        if done >= number:
            return None
    if number > done + 1 and not file.once:
        raise Refusal(
            f"round={number} does not follow: {name} were sent {done} times, so the next is round={done + 1}."
        )
    sending = {"turn": turn, "file": path, "made": made, "waited": arguments["wait"]}
    result_file = f"{record.first_server.base}/run/sender_{name}/result.json"
    return {
        "name": f"sender_{name}",
        "program": "file_sender",
        "what": f"{name} for the time {number}",
        "argv": [
            *("--to", _source(record, file.source), "--file", path, "--msg-size", str(file.frame)),
            *("--batch", str(arguments["batch"])),
            *("--interval", str(arguments["interval"])),
            *("--round", str(number)),
            *("--progress", f"{record.first_server.base}/run/sender_{name}/{FILE_NAME}", "--result", result_file),
        ],
        "details": _inputs.details(process, number, sending),
        "result_file": result_file,
    }


def _source(record: ClusterRecord, number: int) -> str:
    return f"{record.first_server.address}:{record.port_numbers.sources(number + 1)[number]}"


def _whole_cluster(servers: Servers) -> ClusterRecord:
    record = servers.running_cluster()
    dead = [worker for worker in record.worker_names() if servers.running_on(worker) is None]
    if dead:
        raise Refusal(
            f"{', '.join(dead)} does not run: messages for its keys would wait for ever. "
            "Restart it with restart_worker.yml, or start the cluster afresh."
        )
    refuse_stopped(servers)
    refuse_without_ends(servers, record)
    return record
