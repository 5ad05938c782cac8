# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the workers of a server have come: figures for people, which decide nothing.

What is not known is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._cluster.record import ClusterRecord
from .._engines.registry import engine, files_at
from .._formats.address_file import Address

METRICS_UI = "metrics_ui"
"""The name of its process."""

_LIMIT = 2.0
"""Seconds for its answer."""

_COMPLETED = re.compile(
    r'wallaroo_pipeline_latency_seconds_count\{(?:[^}]*,)?worker="((?:[^"\\]|\\.)*)"[^}]*\} ([0-9]+)(?:\.0)?'
)
"""Messages that came to the end of a pipeline, by worker (``_programs/metrics_ui/prometheus.py``)."""


def figures(state: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """``checkpoints``: worker -> the last one that its files here have as committed; ``messages``: worker -> how many
    messages have come out of it, as far as the metrics UI of this server has heard.

    :param state: what this server knows.
    """
    return {"checkpoints": _checkpoints(state), "messages": _messages(state)}


def _checkpoints(state: Mapping[str, Any]) -> dict[str, int]:
    if not state.get("cluster"):
        return {}
    record = ClusterRecord.from_dict(state["cluster"])
    found = {}
    for worker, known in (state.get("workers") or {}).items():
        if known.get("resilience") in ("complete", "incomplete"):
            try:
                found[worker] = int(
                    engine(record.engine).progress(files_at(state["base"], record, worker))["committed"]
                )
            except (OSError, ValueError, KeyError, TypeError):
                # Damaged, or just being written.
                continue
    return found


def _messages(state: Mapping[str, Any]) -> dict[str, int]:
    process = (state.get("processes") or {}).get(METRICS_UI) or {}
    if not process.get("alive") or process.get("stopped"):
        return {}
    try:
        return completed(_metrics(Address.parse(str(process["details"]["address"]))))
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _metrics(address: Address) -> str:
    # Only here: each look at a server would wait for it, and few ask for figures.
    import http.client

    connection = http.client.HTTPConnection(address.host, address.port, timeout=_LIMIT)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        return answer.read().decode("utf-8", "replace") if answer.status == http.client.OK else ""
    except http.client.HTTPException:
        return ""
    finally:
        connection.close()


def completed(text: str) -> dict[str, int]:
    """Worker -> messages that it has completed.

    :param text: the metrics as Prometheus reads them.
    """
    found: dict[str, int] = {}
    for worker, number in _COMPLETED.findall(text):
        found[worker] = found.get(worker, 0) + int(number)
    return found
