# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a Python program in a process that has imported Ansible already.

The imports take most of the time of a short playbook and of nearly every module. So a process imports them once and
forks for each call; the fork gets the words, the environment, the directory and the streams of the call, runs the
program as ``__main__`` from its first line, and ends as every interpreter does.

What is read while the imports run is the same in all forks: a process serves one environment and one directory. Only
of ``PASSED_ON`` it is known that nothing keeps them before the fork.

The processes are the same for all that a test looks at but their command line, and their being imported before. A
test of either, of signals or of a terminal calls the real command.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

from tools.commands import as_called

REPOSITORY = Path(__file__).resolve().parent.parent
PROCESS = Path(__file__).resolve().parent / "preloaded_process.py"
PLAYBOOK = (
    "ansible.cli.playbook",
    # What it loads of itself for every play.
    *(f"ansible.executor.{name}" for name in ("process.worker", "task_executor")),
    *(f"ansible.plugins.callback.{name}" for name in ("default", "junit")),
    *(f"ansible.plugins.connection.{name}" for name in ("local", "psrp", "ssh", "winrm")),
    *(f"ansible.plugins.inventory.{name}" for name in ("toml", "yaml")),
    *("ansible.parsing.yaml.dumper", "ansible.playbook.role_include", "ansible.plugins.shell.sh"),
    *("ansible.plugins.strategy", "ansible.utils.encrypt", "multiprocessing.shared_memory", "pty"),
)
MODULE = (
    "ansible.module_utils.basic",
    *(
        f"ansible_collections.wallaroo.resilience.plugins.modules.{path.stem}"
        for path in sorted((REPOSITORY / "plugins" / "modules").glob("[a-z]*.py"))
    ),
)
"""What is imported beforehand. Of the collection a playbook imports by Ansible's own means, so not here."""

PASSED_ON = ("ANSIBLE_LOCAL_TEMP", "PYTEST_", "WALLAROO_")
"""How the names of variables begin that may differ between the calls of one process."""
AT_MOST = 4
"""So many processes are kept by each process of xdist."""


class Preloaded:
    """A process that has imported a module, and forks."""

    def __init__(self, modules: Sequence[str], environment: Mapping[str, str], directory: Path) -> None:
        self._channel, other = socket.socketpair()
        with other:
            self._process = subprocess.Popen(
                [sys.executable, str(PROCESS), str(other.fileno()), *modules],
                pass_fds=[other.fileno()],
                env=environment,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def fork(self, call: dict[str, Any], streams: Sequence[int]) -> int:
        """The identifier of the process that carries out the call."""
        message = json.dumps(call).encode()
        socket.send_fds(self._channel, [len(message).to_bytes(4, "big")], streams)
        self._channel.sendall(message)
        return self._number()

    def code(self) -> int:
        """The exit code of the call, once it has ended."""
        return self._number()

    def _number(self) -> int:
        number = self._channel.recv(4, socket.MSG_WAITALL)
        if not number:
            raise EOFError("the process with the imports has ended")
        return int.from_bytes(number, "big", signed=True)

    def end(self) -> None:
        """A process without anybody who calls it ends."""
        self._channel.close()
        # It may wait for the end of a call.
        self._process.terminate()
        self._process.wait()


_known: dict[tuple[Any, ...], Preloaded] = {}


@atexit.register
def end_all() -> None:
    """End those that wait for a call."""
    while _known:
        _known.popitem()[1].end()


def _key(modules: Sequence[str], environment: Mapping[str, str], directory: Path) -> tuple[Any, ...]:
    settled = tuple(sorted((name, value) for name, value in environment.items() if not name.startswith(PASSED_ON)))
    return tuple(modules), str(directory), settled


def run(
    modules: Sequence[str],
    program: Path,
    *words: str,
    environment: Mapping[str, str],
    directory: Path,
    limit: float,
    given: str = "",
    together: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, as ``subprocess.run`` does with ``capture_output`` and ``text``.

    :param modules: what is imported beforehand.
    :param given: on standard input.
    :param together: standard error goes where standard output goes.
    :raises subprocess.TimeoutExpired: after it was killed.
    """
    key = _key(modules, environment, directory)
    # Nobody else calls it meanwhile, and nobody ever again if the call does not come to its end.
    serving = _known.pop(key, None) or Preloaded(modules, environment, directory)
    argv = [str(program), *words]
    try:
        code, said = _call(serving, {"argv": argv, "environment": dict(environment)}, given, limit, together)
    except BaseException:
        serving.end()
        raise
    if key in _known:
        serving.end()
    else:
        # The one that was called last comes last.
        _known[key] = serving
    while len(_known) > AT_MOST:
        _known.pop(next(iter(_known))).end()
    if said is None:
        raise subprocess.TimeoutExpired(argv, limit)
    return subprocess.CompletedProcess(argv, code, *said)


def play(
    words: Sequence[str], environment: Mapping[str, str], directory: Path, limit: float, together: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run ``ansible-playbook`` to its end, as the command of this environment does."""
    given, prepared, names = as_called("ansible-playbook", words, environment, directory, Path(sys.prefix))
    assert not names, "the command would say what it makes of these words"
    program = Path(sys.prefix) / "libexec" / "ansible-playbook"
    return run(PLAYBOOK, program, *given, environment=prepared, directory=directory, limit=limit, together=together)


def _call(
    serving: Preloaded, call: dict[str, Any], given: str, limit: float, together: bool
) -> tuple[int, Optional[list[str]]]:
    with tempfile.TemporaryFile() as stdin:
        stdin.write(given.encode())
        stdin.seek(0)
        reading, writing = os.pipe()
        errors, failing = os.pipe()
        pid = serving.fork(call, [stdin.fileno(), writing, writing if together else failing])
        os.close(writing)
        os.close(failing)
    try:
        said = _all_of((reading, errors), time.monotonic() + limit, lambda: os.kill(pid, signal.SIGKILL))
        return serving.code(), said
    except BaseException:
        # Nobody waits for it any more, as after an interruption of the tests.
        os.kill(pid, signal.SIGKILL)
        raise


def _all_of(streams: Sequence[int], end: float, kill: Callable[[], None]) -> Optional[list[str]]:
    """What came from each until its end; nothing when it took too long."""
    said = {stream: bytearray() for stream in streams}
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, end - time.monotonic()))
            if not ready:
                kill()
                break
            for key, _events in ready:
                chunk = os.read(key.fd, 1 << 16)
                said[key.fd] += chunk
                if not chunk:
                    selector.unregister(key.fd)
        whole = not selector.get_map()
    for stream in streams:
        os.close(stream)
    # As text streams read it.
    return [bytes(text).decode().replace("\r\n", "\n") for text in said.values()] if whole else None
