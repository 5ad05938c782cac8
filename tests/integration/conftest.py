# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of one's own for each test: free ports, a directory, and the end of everything that was started."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import pathspec
import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._catalogue.applications import application
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.record import ClusterRecord
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.command_line import runtime_argv
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.contract import LISTENING, READY
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.files import resilience_set
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import checkpoint_ids
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import key_name
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import living, program
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import preparation, server_state, worker_start
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.progress import Progress
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Servers

from tests import needed, preloaded
from tests.deploying import bring
from tests.port_block import PortBlock
from tests.server_states import record_of, send

LIMIT = 240
"""Seconds for one playbook."""


@dataclass
class Run:
    """A playbook that has ended."""

    code: int
    output: str
    recap: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        """How many tasks changed something, on all servers."""
        return sum(host["changed"] for host in self.recap.values())

    @property
    def message(self) -> str:
        """The output as one line, since long sentences are folded in it."""
        return " ".join(self.output.replace("''", "'").split())


class Loopback:
    """The servers of the loopback inventory in a directory of their own."""

    def __init__(self, repository: Path, directory: Path, block: PortBlock) -> None:
        self.repository = repository
        self.directory = directory
        self.ports = block.ports()
        self.runs = directory / "runs"
        self.engine = ""
        """The variables of a cluster that choose its engine, for tests of one that is not ours."""
        self.metrics_ui = False
        """Few tests look at it."""
        self.as_users_do = False
        """Whether the command itself is started for each playbook; see ``preloaded``."""
        self.environment = {
            **os.environ,
            "WALLAROO_LOOPBACK": str(directory / "servers"),
            "ANSIBLE_CONFIG": str(repository / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            # Its recap counts what was changed where.
            "ANSIBLE_STDOUT_CALLBACK": "default",
            "ANSIBLE_LOCAL_TEMP": str(directory / "ansible"),
        }
        self.environment.pop("ANSIBLE_FORCE_COLOR", None)

    def base(self, server: int) -> Path:
        """The directory of a server."""
        return self.directory / "servers" / f"server{server}"

    def command(self, playbook: str, arguments: str = "", *options: str) -> list[str]:
        """The command line of a playbook."""
        program = shutil.which("ansible-playbook")
        assert program, "ansible-playbook is not on PATH; run the tests with make test"
        fixed = {"wallaroo_ports": self.ports, "wallaroo_runs": str(self.runs), "metrics_ui": self.metrics_ui}
        where = playbook if "." in playbook else str(self.repository / "playbooks" / f"{playbook}.yml")
        # As a user writes them: texts, all in one -e.
        return [program, where, "-e", json.dumps(fixed), *(["-e", arguments] if arguments else []), *options]

    def play(self, playbook: str, arguments: str = "", *options: str, succeed: bool | None = True) -> Run:
        """Run a playbook; ``succeed=None`` when it may end either way."""
        command = self.command(playbook, arguments, *options)
        if self.as_users_do:
            ended = subprocess.run(
                command,
                # What the tests themselves need of Python is not what a user's shell has.
                env={name: value for name, value in self.environment.items() if not name.startswith("PYTHON")},
                cwd=self.repository,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                timeout=LIMIT,
                text=True,
                check=False,
            )
        else:
            ended = preloaded.play(command[1:], self.environment, self.repository, LIMIT, together=True)
        run = Run(ended.returncode, ended.stdout, _recap(ended.stdout))
        if succeed is not None:
            assert (run.code == 0) is succeed, ended.stdout[-6000:]
        return run

    def without(self, server: str) -> tuple[str, ...]:
        """The options of a playbook that cannot reach a server."""
        needed.program("ssh", "openssh-client")
        inventory = self.directory / f"without_{server}.yml"
        # Port 1 is nobody's.
        gone = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
        inventory.write_text(json.dumps({"servers": {"hosts": {server: gone}}}))
        return ("-i", str(self.repository / "inventory" / "loopback" / "hosts.yml"), "-i", str(inventory))

    def bring_programs(self) -> None:
        """Bring the programs to all servers, for tests of what comes after."""
        for number in range(1, 5):
            bring(self.base(number))

    def play_in_turn(self, *steps: tuple[str, str]) -> Run:
        """Run steps in one call of Ansible, as a playbook of a user's own that imports theirs.

        For what a test prepares: a call for each costs a second more, and is what it needs where it asserts on each.
        """
        imports = [
            {
                "ansible.builtin.import_playbook": str(self.repository / "playbooks" / f"{playbook}.yml"),
                "vars": dict(word.split("=", 1) for word in arguments.split()),
            }
            for playbook, arguments in steps
        ]
        own = self.directory / "steps-in-turn.yml"
        own.write_text(json.dumps(imports))
        return self.play(str(own))

    def start(self, playbook: str, arguments: str, output: IO[Any]) -> subprocess.Popen[bytes]:
        """Start a playbook and do not wait for it."""
        return subprocess.Popen(
            self.command(playbook, arguments),
            env=self.environment,
            cwd=self.repository,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def results(self) -> list[dict[str, Any]]:
        """The results of all runs, oldest first."""
        found = [path / "result.json" for path in self.runs.glob("*") if not path.is_symlink()]
        there = sorted((path for path in found if path.is_file()), key=lambda path: path.stat().st_mtime_ns)
        return [json.loads(path.read_text()) for path in there]

    def alive(self) -> dict[str, str]:
        """Which process runs on which server."""
        return {
            process.name: f"server{server}"
            for server in range(1, 5)
            if (self.base(server) / "run").is_dir()
            for process in living.survey(str(self.base(server))).living().values()
        }

    def snapshot(self) -> dict[str, Any]:
        """Everything that a refused step must leave alone: who runs, who owns, which files."""
        files = {
            str(path.relative_to(self.directory)): path.stat().st_mtime_ns
            for pattern in (
                "servers/*/run/*/ownership.json",
                "servers/*/run/cluster.json",
                "servers/*/run/*/process.json",
            )
            for path in sorted(self.directory.glob(pattern))
        }
        present = sorted(
            str(path.relative_to(self.directory)) for path in self.directory.glob("servers/*/resilience/*/*")
        )
        return {"alive": self.alive(), "files": files, "present": present}

    def stop(self) -> None:
        """End everything, whatever state it is in."""
        for server in range(1, 5):
            if self.base(server).is_dir():
                preparation.stop(str(self.base(server)), keep_files=True)


def _recap(output: str) -> dict[str, dict[str, int]]:
    recap = {}
    for line in output.partition("PLAY RECAP")[2].splitlines():
        host, colon, numbers = line.partition(" : ")
        if colon:
            recap[host.strip()] = {
                name: int(value) for name, _equals, value in (item.partition("=") for item in numbers.split())
            }
    return recap


@pytest.fixture
def loopback(repository: Path, tmp_path: Path) -> Iterator[Loopback]:
    """Four servers on this machine, nothing started yet."""
    block = PortBlock()
    servers = Loopback(repository, tmp_path, block)
    try:
        yield servers
    finally:
        servers.stop()
        block.close()


QUICK = "values=200 interval=0 checkpoint_interval=0.2"
"""For runs whose length does not matter."""


@pytest.fixture
def cluster(loopback: Loopback) -> Loopback:
    """Two workers that run, with 200 values of each key behind them.

    As start_cluster.yml and start_sender.yml leave them, made with the library that these use: ten times as fast.
    """
    start_directly(loopback)
    return loopback


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory for everything temporary of a test, with a short name: Ansible itself has sockets in there."""
    with tempfile.TemporaryDirectory(prefix="w") as name:
        monkeypatch.setenv("TMPDIR", name)
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield Path(name)


@pytest.fixture
def project(repository: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of what git has, or would add, somewhere else, as AWX makes one."""
    copy = tmp_path / "project"
    left_out = pathspec.GitIgnoreSpec.from_lines([".git", *(repository / ".gitignore").read_text().splitlines()])
    for place, folders, files in os.walk(repository):
        here = Path(place).relative_to(repository)
        folders[:] = [name for name in folders if not left_out.match_file(f"{here / name}/")]
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        for name in (*files, *links):
            if not left_out.match_file(str(here / name)):
                (copy / here).mkdir(parents=True, exist_ok=True)
                shutil.copy2(repository / here / name, copy / here / name, follow_symlinks=False)
    yield copy
    shutil.rmtree(copy)


def start_directly(loopback: Loopback, **arguments: str) -> None:
    """Do what the two playbooks do."""
    record = begin_directly(loopback, **arguments)
    base = record.first_server.base
    _start_worker(record, "initializer", READY)
    send_directly(record, "200")
    ids = resilience_set(f"{base}/resilience/initializer", application(record.application).prefix, "initializer").path(
        "checkpoint_ids"
    )
    before = ids.stat().st_size
    wait_until(lambda: ids.stat().st_size >= before + 2 * checkpoint_ids.SIZE, LIMIT, "two more checkpoints")


def begin_directly(loopback: Loopback, only: Container[str] = (), **arguments: str) -> ClusterRecord:
    """Start the processes one after the other.

    :param only: those that are started; by default all of them.
    """
    servers = [
        {"name": f"server{number}", "address": "127.0.0.1", "base": str(loopback.base(number))}
        for number in range(1, 5)
    ]
    wanted = {"workers": "2", "checkpoint_interval": "0.2", "wallaroo_ports": loopback.ports, **arguments}
    wanted.setdefault("metrics_ui", "false")
    record = record_of(wanted, servers, "cluster-of-a-test", time.time())
    base = record.first_server.base
    for server in record.servers:
        bring(Path(server.base))
        preparation.prepare(server.base, record, None)
    if not only or "receiver" in only:
        received = f"{base}/received/received.bin"
        _start_program(base, "receiver", ["--listen", f"127.0.0.1:{record.ports['sink']}", "--file", received])
    if record.journal:
        where = ["--listen", f"127.0.0.1:{record.ports['journal']}", "--directory", f"{base}/journals"]
        _start_program(base, "journal_server", where)
    if record.metrics_ui:
        _start_metrics_ui(loopback, base)
    for worker in record.worker_names():
        if not only or worker in only:
            _start_worker(record, worker, LISTENING)
    return record


def send_directly(record: ClusterRecord, last: str) -> None:
    """Send the values up to the last one, and wait until all of them have come out."""
    base = record.first_server.base
    states = {server.name: server_state.describe(server.base, server.name) for server in record.servers}
    (one,) = send({"last": last, "interval": "0"}, Servers(list(states), states))["sends"]
    argv = [*runtime_argv(sys.executable, base, one["program"]), *one["argv"]]
    program.ensure_started(
        program.Wanted(base, one["name"], "sender", argv, details=one["details"], result_file=one["result_file"]), LIMIT
    )
    progress = Progress(f"{base}/{server_state.RECEIVED_FILE}", [key_name(number) for number in range(record.keys)])
    wait_until(lambda: progress.update() is not None and not progress.missing(int(last)), LIMIT, "the output")


def _start_program(base: str, name: str, argv: list[str], details: Mapping[str, str] = MappingProxyType({})) -> None:
    argv = [*runtime_argv(sys.executable, base, name), *argv]
    pattern = f"{name.replace('_', ' ')}: listening on "
    program.ensure_started(program.Wanted(base, name, name, argv, details=details, ready_pattern=pattern), LIMIT)


def _start_metrics_ui(loopback: Loopback, base: str) -> None:
    address = f"127.0.0.1:{loopback.ports['metrics_ui']}"
    where = ["--listen", address, "--metrics", f"127.0.0.1:{loopback.ports['metrics']}"]
    token = ["--token-file", f"{base}/run/metrics_ui/token"]
    _start_program(base, "metrics_ui", [*where, *token], {"address": address})


def _start_worker(record: ClusterRecord, worker: str, until: str) -> None:
    server = record.server(record.placement[worker])
    start = worker_start.WorkerStart(server.base, server.name, record, worker, worker_start.FRESH, sys.executable)
    worker_start.run(start, until, LIMIT, None)
