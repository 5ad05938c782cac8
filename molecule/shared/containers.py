#!/usr/bin/env python3
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Four servers as containers with systemd and sshd, reached by real SSH with verified host keys.

    containers.py up DIRECTORY VARIANT      make them, and an inventory in DIRECTORY/inventory
    containers.py down DIRECTORY VARIANT    remove them; the image stays
    containers.py check                     say whether containers can run here
    containers.py reachable VARIANT         end with 1 and a sentence where its base image cannot be had

Needs root, podman, runc, iptables and debootstrap. Both are repeatable; what is there already is not made again.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import debian_root

NEEDED = {
    "podman": "podman",
    "runc": "runc",
    "iptables": "iptables",
    "debootstrap": "debootstrap",
    "ssh-keygen": "openssh-client",
}
SYSTEM = (
    *("systemd", "systemd-sysv", "dbus", "openssh-server", "sudo", "ca-certificates", "procps"),
    *("rsync", "iproute2", "iptables", "libfaketime"),
)
ACCOUNT = "wallaroo"
BASE = f"/home/{ACCOUNT}/resilience"
PROJECT = Path(__file__).resolve().parents[2]
LENT = {
    str(PROJECT / ".flink"): "/opt/flink",
    "/usr/lib/jvm": "/usr/lib/jvm",
    **{str(path): str(path) for path in Path("/etc").glob("java-*-openjdk")},
}
"""What this machine lends to the servers, where it has it, since a Java in the image would be three times its size."""
IMAGES = Path("/run/wallaroo-resilience-images.lock")
COUNT = 4
START_SECONDS = 60

CONFIGURATION = """[containers]
default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
"""


@dataclass(frozen=True)
class Variant:
    """One kind of server."""

    release: str
    """Of Debian; or what its image is made from: another variant, or the image of a registry, which holds a slash."""
    packages: tuple[str, ...]
    subnet: str
    """The first three numbers of its addresses."""
    python: str = ""
    """The interpreter for the inventory, where Ansible does not find the right one by itself."""

    @property
    def tag(self) -> str:
        """Of its image: another definition is another image."""
        base = VARIANTS[self.release].tag if self.release in VARIANTS else self.release
        return debian_root.digest(base, self.packages)


VARIANTS = {
    "debian": Variant("bare", ("python3",), "10.89.77"),
    "bare": Variant("bookworm", SYSTEM, "10.89.78"),
    "xenial": Variant(
        os.environ.get("SERVERS_IMAGE") or "docker.io/library/ubuntu:16.04",
        ("systemd", "systemd-sysv", "dbus", "openssh-server", "sudo", "procps", "iproute2"),
        "10.89.79",
        # The first python3 that ansible-core 2.16 comes across there is too old for it.
        "/usr/local/bin/python3.9",
    ),
}
PULL_SECONDS = 120


class Containers:
    """The servers of one variant."""

    def __init__(self, directory: Path, name: str) -> None:
        self.directory = directory
        self.name = name
        self.variant = VARIANTS[name]
        self.image = f"localhost/wallaroo-resilience-{name}:{self.variant.tag}"
        self.network = f"wallaroo-resilience-{name}"
        directory.mkdir(parents=True, exist_ok=True)
        configuration = directory / "containers.conf"
        configuration.write_text(CONFIGURATION)
        self.environment = {**os.environ, "CONTAINERS_CONF": str(configuration)}

    def up(self) -> bool:
        """Make what is missing; returns whether anything was."""
        with IMAGES.open("w") as lock:
            # Scenarios that run side by side are made from the same one.
            fcntl.flock(lock, fcntl.LOCK_EX)
            changed = self._make_image()
        if not self._exists("network", self.network):
            self._podman("network", "create", "--subnet", f"{self.variant.subnet}.0/24", "--disable-dns", self.network)
        key = self.directory / "id_ed25519"
        if not key.exists():
            self._run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "molecule", "-f", str(key))
        fresh = [number for number in range(1, COUNT + 1) if not self._running(number)]
        for number in fresh:
            self._podman("rm", "--force", "--ignore", self._container(number))
            self._podman(
                *("run", "--detach", "--pull=never", "--name", self._container(number)),
                *("--hostname", f"server{number}", "--network", self.network, "--ip", self._address(number)),
                # For tests of a full disk.
                *("--tmpfs", "/var/small:rw,size=4m,mode=1777"),
                *(f"--volume={here}:{there}:ro" for here, there in LENT.items() if Path(here).exists()),
                *("--cap-add", "NET_ADMIN", "--systemd=always", self.image, "/sbin/init"),
            )
        for number in fresh:
            self._give_account(number, key.with_suffix(".pub").read_text())
        if fresh or not (self.directory / "inventory").exists():
            self._write_inventory(key)
        return changed or bool(fresh)

    def down(self) -> bool:
        """Remove the containers and their network."""
        there = [number for number in range(1, COUNT + 1) if self._exists("container", self._container(number))]
        for number in there:
            self._podman("rm", "--force", "--time", "2", self._container(number))
        if self._exists("network", self.network):
            self._podman("network", "rm", self.network)
        return bool(there)

    def _make_image(self) -> bool:
        if self._exists("image", self.image):
            return False
        if self.variant.release in VARIANTS:
            base = Containers(self.directory, self.variant.release)
            base._make_image()
            self._extend_image(base.image)
            return True
        if "/" in self.variant.release:
            self._extend_image(self.variant.release)
            return True
        with tempfile.TemporaryDirectory(prefix="wallaroo-image-") as temporary:
            root = Path(temporary) / "root"
            try:
                debian_root.make(self.variant.release, self.variant.packages, root)
            except debian_root.NotMade as error:
                sys.exit(str(error))
            archive = Path(temporary) / "root.tar"
            self._run("tar", "-C", str(root), "--exclude=./proc/*", "--exclude=./sys/*", "-cf", str(archive), ".")
            self._podman("import", str(archive), self.image)
        return True

    def reachable(self) -> bool:
        """Whether its base image is here or can be had."""
        base = self.variant.release
        if "/" not in base or self._exists("image", self.image) or self._exists("image", base):
            return True
        return self._call(["timeout", str(PULL_SECONDS), "podman", "pull", "--quiet", base]).returncode == 0

    def _extend_image(self, base: str) -> None:
        name = f"{self._container(0)}-image"
        packages = " ".join(self.variant.packages)
        script = f"apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy {packages}"
        proxies = (f"--env={variable}={value}" for variable, value in debian_root.proxies().items())
        try:
            self._podman("run", "--name", name, "--network", "host", *proxies, base, "/bin/sh", "-ec", script)
            self._podman("commit", "--quiet", name, self.image)
        finally:
            self._call(["podman", "rm", "--force", "--ignore", name])

    def _give_account(self, number: int, public_key: str) -> None:
        end = time.monotonic() + START_SECONDS
        while self._inside(number, "systemctl is-system-running", check=False) not in ("running", "degraded"):
            if time.monotonic() > end:
                sys.exit(f"{self._container(number)} did not start within {START_SECONDS} s.")
            time.sleep(0.2)
        # The keys of the image are those of all containers.
        self._inside(number, "rm -f /etc/ssh/ssh_host_*; ssh-keygen -q -A; systemctl restart ssh")
        self._inside(
            number,
            f"useradd --create-home --shell /bin/bash {ACCOUNT} && "
            f"echo '{ACCOUNT} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{ACCOUNT} && "
            f"install -d -m 700 -o {ACCOUNT} -g {ACCOUNT} /home/{ACCOUNT}/.ssh && "
            f"echo '{public_key.strip()}' > /home/{ACCOUNT}/.ssh/authorized_keys && "
            f"chown {ACCOUNT}: /home/{ACCOUNT}/.ssh/authorized_keys",
        )

    def _write_inventory(self, key: Path) -> None:
        known = self.directory / "known_hosts"
        lines, hosts = [], {}
        for number in range(1, COUNT + 1):
            words = self._inside(number, "cat /etc/ssh/ssh_host_ed25519_key.pub").split()
            lines.append(f"{self._address(number)} {words[0]} {words[1]}\n")
            hosts[f"server{number}"] = {
                "ansible_host": self._address(number),
                "ansible_user": ACCOUNT,
                "ansible_ssh_private_key_file": str(key),
                "ansible_ssh_common_args": f"-o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes",
                "wallaroo_address": self._address(number),
                "wallaroo_base": BASE,
                **({"ansible_python_interpreter": self.variant.python} if self.variant.python else {}),
            }
        known.write_text("".join(lines))
        inventory = self.directory / "inventory"
        inventory.mkdir(exist_ok=True)
        # Literal values: testinfra reads it without templates. JSON is YAML.
        (inventory / "hosts.yml").write_text(
            json.dumps({"all": {"children": {"servers": {"hosts": hosts}}}}, indent=2) + "\n"
        )

    def _container(self, number: int) -> str:
        return f"wallaroo-resilience-{self.name}-{number}"

    def _address(self, number: int) -> str:
        return f"{self.variant.subnet}.{10 + number}"

    def _running(self, number: int) -> bool:
        name = self._container(number)
        if not self._exists("container", name):
            return False
        return self._podman("inspect", "--format", "{{.State.Running}} {{.ImageName}}", name) == f"true {self.image}"

    def _exists(self, kind: str, name: str) -> bool:
        return self._call(["podman", kind, "exists", name]).returncode == 0

    def _inside(self, number: int, script: str, check: bool = True) -> str:
        command = ["podman", "exec", self._container(number), "/bin/sh", "-ec", script]
        ended = self._call(command)
        if check and ended.returncode:
            sys.exit(f"In {self._container(number)}: {ended.stderr.strip()}")
        return ended.stdout.strip()

    def _podman(self, *arguments: str) -> str:
        return self._run("podman", *arguments)

    def _run(self, *command: str) -> str:
        ended = self._call(list(command))
        if ended.returncode:
            sys.exit(f"{command[0]} {command[1]} failed: {(ended.stderr or ended.stdout).strip()[-2000:]}")
        return ended.stdout.strip()

    def _call(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )


def check() -> None:
    """End with a sentence where containers cannot run."""
    missing = [package for program, package in NEEDED.items() if not shutil.which(program)]
    if missing:
        sys.exit(f"Containers cannot run here: install {' '.join(missing)} (apt-get install {' '.join(missing)}).")
    if os.geteuid() != 0:
        sys.exit("Containers cannot run here: those with systemd need root.")


def main() -> int:
    """Run the program; prints ``changed`` or ``unchanged``."""
    check()
    if sys.argv[1:] == ["check"]:
        return 0
    if len(sys.argv) == 3 and sys.argv[1] == "reachable" and sys.argv[2] in VARIANTS:
        with tempfile.TemporaryDirectory(prefix="wallaroo-image-") as temporary:
            if Containers(Path(temporary), sys.argv[2]).reachable():
                return 0
        sys.exit(f"skipped: no registry from here has {VARIANTS[sys.argv[2]].release} (SERVERS_IMAGE names another)")
    if len(sys.argv) != 4 or sys.argv[1] not in ("up", "down") or sys.argv[3] not in VARIANTS:
        sys.exit(f"usage: containers.py up|down DIRECTORY {'|'.join(VARIANTS)}")
    containers = Containers(Path(sys.argv[2]).resolve(), sys.argv[3])
    changed = containers.up() if sys.argv[1] == "up" else containers.down()
    print("changed" if changed else "unchanged")
    return 0


if __name__ == "__main__":
    sys.exit(main())
