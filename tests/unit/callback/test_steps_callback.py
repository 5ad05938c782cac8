# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees of a real play, on a terminal and elsewhere."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._interruption import sentences

from tests.kept_runs import keep

PLAY = """
- name: Show it
  hosts: web1, web2, web3
  gather_facts: false
  tasks:
    - name: Make the page of a run
      wallaroo.resilience.run_report:
        run: "{{ run }}"
      run_once: true
    - name: Area | Change it
      ansible.builtin.command: "true"
    - name: Say it on each
      ansible.builtin.debug:
        msg: all say the same
    - name: Show a table
      ansible.builtin.debug:
        msg: ["name  state", "a     running", "", "second"]
      run_once: true
    - name: Differ
      ansible.builtin.copy:
        content: "new\\n"
        dest: "{{ playbook_dir }}/differing"
        mode: "0600"
      run_once: true
    - name: Warn
      ansible.builtin.include_role:
        name: warning
      run_once: true
    - name: Fail and go on
      ansible.builtin.fail:
        msg: it is broken
      ignore_errors: true
    - name: Keep a secret
      ansible.builtin.fail:
        msg: the password is swordfish
      no_log: true
      ignore_errors: true
      run_once: true
    - name: Hand it on
      ansible.builtin.fail:
        msg: "fail: it is broken."
      run_once: true
"""

WARNING = """
- name: Warn
  warner:
"""

WARNER = """
from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule({})
module.warn("mind the gap")
module.deprecate("this is old", version="9.0.0", collection_name="wallaroo.resilience")
module.exit_json()
"""

WAITING = """
- name: Wait for it
  hosts: web1
  gather_facts: false
  tasks:
    - name: Make the page of a run
      wallaroo.resilience.run_report:
        run: "{{ run }}"
    - name: Sleep until it is interrupted
      ansible.builtin.command: "{{ command }}"
"""

# The one of the machine: the path of the environment may have blanks.
PYTHON = ("-e", f"ansible_python_interpreter={os.path.realpath(sys.executable)}")

CLEAR = "\r\x1b[2K"


def command(directory: Path, text: str, *options: str) -> list[str]:
    (directory / "play.yml").write_text(text)
    options = (*options, "-e", f"run={keep('passing', directory)}")
    program = str(Path(sys.executable).parent / "ansible-playbook")
    return [program, "-i", "web1,web2,web3", "-c", "local", str(directory / "play.yml"), *PYTHON, *options]


def environment(directory: Path, **others: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "ANSIBLE_NOCOLOR")}
    return {
        **kept,
        "ANSIBLE_STDOUT_CALLBACK": "wallaroo.resilience.steps",
        "ANSIBLE_LOCAL_TEMP": str(directory / "ansible"),
        "ANSIBLE_LIBRARY": str(directory / "library"),
        "ANSIBLE_DEPRECATION_WARNINGS": "true",
        "TERM": "xterm",
        **others,
    }


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """The play, where stdout is no terminal."""
    directory = tmp_path_factory.mktemp("play")
    for name, text in (("roles/warning/tasks/main.yml", WARNING), ("library/warner.py", WARNER)):
        (directory / name).parent.mkdir(parents=True)
        (directory / name).write_text(text)
    (directory / "differing").write_text("old\n")
    return subprocess.run(
        command(directory, PLAY, "--diff"),
        env=environment(directory),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=directory,
    )


def lines_with(shown: subprocess.CompletedProcess[str], words: str) -> list[str]:
    return [line for line in shown.stdout.splitlines() if words in line]


def test_all_servers_that_do_the_same_are_one_line(shown: subprocess.CompletedProcess[str]) -> None:
    (line,) = lines_with(shown, "Change it")
    assert re.fullmatch(r" +[0-9.]+ s  web1 to web3: Change it", line)
    assert len(lines_with(shown, "all say the same")) == 1


def test_the_summary_of_a_run_comes_last(shown: subprocess.CompletedProcess[str]) -> None:
    assert re.fullmatch(r"  report: /.*/report\.html", shown.stdout.rstrip().splitlines()[-1])
    assert shown.stdout.count("report: /") == 1
    assert not lines_with(shown, "Make the page of a run"), "it says so itself"


def test_what_would_be_made_is_one_line_with_its_time(tmp_path: Path) -> None:
    play = PLAY.partition("    - name: Area")[0]
    shown = subprocess.run(
        command(tmp_path, play, "--check"),
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
    )
    assert re.search(r"^ +[0-9.]+ s  Would make /.*/report\.html\.$", shown.stdout, re.MULTILINE), shown.stdout
    assert not re.search(r"^ +[0-9.]+ s +$", shown.stdout, re.MULTILINE)


def test_a_table_keeps_its_lines(shown: subprocess.CompletedProcess[str]) -> None:
    assert "name  state\na     running\n\nsecond\n" in shown.stdout


def test_differences_stand_behind_what_made_them(shown: subprocess.CompletedProcess[str]) -> None:
    assert shown.stdout.index("web1: Differ") < shown.stdout.index("-old") < shown.stdout.index("+new")


def test_warnings_and_deprecations_are_shown(shown: subprocess.CompletedProcess[str]) -> None:
    said = shown.stdout + shown.stderr
    assert "mind the gap" in said
    assert "this is old" in said
    # None of them about the callback itself.
    assert said.count("DEPRECATION WARNING") == 1


def test_a_reason_is_told_once_and_a_secret_never(shown: subprocess.CompletedProcess[str]) -> None:
    assert shown.returncode != 0
    assert shown.stdout.count("it is broken") == 1
    assert lines_with(shown, "PROBLEM: web1 to web3: Fail and go on: it is broken")
    assert "swordfish" not in shown.stdout + shown.stderr


def test_where_there_is_no_terminal_there_is_neither_colour_nor_a_live_line(
    shown: subprocess.CompletedProcess[str],
) -> None:
    assert "\x1b" not in shown.stdout


class Terminal:
    """A play in a terminal."""

    def __init__(self, arguments: list[str], given: dict[str, str], directory: Path) -> None:
        self.seen = ""
        self._pid, self._terminal = pty.fork()
        if not self._pid:
            # What started the tests may ignore it, and then all that it starts does.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.chdir(directory)
            os.execve(arguments[0], arguments, given)

    def read(self, words: str = "", limit: float = 60.0) -> str:
        """Until it shows these words, or ends."""
        end = time.monotonic() + limit
        while (not words or words not in self.seen) and time.monotonic() < end:
            if select.select([self._terminal], [], [], 0.1)[0]:
                try:
                    data = os.read(self._terminal, 1 << 16)
                except OSError:
                    break
                self.seen += data.decode("utf-8", "replace")
        assert words in self.seen, self.seen
        return self.seen

    def press_ctrl_c(self) -> None:
        os.write(self._terminal, b"\x03")

    def code(self) -> int:
        """How it ended."""
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


@pytest.mark.parametrize("colour", [True, False])
def test_a_terminal_shows_what_is_being_done_and_ctrl_c_what_is_next(tmp_path: Path, colour: bool) -> None:
    os.mkfifo(tmp_path / "fifo")
    arguments = command(tmp_path, WAITING, "-e", f"command='cat {tmp_path / 'fifo'}'")
    terminal = Terminal(arguments, environment(tmp_path, **({} if colour else {"NO_COLOR": "1"})), tmp_path)
    terminal.read("web1: Sleep until it is interrupted")
    terminal.press_ctrl_c()
    seen = terminal.read()
    assert terminal.code() == 99
    assert re.search(re.escape(CLEAR) + "[0-9]+ s web1: Sleep until", seen)
    assert "Interrupted. Under way was: web1: Sleep until it is interrupted." in seen
    assert "Run next, to complete it: ansible-playbook -i web1,web2,web3 -c local" in seen
    assert seen.index("Under way was") > seen.index("report: /") > seen.index("^C"), "what was concluded is not lost"
    assert ("\x1b[0;" in seen) is colour


def test_a_run_that_was_interrupted_between_two_steps_says_so() -> None:
    first, _lock, again, _look = sentences(
        [], ["/v/bin/ansible-playbook", "playbooks/migrate.yml", "-e", "worker=2 dst=4"]
    )
    assert first == "Interrupted. Under way was: nothing, between two steps."
    assert again.endswith("ansible-playbook playbooks/migrate.yml -e 'worker=2 dst=4'")


def test_after_a_verified_run_that_was_interrupted_one_is_told_what_may_still_run() -> None:
    *said, again, _look = sentences([], ["ansible-playbook", "playbooks/demo.yml"])
    assert again == "Run next, to begin afresh: ansible-playbook playbooks/demo.yml"
    assert "stop_cluster.yml ends them" in said[-1]
