# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever puts a message of the product into a search finds what it means and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import messages, said


@pytest.fixture(scope="module")
def collected(repository: Path) -> dict[str, list[str]]:
    return said.collected(repository)


def test_every_message_is_explained_once_and_none_that_nothing_says(
    repository: Path, collected: dict[str, list[str]]
) -> None:
    assert "\n\n".join(messages.problems(collected, list(messages.explained(repository)))) == ""
    assert len(collected) > 600, "messages are found at all"


def test_every_explanation_has_words_of_its_own(repository: Path) -> None:
    for one in messages.explained(repository):
        assert one.heading, one
        assert len(one.prose) > 40, one


def test_every_page_is_reached_from_the_first(repository: Path) -> None:
    first = (repository / "docs" / "troubleshooting.md").read_text()
    for page in (repository / messages.PAGES).glob("*.md"):
        assert f"(troubleshooting/{page.name})" in first


@pytest.mark.parametrize(
    ("pasted", "heading"),
    [
        (
            "worker2 runs on server4 already; two owners would destroy its state. Nothing was started.",
            "A move or a copy is refused",
        ),
        (
            "FAILED! => Another run works on these servers: migrate.yml by alice. Wait for it, or end it.",
            "Another run is at work",
        ),
        ("There is no variable wroker (did you mean worker?): migrate.yml takes worker, src, dst.", "A variable is"),
        ("wallaroo_runs=/nowhere: the folder of this run could not be made (no permission)", "The folder of a run"),
        ("two owners would destroy its state", "A move or a copy is refused"),
    ],
)
def test_a_message_is_found_by_what_was_pasted(repository: Path, pasted: str, heading: str) -> None:
    assert messages.find(pasted, repository)[0].heading.startswith(heading)


def test_a_new_message_is_told_with_the_place_for_it(repository: Path, collected: dict[str, list[str]]) -> None:
    of_owners = next(place for places in collected.values() for place in places if "_owners.py" in place)
    listed = list(messages.explained(repository))
    (told,) = messages.problems({**collected, "a server … is on fire": [of_owners]}, listed)
    assert told.startswith(of_owners)
    assert told.endswith("\n* `a server … is on fire`")
    assert 'docs/troubleshooting/servers.md, "A server does not answer"' in told
    (told,) = messages.problems({text: places for text, places in collected.items() if text != listed[0].text}, listed)
    assert told.startswith("Nothing says this any more; take it out of docs/troubleshooting/arguments.md")


def test_what_reaches_people_is_collected(tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (tmp_path / "tools").mkdir()
    for name in ("environment.py", "links.py", "prerequisites.sh"):
        (tmp_path / "tools" / name).write_text("")
    (plugins / "one.py").write_text(
        'HINT = "wait for it"\n'
        "def act(server, busy):\n"
        '    said = f"{server} has a problem"\n'
        '    raise Refusal(f"{said}: " + ("it is busy now" if busy else f"{HINT}, please"))\n'
        "def base_problem(path):\n"
        '    return f"{path} is no directory"\n'
        "def other(path):\n"
        '    log("this is said to nobody at all")\n'
        '    module.warn("the disk is nearly full")\n'
    )
    assert said.collected(tmp_path) == {
        "… has a problem: it is busy now": ["plugins/one.py:4"],
        "… has a problem: wait for it, please": ["plugins/one.py:4"],
        "… is no directory": ["plugins/one.py:6"],
        "the disk is nearly full": ["plugins/one.py:9"],
    }
