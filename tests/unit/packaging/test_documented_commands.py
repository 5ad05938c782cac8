# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guides tell people to type is there: playbooks take these variables with these values, targets exist.

That they do what they say is shown by running them (``tests/integration/test_readme.py`` and ``test_guides.py``).
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _variables
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._declarations import steps

from tests.documents import commands

SERVERS = [f"server{number}" for number in range(1, 5)]

PROGRAMS = {
    *("ansible-galaxy", "ansible-runner", "ansible", "export", "mkdir", "git", "cp", ".", "python3", "python"),
    *("ansible-playbook", "make", "wallaroo-resilience", "cd", "pip", "ansible-builder", "podman"),
}
"""Those that a guide may call; whoever uses another one says here that it is there."""

# extending.md tells of steps and variables that it adds: tests/additions.py adds them.
GUIDES = sorted(
    path
    for path in [*Path(__file__).parents[3].glob("*.md"), *Path(__file__).parents[3].glob("docs/**/*.md")]
    if "```shell" in path.read_text() and path.name != "extending.md"
)


def parts(command: str) -> list[list[str]]:
    """The single commands of a line, as words."""
    first_line = command.splitlines()[0]
    lexer = shlex.shlex(first_line.split("<<")[0], posix=True, punctuation_chars="|&;")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("|&;"):
            found.append([])
        elif found[-1] or not re.fullmatch(r"[A-Z_]+=.*", word):
            found[-1].append(word)
    return found


def given(words: list[str]) -> dict[str, Any]:
    """Variables as ``-e`` gives them."""
    texts = [after for word, after in zip(words, words[1:]) if word == "-e"]
    whole = {name: value for text in texts if text.startswith("{") for name, value in json.loads(text).items()}
    pairs = [pair.split("=", 1) for text in texts if not text.startswith("{") for pair in text.split()]
    assert all(len(pair) == 2 for pair in pairs), words
    return {**dict(pairs), **whole}


def check_values(playbook: str, values: dict[str, Any]) -> None:
    assert playbook in steps(), playbook
    _variables.check(playbook, values, values, SERVERS, lambda _name: False)


def check(repository: Path, words: list[str]) -> None:
    """Fail when this cannot work in a checkout."""
    program = Path(words[0]).name if words[0] != "." else "."
    assert program in PROGRAMS, words
    if program == "ansible-playbook":
        (named,) = [word for word in words if word.endswith(".yml") and word.startswith("playbooks/")] or [
            f"playbooks/{words[-1].removeprefix('wallaroo.resilience.')}.yml"
        ]
        inventory = [after for word, after in zip(words, words[1:]) if word == "-i"]
        # What is installed is what is here.
        here = [path.partition("/wallaroo/resilience/")[2] if path.startswith("~/") else path for path in inventory]
        assert all((repository / path).exists() for path in here), words
        check_values(Path(named).stem, given(words))
    elif program == "make":
        makefile = (repository / "Makefile").read_text()
        target, variables = words[1], dict(word.split("=", 1) for word in words[2:])
        settings = {name: value for name, value in variables.items() if name.isupper()}
        assert all(re.search(rf"^{name} \?=", makefile, re.M) for name in settings), words
        if target in steps():
            check_values(target, {name: value for name, value in variables.items() if name not in settings})
        else:
            assert re.search(rf"^{re.escape(target)}:", makefile, re.M), words
    elif program == "wallaroo-resilience" and words[1] in steps():
        check_values(words[1], dict(word.split("=", 1) for word in words[2:]))
    elif program.startswith("python") and not words[1].startswith("-"):
        assert (repository / words[1]).exists(), words


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_every_command_can_work(repository: Path, guide: Path) -> None:
    for command in commands(guide):
        for words in parts(command):
            if words:
                check(repository, words)


@pytest.mark.parametrize(
    "command",
    [
        "ansible-playbook playbooks/migrate_all.yml",
        'ansible-playbook playbooks/migrate.yml -e "wroker=2"',
        'ansible-playbook -i inventory/nobody playbooks/migrate.yml -e "worker=2 dst=4"',
        "make migrate worker=2 dst=fourteen",
        "make migrat worker=2",
        "make demo ENGIN=bytewax",
        "python3 docs/gone.py",
        "curl https://example.com",
    ],
)
def test_what_cannot_work_is_found(repository: Path, command: str) -> None:
    with pytest.raises(Exception, match=r".") as found:
        check(repository, *parts(command))
    assert isinstance(found.value, (AssertionError, _variables.Refusal))
