# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what stands in a document: its headings, its links, its blocks of commands."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+?)\s*$", re.MULTILINE)
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)

OWN_CLUSTER = ". .venv/bin/activate"
"""The first of README's commands for one's own cluster, which are one shell."""


def headings(document: Path) -> list[str]:
    return HEADING.findall(BLOCK.sub("", document.read_text(encoding="utf-8")))


def anchors(document: Path) -> set[str]:
    """What a link into a document may name, as GitHub makes it of headings."""
    return {re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-") for name in headings(document)}


def links(document: Path) -> list[str]:
    """Where a document leads that is not elsewhere in the world."""
    found = LINK.findall(BLOCK.sub("", document.read_text(encoding="utf-8")))
    return [unquote(link) for link in found if "://" not in link and not link.startswith("mailto:")]


def dead_links(document: Path) -> list[str]:
    """Links that name a file or a place in one that is not there."""
    dead = []
    for link in links(document):
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            dead.append(link)
    return dead


def commands(document: Path) -> list[str]:
    """The commands of its shell blocks, one after the other, without what is said beside them."""
    blocks = re.findall(r"^```shell\n(.*?)^```", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [command for block in blocks for command in commands_of(block)]


def on_this_machine(readme: Path) -> list[str]:
    """README's commands before those for one's own cluster."""
    found = commands(readme)
    return found[: found.index(OWN_CLUSTER)]


def own_cluster(readme: Path) -> list[str]:
    """README's commands for one's own cluster, up to the last one."""
    found = commands(readme)
    return found[found.index(OWN_CLUSTER) :]


def commands_of(block: str) -> list[str]:
    """Its commands: a line each, or several that end in a backslash, or with what is given to them as it stands."""
    found: list[str] = []
    lines = iter(block.splitlines())
    for line in lines:
        whole = line
        while whole.endswith("\\"):
            whole = f"{whole[:-1].rstrip()} {next(lines).strip()}"
        given = re.search(r"<<'(\w+)'$", whole)
        while given and not whole.endswith(f"\n{given[1]}"):
            whole += f"\n{next(lines)}"
        if whole.strip():
            found.append(whole if given else re.sub(r"\s+# .*$", "", whole))
    return found
