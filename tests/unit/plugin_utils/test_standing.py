# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run asks a server over one connection, which ends with the run and leaves the rest to commands of their own."""

from __future__ import annotations

import json
import os
import resource
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Optional

import pytest
from ansible import constants
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import identify, is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.module.main import BEGUN, RESULT
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.standing import main
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.standing.main import ENDED, STANDS
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.runtime import archive_name
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _relay, _standing

from tests.deploying import bring, digest


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The command that starts the program on a server."""
    base = tmp_path_factory.mktemp("server")
    bring(base)
    archive = base / "runtime" / archive_name(digest())
    return f"exec {shlex.quote(sys.executable)} -u -S {shlex.quote(str(archive))} standing"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The process of a run, and its directory."""
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    with subprocess.Popen(["sleep", "600"]) as process:
        monkeypatch.setattr(_standing, "this_run", lambda: SimpleNamespace(run=f"run {process.pid}", pid=process.pid))
        try:
            yield process
        finally:
            process.kill()
            wait_until(lambda: not sockets(tmp_path), LIMIT, "the end of the relay")


LIMIT = 10.0


def sockets(directory: Path) -> list[Path]:
    return list(directory.glob("*.socket"))


def action(**what: Any) -> Any:
    """A task's action on a server that is reached by a shell of this machine, but for what is given."""
    connection = SimpleNamespace(**{"transport": "local", "_shell": SimpleNamespace(quote=shlex.quote), **what})
    return SimpleNamespace(_connection=connection, _play_context=SimpleNamespace(executable="/bin/sh", password=""))


def ask(command: str, module: str = "run_files", **arguments: Any) -> Optional[dict[str, Any]]:
    """Call a module that reads files."""
    given = {"base": "/", "server": "server1", "paths": [], "limit": 1 << 20, **arguments}
    wanted = {"modules": [module], "calls": [given], "check_mode": False}
    return _standing.ask(action(), command, wanted)


def result(answer: Optional[dict[str, Any]]) -> dict[str, Any]:
    assert answer is not None
    assert answer["rc"] == 0, answer
    lines = [line for line in answer["stdout"].splitlines() if line.startswith(RESULT)]
    return dict(json.loads(lines[-1][len(RESULT) :]))


def fake(tmp_path: Path, body: str) -> str:
    """A program in place of ``standing``; it counts how often it was started."""
    program = tmp_path / "fake.py"
    program.write_text(f"import os, sys, time\nopen({str(tmp_path / 'starts')!r}, 'a').write('x')\n{body}")
    return f"exec {shlex.quote(sys.executable)} -u {shlex.quote(str(program))}"


def starts(tmp_path: Path) -> int:
    return len((tmp_path / "starts").read_text())


def test_one_connection_carries_all_calls(run: Any, standing: str, tmp_path: Path) -> None:
    there = tmp_path / "file"
    there.write_text("one")
    command = fake(tmp_path, f"os.execv('/bin/sh', ['/bin/sh', '-c', {standing!r}])")
    for text in ("one", "two"):
        there.write_text(text)
        found = result(ask(command, paths=[str(there)]))
        assert [one["path"] for one in found["files"]] == [str(there)]
    assert starts(tmp_path) == 1
    assert len(sockets(tmp_path)) == 1


def test_a_connection_can_be_made_before_it_is_needed(run: Any, standing: str, tmp_path: Path) -> None:
    command = fake(tmp_path, f"os.execv('/bin/sh', ['/bin/sh', '-c', {standing!r}])")
    for _unused in range(2):
        _standing.begin(action(), command, _standing.this_run())
    assert result(ask(command))["files"] == []
    assert starts(tmp_path) == 1


def test_what_cannot_be_made_before_is_found_out_when_it_is_needed(run: Any, tmp_path: Path) -> None:
    _standing.begin(action(), fake(tmp_path, "sys.exit(1)"), _standing.this_run())
    wait_until(lambda: not sockets(tmp_path), LIMIT, "the end of the relay")


def test_each_call_has_a_process_of_its_own(run: Any, standing: str) -> None:
    """An error in one is told, and no other call sees it."""
    broken = ask(standing, paths=None)
    assert broken is not None
    assert broken["rc"] == 1
    assert "Traceback" in broken["stderr"]
    assert result(ask(standing))["files"] == []


def test_a_python_of_an_old_glibc_answers_too(run: Any, standing: str) -> None:
    """That of Xenial has no files in memory."""
    archive = shlex.split(standing)[-2]
    without = "import os, runpy, sys; del os.memfd_create; sys.argv[:] = ['', 'standing']"
    program = f"{without}; runpy.run_path({archive!r}, run_name='__main__')"
    old = f"exec {shlex.quote(sys.executable)} -u -S -c {shlex.quote(program)}"
    assert result(ask(old))["files"] == []
    broken = ask(old, paths=None)
    assert broken is not None
    assert "Traceback" in broken["stderr"]


def test_a_module_that_is_not_there_has_not_begun(run: Any, standing: str) -> None:
    answer = ask(standing, "no_such_module")
    assert answer is not None
    assert answer["rc"] != 0
    assert BEGUN not in answer["stdout"]


def test_the_connection_ends_with_the_run(run: Any, tmp_path: Path) -> None:
    command = fake(
        tmp_path, f"print(); print({STANDS!r}); open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n{ANSWERS}"
    )
    assert ask(command)
    pid = int((tmp_path / "pid").read_text())
    run.kill()
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), LIMIT, "the end of the connection")
    wait_until(lambda: not sockets(tmp_path), LIMIT, "the end of the relay")


ANSWERS = f"""
for line in sys.stdin:
    print("\\n" + {ENDED!r} + '{{"rc": 0, "stderr": ""}}')
"""


def test_what_a_login_shell_says_is_no_answer(run: Any, tmp_path: Path) -> None:
    command = fake(tmp_path, f"print('Welcome'); print({STANDS!r}); print('to server1')\n{ANSWERS}")
    answer = ask(command)
    assert answer is not None
    assert answer["rc"] == 0


@pytest.mark.parametrize(
    ("body", "lost"),
    [
        # ssh has waited for it already, and would wait for as long once more.
        ("sys.stderr.write('ssh: connect to host a port 22: Connection timed out'); sys.exit(255)", "timed out"),
        # Somebody may have to be asked, or another key tried.
        ("sys.stderr.write('Host key verification failed.'); sys.exit(255)", None),
        # It has not the programs.
        ("sys.exit(1)", None),
    ],
)
def test_where_nothing_was_begun_another_way_is_tried(run: Any, tmp_path: Path, body: str, lost: Optional[str]) -> None:
    command = fake(tmp_path, body)
    if lost is None:
        assert ask(command) is None
    else:
        with pytest.raises(AnsibleConnectionFailure, match=lost):
            ask(command)
    wait_until(lambda: not sockets(tmp_path), LIMIT, "the end of the relay")


def test_a_connection_that_ends_during_a_call_is_not_asked_again(run: Any, tmp_path: Path) -> None:
    """Nobody knows what was done."""
    body = f"print(); print({STANDS!r}); sys.stdin.readline(); sys.stderr.write('Connection reset by peer')"
    command = fake(tmp_path, body)
    with pytest.raises(AnsibleConnectionFailure, match="asked has ended: Connection reset by peer"):
        ask(command)
    assert starts(tmp_path) == 1


def test_a_relay_that_cannot_begin_leaves_it_to_another_way(run: Any, tmp_path: Path) -> None:
    """As where a task has all descriptors that it may have: what stands in the way is told by who meets it next."""
    command = fake(tmp_path, "sys.exit(1)")
    task = os.fork()
    if task == 0:
        code = 1
        try:
            # Two are left: enough for the socket, and not for what the relay needs besides.
            most = max(int(name) for name in os.listdir("/proc/self/fd")) + 9
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
            taken = []
            with suppress(OSError):
                while True:
                    taken.append(os.dup(0))
            for descriptor in taken[-2:]:
                os.close(descriptor)
            code = 0 if ask(command) is None else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(task, 0)[1]) == 0
    wait_until(lambda: not sockets(tmp_path), LIMIT, "the end of the relay")


def test_a_command_line_that_says_nothing_more_and_stays_is_ended(run: Any, tmp_path: Path) -> None:
    """It would sleep far longer than anybody waits for it."""
    pid_file = tmp_path / "pid"
    told = f"open({str(pid_file)!r}, 'w').write(str(os.getpid()))"
    command = fake(tmp_path, f"{told}\nos.closerange(0, 2)\ntime.sleep(600)")
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(ask(command)), daemon=True)
    asking.start()
    asking.join(LIMIT)
    assert answers == [None]
    pid = int(pid_file.read_text())
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), LIMIT, "its end")


def test_an_answer_that_was_cut_off_is_none() -> None:
    ours, its = socket.socketpair()
    with ours, its:
        its.sendall(b'{"rc": 0, "stdo')
        its.shutdown(socket.SHUT_WR)
        assert "is gone" in _relay.asked(ours, b"{}\n")["lost"]


def test_a_connection_that_has_ended_between_calls_is_made_anew(run: Any, tmp_path: Path) -> None:
    body = (
        f'print(); print({STANDS!r}); sys.stdin.readline(); print(\'\\n\' + {ENDED!r} + \'{{"rc": 0, "stderr": ""}}\')'
    )
    command = fake(tmp_path, body)
    for count in (1, 2):
        assert ask(command)
        wait_until(lambda: not sockets(tmp_path), LIMIT, "the end of the relay")
        assert starts(tmp_path) == count


def test_a_second_call_at_the_same_time_is_turned_away(run: Any, tmp_path: Path) -> None:
    fifo, called = tmp_path / "fifo", tmp_path / "called"
    os.mkfifo(fifo)
    body = f"""
print(); print({STANDS!r})
for line in sys.stdin:
    open({str(called)!r}, "w")
    open({str(fifo)!r}).read()
    print("\\n" + {ENDED!r} + '{{"rc": 0, "stderr": ""}}')
"""
    command = fake(tmp_path, body)
    answers: list[Any] = []
    first = threading.Thread(target=lambda: answers.append(ask(command)))
    first.start()
    wait_until(called.exists, LIMIT, "the first call")
    assert ask(command) is None
    fifo.write_text("go on")
    first.join(10)
    assert answers[0]["rc"] == 0


def begun_by_a_task(tmp_path: Path) -> tuple[int, int, int, str]:
    """A task whose call is never answered: its process, the program's and the relay's, and the command."""
    pids = tmp_path / "pids"
    told = f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{os.getppid()}}\\n')"
    # The test does not wait for the sleep: the end of the connection is the end of the program.
    body = f"print(); print({STANDS!r}); sys.stdin.readline(); {told}; time.sleep(600)"
    command = fake(tmp_path, body)
    task = os.fork()
    if task == 0:
        try:
            ask(command)
        except AnsibleConnectionFailure as error:
            (tmp_path / "said").write_text(str(error))
        finally:
            os._exit(0)
    wait_until(lambda: pids.exists() and pids.read_text().endswith("\n"), LIMIT, "the call")
    program, relay = (int(word) for word in pids.read_text().split())
    return task, program, relay, command


def is_gone(pid: int) -> bool:
    process = identify(pid)
    return process is None or not is_alive(process)


def test_a_task_whose_time_is_over_ends_the_connection(run: Any, tmp_path: Path) -> None:
    """The answer that comes too late would be taken for that of the next call."""
    task, program, _relay, _command = begun_by_a_task(tmp_path)
    os.kill(task, signal.SIGKILL)
    os.waitpid(task, 0)
    wait_until(lambda: is_gone(program), LIMIT, "the end of the connection")


def test_a_run_that_ends_during_a_call_ends_the_connection(run: Any, tmp_path: Path) -> None:
    task, program, _relay, _command = begun_by_a_task(tmp_path)
    run.kill()
    wait_until(lambda: is_gone(program), LIMIT, "the end of the connection")
    os.waitpid(task, 0)


def test_a_relay_that_is_killed_during_a_call_is_not_asked_again(run: Any, tmp_path: Path) -> None:
    """Nobody knows what was done."""
    task, program, relay, _command = begun_by_a_task(tmp_path)
    os.kill(relay, signal.SIGKILL)
    os.waitpid(task, 0)
    assert "has ended: the process of the controller that kept it is gone" in (tmp_path / "said").read_text()
    assert starts(tmp_path) == 1
    # The program of a server would read its end, and the next call would put the socket away.
    os.kill(program, signal.SIGKILL)
    (left,) = sockets(tmp_path)
    left.unlink()


def test_a_relay_lets_go_of_what_belongs_to_the_task(run: Any, tmp_path: Path) -> None:
    """Ansible waits for the end of what a task says."""
    ours, its = os.pipe()
    _standing.begin(action(), fake(tmp_path, f"print(); print({STANDS!r})\n{ANSWERS}"), _standing.this_run())
    os.close(its)
    try:
        assert select.select([ours], [], [], LIMIT)[0] == [ours]
        assert os.read(ours, 1) == b""
    finally:
        os.close(ours)


def test_what_a_module_starts_reads_no_call() -> None:
    """Else the next one would be lost to it."""
    program = (
        "import os, sys\n"
        "from types import SimpleNamespace\n"
        f"from {main.__name__} import __name__ as name, main\n"
        "def run(module): module.exit_json(read=os.readlink('/proc/self/fd/0'))\n"
        "sys.modules[name].loaded = lambda names: [SimpleNamespace(SPEC={'argument_spec': {}}, run=run)] * len(names)\n"
        "sys.exit(main([]))\n"
    )
    call = json.dumps({"modules": ["one"], "calls": [{}], "check_mode": False})
    ended = subprocess.run(
        [sys.executable, "-u", "-c", program],
        input=f"{call}\n{call}\n",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = [json.loads(line[len(RESULT) :]) for line in ended.stdout.splitlines() if line.startswith(RESULT)]
    assert [one["read"] for one in found] == [os.devnull, os.devnull], ended.stdout


def test_what_a_module_begins_is_there_for_its_next_call_and_given_up_after_it(tmp_path: Path) -> None:
    """Nobody waits for it, and what fails there is for the call to say."""
    program = (
        "import os, sys\n"
        "from types import SimpleNamespace\n"
        f"from {main.__name__} import __name__ as name, main\n"
        "begun = []\n"
        "def begin(wanted): print('begins', flush=True); begun.append(wanted['what']); 1 // wanted['what']\n"
        "def end(): print('ends', begun.pop(), flush=True)\n"
        "def run(module): module.exit_json(begun=begun, here=os.getppid())\n"
        "one = SimpleNamespace(SPEC={'argument_spec': {}}, run=run, begin=begin, end=end)\n"
        "other = SimpleNamespace(SPEC={'argument_spec': {}}, run=run)\n"
        "loaded = lambda names: [{'one': one, 'other': other}[name] for name in names]\n"
        "sys.modules[name].loaded = loaded\n"
        "sys.exit(main([]))\n"
    )

    def line(module: str, **more: Any) -> str:
        return json.dumps({"modules": [module], "calls": [{"what": 1}], "check_mode": False, **more}) + "\n"

    broken = line("one", begin=True, calls=[{"what": 0}])
    given = line("one", begin=True) + line("other") + line("one") + line("one") + broken + line("one", begin=True)
    ended = subprocess.run(
        [sys.executable, "-u", "-c", program],
        input=given,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    told = [one for one in ended.stdout.splitlines() if one.startswith((RESULT, ENDED.strip(), "begins", "ends"))]
    short = [json.loads(one[len(RESULT) :])["begun"] if one.startswith(RESULT) else one.split()[0] for one in told]
    answer = ENDED.strip()
    # The answer is given first. Another module's call changes nothing, and what was begun last ends with the program.
    assert short == [
        answer,
        "begins",
        [1],
        answer,
        [1],
        "ends",
        answer,
        [],
        answer,
        answer,
        "begins",
        answer,
        "begins",
        "ends",
    ]


def test_a_socket_that_nobody_answers_at_is_put_away(run: Any, standing: str, tmp_path: Path) -> None:
    assert ask(standing)
    (place,) = sockets(tmp_path)
    place.unlink()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(place))
    assert ask(standing)
    assert place.exists()


def only(given: str) -> Any:
    return lambda name: "something" if name == given else None


@pytest.mark.parametrize(
    "what",
    [
        {"transport": "docker"},
        *(
            {"transport": "ssh", "get_option": only(name)}
            for name in ("password", "pkcs11_provider", "reconnection_retries")
        ),
    ],
)
def test_other_connections_and_passwords_are_left_alone(run: Any, what: dict[str, Any]) -> None:
    assert _standing.ask(action(**what), "exit 1", {}) is None


def test_a_directory_may_have_a_long_name(
    run: Any, standing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than the path of a socket can be."""
    directory = tmp_path / ("long" * 40)
    directory.mkdir()
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(directory))
    for _unused in range(2):
        assert result(ask(standing))["files"] == []
    assert len(sockets(directory)) == 1


def test_a_directory_that_is_gone_is_left_alone(run: Any, standing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", "/nonexistent")
    assert ask(standing) is None
