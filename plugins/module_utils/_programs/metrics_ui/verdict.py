# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last verdict of messages: metrics tell that a worker is busy, never that it has lost nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Optional

from .posted import TEXT_LIMIT, PostRefused, count, fields, moment, text

VERDICTS = ("pass", "fail", "unknown")

REASON_LIMIT = 1000
"""Characters of a reason."""

WORKERS_LIMIT = 64
"""Workers that are named."""

_FIELDS = ("verdict", "time", "run", "reason", "received", "expected", "violations", "workers", "application")


@dataclass(frozen=True)
class Verdict:
    """What a run has found."""

    verdict: str
    """``pass``, ``fail`` or ``unknown``."""
    time: float
    """When, in seconds since the epoch."""
    run: str
    """The playbook, such as ``verify``."""
    reason: str
    """Why it is not ``pass``; empty otherwise."""
    received: Optional[int]
    """How many messages came out."""
    expected: Optional[int]
    """How many should have."""
    violations: Optional[int]
    workers: tuple[str, ...]
    """Whom the run has crashed: what was lost, was lost with them."""
    application: Optional[str]
    """None: it concerns every application."""

    def to_dict(self) -> dict[str, Any]:
        """As the API shows it."""
        told = {name: value for name, value in asdict(self).items() if name != "application"}
        return {**told, "workers": list(self.workers)}

    def of_worker(self, name: str) -> Optional[str]:
        """The verdict of a worker that the run has crashed; None of one that it has not."""
        return self.verdict if name in self.workers else None


def read(given: object, now: float) -> Verdict:
    """A verdict that was posted.

    :raises PostRefused: when it is none.
    """
    known = fields(given, "verdict", _FIELDS)
    if known.get("verdict") not in VERDICTS:
        raise PostRefused(f"verdict is one of {', '.join(VERDICTS)}")
    workers = known.get("workers") or []
    if not isinstance(workers, list) or len(workers) > WORKERS_LIMIT or None in workers:
        raise PostRefused(f"workers is a list of {WORKERS_LIMIT} names at most")
    return Verdict(
        verdict=known["verdict"],
        time=moment(known, now),
        run=text(known, "run") or "",
        reason=text(known, "reason", REASON_LIMIT) or "",
        **{name: count(known, name) for name in ("received", "expected", "violations")},
        workers=tuple(text({"workers": worker}, "workers") or "" for worker in workers),
        application=text(known, "application", TEXT_LIMIT),
    )
