# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tree refers to is in the tree: places in docs/wallaroo.md and docs/design.md, and links of all documents.

A place is named as ``wallaroo.md, B.5``, ``wallaroo.md, Trap 6`` or ``design.md, "Life of a migration"``; one name of
a document may be followed by several places. Trap and section numbers alone, and documents that no clone has, fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents import dead_links, headings

PLACES = (
    "plugins", "roles", "playbooks", "tests", "molecule", "docs", "inventory", "awx", "tools", "runner", "meta",
)  # fmt: skip
KINDS = {".py", ".md", ".yml", ".yaml", ".j2", ".cfg", ".sh", ".txt", ".mjs", ".js", ".css", ".html", ".toml"}

TRAPS = r"Traps? \d+(?: and \d+)*|Traps\b"
SECTION = r"(?:section )?(?:[A-L](?:\.\d+)?|0)\b"
PLACE = rf'(?:{TRAPS}|{SECTION}|"[^"]+")'
REFERENCE = re.compile(rf"\b(wallaroo|design)\.md, (?={PLACE})({PLACE}(?:(?:, and|,| and| to) {PLACE})*)")
STRAY = re.compile(
    rf"\b[Rr]eference,? (?:{TRAPS}|section\b|[A-L](?:\.\d+)?[,;).]|\")|\bDESIGN\b|\bTraps? \d+|\b[A-L]\.\d+\b"
    r"|\b(?:wallaroo|design)\.md,"
)


def texts(repository: Path) -> Iterator[Path]:
    """Every file that people read, but the document of the facts itself and this one."""
    yield from (path for path in repository.iterdir() if path.is_file() and path.suffix in KINDS)
    for place in PLACES:
        for path in (repository / place).rglob("*"):
            if path.suffix in KINDS and path.is_file() and path.name not in ("wallaroo.md", Path(__file__).name):
                yield path


def running_text(path: Path) -> str:
    """A file without its line ends, and without the marks of comments at the beginnings of lines."""
    return re.sub(r"\s*\n\s*(?:#:? )?", " ", path.read_text(encoding="utf-8"))


def numbers(names: list[str]) -> set[str]:
    """What can be named by number: ``0``, ``B``, ``B.5``, ``Trap 6``."""
    matches = (re.match(r"(?:(Trap \d+): |([A-L]\.\d+|[A-L0](?=\.)))", name) for name in names)
    return {match[1] or match[2] for match in matches if match}


def named(places: str) -> list[str]:
    """The single places of a reference: ``Traps 2 and 3`` are two."""
    found = []
    for place in re.findall(PLACE, places):
        if re.match(r"Traps? \d", place):
            found += [f"Trap {number}" for number in re.findall(r"\d+", place)]
        else:
            found.append(place.removeprefix("section ").strip('"'))
    return found


def test_every_place_that_is_named_is_there(repository: Path) -> None:
    known = {}
    for name in ("wallaroo", "design"):
        there = headings(repository / "docs" / f"{name}.md")
        known[name] = {*there, *numbers(there)}
    wrong, seen = [], 0
    for path in texts(repository):
        for document, places in REFERENCE.findall(running_text(path)):
            seen += 1
            wrong += [
                f"{path.relative_to(repository)}: {document}.md has no {place}"
                for place in named(places)
                if place not in known[document]
            ]
    assert wrong == []
    assert seen > 150, "references are found at all"


def test_nothing_is_named_in_another_way(repository: Path) -> None:
    wrong = [
        f"{path.relative_to(repository)}: {stray}"
        for path in texts(repository)
        for stray in STRAY.findall(REFERENCE.sub("", running_text(path)))
    ]
    assert wrong == []


def test_the_facts_name_their_own_places_rightly(repository: Path) -> None:
    document = repository / "docs" / "wallaroo.md"
    names = numbers(headings(document))
    text = running_text(document)
    assert {f"Trap {number}" for number in range(1, 41)} <= names
    assert set(re.findall(r"\b[A-L]\.\d+\b", text)) <= names
    assert {f"Trap {number}" for number in re.findall(r"\bTraps? (\d+)", text)} <= names


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("(wallaroo.md, B.5, C.1)", ["B.5", "C.1"]),
        ('wallaroo.md, Trap 6 and "Observed")', ["Trap 6", "Observed"]),
        ("(wallaroo.md, Traps 2 and 3)", ["Trap 2", "Trap 3"]),
        ("(wallaroo.md, A.1 to A.3)", ["A.1", "A.3"]),
        ("(wallaroo.md, section 0); 0.5.3 does not", ["0"]),
        ("see docs/wallaroo.md, A.", ["A"]),
        ("(wallaroo.md, A, B, C.1, F, Traps)", ["A", "B", "C.1", "F", "Traps"]),
    ],
)
def test_how_places_are_named(text: str, places: list[str]) -> None:
    (found,) = REFERENCE.findall(text)
    assert named(found[1]) == places
    assert STRAY.findall(REFERENCE.sub("", text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "(reference, Trap 6)", "(reference C.1)", "(reference, section 0)", "(Trap 6)", "(E.2)",
        'DESIGN.md, "Words"', '(reference, "Observed")', "wallaroo.md, somewhere",
    ],
)  # fmt: skip
def test_what_counts_as_another_way(text: str) -> None:
    assert STRAY.findall(REFERENCE.sub("", text))


def test_links_of_documents_lead_somewhere(repository: Path) -> None:
    documents = [path for path in [*texts(repository), repository / "docs" / "wallaroo.md"] if path.suffix == ".md"]
    dead = {document.relative_to(repository).as_posix(): dead_links(document) for document in documents}
    assert {document: found for document, found in dead.items() if found} == {}


def test_every_decision_is_listed_and_names_code_that_exists(repository: Path) -> None:
    directory = repository / "docs" / "decisions"
    listed = re.findall(r"^\| \[(\d{4})\]\((.+?)\) \| (.+) \|$", (directory / "README.md").read_text(), flags=re.M)
    records = sorted(path for path in directory.glob("*.md") if path.name != "README.md")
    assert [name for _, name, _ in listed] == [path.name for path in records]
    homes = (repository, repository / "plugins" / "module_utils", repository / "plugins" / "plugin_utils")
    for (number, _, title), path in zip(listed, records):
        assert headings(path) == [f"{int(number)}. {title}", "Context", "Decision", "Consequences"]
        named_code = re.findall(r"`([^`]+)`", running_text(path).rsplit("In the code: ", 1)[1])
        missing = [name for name in named_code if not any((home / name).exists() for home in homes)]
        assert missing == [], path.name


def test_unit_tests_lie_where_lies_what_they_test(repository: Path) -> None:
    """Below tests/unit/ by the path below plugins/, without module_utils and leading underscores."""

    def rooms(top: Path) -> set[Path]:
        return {path.parent.relative_to(top) for path in top.rglob("*.py")}

    plugins = {Path(*(part.lstrip("_") for part in room.parts)) for room in rooms(repository / "plugins")}
    library = {Path(*room.parts[1:]) for room in plugins if room.parts[:1] == ("module_utils",)}
    roles = {Path("roles", path.name) for path in (repository / "roles").iterdir()}
    elsewhere = {Path("awx"), Path("packaging")}
    assert rooms(repository / "tests" / "unit") - plugins - library - roles - elsewhere == set()
