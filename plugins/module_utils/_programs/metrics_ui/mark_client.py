# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Posting marks and a verdict to a metrics UI on this server, whose token only its own user can read."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

from ..._formats.address_file import Address
from ..._problem import Problem
from .verdict import REASON_LIMIT, WORKERS_LIMIT

TOKEN_FILE = "run/metrics_ui/token"  # noqa: S105  # the name of the file
"""Where the program writes its token, below ``wallaroo_base``."""

_REFUSED = 400


class MarksNotTaken(Problem):
    """What was posted was not taken; the sentence says why."""


def happened(marks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The marks of what has happened, typed: what has a ``time`` that is empty has not.

    :raises ValueError: when a time is no number.
    """
    found = []
    for mark in marks:
        given = {name: value for name, value in mark.items() if value not in (None, "")}
        if "time" not in mark or "time" in given:
            # Ansible makes texts of numbers.
            found.append({**given, "time": float(given["time"])} if "time" in given else given)
    return found


def told(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """A verdict as it is posted: typed, without what is not known, and of a length that is taken.

    :raises ValueError: when what should be a number is none.
    """
    given: dict[str, Any] = {name: value for name, value in verdict.items() if value not in (None, "")}
    for name in ("received", "expected", "violations"):
        if name in given:
            # Ansible makes texts of numbers.
            given[name] = int(given[name])
    workers = [str(worker) for worker in given.pop("workers", [])][:WORKERS_LIMIT]
    if len(given.get("reason", "")) > REASON_LIMIT:
        given["reason"] = given["reason"][: REASON_LIMIT - 1] + "…"
    return {**given, "workers": workers} if workers else given


def post(
    base: str,
    address: Address,
    marks: Sequence[Mapping[str, Any]],
    limit: float,
    verdict: Optional[Mapping[str, Any]] = None,
) -> int:
    """Post marks, and then a verdict; returns how many of them were new, of which a verdict always is.

    :param address: where the metrics UI listens.
    :param limit: seconds for each answer.
    :raises MarksNotTaken: when nobody takes them, or one is refused.
    """
    try:
        token = Path(base, TOKEN_FILE).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise MarksNotTaken(f"the token of the metrics UI cannot be read: {error}") from error
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(address.host, address.port, timeout=limit)
    posts = [("mark", "/api/marks", mark) for mark in marks]
    if verdict:
        posts.append(("verdict", "/api/verdict", verdict))
    new = 0
    try:
        for what, path, one in posts:
            connection.request("POST", path, json.dumps(dict(one)), headers)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status >= _REFUSED:
                raise MarksNotTaken(f"the metrics UI at {address} refused a {what}: {_sentence(body)}")
            new += answer.status == http.client.CREATED
    except (OSError, http.client.HTTPException) as error:
        raise MarksNotTaken(f"the metrics UI at {address} does not answer: {error or type(error).__name__}") from error
    finally:
        connection.close()
    return new


def _sentence(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])[:200]
    except (ValueError, KeyError, TypeError):
        return repr(body[:80])
