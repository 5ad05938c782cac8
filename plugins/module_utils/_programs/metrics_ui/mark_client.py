# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Posting marks to a metrics UI on this server, whose token only its own user can read."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..._formats.address_file import Address
from ..._problem import Problem

TOKEN_FILE = "run/metrics_ui/token"  # noqa: S105  # the name of the file
"""Where the program writes its token, below ``wallaroo_base``."""

_REFUSED = 400


class MarksNotTaken(Problem):
    """Marks were not taken; the sentence says why."""


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


def post(base: str, address: Address, marks: Sequence[Mapping[str, Any]], limit: float) -> int:
    """Post marks; returns how many of them were new.

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
    new = 0
    try:
        for mark in marks:
            connection.request("POST", "/api/marks", json.dumps(dict(mark)), headers)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status >= _REFUSED:
                raise MarksNotTaken(f"the metrics UI at {address} refused a mark: {_sentence(body)}")
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
