# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks on the time axis: what a migration did to a worker, and when. The playbooks post them."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any, Optional

from .posted import PostRefused, fields, moment, text

KINDS = ("crash", "copy", "start", "resumed", "placed")
"""What a mark can tell. ``placed`` says only on which server a worker runs and is not shown on the axis."""

_FIELDS = {"kind", "time", "worker", "server", "text", "application"}


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
        :raises PostRefused: when it is no mark.
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

    def crashed_since(self, time: float) -> list[str]:
        """The workers that have crashed after a time, each once, in the order of their first crashes."""
        crashes = [mark for mark in self._marks if mark.kind == "crash" and mark.time > time]
        return list(dict.fromkeys(mark.worker for mark in sorted(crashes, key=lambda mark: mark.time) if mark.worker))

    @property
    def newest(self) -> int:
        """The number of the newest mark; 0 when there is none."""
        return self._marks[-1].id if self._marks else 0

    def _read(self, given: object, now: float) -> Mark:
        known = fields(given, "mark", _FIELDS)
        if known.get("kind") not in KINDS:
            raise PostRefused(f"kind is one of {', '.join(KINDS)}")
        return Mark(
            id=self._next,
            kind=known["kind"],
            time=moment(known, now),
            worker=text(known, "worker"),
            server=text(known, "server"),
            text=text(known, "text") or "",
            application=text(known, "application"),
        )
