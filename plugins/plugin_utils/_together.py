# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What servers have in common, told once: their names in a few words, tables, and what was said already."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_RANGE = 3
"""From so many names in a row on they are told by the first and the last."""


def names(found: Iterable[str]) -> str:
    """Several names in a few words: ``server1 to server4``, ``server1, server3``."""
    rows: list[list[str]] = []
    for name in sorted(dict.fromkeys(found), key=_in_order):
        if rows and _follows(rows[-1][-1], name):
            rows[-1].append(name)
        else:
            rows.append([name])
    told = [[f"{row[0]} to {row[-1]}"] if len(row) >= _RANGE else row for row in rows]
    return ", ".join(one for row in told for one in row)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table; what is not known is empty, and shown as a dash. Columns that hold nothing are left out."""
    every = [list(row) for row in rows]
    columns = [number for number in range(len(header)) if any(row[number] for row in every)]
    lines = [[header[number] for number in columns], *([row[number] or "-" for number in columns] for row in every)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]


class SaidOnce:
    """Remembers what was said, since the same reason is handed on from step to step."""

    def __init__(self) -> None:
        self._said: list[str] = []

    def note(self, text: str) -> None:
        """It was said."""
        self._said.append(_plain(text))

    def knows(self, text: str) -> bool:
        """Whether all of it was said before, be it behind another beginning (``fail: ...``)."""
        return not self.new_of(text)

    def new_of(self, text: str) -> str:
        """What of it was not said before: a cause that is found later comes with what it explains."""
        plain = _plain(text)
        rest = _BEGINNING.sub("", plain)
        if any(one in said for one in (plain, rest) if one for said in self._said):
            return ""
        return next((plain[: -len(said)].rstrip() for said in self._said if plain.endswith(f". {said}")), text)


_BEGINNING = re.compile(r"^(?:verdict )?\w+: ")
"""A word that some reasons are handed on with."""

_REASON = re.compile(r"(?P<what>verdict: \w+|outcome: [a-z ]+|  then): (?P<why>.+)")
"""A line of a summary that gives a reason."""


def without_failures(summary: str, failures: Iterable[str]) -> str:
    """A summary for who has just read why a step failed: that is pointed to, and not told again."""
    told, lines = [_plain(one) for one in failures], []
    for line in summary.split("\n"):
        found = _REASON.fullmatch(line)
        if found is None:
            lines.append(line)
            continue
        why, what = _plain(found["why"]), found["what"]
        rest = next((why[len(one) + 2 :] for one in told if why.startswith(f"{one}. ")), why)
        if any(rest in one for one in told):
            # What followed is the failure itself.
            lines += [] if what.startswith(" ") else [f"{what}: why is said above"]
        else:
            lines.append(line if rest == why else f"{what}: {rest}.")
    return "\n".join(lines)


def _plain(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def _in_order(name: str) -> tuple[str, int]:
    stem, number = _parts(name)
    return (stem, number if number is not None else -1)


def _follows(one: str, other: str) -> bool:
    (stem, number), (other_stem, other_number) = _parts(one), _parts(other)
    return number is not None and stem == other_stem and other_number == number + 1


def _parts(name: str) -> tuple[str, int | None]:
    found = re.fullmatch(r"(.*?)([0-9]{1,9})", name)
    return (found[1], int(found[2])) if found else (name, None)
