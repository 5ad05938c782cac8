# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in a process that has imported Ansible before is what runs in one of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import preloaded

SHOWS = """
import json, os, signal, sys
def descriptors():
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:  # that of the directory itself
            continue
        # Some libffi keep their own library open, in any process that imports ctypes.
        if ".so" not in os.path.basename(target):
            found.append(int(name))
    return sorted(found)
print("to standard error", file=sys.stderr)
json.dump({
    "argv": sys.argv, "name": __name__, "file": __file__, "path": sys.path, "in": sys.stdin.read(),
    "environment": dict(os.environ), "directory": os.getcwd(), "flags": list(sys.flags),
    "streams": [(one.encoding, one.errors, one.line_buffering) for one in (sys.stdin, sys.stdout, sys.stderr)],
    "handlers": {one.name: repr(signal.getsignal(one)).partition(" at ")[0] for one in (signal.SIGINT, signal.SIGTERM)},
    "descriptors": descriptors(), "group": os.getpgrp(),
}, sys.stdout)
sys.exit(3)
"""


def run(program: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **more}
    return preloaded.run(
        preloaded.MODULE, program, *words, environment=environment, directory=Path.cwd(), limit=20, given="{}"
    )


def program_of(directory: Path, text: str) -> Path:
    path = directory / "program.py"
    path.write_text(text)
    return path


def test_a_program_finds_what_it_would_find_in_a_process_of_its_own(tmp_path: Path) -> None:
    program = program_of(tmp_path, SHOWS)
    argv = [sys.executable, str(program), "one", "two words"]
    environment = {**os.environ, "WALLAROO_LOOPBACK": "somewhere"}
    alone = subprocess.run(argv, input="{}", env=environment, capture_output=True, text=True, check=False)

    for _time in range(2):
        ended = run(program, "one", "two words", WALLAROO_LOOPBACK="somewhere")

        assert json.loads(ended.stdout) == json.loads(alone.stdout)
        assert (ended.returncode, ended.stderr) == (alone.returncode, alone.stderr) == (3, "to standard error\n")


@pytest.mark.parametrize(
    ("text", "code"),
    [("raise ValueError('no')", 1), ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL)],
)
def test_an_end_of_another_kind_is_told(tmp_path: Path, text: str, code: int) -> None:
    assert run(program_of(tmp_path, text)).returncode == code


def test_what_takes_too_long_is_killed_and_the_next_call_is_carried_out(tmp_path: Path) -> None:
    endless = program_of(tmp_path, "import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    with pytest.raises(subprocess.TimeoutExpired):
        preloaded.run(preloaded.MODULE, endless, environment=dict(os.environ), directory=Path.cwd(), limit=0.5)

    assert run(program_of(tmp_path, "print('again')")).stdout == "again\n"


def test_nothing_of_one_call_is_found_by_the_next(tmp_path: Path) -> None:
    run(program_of(tmp_path, "import json, os; json.left = True; os.environ['LEFT'] = 'x'"))

    ended = run(program_of(tmp_path, "import json, os; print(hasattr(json, 'left'), 'LEFT' in os.environ)"))

    assert ended.stdout == "False False\n"


def test_each_play_has_a_temporary_directory_of_its_own_and_leaves_none(tmp_path: Path) -> None:
    program = program_of(tmp_path, "import os; from ansible.constants import *; print(DEFAULT_LOCAL_TMP, os.getpid())")
    seen = set()
    for name in ("a", "b", "b"):
        environment = {**os.environ, "ANSIBLE_LOCAL_TEMP": str(tmp_path / name)}

        ended = preloaded.run(preloaded.PLAYBOOK, program, environment=environment, directory=Path.cwd(), limit=30)

        made, pid = ended.stdout.split()
        assert Path(made).parent == tmp_path / name
        assert Path(made).name.startswith(f"ansible-local-{pid}")
        seen.add(made)
        assert not list((tmp_path / name).iterdir()), ended.stderr
    assert len(seen) == 3
    environment = {name: value for name, value in os.environ.items() if name != "ANSIBLE_LOCAL_TEMP"}
    environment["ANSIBLE_HOME"] = str(tmp_path / "home")
    ended = preloaded.run(preloaded.PLAYBOOK, program, environment=environment, directory=Path.cwd(), limit=30)
    assert Path(ended.stdout.split()[0]).parent == tmp_path / "home" / "tmp"


def test_a_play_is_that_of_the_command(repository: Path, tmp_path: Path) -> None:
    playbook = tmp_path / "play.yml"
    task = {"ansible.builtin.debug": {"msg": "{{ word }}"}}
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    words = ["-i", "localhost,", str(playbook), "-e", "word=said"]
    settings = {"ANSIBLE_CONFIG": str(repository / "ansible.cfg"), "ANSIBLE_STDOUT_CALLBACK": "default"}
    environment = {**os.environ, **settings}
    command = [str(Path(sys.executable).parent / "ansible-playbook"), *words]
    alone = subprocess.run(command, env=environment, cwd=repository, capture_output=True, text=True, check=False)

    ended = preloaded.play(words, environment, repository, 30)

    assert (ended.returncode, ended.stdout, ended.stderr) == (alone.returncode, alone.stdout, alone.stderr)
    assert "said" in ended.stdout
