#!/usr/bin/env python3
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Knows what docs/troubleshooting/ says of each refusal, failure and warning.

messages.py             what the pages lack, and what they have that nothing says any more
messages.py "TEXT"      where they explain a message
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PAGES = "docs/troubleshooting"

HOLE = "\u2026"
"""What is put into a message while the program runs."""

ITEM = re.compile(r"^\* (`+)(.+)\1$")


@dataclass(frozen=True)
class Explained:
    """A message on a page, and the heading that says what it means and what to do."""

    text: str
    page: str
    heading: str
    prose: str


def explained(root: Path = ROOT) -> Iterator[Explained]:
    """All messages of all pages."""
    for path in sorted((root / PAGES).glob("*.md")):
        heading, prose = "", ""
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("## "):
                heading, prose = line[3:], ""
            elif item := ITEM.match(line):
                yield Explained(item[2].strip(), f"{PAGES}/{path.name}", heading, prose.strip())
            else:
                prose += f"{line}\n"


def find(said: str, root: Path = ROOT) -> list[Explained]:
    """Where a message is explained that stands in a text, whole or in part; the nearest first."""
    said = " ".join(said.split()).lower()

    def near(one: Explained) -> float:
        """How many letters both share, in parts that are long enough to be no chance."""
        if said in one.text.lower():
            return len(said)
        parts = [part.strip().lower() for part in one.text.split(HOLE)]
        shared = sum(len(part) for part in parts if len(part) >= _NO_CHANCE and part in said)
        return shared - _MISSING * sum(len(part) for part in parts if part not in said)

    ranked = sorted(((near(one), one) for one in explained(root)), key=lambda pair: -pair[0])
    return [one for rank, one in ranked if rank >= max(_NO_CHANCE, ranked[0][0] / 2)][:3]


_NO_CHANCE = 8
_MISSING = 0.25


def problems(collected: Mapping[str, list[str]], listed: list[Explained]) -> Iterator[str]:
    """What is to be done to the pages, a sentence for each message."""
    texts = [one.text for one in listed]
    headings = {one.text: f'{one.page}, "{one.heading}"' for one in listed}
    for text, places in collected.items():
        if text not in headings:
            file = places[0].split(":")[0]
            beside = {
                headings[other] for other, at in collected.items() if other in headings and at[0].startswith(file)
            }
            near = f" (others of {file} stand in {' and in '.join(sorted(beside)[:2])})" if beside else ""
            yield (
                f"{places[0]} says what no page explains. Put this line below the heading in {PAGES}/*.md that tells "
                f"what it means and what to do{near}:\n* `{text}`"
            )
    for text in sorted(set(texts) - set(collected)):
        yield f"Nothing says this any more; take it out of {headings[text]}:\n* `{text}`"
    for text in sorted({text for text in texts if texts.count(text) > 1}):
        yield f"This is explained twice:\n* `{text}`"


def main(words: list[str]) -> int:
    """Say it."""
    if words:
        found = find(" ".join(words))
        for one in found:
            print(f"{one.text}\n\n{one.prose}\n({one.page}, {one.heading!r})\n")
        if not found:
            print(f"No page explains this. Look through {PAGES}.md.", file=sys.stderr)
        return 0 if found else 1
    from tools.said import collected

    wrong = list(problems(collected(ROOT), list(explained())))
    print("\n\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
