# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Four servers with networks of their own on this machine, reached by real SSH: network namespaces at one bridge.

Far cheaper than containers, and addresses can move between them. They share the files of this machine, where each has
a directory of its own, and its processes.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import stop
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import identify

from tests.integration.conftest import Loopback
from tests.port_block import PortBlock
from tests.ssh_server import SshServer, descendants, program

NUMBERS = range(1, 5)


def can_be_made() -> bool:
    """Whether this account may, and has the programs for it."""
    try:
        return subprocess.run(["unshare", "--net", "ip", "link"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


in_networks = pytest.mark.skipif(not can_be_made(), reason="no network namespace can be made here (root and iproute2)")


class Networks(Loopback):
    """Server N has the address ``.1N``, which a worker may take along, and ``.10N`` for SSH."""

    def __init__(self, repository: Path, directory: Path, block: PortBlock) -> None:
        super().__init__(repository, directory, block)
        # As unlikely in use as the block of ports: a network for benchmarks (RFC 2544).
        self.network = f"198.18.{block.base // 60 % 250}"
        self.bridge = f"wr{block.base}"
        self.port = block.base + 59
        self._daemons: list[subprocess.Popen[bytes]] = []
        try:
            self._make()
        except BaseException:
            self.remove()
            raise

    def addresses(self, server: int) -> set[str]:
        """Those that a server has now, with the lengths of their networks' prefixes."""
        shown = self._run(*self._inside(server), "ip", "-4", "-o", "addr", "show", "dev", "eth0").split()
        return {shown[number + 1] for number, word in enumerate(shown) if word == "inet"}

    def command(self, playbook: str, arguments: str = "", *options: str) -> list[str]:
        """The command line of a playbook."""
        return super().command(playbook, arguments, "-i", str(self.directory / "hosts.json"), *options)

    def ssh(self) -> list[str]:
        """How a server is reached by hand, before its address."""
        keys = self.directory / "ssh"
        return ["ssh", "-p", str(self.port), "-i", f"{keys}/user", "-o", f"UserKnownHostsFile={keys}/known_hosts"]

    def account(self, server: int) -> str:
        """The account and the address of a server for SSH."""
        return f"root@{self.network}.{100 + server}"

    def logins(self, server: int) -> int:
        """How often other servers have logged in there."""
        log = (self.directory / "ssh" / f"log{server}").read_text().splitlines()
        return sum("Accepted publickey" in line and f" from {self.network}.1 " not in line for line in log)

    def remove(self) -> None:
        """Leave nothing."""
        for daemon in self._daemons:
            sessions = [identify(pid) for pid, name in descendants(daemon.pid)[1:] if name.startswith("sshd")]
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(10)
            # While there is a network the other side hears that they are gone; it would wait for ever else.
            for session in filter(None, sessions):
                stop.kill(session)
        for number in NUMBERS:
            # A namespace lives on as long as any process of it does; its plug need not.
            for what in (["link", "del", f"{self.bridge}p{number}"], ["netns", "del", f"{self.bridge}-{number}"]):
                subprocess.run(["ip", *what], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", self.bridge], capture_output=True, check=False)

    def _make(self) -> None:
        keys = self.directory / "ssh"
        keys.mkdir(mode=0o700)
        for name in ("host", "user"):
            SshServer._key(keys / name)
        (keys / "authorized").write_text((keys / "user.pub").read_text())
        public = " ".join((keys / "host.pub").read_text().split()[:2])
        trusted = [f"[{self.network}.{100 + number}]:{self.port} {public}\n" for number in NUMBERS]
        (keys / "known_hosts").write_text("".join(trusted))
        Path("/run/sshd").mkdir(exist_ok=True)
        self._run("ip", "link", "add", self.bridge, "type", "bridge")
        self._run("ip", "addr", "add", f"{self.network}.1/24", "dev", self.bridge)
        self._run("ip", "link", "set", self.bridge, "up")
        for number in NUMBERS:
            self._server(number, keys)
        (self.directory / "hosts.json").write_text(json.dumps(self._inventory(keys)))

    def _server(self, number: int, keys: Path) -> None:
        name, plug = f"{self.bridge}-{number}", f"{self.bridge}p{number}"
        self._run("ip", "netns", "add", name)
        self._run("ip", "link", "add", plug, "type", "veth", "peer", "name", "eth0", "netns", name)
        self._run("ip", "link", "set", plug, "master", self.bridge, "up")
        inside = self._inside(number)
        # Else the second address would go with the first one.
        self._run(*inside, "sysctl", "-qw", "net.ipv4.conf.all.promote_secondaries=1")
        for host in (10 + number, 100 + number):
            self._run(*inside, "ip", "addr", "add", f"{self.network}.{host}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            self._run(*inside, "ip", "link", "set", link, "up")
        config = keys / f"sshd{number}"
        config.write_text(
            f"ListenAddress {self.network}.{100 + number}\nPort {self.port}\nHostKey {keys}/host\nPidFile none\n"
            f"AuthorizedKeysFile {keys}/authorized\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
            "PermitRootLogin yes\nSetEnv PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "
            # What the account has in its home is nobody's business here, and may take its time in each call.
            f"HOME={keys}\n"
        )
        with (keys / f"log{number}").open("wb") as log:
            self._daemons.append(
                subprocess.Popen([*inside, program("sshd"), "-D", "-e", "-f", str(config)], stderr=log)
            )
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection((f"{self.network}.{100 + number}", self.port), 1).close()
                break
            except OSError:
                assert time.monotonic() < end, (keys / f"log{number}").read_text()
                time.sleep(0.02)

    def _inventory(self, keys: Path) -> dict[str, Any]:
        hosts = {
            f"server{number}": {
                "ansible_host": f"{self.network}.{100 + number}",
                "wallaroo_ssh_address": f"{self.network}.{100 + number}",
                "wallaroo_address": f"{self.network}.{10 + number}",
                "wallaroo_base": str(self.base(number)),
            }
            for number in NUMBERS
        }
        everywhere = {
            "ansible_port": self.port,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": f"{keys}/user",
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={keys}/known_hosts",
            "ansible_python_interpreter": sys.executable,
            "wallaroo_ssh_identity": f"{keys}/user",
            "wallaroo_ssh_known_hosts": f"{keys}/known_hosts",
        }
        (self.directory / "servers").mkdir()
        return {"all": {"children": {"servers": {"hosts": hosts, "vars": everywhere}}}}

    def _inside(self, number: int) -> list[str]:
        return ["ip", "netns", "exec", f"{self.bridge}-{number}"]

    @staticmethod
    def _run(*command: str) -> str:
        path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
        ended = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": path}, check=False)
        assert ended.returncode == 0, f"{' '.join(command)}: {ended.stderr}"
        return ended.stdout


@contextmanager
def four_servers(repository: Path, directory: Path) -> Iterator[Networks]:
    """They are there within the block, and nothing of them afterwards.

    :param directory: is made, and has what they keep.
    """
    directory.mkdir(exist_ok=True)
    with closing(PortBlock()) as block:
        networks = Networks(repository, directory, block)
        try:
            yield networks
        finally:
            networks.play("stop_cluster", succeed=None)
            networks.remove()
