# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SSH server of one's own: real sshd and ssh, on 127.0.0.1, as the user who runs the tests."""

from __future__ import annotations

import getpass
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import patch

from ansible_collections.wallaroo.resilience.plugins.module_utils._process.ssh import Access
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import ssh_keys

from tests import needed

PROGRAMS = {"sshd": "openssh-server", "ssh": "openssh-client", "ssh-keygen": "openssh-client", "rsync": "rsync"}
"""What is needed, and Debian's packages that have it."""


def program(name: str) -> str:
    """Where one of them is; the test is skipped where it is missing, and fails in CI."""
    return needed.program(name, PROGRAMS[name])


def passes_preflight() -> None:
    """For tests of ``preflight.yml`` that find nothing missing on this machine."""
    for name in ("rsync", "ssh"):
        program(name)


def descendants(pid: int) -> list[tuple[int, str]]:
    """A process with all that it has started and what those have: identifiers and names."""
    parents: dict[int, int] = {}
    names: dict[int, str] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            name, _end, rest = (entry / "stat").read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        parents[int(entry.name)], names[int(entry.name)] = int(rest.split()[1]), name
    found, last = [pid], [pid]
    while last:
        last = [child for child, parent in parents.items() if parent in last]
        found += last
    return [(one, names.get(one, "")) for one in found]


class SshServer:
    """A running sshd, with a key pair that it accepts."""

    def __init__(self, directory: Path, port: int) -> None:
        for name in PROGRAMS:
            program(name)
        directory.mkdir(mode=0o700)
        self.directory = directory
        self.port = port
        for name in ("host", "user"):
            self._key(directory / name)
        (directory / "authorized").write_text((directory / "user.pub").read_text())
        self.known_hosts = directory / "known_hosts"
        self.trust((directory / "host.pub").read_text())
        (directory / "config").write_text(
            f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {directory}/host\nPidFile none\n"
            f"AuthorizedKeysFile {directory}/authorized\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
            # What the account has in its home is nobody's business here, and may take its time in each call.
            f"PermitRootLogin yes\nSetEnv PATH=/usr/local/bin:/usr/bin:/bin HOME={directory}\n"
        )
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        self.start()

    def start(self) -> None:
        """Start it, for the first time or again."""
        directory, port = self.directory, self.port
        self.process = subprocess.Popen(
            [program("sshd"), "-D", "-e", "-f", str(directory / "config")],
            stderr=(directory / "log").open("ab"),
        )
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < end, (directory / "log").read_text()
                assert self.process.poll() is None, (directory / "log").read_text()
                time.sleep(0.01)

    def lead_to(self, base: Path) -> None:
        """From now on the key opens the gate of this server's directory, as ``preflight.yml -e fix=true`` does it."""
        (self.directory / "authorized").write_text("")
        key = " ".join((self.directory / "user.pub").read_text().split()[:2])
        with patch.object(ssh_keys, "_authorized_keys", lambda: self.directory / "authorized"):
            ssh_keys.let_in(str(base), {"server2": key}, ["127.0.0.1"])

    def access(self) -> Access:
        """How the server is reached."""
        return Access("127.0.0.1", getpass.getuser(), self.port, str(self.directory / "user"), str(self.known_hosts))

    def as_argument(self) -> dict[str, object]:
        """The same as the modules are told."""
        return {**self.access().to_dict(), "python": sys.executable}

    def trust(self, public: str) -> None:
        """Make this the only host key that is trusted."""
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {' '.join(public.split()[:2])}\n")

    def another_key(self) -> str:
        """A public key that is not the server's."""
        self._key(self.directory / "other")
        return (self.directory / "other.pub").read_text()

    def stop(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)

    @staticmethod
    def _key(path: Path) -> None:
        subprocess.run([program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
