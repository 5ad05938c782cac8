# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the metrics UI is to run, decided before anything is changed, and what it is told of a run that has ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..module_utils._cluster.record import ClusterRecord
from ..module_utils._engines.counting import Counting
from ..module_utils._engines.registry import engine
from ._servers import Servers

if TYPE_CHECKING:
    from ._outcomes.verified import Verified

EVERYWHERE = "0.0.0.0"
"""All addresses of a server."""


def metrics_ui(
    servers: Servers, wanted: ClusterRecord, arguments: Mapping[str, Any], placement: Mapping[str, str]
) -> dict[str, Any]:
    """Where the metrics UI is to run, or to be stopped; empty when there is none and none is wanted.

    It is bound to the internal address of server 1 unless told otherwise, and workers are told that address.
    """
    first, ports, runs = wanted.first_server, wanted.port_numbers, servers.metrics_ui()
    if not wanted.metrics_ui:
        return {"metrics_ui": {"state": "stopped", **runs} if runs else {}}
    host = arguments["metrics_ui_listen"] or first.address
    access = servers.access.get(first.name) or {}
    adapter = engine(wanted.engine)
    asked = adapter if isinstance(adapter, Counting) else None
    return {
        "metrics_ui": {
            "state": "started",
            # Whoever asked for it wants no cluster without it; a server that cannot have it is a warning otherwise.
            "required": bool(arguments["metrics_ui"]),
            "server": first.name,
            "base": first.base,
            "listen": f"{host}:{ports.metrics_ui}",
            # Everywhere is no address that could be called.
            "address": f"{first.address if host == EVERYWHERE else host}:{ports.metrics_ui}",
            "metrics": f"{first.address}:{ports.metrics}",
            # Whose workers send no metrics, and where their coordinator tells what they count.
            "asks": ["--ask", wanted.engine, "--at", str(asked.asked_at(wanted))] if asked else [],
            # What the inventory calls it; others could be names of somebody who lets them lead here.
            "names": sorted({first.name, *(str(access.get(key) or "") for key in ("controller", "host"))} - {""}),
            "placement": dict(placement),
        }
    }


def verdict(result: Verified) -> dict[str, Any]:
    """What the metrics UI shows of a run that looked at messages, as the module ``metrics_mark`` takes it."""
    return {
        "verdict": result.verdict,
        "run": result.playbook,
        "reason": result.reason,
        "received": result.received,
        "expected": result.expected,
        "violations": result.violation_count,
        "workers": sorted({one.worker for one in result.migrations} - {""}),
    }
