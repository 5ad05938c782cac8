# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks against the four servers, and faults planted on them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
LIMIT = 300
_SUBNET = "10.89.77.0/24 dev eth0 proto kernel scope link src"


class Servers:
    """The containers of the scenario, and the playbooks that are run on them."""

    def __init__(self, scratch: Path, variant: str = "debian") -> None:
        directory = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "servers"
        self.inventory = directory / "inventory"
        self.runs = scratch / "runs"
        self.variant = variant
        self.scratch = scratch
        self._podman_environment = {**os.environ, "CONTAINERS_CONF": str(directory / "containers.conf")}

    def play(
        self, playbook: str, arguments: str = "", succeed: bool = True, more: tuple[str, ...] = (), fresh: bool = False
    ) -> str:
        """Run a playbook; returns its output on one line.

        :param fresh: over new SSH connections.
        """
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            # Its recap is counted.
            "ANSIBLE_STDOUT_CALLBACK": "default",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.inventory.parent),
        }
        if fresh:
            # A connection that stays open does not notice what is changed in the SSH server.
            environment["ANSIBLE_SSH_ARGS"] = "-o ControlMaster=no -o ControlPath=none"
        where = playbook if playbook.endswith(".yml") else f"playbooks/{playbook}.yml"
        command = ["ansible-playbook", "-i", str(self.inventory), *more, where]
        command += ["-e", f"{arguments} wallaroo_runs={self.runs}"]
        ended = subprocess.run(
            command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False
        )
        output = " ".join((ended.stdout + ended.stderr).split())
        assert (ended.returncode == 0) is succeed, ended.stdout + ended.stderr
        return output

    def play_in_turn(self, *steps: tuple[str, str], more: tuple[str, ...] = ()) -> str:
        """Run steps in one call of Ansible, as a playbook of a user's own that imports theirs; returns its output.

        :param steps: playbooks and their arguments.
        """
        imports = [
            {
                "ansible.builtin.import_playbook": str(PROJECT / "playbooks" / f"{playbook}.yml"),
                "vars": dict(word.split("=", 1) for word in arguments.split()),
            }
            for playbook, arguments in steps
        ]
        own = self.scratch / "steps-in-turn.yml"
        own.write_text(json.dumps(imports))
        return self.play(str(own), more=more)

    def variables(self, name: str) -> tuple[str, ...]:
        """Options of a play: the variables in a file of the scenario."""
        return ("-e", f"@{self.inventory.parent / name}")

    def result(self) -> dict[str, Any]:
        """Of the last run that left one."""
        last = max(self.runs.glob("*/result.json"), key=lambda path: path.stat().st_mtime_ns)
        found: dict[str, Any] = json.loads(last.read_text())
        return found

    def on(self, number: int, script: str) -> str:
        """Run a script as root on a server, past SSH."""
        return self._podman("exec", f"wallaroo-resilience-{self.variant}-{number}", "/bin/sh", "-ec", script)

    @contextmanager
    def second_addresses(self, addresses: dict[int, str]) -> Iterator[tuple[str, ...]]:
        """Servers with an internal address beside the one of SSH, from which they send; gives the options of a play."""
        hosts = {}
        try:
            for number, address in addresses.items():
                first = self.addresses(number)[0].split("/")[0]
                self.on(number, f"ip addr add {address}/24 dev eth0; ip route replace {_SUBNET} {address}")
                hosts[f"server{number}"] = {"wallaroo_address": address, "wallaroo_ssh_address": first}
            # Beside the inventory and read after it; variables of one that comes later win.
            path = self.scratch / "second.yml"
            path.write_text(json.dumps({"all": {"children": {"servers": {"hosts": hosts}}}}))
            options = ("-i", str(path))
            self.play("preflight", "fix=true", more=options)
            yield options
            self.play("stop_cluster", more=options)
        finally:
            for number, address in addresses.items():
                first = hosts[f"server{number}"]["wallaroo_ssh_address"]
                self.on(number, f"ip route replace {_SUBNET} {first}; ip addr del {address}/24 dev eth0 || true")
            self.play("preflight", "fix=true")

    def addresses(self, number: int) -> list[str]:
        """All addresses of a server."""
        lines = self.on(number, "ip -4 -o addr show dev eth0").splitlines()
        return sorted(line.split()[3] for line in lines)

    def switch(self, number: int, on: bool) -> None:
        """Switch a server on or off."""
        self._podman("start" if on else "kill", f"wallaroo-resilience-{self.variant}-{number}")

    def _podman(self, *arguments: str) -> str:
        ended = subprocess.run(
            ["podman", *arguments],
            env=self._podman_environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()
