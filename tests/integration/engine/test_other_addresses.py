# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers on servers with addresses of their own: what the others remember after one has moved (wallaroo.md, Trap 6).

The servers are network namespaces on a bridge, which only root can make.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo import peer_addresses
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.files import PEERS
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.connection_addresses import entries

from tests.worker_runner import RESUMED, Cluster, fed

NETWORK = f"10.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"
"""Of this process alone, since tests run at the same time."""

_NUMBERS = itertools.count()


def ip(*words: str) -> None:
    """The command ip."""
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class FarCluster(Cluster):
    """A cluster whose workers are on servers 1 to 4, with the addresses that are given."""

    def __init__(self, directory: Path, last: list[int]) -> None:
        super().__init__(directory)
        self.addresses = {f"server{number}": f"{NETWORK}.{byte}" for number, byte in enumerate(last, 1)}
        self.host = self.addresses["server1"]
        self.homes = {"initializer": "server1", "worker2": "server2", "worker3": "server3"}
        # Another name each time: the kernel takes what was deleted away a little later.
        self._bridge = f"wr{os.getpid()}n{next(_NUMBERS)}"
        self._names: dict[str, str] = {}
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def placed(self, name: str, argv: list[str]) -> list[str]:
        """In the namespace of its server."""
        own = self.addresses[self.homes[name]]
        for flag in ("--my-control", "--my-data"):
            place = argv.index(flag) + 1
            argv[place] = argv[place].replace("127.0.0.1", own)
        argv = [word.replace("127.0.0.1", self.host) for word in argv]
        space = self._names.get(self.homes[name])
        return ["ip", "netns", "exec", space, *argv] if space else argv

    def move(self, name: str, server: str) -> None:
        """Kill a worker, and start it on another server with its ports."""
        self[name].kill()
        self.homes[name] = server
        for suffix, port in zip(("tcp-control", "tcp-data"), self.ports_of(name)):
            self.files(name).path(suffix).write_text(f"{self.addresses[server]}\n{port}\n")
        self.restart(name)

    def restart(self, name: str) -> None:
        """Mend where it looks for the others, as a migration does, and start it."""
        if name in self.processes:
            self[name].kill()
        peer_addresses.mend(self.files(name), {other: self.addresses[home] for other, home in self.homes.items()})
        self.start(name, 3).wait_for(RESUMED)

    def close(self) -> None:
        """End everything."""
        super().close()
        for name in self._names.values():
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", self._bridge], check=False, capture_output=True)

    def _open(self) -> None:
        ip("link", "add", self._bridge, "type", "bridge")
        ip("addr", "add", f"{self.host}/24", "dev", self._bridge)
        ip("link", "set", self._bridge, "up")
        # The first server is where the tests are themselves: in it are sources and sinks.
        for server, address in list(self.addresses.items())[1:]:
            name = self._names[server] = f"{self._bridge}-{server}"
            ip("netns", "add", name)
            cable = f"{self._bridge}v{server[-1]}"
            ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", cable, "master", self._bridge, "up")
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")


@pytest.fixture(params=[[11, 12, 13, 14], [11, 12, 13, 104]], ids=["as long", "longer"])
def cluster(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[FarCluster]:
    if os.geteuid() or not shutil.which("ip"):
        pytest.skip("only root with the command ip can make servers with addresses of their own")
    found = FarCluster(tmp_path, request.param)
    try:
        yield found
    finally:
        found.close()


def test_another_worker_is_restarted_and_moved_after_one_has_moved(cluster: FarCluster) -> None:
    receiver = fed(cluster, 3, last=10)
    cluster.move("worker2", "server4")
    cluster.wait_for_checkpoints()
    cluster.restart("worker3")
    cluster.send(11, 20)
    receiver.wait_until_all_have(20)
    cluster.wait_for_checkpoints()
    cluster.move("worker3", "server2")
    cluster.send(21, 30)
    receiver.assert_exactly_once(30)
    now = {entry.worker: entry.host for entry in entries(cluster.files("worker3").path(PEERS).read_bytes())}
    assert now["worker2"] == cluster.addresses["server4"]


def test_without_that_it_looks_for_the_other_where_nobody_is(cluster: FarCluster) -> None:
    fed(cluster, 3, last=10)
    cluster.move("worker2", "server4")
    cluster.wait_for_checkpoints()
    cluster["worker3"].kill()
    worker = cluster.start("worker3", 3)
    worker.wait_for(f"RE-Connecting OutgoingBoundary to {cluster.addresses['server2']}:{cluster.ports['worker2'][1]}")
    worker.never_says("|~~ INIT PHASE II", 1.0)
