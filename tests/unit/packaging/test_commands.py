# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of the checkout's environment: variables as a person writes them, and any locale."""

from __future__ import annotations

import json
import locale
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.commands import cannot_be_sent, needs_another_python, with_configuration, with_utf8, with_variables
from tools.links import LINKS, CannotBeMade, restore

PLAY = """
- hosts: localhost
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  tasks:
    - ansible.builtin.copy:
        content: "{{ dict(worker=worker, src=src, dst=dst, note=note) | to_json }}"
        dest: "{{ playbook_dir }}/given.json"
        mode: "0600"
"""


@pytest.mark.parametrize(
    ("line", "understood", "names"),
    [
        ("p.yml -e worker=2 src=2 dst=4", "p.yml -e worker=2 -e src=2 -e dst=4", "src dst"),
        ("-e worker=2 src=2 p.yml", "-e worker=2 -e src=2 p.yml", "src"),
        ("p.yml --extra-vars worker=2 src=2 -C", "p.yml --extra-vars worker=2 -e src=2 -C", "src"),
        ("p.yml --extra-vars=worker=2 src=2", "p.yml --extra-vars=worker=2 -e src=2", "src"),
        ("p.yml -eworker=2 src=2", "p.yml -eworker=2 -e src=2", "src"),
        ("p.yml -e worker=2 -e src=2 dst=4", "p.yml -e worker=2 -e src=2 -e dst=4", "dst"),
        ("p.yml -e worker=2 src= dst=a=b", "p.yml -e worker=2 -e src= -e dst=a=b", "src dst"),
    ],
)
def test_words_directly_after_a_variable_are_variables(line: str, understood: str, names: str) -> None:
    assert with_variables(line.split()) == (understood.split(), names.split())


@pytest.mark.parametrize(
    "line",
    [
        "p.yml",
        "p.yml -e worker=2",
        "p.yml -e worker=2 -e src=2",
        # Not directly behind it: Ansible says that there is no such playbook, as everywhere.
        "-e worker=2 p.yml src=2",
        "-i hosts src=2 p.yml",
        "-e @file.yml src=2",
        "-e {} src=2",
        "-e [] src=2",
        "p.yml -e worker=2 -- src=2",
        "-- -e worker=2 src=2",
        "p.yml -e worker=2 some/play=book.yml",
        "p.yml -e worker=2 2=2",
        "p.yml -e",
    ],
)
def test_every_other_line_is_left_as_it_is(line: str) -> None:
    assert with_variables(line.split()) == (line.split(), [])


def test_a_playbook_that_is_called_like_a_variable_stays_a_playbook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src=2").write_text(PLAY)
    assert with_variables(["-e", "worker=2", "src=2"]) == (["-e", "worker=2", "src=2"], [])


def test_values_reach_a_play_as_the_shell_gave_them(tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(PLAY)
    words = ["-i", "localhost,", "-c", "local", "-e", "worker=2", "src=2", "dst=4", 'note=it\'s a "b" \\n c']
    ended = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "play.yml", *words],
        cwd=tmp_path,
        env={**os.environ, "LC_ALL": "C", "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    given = json.loads((tmp_path / "given.json").read_text())
    assert given == {"worker": "2", "src": "2", "dst": "4", "note": 'it\'s a "b" \\n c'}
    # Names only, since a value may be a password.
    assert ended.stderr.splitlines() == [
        "ansible-playbook: taken as variables, as if -e stood before each: src, dst, note"
    ]


@pytest.fixture
def _same_locale() -> Iterator[None]:
    before = locale.setlocale(locale.LC_ALL)
    yield
    locale.setlocale(locale.LC_ALL, before)


@pytest.mark.usefixtures("_same_locale")
@pytest.mark.parametrize("name", ["C", "POSIX", "xx_YY.UTF-8"])
def test_a_locale_of_another_encoding_becomes_one_of_utf8(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", name)
    assert with_utf8({"LC_ALL": name, "HOME": "/"}) == {"LC_ALL": "C.UTF-8", "HOME": "/"}


@pytest.mark.usefixtures("_same_locale")
def test_a_locale_of_utf8_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert with_utf8({"LC_CTYPE": "C.UTF-8"}) == {"LC_CTYPE": "C.UTF-8"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    place = tmp_path / "check out"
    (place / "playbooks").mkdir(parents=True)
    (place / "playbooks" / "status.yml").write_text(PLAY)
    (place / "ansible.cfg").write_text("[defaults]\n")
    return place


def test_a_playbook_of_the_checkout_gets_its_configuration_in_every_directory(checkout: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "own.yml").write_text(PLAY)
    named = {"ANSIBLE_CONFIG": str(checkout / "ansible.cfg")}
    words = [str(checkout / "playbooks" / "status.yml"), "-e", "worker=2"]
    assert with_configuration(words, {}, elsewhere, checkout) == named
    # There Ansible finds it itself, but for a directory that everybody may write to.
    assert with_configuration(["playbooks/status.yml"], {}, checkout, checkout) == {}
    checkout.chmod(0o777)
    assert with_configuration(["playbooks/status.yml"], {}, checkout, checkout) == named
    # What the user has chosen stays, and so do playbooks of somebody else.
    assert with_configuration(words, {"ANSIBLE_CONFIG": "/mine"}, elsewhere, checkout) == {"ANSIBLE_CONFIG": "/mine"}
    assert with_configuration(["own.yml", "wallaroo.resilience.status"], {}, elsewhere, checkout) == {}
    (elsewhere / "ansible.cfg").write_text("[defaults]\n")
    assert with_configuration(words, {}, elsewhere, checkout) == {}


@pytest.mark.parametrize("world", [False, True])
def test_a_playbook_runs_from_another_directory_and_where_everybody_may_write(
    repository: Path, tmp_path: Path, world: bool
) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    elsewhere.chmod(0o777 if world else 0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))}
    ended = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), str(repository / "playbooks" / "status.yml")],
        cwd=elsewhere,
        env={**kept, "WALLAROO_LOOPBACK": str(tmp_path / "servers"), "LC_ALL": "POSIX", "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "no cluster was started" in ended.stdout


def test_a_program_that_is_started_with_ansible_loaded_is_the_same(repository: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(
        "import gc, json, os, sys\n"
        "found = {'name': __name__, 'file': __file__, 'words': sys.argv, 'path': sys.path}\n"
        "names = sorted(name for name in globals() if name[0] != '_')\n"
        # As Ansible does for each task.
        "if not (forked := os.fork()):\n"
        "    os._exit(gc.isenabled())\n"
        "collects = os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1])\n"
        "print(json.dumps({**found, 'names': names, 'collects': [collects, gc.isenabled()]}))\n"
        "sys.exit(3)\n"
    )
    words = [str(program), "-e", "a b"]
    ended = [
        subprocess.run([sys.executable, *before, *words], capture_output=True, text=True, check=False)
        for before in ([], [str(repository / "tools" / "playbook.py")])
    ]
    assert [one.returncode for one in ended] == [3, 3], ended[1].stderr
    plain, started = (json.loads(one.stdout) for one in ended)
    assert started == plain
    assert plain["collects"] == [True, True]


@pytest.mark.parametrize(
    ("more", "another"),
    [
        ({}, False),
        ({"PYTHONUNBUFFERED": "1", "PATH": "/elsewhere"}, False),
        ({"PYTHONPATH": "/somewhere"}, True),
        ({"PYTHONDONTWRITEBYTECODE": "1"}, True),
        ({"LC_ALL": "C.UTF-8"}, True),
    ],
)
def test_a_python_that_would_be_another_one_is_started(more: dict[str, str], another: bool) -> None:
    given = {"PATH": "/bin", **{name: value for name, value in more.items() if name.startswith("PYTHON")}}
    assert needs_another_python(given, {**given, **more}) is another


def test_links_that_were_lost_with_the_unpacking_are_made_again(repository: Path, tmp_path: Path) -> None:
    """As a program leaves them that knows no links: with the place in a file, an empty file, or nothing."""
    for name in LINKS:
        assert (repository / name).is_symlink()
        assert os.readlink(repository / name) == LINKS[name]
    first, *others = LINKS
    for name, left in zip(others, (LINKS[others[0]], "")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(left)
    restore(tmp_path)
    assert {name: os.readlink(tmp_path / name) for name in LINKS} == LINKS
    before = {name: (tmp_path / name).lstat() for name in LINKS}
    restore(tmp_path)
    assert {name: (tmp_path / name).lstat() for name in LINKS} == before
    # A copy of the collection serves as well.
    (tmp_path / first).unlink()
    (tmp_path / first).mkdir()
    restore(tmp_path)
    assert not (tmp_path / first).is_symlink()


def test_where_there_can_be_no_link_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "symlink_to", refused)
    with pytest.raises(CannotBeMade, match=r"must be a symbolic link to \.\./\.\./\.\., .*with git clone"):
        restore(tmp_path)


def test_a_project_that_is_a_link_is_not_transmitted(repository: Path, tmp_path: Path) -> None:
    assert "project is a clone of the checkout" in cannot_be_sent(["transmit", str(repository / "runner"), "-p", "x"])
    assert cannot_be_sent(["run", str(repository / "runner")]) == ""
    (tmp_path / "project").mkdir()
    assert cannot_be_sent(["transmit", str(tmp_path)]) == ""
