# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files were sent to a cluster, in which order: each sender's process keeps it, for who verifies what came out.

What was sent is known of the last round alone otherwise, and another round may have had other files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..module_utils._catalogue.applications import VERIFIED, application
from ..module_utils._cluster.record import ClusterRecord
from ..module_utils._engines.contract import EXACTLY_ONCE
from ._sent import AFRESH, Sent, known_of
from ._servers import Refusal, Servers
from ._stalled import told_of_stopped

_SENDINGS = "sendings"
"""Among the details of a sender's process: what it and those before it have sent, one for each round."""


def last_turn(processes: Mapping[str, Any]) -> int:
    """How many files were sent so far, whichever they were."""
    turns = (int(one["turn"]) for process in processes.values() for one in _sendings(process))
    return max(turns, default=0)


def details(process: Mapping[str, Any], number: int, sending: Mapping[str, Any]) -> dict[str, Any]:
    """What the process of a sender keeps besides its command line.

    :param process: the last one of this name; empty when there was none.
    :param number: the round.
    :param sending: ``turn``, its place among all that was sent; ``file``; ``made``, by which arguments of the
        generator, or empty; ``waited``, whether the next one is sent when it is known.
    """
    if process.get("alive"):
        # It is the one that is asked for, and is told by what it keeps.
        return dict(process.get("details") or {"round": number})
    return {"round": number, _SENDINGS: [*_sendings(process)[: number - 1], dict(sending)]}


def plan(arguments: Mapping[str, Any], servers: Servers, record: ClusterRecord) -> dict[str, Any]:
    """What ``verify.yml`` compares with: the verifier reads the files, and says itself how much must have come out.

    :raises Refusal: when what must have come out is not known, or other things are asked for.
    """
    if arguments["last"] is not None:
        raise Refusal(
            f"last={arguments['last']} cannot be used: {record.application} is sent files, all of which is verified."
        )
    if arguments["prove_detector"] or arguments["prove_seed"] is not None:
        raise Refusal(
            f"That the verifier can fail is proved with {VERIFIED} alone: leave prove_detector and prove_seed out."
        )
    return {
        "unchecked": "",
        "warnings": told_of_stopped(servers),
        "cluster": record.to_dict(),
        "server": record.first_server.name,
        "base": record.first_server.base,
        "leading": record.worker_names()[0],
        "expectation": record.application,
        "inputs": _of(servers, record),
        "expected": 0,
        "mode": arguments["mode"] or EXACTLY_ONCE,
        "prove_seed": None,
    }


def _of(servers: Servers, record: ClusterRecord) -> list[str]:
    """The files in the order in which they were sent, each as often as it was.

    :raises Refusal: when that is not known, or does not tell what must have come out.
    """
    first = record.first_server.name
    processes = servers.states[first].get("processes") or {}
    sendings: list[Mapping[str, Any]] = []
    for file in application(record.application).files:
        name = f"sender_{file.name}"
        sent = Sent.of(servers, first, name)
        process = processes.get(name) or {}
        if process.get("alive"):
            number = known_of(process, "round")
            raise Refusal(
                f"A sender of {file.name} is still running on {first}, in round {number}; "
                f"wait for it with start_sender.yml -e round={number}."
            )
        if not (sent.everything or sent.nothing):
            raise Refusal(
                f"The last sender of {file.name} (round {sent.round}) was interrupted: {sent.how_it_ended}. Of its "
                f"{sent.last} records {sent.told('those', '')}, so what must have come out is not known. {AFRESH}"
            )
        done = sent.round if sent.everything else max(sent.round - 1, 0)
        servers.require_readable("process", name, first)
        known = _sendings(process)
        if len(known) < done:
            raise Refusal(f"Which files of {file.name} were sent is not known: nobody has kept it. {AFRESH}")
        sendings += known[:done]
    if not sendings:
        raise Refusal("Nothing was sent yet, so there is nothing to verify; send with start_sender.yml.")
    _refuse_unknown(processes, sendings)
    return [str(one["file"]) for one in sorted(sendings, key=lambda one: int(one["turn"]))]


def _refuse_unknown(processes: Mapping[str, Any], sendings: Sequence[Mapping[str, Any]]) -> None:
    flowing = [str(one["file"]) for one in sendings if not one["waited"]]
    if flowing:
        raise Refusal(
            f"{flowing[0]} was sent with wait=false: which quotes an order met that flowed at the same time is not "
            f"known, so what must have come out is not, either. {AFRESH}"
        )
    # Also those of a sender that came to nothing: the files were made before it.
    made = {str(one["made"]) for process in processes.values() for one in _sendings(process) if one["made"]}
    if len(made) > 1 and any(one["made"] for one in sendings):
        raise Refusal(
            "The market data was made anew, with other arguments, after some of it had been sent, so what must have "
            f"come out is not known. {AFRESH}"
        )


def _sendings(process: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list((process.get("details") or {}).get(_SENDINGS) or [])
