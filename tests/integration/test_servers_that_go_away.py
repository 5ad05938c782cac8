# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that is reached by real SSH goes away while a worker is down: what the user is told, and how it goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Optional

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import record as process_record
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until

from tests.integration.conftest import LIMIT, Loopback, Run
from tests.integration.trust.watching import never_two
from tests.port_block import PortBlock
from tests.ssh_server import SshServer, descendants

MOVE = "worker=2 src=2 dst=4"


class Reached:
    """The loopback, of which some servers, or one, are reached by SSH and can go away."""

    def __init__(self, loopback: Loopback, numbers: Sequence[int], directory: Path, port: int) -> None:
        self.loopback = loopback
        self.ssh = SshServer(directory / "sshd", port)
        options = f"-F none -o ControlMaster=no -o ControlPath=none -o UserKnownHostsFile={self.ssh.known_hosts}"
        here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        hosts: dict[str, dict[str, Any]] = {
            f"server{server}": {**here, "wallaroo_address": "127.0.0.1", "wallaroo_base": str(loopback.base(server))}
            for server in range(1, 5)
        }
        for number in numbers:
            hosts[f"server{number}"].update(
                ansible_connection="ssh",
                ansible_host="127.0.0.1",
                ansible_port=port,
                ansible_user=self.ssh.access().user,
                ansible_ssh_private_key_file=str(self.ssh.directory / "user"),
                ansible_ssh_args=options,
            )
        self.inventory = directory / "hosts.yml"
        # JSON is YAML.
        self.inventory.write_text(json.dumps({"all": {"children": {"servers": {"hosts": hosts}}}}))

    def play(self, playbook: str, arguments: str = "", succeed: Optional[bool] = True) -> Run:
        return self.loopback.play(playbook, arguments, "-i", str(self.inventory), succeed=succeed)

    def cut(self, everything: bool) -> None:
        """The server goes away: the way to it, and with ``everything`` whatever a connection has started there."""
        for pid, name in descendants(self.ssh.process.pid):
            if everything or name.startswith("sshd"):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        self.ssh.process.wait(10)

    @contextmanager
    def cut_at_the_kill(self, everything: bool = False) -> Iterator[None]:
        """The server goes away in the moment in which the worker is dead."""
        known = process_record.read(str(self.loopback.base(2)), "worker2")
        assert known is not None
        identity = known.identity

        def watch() -> None:
            wait_until(lambda: not is_alive(identity), LIMIT, "the kill", pause=0.001)
            self.cut(everything)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            watcher.join()


@contextmanager
def reached(loopback: Loopback, numbers: int | Sequence[int], directory: Path) -> Iterator[Reached]:
    numbers = [numbers] if isinstance(numbers, int) else numbers
    with closing(PortBlock()) as block:
        found = Reached(loopback, numbers, directory, block.ports()["orders"])
        try:
            yield found
        finally:
            if found.ssh.process.poll() is None:
                found.cut(everything=True)


def named(run: Run) -> tuple[str, str]:
    """The last command that a message names."""
    playbook, arguments = re.findall(r'(migrate|restart_worker)\.yml -e "([^"]+)"', run.message)[-1]
    return str(playbook), str(arguments)


def last_result(loopback: Loopback) -> dict[str, Any]:
    return [result for result in loopback.results() if result["name"] == "migrate"][-1]


def proved(loopback: Loopback) -> None:
    """Every message that was ever sent has come out as it must."""
    never_two(loopback)
    loopback.play("start_sender", "last=300 interval=0")
    loopback.play("verify")


def test_a_run_asks_a_server_over_one_connection_that_ends_with_it(loopback: Loopback, tmp_path: Path) -> None:
    """The lock, each look and its return were commands of their own, of a Python each."""
    loopback.bring_programs()
    with reached(loopback, 1, tmp_path) as servers:
        run = loopback.play("status", "", "-vvv", "-i", str(servers.inventory))
        assert run.output.count("STANDING CONNECTION") == 1, run.output
        assert "ESTABLISH SSH CONNECTION" not in run.output

        def left() -> list[tuple[int, str]]:
            return [one for one in descendants(servers.ssh.process.pid) if not one[1].startswith("sshd")]

        wait_until(lambda: not left(), LIMIT, "the end of what the run has asked")


TOGETHER = """#!/bin/sh
# ssh, once there is one for each of four servers.
: > "{place}/ssh.$$"
for _ in $(seq 400); do
    [ "$(ls "{place}" | wc -l)" -ge 4 ] && exec ssh "$@"
    sleep 0.05
done
echo "the others were not begun" >&2
exit 255
"""


def test_the_connections_to_all_servers_are_begun_together(loopback: Loopback, tmp_path: Path) -> None:
    """And each once: the lock of the first one is not waited for."""
    loopback.bring_programs()
    place = tmp_path / "begun"
    place.mkdir()
    ssh = tmp_path / "together"
    ssh.write_text(TOGETHER.format(place=place))
    ssh.chmod(0o700)
    with reached(loopback, range(1, 5), tmp_path) as servers:
        loopback.play("stop_cluster", f"ansible_ssh_executable={ssh}", "-i", str(servers.inventory))
    assert len(list(place.iterdir())) == 4


@pytest.mark.sampled(1)
@pytest.mark.parametrize("everything", [False, True], ids=["the mover lives on", "the mover is dead too"])
def test_a_target_that_goes_away_inside_the_downtime(cluster: Loopback, tmp_path: Path, everything: bool) -> None:
    with reached(cluster, 4, tmp_path) as servers:
        with servers.cut_at_the_kill(everything):
            run = servers.play("migrate", MOVE, succeed=False)

        assert "server4 cannot be reached" in run.message, run.output
        assert "server4 may still be starting worker2" in run.message, run.output
        assert named(run) == ("migrate", "worker=worker2 src=server2 dst=server4")
        assert last_result(cluster)["outcome"] == "unfinished"
        assert cluster.alive().get("worker2") != "server2"

        servers.ssh.start()
        servers.play(*named(run))

        assert cluster.alive()["worker2"] == "server4"
        assert last_result(cluster)["outcome"] == "moved"
        assert last_result(cluster)["migrations"][0]["resumed"]
    proved(cluster)


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("number", "left"),
    [(2, "server2 must be kept from starting worker2 too"), (1, "the workers on server1 must learn where worker2 is")],
    ids=["its source", "one whose worker must learn of it"],
)
def test_a_worker_that_moved_has_moved_whoever_goes_away_meanwhile(
    cluster: Loopback, tmp_path: Path, number: int, left: str
) -> None:
    with reached(cluster, number, tmp_path) as servers:
        with servers.cut_at_the_kill():
            run = servers.play("migrate", MOVE, succeed=False)

        assert "worker2 moved to server4 and runs there" in run.message, run.output
        assert left in run.message, run.output
        result = last_result(cluster)
        assert (result["outcome"], result["verdict"]) == ("moved", None)
        assert result["migrations"][0]["downtime_seconds"] > 0
        assert cluster.alive()["worker2"] == "server4"

        servers.ssh.start()
        servers.play(*named(run))

        assert cluster.alive()["worker2"] == "server4"
        assert "Still to be done" not in servers.play("migrate", MOVE).message
    proved(cluster)
