# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run was about, in words: verdict and scope, what happened when, where the downtime went, what was wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from .stored import Stored
from .words import counted, duration, ranges, seconds_of, size

GOOD, BAD, OPEN = "good", "bad", "open"
"""How the page looks."""

_TONES = {
    "pass": GOOD,
    "moved": GOOD,
    "restarted": GOOD,
    "nothing to do": GOOD,
    "fail": BAD,
    "rolled back": BAD,
    "unfinished": BAD,
    "refused": BAD,
}

_PARTS = (
    ("killed", "died", "to die"),
    ("died", "copied", "to copy and prove its files"),
    ("copied", "started", "to write the addresses and start it"),
    ("died", "started", "to start it again"),
    ("started", "resumed", "to recover, until it processed messages again"),
)
"""Moments of a migration between which the downtime went, and for what."""


@dataclass(frozen=True)
class Headline:
    """What stands on top."""

    word: str
    tone: str
    scope: str
    reason: str


@dataclass(frozen=True)
class Happening:
    """Something that was done to a worker."""

    kind: str
    """``crash``, ``copy``, ``start``, ``resumed``."""
    at: float
    worker: str
    server: str
    text: str
    number: int = 0
    """Of the crash that it belongs to, as in the plots."""


@dataclass(frozen=True)
class Part:
    """A piece of a downtime."""

    seconds: float
    what: str


@dataclass(frozen=True)
class Move:
    """A crash of a worker and its return."""

    number: int
    data: Mapping[str, Any]
    killed: Optional[float]
    resumed: Optional[float]
    parts: Sequence[Part] = ()

    @property
    def in_place(self) -> bool:
        """Whether the worker was to stay where it was."""
        return self.data.get("src") == self.data.get("dst")

    @property
    def route(self) -> str:
        """From where to where."""
        via = " through the journal server" if self.data.get("via") == "journal" else ""
        src, dst = self.data.get("src"), self.data.get("dst")
        return f"restarted on {dst}" if self.in_place else f"{src} → {dst}{via}"

    @property
    def outcome(self) -> str:
        """What became of it."""
        return str(self.data.get("outcome") or ("restarted" if self.resumed else "unfinished"))


@dataclass(frozen=True)
class Witness:
    """A violation, and what the cluster was doing then."""

    data: Mapping[str, Any]
    came: Optional[float]
    meanwhile: str
    around: Sequence[str] = field(default_factory=list)


def headline(run: Stored) -> Headline:
    """The verdict, or of a run that looked at no message its outcome, with what it covers and why."""
    result = run.result
    word = str(result.get("outcome") or result.get("verdict") or "unknown")
    reason = str(result.get("reason") or "")
    negative = str((result.get("negative") or {}).get("sentence") or "")
    if negative and not reason.lower().startswith(negative.lower()):
        reason = f"{negative[0].upper()}{negative[1:]}. {reason}"
    reason = reason or str(result.get("unsent") or "")
    if not result:
        reason = " ".join(run.missing)
    return Headline(word, _TONES.get(word, OPEN), str(result.get("scope") or _scope(result)), reason)


def _scope(result: Mapping[str, Any]) -> str:
    expected, received = int(result.get("expected") or 0), int(result.get("received") or 0)
    if result.get("outcome"):
        return "A copy and a start were looked at, and no message."
    if not expected and not received:
        return "Nothing is known of messages."
    keys = counted(int(result.get("keys") or 0), "key")
    crashes = len(result.get("migrations") or [])
    through = f" through {counted(crashes, 'crash', 'crashes')}" if crashes else ""
    if result.get("verdict") == "pass":
        return (
            f"All {expected:,} messages of {keys} came out as they must{through}: nothing lost, repeated or reordered."
        )
    return f"{received:,} of {expected:,} messages of {keys} came out{through}."


def moves(run: Stored) -> list[Move]:
    """All crashes and returns of a run."""
    found = []
    for number, data in enumerate(run.result.get("migrations") or [], 1):
        moments = {name: seconds_of(data.get(name)) for name in ("killed", "died", "copied", "started", "resumed")}
        back = f"to try it on {data.get('dst')}, and start it on {data.get('src')} again"
        texts = {("copied", "started"): back, ("died", "started"): back} if data.get("outcome") == "rolled back" else {}
        found.append(Move(number, data, moments["killed"], moments["resumed"], _parts(moments, texts)))
    return found


def _parts(moments: Mapping[str, Optional[float]], others: Mapping[tuple[str, str], str]) -> list[Part]:
    known = [(name, at) for name, at in moments.items() if at is not None]
    what = {**{(begin, end): text for begin, end, text in _PARTS}, **others}
    parts = []
    for (begin, since), (end, until) in zip(known, known[1:]):
        if until < since:
            # Clocks of two servers that are not the same: how it went inside is not known.
            return []
        parts.append(Part(until - since, what.get((begin, end), f"from {begin} to {end}")))
    return parts


def happenings(run: Stored) -> list[Happening]:
    """What was done to workers, in the order of time; of a run that did nothing itself, what the metrics UI knows."""
    found: list[Happening] = []
    for move in moves(run):
        data = move.data
        src, dst = str(data.get("src")), str(data.get("dst"))
        back = src if data.get("outcome") == "rolled back" else dst
        rows = [
            ("crash", "killed", src, "killed (SIGKILL)"),
            ("copy", "copied", dst, f"files copied and proved, {size(int(data.get('copied_bytes') or 0))}"),
            ("start", "started", back, "started"),
            ("resumed", "resumed", back, "processes messages again"),
        ]
        for kind, name, server, text in rows:
            at = seconds_of(data.get(name))
            if at is not None and not (kind == "copy" and move.in_place):
                found.append(Happening(kind, at, str(data.get("worker")), server, text, move.number))
    if not found:
        found = [_marked(mark) for mark in run.flow.get("marks") or [] if mark.get("kind") in _MARKED]
    return sorted(found, key=lambda one: one.at)


_MARKED = {"crash": "killed", "copy": "files copied", "start": "started", "resumed": "processes messages again"}


def _marked(mark: Mapping[str, Any]) -> Happening:
    text = _MARKED[mark["kind"]] + (f", {mark['text']}" if mark.get("text") else "")
    return Happening(mark["kind"], float(mark["time"]), str(mark.get("worker")), str(mark.get("server")), text)


def witnesses(run: Stored) -> list[Witness]:
    """The violations, each with when it came and what the cluster was doing."""
    moments = run.flow.get("moments") or {}
    found = []
    for data in run.result.get("violations") or []:
        came = None if data.get("position") == -1 else seconds_of(moments.get(str(data.get("offset"))))
        around = data.get("around") or []
        found.append(Witness(data, came, _meanwhile(run, came), [str(one) for one in around]))
    return found


def _meanwhile(run: Stored, at: Optional[float]) -> str:
    """What the cluster was doing at a moment."""
    if at is None:
        return ""
    for move in moves(run):
        if move.killed and move.killed <= at and (move.resumed is None or at < move.resumed):
            return f"while {move.data.get('worker')} was down (crash {move.number})"
    before = [one for one in happenings(run) if one.at <= at]
    if not before:
        return "before anything was done to a worker"
    last = before[-1]
    return f"{duration(at - last.at)} after {last.worker} on {last.server}: {last.text}"


def losses(run: Stored) -> list[tuple[str, str, int]]:
    """Per key which values are missing, and how many."""
    found: dict[str, list[Sequence[int]]] = {}
    for data in run.result.get("violations") or []:
        key = str(data.get("missing_in") or data.get("key"))
        missing = data.get("lost") or data.get("missing")
        # What was never sent is not lost.
        sent = (run.flow.get("keys") or {}).get(key, {}).get("sent")
        if missing and (sent is None or missing[0] <= sent):
            found.setdefault(key, []).append([missing[0], missing[1] if sent is None else min(missing[1], sent)])
    return [
        (key, ", ".join(map(ranges, gaps)), sum(last - first + 1 for first, last in gaps))
        for key, gaps in sorted(found.items(), key=lambda item: _natural(item[0]))
    ]


def _natural(key: str) -> tuple[str, int]:
    name = key.rstrip("0123456789")
    return name, int(key[len(name) :] or 0)


def tone(word: str) -> str:
    """How a verdict or an outcome looks."""
    return _TONES.get(word, OPEN)
