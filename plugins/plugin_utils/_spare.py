# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A spare: how it is started, and how a worker that is back gets its work again.

While a worker is away its spare has its work. A worker that comes back finds none, and the engine takes nothing from
whoever works. So the spare is ended as soon as the worker is there, and stands by again as soon as the worker works.
"""

from __future__ import annotations

from typing import Any

from ..module_utils._cluster.naming import SPARE
from ..module_utils._cluster.record import ClusterRecord
from ..module_utils._engines.contract import LISTENING, READY, Sparing
from ..module_utils._engines.registry import offered
from ._servers import Servers

Plan = dict[str, Any]


def started(record: ClusterRecord) -> Plan:
    """The call that starts the spare of a cluster, and waits until it stands by."""
    adapter = offered(record.engine, Sparing)
    command = adapter.spare(record)
    return _program(
        record,
        argv=command.argv,
        files=dict(command.files),
        environment=dict(command.environment),
        ready_pattern=adapter.spare_ready,
    )


def hand_back(servers: Servers, record: ClusterRecord, worker: str, wait_for: str) -> Plan:
    """What a plan that brings a worker back has of the spare.

    :param wait_for: what would be waited for without one.
    :returns: ``wait_for``: what is waited for; ``spare``: where it is, and the calls that ``end`` it, ``before`` or
        behind the start of the worker, and that let it ``begin`` again. Empty without one, and where its server does
        not answer.
    """
    home = record.spare_server.name
    if not record.spare or home not in servers.states:
        return {"wait_for": wait_for, "spare": {}}
    spare = {
        "server": home,
        "end": [_program(record, state="stopped")],
        "begin": [started(record)],
        # The leader gives the work away anew as it comes back: nobody is there then who should not have it.
        "before": record.worker_names()[0] == worker,
        "waits": wait_for == READY,
    }
    if spare["before"]:
        return {"wait_for": wait_for, "spare": spare}
    return {"wait_for": LISTENING, "spare": spare}


def again(servers: Servers, record: ClusterRecord) -> list[Plan]:
    """The call that starts the spare of a cluster that runs, when it has died."""
    if not record.spare:
        return []
    state = servers.states.get(record.spare_server.name) or {}
    known = (state.get("processes") or {}).get(SPARE) or {}
    return [] if known.get("alive") else [started(record)]


def _program(record: ClusterRecord, **arguments: Any) -> Plan:
    server = record.spare_server
    whose = {"base": server.base, "server": server.name, "name": SPARE}
    return {"module": "program", "arguments": {**whose, **arguments}}
