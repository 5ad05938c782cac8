# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks on the time axis: what a migration did to a worker, and when. The playbooks post them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Optional

KINDS = ("crash", "copy", "start", "resumed", "placed")
"""What a mark can tell. ``placed`` says only on which server a worker runs and is not shown on the axis."""

TEXT_LIMIT = 200
"""Characters of one text of a mark."""

_FIELDS = {"kind", "time", "worker", "server", "text", "application"}


class MarkRefused(ValueError):
    """Something that is no mark; says why."""


@dataclass(frozen=True)
class Mark:
    """One mark."""

    id: int
    """Rises by one from mark to mark."""
    kind: str
    time: float
    """Seconds since the epoch."""
    worker: Optional[str]
    server: Optional[str]
    """Where that happened."""
    text: str
    application: Optional[str]
    """None: it concerns every application."""

    def to_dict(self) -> dict[str, Any]:
        """As the API shows it."""
        return {name: value for name, value in asdict(self).items() if name != "application"}


class Marks:
    """The newest marks. The same mark posted twice is one mark, so whoever is not sure posts it again.

    So is that a worker is where it was known to be.
    """

    def __init__(self, limit: int = 1000) -> None:
        self._marks: deque[Mark] = deque(maxlen=limit)
        self._servers: dict[str, tuple[float, str]] = {}
        self._limit = limit
        self._next = 1

    def post(self, given: object, now: float) -> tuple[Mark, bool]:
        """Take a mark; returns it, and whether it is new.

        :param given: what was posted: a mapping with ``kind`` and, optionally, ``time`` (default: now), ``worker``,
            ``server``, ``text`` and ``application``.
        :raises MarkRefused: when it is no mark.
        """
        mark = self._read(given, now)
        if mark.kind == "placed" and mark.server is not None and self.server_of(mark.worker or "") == mark.server:
            return mark, False
        for old in self._marks:
            if (old.kind, old.time, old.worker, old.server) == (mark.kind, mark.time, mark.worker, mark.server):
                return old, False
        self._next += 1
        self._marks.append(mark)
        if mark.worker and mark.server and mark.kind != "copy":
            known = self._servers.get(mark.worker)
            # A crash says where a worker was; so does a start, later.
            if (known is None or known[0] <= mark.time) and (known or len(self._servers) < self._limit):
                self._servers[mark.worker] = (mark.time, mark.server)
        return mark, True

    def server_of(self, worker: str) -> Optional[str]:
        """The server that a worker was last seen on, as far as marks tell."""
        known = self._servers.get(worker)
        return known[1] if known else None

    def between(self, begin: float, end: float, application: Optional[str] = None) -> list[dict[str, Any]]:
        """The marks of a time that are shown on its axis, oldest first."""
        found = [
            mark
            for mark in self._marks
            if begin <= mark.time <= end
            and mark.kind != "placed"
            and (application is None or mark.application in (None, application))
        ]
        return [mark.to_dict() for mark in sorted(found, key=lambda mark: (mark.time, mark.id))]

    def _read(self, given: object, now: float) -> Mark:
        if not isinstance(given, Mapping):
            raise MarkRefused("a mark is a JSON object")
        unknown = sorted(set(given) - _FIELDS)
        if unknown:
            named = ", ".join(map(str, unknown))[:TEXT_LIMIT]
            raise MarkRefused(f"a mark has no {named.encode(errors='backslashreplace').decode()}")
        if given.get("kind") not in KINDS:
            raise MarkRefused(f"kind is one of {', '.join(KINDS)}")
        time = given.get("time", now)
        # Compared and never subtracted: a whole number may be larger than any float.
        if isinstance(time, bool) or not isinstance(time, (int, float)) or not now - 86400 <= time <= now + 86400:
            raise MarkRefused("time is in seconds since the epoch and within a day of now")
        texts = {name: given.get(name) for name in ("worker", "server", "text", "application")}
        for name, text in texts.items():
            if text is not None and not (isinstance(text, str) and 0 < len(text) <= TEXT_LIMIT and _whole(text)):
                raise MarkRefused(f"{name} is a text of 1 to {TEXT_LIMIT} characters")
        return Mark(
            id=self._next,
            kind=given["kind"],
            time=float(time),
            worker=texts["worker"],
            server=texts["server"],
            text=texts["text"] or "",
            application=texts["application"],
        )


def _whole(text: str) -> bool:
    # JSON can name half a character, which no answer could be written with.
    return text.isascii() or text.encode(errors="replace").decode() == text
