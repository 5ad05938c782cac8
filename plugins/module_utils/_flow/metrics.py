# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the metrics UI of this server knows of a run: throughput of each worker, latencies, and marks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Optional
from urllib.parse import quote

from .._formats.address_file import Address
from .._problem import Problem

if TYPE_CHECKING:
    import http.client

RECENT, HOUR = "5m", "1h"

_RECENT = 300
"""Seconds of which it keeps two seconds each apart."""

_LARGEST = 8 << 20
_OK = 200


class NoMetrics(Problem):
    """The metrics UI does not tell; the sentence says why."""


def look(address: Address, begin: float, until: float, limit: float) -> dict[str, Any]:
    """What it has of a time.

    :param begin: in seconds since the epoch.
    :param until: now, in seconds since the epoch.
    :param limit: seconds for each answer.
    :raises NoMetrics: when it does not answer, or cannot be understood.
    """
    # It loads all that TLS needs, which a run without a metrics UI need not wait for.
    import http.client

    connection = http.client.HTTPConnection(address.host, address.port, timeout=limit)
    try:
        applications = _get(connection, "/api/applications")["applications"]
        marks = _get(connection, "/api/marks")["marks"]
        heard = [one for one in applications if one.get("heard")]
        if not heard:
            return {"workers": None, "pipelines": [], "marks": marks}
        name = quote(max(heard, key=lambda one: float(one["heard"]))["name"], safe="")
        span = RECENT if until - begin < _RECENT else HOUR
        seen = _get(connection, f"/api/overview?application={name}&range={span}")
        return {
            "workers": _workers(seen["chart"], begin),
            "pipelines": [{"name": row["name"], "percentiles": row["percentiles"]} for row in seen["pipelines"]],
            "marks": marks,
        }
    except (OSError, http.client.HTTPException) as error:
        raise NoMetrics(f"the metrics UI at {address} does not answer: {error or type(error).__name__}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoMetrics(f"what the metrics UI at {address} says cannot be understood: {error!r}") from error
    finally:
        connection.close()


def _workers(chart: dict[str, Any], begin: float) -> Optional[dict[str, Any]]:
    """The chart without the time before the run."""
    step, first = float(chart["step"]), float(chart["begin"])
    skipped = max(0, int((begin - first) / step))
    lines = [{"name": str(line["name"]), "values": line["values"][skipped:]} for line in chart["lines"]]
    if not any(value for line in lines for value in line["values"]):
        return None
    return {"begin": first + skipped * step, "step": step, "lines": lines, "left_out": int(chart["left_out"])}


def _get(connection: http.client.HTTPConnection, path: str) -> Any:
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read(_LARGEST)
    if answer.status != _OK:
        raise ValueError(f"{path}: status {answer.status}")
    return json.loads(body)
