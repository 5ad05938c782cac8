# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that a report shows of a run over time, from what the first server has; what is missing is told in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._catalogue.applications import application
from .._cluster import record
from .._formats.address_file import Address
from .._formats.detector import key_name
from .._formats.json_record import Damaged
from .._formats.sending_progress import FILE_NAME
from .._process import living
from . import metrics, received

FILE = "received/received.bin"
"""Of the receiver, below ``wallaroo_base``."""

_METRICS_UI, _SENDER = "metrics_ui", "sender"


def flow(wanted: Mapping[str, Any], now: float) -> dict[str, Any]:
    """What ``run_flow`` returns.

    :param wanted: its arguments.
    :param now: seconds since the epoch.
    """
    base = str(wanted["base"])
    file, progress = str(Path(base, FILE)), str(Path(base, "run", _SENDER, FILE_NAME))
    try:
        found = received.flow(file, progress, _keys(base), now)
        found["moments"] = received.moments(file, wanted["offsets"])
    except OSError as error:
        found = {"notes": [f"{error.filename or file} could not be read: {error.strerror or error}."]}
    except Damaged as error:
        found = {"notes": [f"What came out when is not known: {error}"]}
    try:
        seen = metrics.look(_metrics_ui(base), float(found.get("begin") or now), now, wanted["answer_timeout"])
    except (metrics.NoMetrics, Damaged, ValueError) as error:
        found["notes"].append(f"Throughput of each worker is missing: {error}.")
    else:
        found.update(seen)
        if seen["workers"] is None:
            found["notes"].append("Throughput of each worker is missing: no worker has told the metrics UI of it.")
    return found


def _keys(base: str) -> list[str]:
    """Those of the cluster; none when it is not known, or when its output has none."""
    cluster = record.read(base)
    if cluster is None or not application(cluster.application).is_verified:
        return []
    return [key_name(number) for number in range(cluster.keys)]


def _metrics_ui(base: str) -> Address:
    """Where the metrics UI of this server listens."""
    process = living.alive(base, _METRICS_UI)
    if process is None:
        raise metrics.NoMetrics("no metrics UI runs")
    return Address.parse(str(process.details.get("address") or ""))
