# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts of the repository as pages of the site, at the places they have there; README is its first page."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CONTENTS = {
    "Using it": "installing upgrading steps variables real_machines troubleshooting verification runs metrics_page "
    "journal market_spread python awx",
    "Engines": "embedded_engine wallaroo bytewax flink adding_an_engine conformance",
    "How it is made": "design extending decisions/README",
}
"""The guides in docs/, in the order in which somebody meets them. What is new and not named comes last."""

BELOW = {
    "docs/decisions/README.md": "docs/decisions/0*.md",
    "docs/troubleshooting.md": "docs/troubleshooting/*.md",
}
"""Pages that are reached from another one."""

OF_THE_PROJECT = ("CONTRIBUTING", "SECURITY", "CODE_OF_CONDUCT")
REFERENCE = (
    *("reference/plugins/index", "Python API <reference/python>", "Results <reference/result>"),
    "Release notes <reference/changelog>",
)

LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
CODE = re.compile(r"^```.*?^```$", re.M | re.S)


def galaxy(root: Path) -> dict[str, Any]:
    """What the collection says of itself."""
    said: dict[str, Any] = yaml.safe_load((root / "galaxy.yml").read_text(encoding="utf-8"))
    return said


def write(root: Path, sources: Path) -> None:
    """Put all guides below a directory."""
    documents = [*sorted((root / "docs").rglob("*.md")), *(root / f"{name}.md" for name in ("README", *OF_THE_PROJECT))]
    for document in documents:
        page = sources / place(document.relative_to(root))
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("".join(_linked(root, document, documents)), encoding="utf-8")
    with (sources / "index.md").open("a", encoding="utf-8") as index:
        index.write("".join(_contents(root)))
    for page, below in BELOW.items():
        names = sorted(path.relative_to((root / page).parent).as_posix() for path in root.glob(below))
        with (sources / page).open("a", encoding="utf-8") as listed:
            listed.write(_tree("", [name.removesuffix(".md") for name in names]))
    for directory in ("docs/images", "docs/schemas"):
        shutil.copytree(root / directory, sources / directory)


def place(document: Path) -> Path:
    """Where a document of the repository is in the site."""
    return Path("index.md") if document == Path("README.md") else document


def _linked(root: Path, document: Path, documents: list[Path]) -> Iterator[str]:
    """The text with links that lead to the site's pages, and to the repository where the site has none."""

    def led(found: re.Match[str]) -> str:
        name, mark, anchor = found[1].partition("#")
        target = Path(os.path.normpath(document.parent / name))
        if "://" in name or not name or not target.exists():
            return found[1]
        if target in documents:
            page = os.path.relpath(root / place(target.relative_to(root)), document.parent)
            return f"{page}{mark}{anchor}"
        if target.suffix in (".png", ".json"):
            return name
        kind = "tree" if target.is_dir() else "blob"
        return f"{galaxy(root)['repository']}/{kind}/main/{target.relative_to(root)}"

    text = document.read_text(encoding="utf-8")
    last = 0
    for code in CODE.finditer(text):
        yield LINK.sub(led, text[last : code.start()])
        yield code[0]
        last = code.end()
    yield LINK.sub(led, text[last:])


def _contents(root: Path) -> Iterator[str]:
    there = {path.relative_to(root / "docs").with_suffix("").as_posix() for path in (root / "docs").glob("*.md")}
    there.add("decisions/README")
    for caption, names in CONTENTS.items():
        yield _tree(caption, [f"docs/{name}" for name in names.split() if name in there])
        there -= set(names.split())
    yield _tree("Reference", list(REFERENCE))
    yield _tree("The project", [*(f"docs/{name}" for name in sorted(there)), *OF_THE_PROJECT])


def _tree(caption: str, names: list[str]) -> str:
    listed = "\n".join(names)
    above = f":caption: {caption}\n" if caption else ""
    return f"\n```{{toctree}}\n:hidden:\n{above}:maxdepth: 1\n\n{listed}\n```\n"
