# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a worker on another server, over real SSH."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.registry import files_in
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.files import (
    SUFFIXES,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.ssh import (
    RSYNC_ENVIRONMENT,
    rsync_argv,
    ssh_argv,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.start import start
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience import copying, remote
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.agent_protocol import LAYOUT
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.files import ResilienceSet
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.source import CopyError, SourceChanged
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import source_server
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.source_server import SourceAddress

from tests.deploying import bring
from tests.ssh_server import SshServer

PREFIX = "multi_partition_detector"
MADE_OF = ("embedded", PREFIX, "0.5.4")
WANTED = files_in("/nowhere", *MADE_OF, "worker2")


@pytest.fixture
def base(tmp_path: Path, ssh: SshServer) -> Path:
    """The other server's directory; ssh, rsync and shells read more into such a name than it says."""
    there = tmp_path / "it's 100% $HOME; %h"
    bring(there)
    ssh.lead_to(there)
    files = there / "resilience" / "worker2"
    files.mkdir(parents=True)
    for suffix in SUFFIXES:
        (files / f"{PREFIX}-worker2.{suffix}").write_bytes(suffix.encode() * 1000)
    return there


@pytest.fixture
def target(tmp_path: Path) -> ResilienceSet:
    return WANTED.at(tmp_path / "here" / "resilience" / "worker2")


def address(ssh: SshServer, base: Path) -> SourceAddress:
    return SourceAddress.from_arguments("server2", str(base), ssh.as_argument())


@pytest.mark.parametrize(
    ("bytes_from", "files_from", "bulk"),
    [(1, 1000, True), (1 << 30, 1, True), (copying._BULK_BYTES, copying._BULK_FILES, False)],
)
def test_a_copy_over_ssh_is_proved_and_the_next_one_brings_the_end_alone(
    ssh, base, target, monkeypatch, bytes_from, files_from, bulk
):
    """Whole files are brought with rsync where they are many or large, and over the connection else."""
    monkeypatch.setattr(copying, "_BULK_BYTES", bytes_from)
    monkeypatch.setattr(copying, "_BULK_FILES", files_from)
    calls: list[Any] = []
    monkeypatch.setattr(remote, "rsync_argv", lambda *words, by=remote.rsync_argv: calls.append(words) or by(*words))
    with closing(address(ssh, base).open(WANTED)) as source:
        early = copying.copy(source.files, target, warm_up=True)
        assert len(calls) == bulk
        assert target.state() == "incomplete", "nothing is started from what was not proved"
        with (base / "resilience/worker2" / f"{PREFIX}-worker2.evlog").open("ab") as stream:
            stream.write(b"later")
        result = copying.copy(source.files, target)

    assert early.bytes > 10_000
    assert result.appended == [f"{PREFIX}-worker2.evlog"]
    assert result.bytes < 10_000
    for path in (base / "resilience/worker2").iterdir():
        assert (target.directory / path.name).read_bytes() == path.read_bytes()
    assert target.state() == "complete"
    assert not target.arriving().exists()


def test_exactly_the_worker_is_killed_over_the_connection(ssh, base):
    record = start(str(base), "worker2", "worker", [sys.executable, "-c", "import time; time.sleep(600)"])
    other = start(str(base), "worker3", "worker", [sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        with closing(address(ssh, base).open(WANTED)) as source:
            assert source.pid() == record.identity.pid
            killed = source.kill(10.0)
            assert source.pid() is None
            assert source.kill(10.0).pid is None
        assert not is_alive(record.identity)
        assert is_alive(other.identity)
        assert killed.pid == record.identity.pid
        assert killed.killed is not None
        assert killed.died is not None
        assert 0 <= killed.died - killed.killed < 10
    finally:
        for process in (record, other):
            if is_alive(process.identity):
                os.kill(process.identity.pid, 9)


def test_a_wrong_host_key_is_never_accepted(ssh, base, target):
    proper = ssh.known_hosts.read_text()
    try:
        ssh.trust(ssh.another_key())
        with pytest.raises(CopyError, match=r"server2 .* cannot be reached by SSH from here: the host key .*fix=true"):
            address(ssh, base).open(WANTED)
    finally:
        ssh.known_hosts.write_text(proper)


def test_a_missing_key_is_named(ssh, base):
    argument = {**ssh.as_argument(), "identity": str(base / "no-key")}
    with pytest.raises(CopyError, match=r"there is no key .*no-key on this server"):
        SourceAddress.from_arguments("server2", str(base), argument).open(WANTED)


def test_an_agent_that_dies_during_a_copy_is_noticed(ssh, base, target):
    with closing(address(ssh, base).open(WANTED)) as source:
        source.files.manifest()
        agent = source.ask("hello")["pid"]
        os.kill(agent, 9)
        with pytest.raises(CopyError, match=r"connection to server2 .* broke"):
            copying.copy(source.files, target)
    assert target.state() == "none"


def test_the_agent_ends_with_its_connection(ssh, base):
    source = address(ssh, base).open(WANTED)
    agent = source.ask("hello")["pid"]
    source.close()
    end = time.monotonic() + 10
    while Path(f"/proc/{agent}").exists():
        assert time.monotonic() < end, "the agent is still there"
        time.sleep(0.01)


def in_a_fork(source: SourceAddress) -> int:
    """The agent's process, as a fork of this process finds it; 0 when it cannot be reached."""
    ours, its = os.pipe()
    if os.fork() == 0:
        agent = 0
        try:
            with closing(source.open(WANTED)) as opened:
                agent = opened.ask("hello")["pid"]
        finally:
            os.write(its, str(agent).encode())
            os._exit(0)
    os.close(its)
    with open(ours) as stream:
        return int(stream.read())


@pytest.fixture
def begun(ssh: SshServer, base: Path) -> Iterator[SourceAddress]:
    """A source to which the way was begun by this process."""
    source = address(ssh, base)
    source.begin(WANTED)
    try:
        yield source
    finally:
        source_server.end()


def test_a_way_that_was_begun_is_taken_by_a_fork_and_stands_until_it_is_given_up(begun, monkeypatch):
    monkeypatch.setattr(SourceAddress, "_other", lambda *_unused: pytest.fail("another one was opened"))
    first = in_a_fork(begun)
    assert first
    assert is_there(first)
    assert in_a_fork(begun) == first
    source_server.end()
    wait_until(lambda: not is_there(first), 10.0, "the end of the agent")


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_a_way_that_broke_meanwhile_is_opened_anew(begun):
    first = in_a_fork(begun)
    os.kill(first, 9)
    wait_until(lambda: not is_there(first), 10.0, "the end of the agent")
    assert in_a_fork(begun) not in (0, first)


def test_a_server_that_is_known_to_be_out_of_reach_is_not_tried_twice(ssh, base, monkeypatch):
    # Nobody listens on port 1.
    source = SourceAddress.from_arguments("server2", str(base), {**ssh.as_argument(), "port": 1})
    source.begin(WANTED)
    try:
        monkeypatch.setattr(SourceAddress, "_other", lambda *_unused: pytest.fail("it was tried again"))
        with pytest.raises(CopyError, match=r"server2 .*port 1.* cannot be reached by SSH from here: nothing listens"):
            source.open(WANTED)
    finally:
        source_server.end()


def test_a_way_to_another_worker_is_not_taken(begun):
    first = in_a_fork(begun)
    other = files_in("/nowhere", *MADE_OF, "worker3")
    with closing(begun.open(other)) as source:
        assert source.ask("hello")["pid"] != first


def test_where_it_cannot_be_begun_whoever_opens_it_says_why(ssh, base):
    source = SourceAddress.from_arguments("server2", str(base), {**ssh.as_argument(), "identity": str(base / "no-key")})
    source.begin(WANTED)
    with pytest.raises(CopyError, match=r"there is no key .*no-key on this server"):
        source.open(WANTED)


def test_the_agent_reads_nothing_but_the_worker_s_files(ssh, base):
    (base / "secret").write_text("secret")
    with closing(address(ssh, base).open(WANTED)) as source:
        for name in ("../../secret", f"{PREFIX}-worker20.evlog", "secret"):
            with pytest.raises((CopyError, SourceChanged, FileNotFoundError)):
                source.files.open(name).read()


@pytest.mark.parametrize("command", ["id", "", "cat /etc/passwd", "rsync --server . /tmp", "sh -c 'id'", "true; id"])
def test_a_key_opens_nothing_else(ssh, base, command):
    words = [*ssh_argv(ssh.access()), *([command] if command else [])]
    ended = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith("This key of wallaroo.resilience does not open ")


def test_nothing_above_the_resilience_files_is_read_with_rsync(ssh, base, tmp_path):
    (base / "ssh" / "id_ed25519").write_text("secret")
    (base / "resilience" / "link").symlink_to("/etc")
    for directory in (
        base,
        base / "ssh",
        base / "resilience" / ".." / "ssh",
        base / "resilience" / "link",
        Path("/etc"),
    ):
        argv = rsync_argv(ssh.access(), ["--recursive"], str(directory), str(tmp_path / "here"))
        ended = subprocess.run(
            argv, env={**os.environ, **RSYNC_ENVIRONMENT}, capture_output=True, timeout=30, check=False
        )
        assert ended.returncode != 0
        assert b"does not open rsync of" in ended.stderr
        assert not (tmp_path / "here").exists() or not list((tmp_path / "here").iterdir())


def test_whoever_lost_the_gate_is_told_to_repair_it(ssh, base):
    shutil.rmtree(base / "ssh")
    with pytest.raises(CopyError, match=r"another one now, or was removed; run preflight\.yml -e fix=true"):
        address(ssh, base).open(WANTED)


def test_the_agent_refuses_nonsense(base):
    agent = [sys.executable, str(base / "runtime/programs.pyz"), "source_agent"]
    agent += ["--base", str(base), "--server", "server2", "--worker", "worker2"]
    agent += [
        "--directory",
        str(base / "resilience/worker2"),
        *(word for pair in zip(LAYOUT, WANTED.layout.made_of) for word in pair),
    ]
    ended = subprocess.run(agent, input=b"\xff\xff\xff\xffGET / HTTP/1.1", capture_output=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith(b"source_agent: ")


KILLED = f"""
import sys, json
from {SourceAddress.__module__} import SourceAddress
from {files_in.__module__} import files_in
wanted = files_in("/nowhere", *{MADE_OF}, "worker2")
source = SourceAddress.from_arguments("server2", sys.argv[1], json.loads(sys.argv[2])).open(wanted)
print(source.ask("hello")["pid"], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory for temporary files with a short name: a socket's name is short."""
    with tempfile.TemporaryDirectory(prefix="w.", dir="/tmp") as made:
        yield Path(made)


def test_a_mover_that_was_killed_leaves_nothing_behind_the_next(ssh, base, place, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    environment = {**os.environ, "TMPDIR": str(place)}
    command = [sys.executable, "-c", KILLED, str(base), json.dumps(ssh.as_argument())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as mover:
        agent = int(mover.stdout.readline())
        mover.kill()
        mover.wait()
    assert list(place.glob("wallaroo-ssh*")), "a SIGKILL leaves no time to tidy up"

    address(ssh, base).open(WANTED).close()

    assert not list(place.glob("*wallaroo-ssh*"))
    wait_until(lambda: not Path(f"/proc/{agent}").exists(), 10, "the end of the killed mover's agent")
    shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert not [line for line in shown.splitlines() if f"{place}/wallaroo-ssh" in line]
