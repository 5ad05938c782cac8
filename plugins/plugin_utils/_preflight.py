# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict of ``preflight.yml``: one table, servers by checks, and a sentence for whatever is wrong.

Pure functions over what the servers said, so that every verdict is a unit test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.record import APPLICATIONS, ClusterRecord
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Servers

OK, WARNING, FAILED, UNKNOWN = "ok", "warn", "FAIL", "-"
CHECKS = ("reachable", "sudo", "release", "python", "memory", "disk", "clock", "rsync", "ssh", "ports", "leftovers")

MEMORY_BYTES = 4 * 10**9
"""Recommended by the demo's README; building Wallaroo takes about 3 GB (reference H.2)."""

DISK_BYTES = 10**9
"""Below this not even the logs of a run are safe."""

CLOCK_SECONDS = 1.0
"""Beyond it the times of a migration, which come from two servers, mean nothing."""

KNOWN_RELEASES = ("ubuntu 16.04", "debian 11", "debian 12")


@dataclass
class Report:
    """What preflight found."""

    table: list[str]
    problems: list[str] = field(default_factory=list)
    """What has to be mended, a sentence each."""
    warnings: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Everything that a person reads."""
        return [
            *self.table,
            "",
            *(f"FAIL  {sentence}" for sentence in self.problems),
            *(f"warn  {sentence}" for sentence in self.warnings),
        ]


def plan(servers: Servers, wanted: ClusterRecord, token: str) -> dict[str, Any]:
    """Who is to try what.

    :param wanted: a cluster as it would be started: all its ports are tried on all servers, since workers move.
    :param token: what listeners say to whoever connects.
    """
    answering = [name for name in servers.names if "machine" in servers.states.get(name, {})]
    ports = wanted.port_numbers
    numbers = {ports.sink, ports.metrics, ports.metrics_ui, ports.journal}
    for application in APPLICATIONS:
        for worker in wanted.worker_names():
            numbers.update(ports.listened_by(worker, application))
    listeners: dict[str, dict[str, Any]] = {}
    for name in answering:
        address = wanted.server(name).address
        busy = any(process.get("alive") for process in (servers.states[name].get("processes") or {}).values())
        # Servers that share an address share its ports; where a cluster runs, they are in use.
        if not busy and address not in listeners:
            listeners[address] = {"server": name, "address": address, "ports": sorted(numbers)}
    targets = [
        {"server": one["server"], "address": one["address"], "port": port}
        for one in listeners.values()
        for port in one["ports"]
    ]
    return {
        "answering": answering,
        "token": token,
        "listeners": {str(one["server"]): one for one in listeners.values()},
        "reach": {name: [port for port in targets if port["server"] != name] for name in answering},
        "ssh": {
            name: {other: way for other in answering if other != name and (way := servers.ssh(other, name))}
            for name in answering
        },
        # A worker that took its address along lets its server send from there.
        "sources": sorted(wanted.server(name).address for name in servers.names),
        "identity": {name: servers.access[name] for name in answering},
        "between": any(servers.ssh(other, name) for name in answering for other in answering if other != name),
    }


def report(names: Sequence[str], found: Mapping[str, Mapping[str, Any]]) -> Report:
    """The verdict.

    :param names: all servers.
    :param found: server -> ``probe`` (what ``server_probe`` made of the first look), ``look`` (what ``preflight_look``
        returned) and ``ports`` (what ``preflight_look`` said of the listeners of others).
    """
    result = Report([])
    rows = {name: _row(name, found.get(name) or {}, result) for name in names}
    _compare_clocks(names, found, rows, result)
    width = max(len("server"), *(len(name) for name in names))
    result.table.append("  ".join(["server".ljust(width), *CHECKS]))
    for name in names:
        result.table.append("  ".join([name.ljust(width), *(rows[name][check].ljust(len(check)) for check in CHECKS)]))
    result.table = [line.rstrip() for line in result.table]
    return result


def _row(name: str, found: Mapping[str, Any], result: Report) -> dict[str, str]:
    row = dict.fromkeys(CHECKS, UNKNOWN)

    def fail(check: str, sentence: str) -> None:
        row[check] = FAILED
        result.problems.append(f"{name}: {sentence}")

    def warn(check: str, sentence: str) -> None:
        row[check] = WARNING
        result.warnings.append(f"{name}: {sentence}")

    probe: Mapping[str, Any] = found.get("probe") or {}
    look: Mapping[str, Any] = found.get("look") or {}
    if not probe.get("release") and "programs" not in look:
        fail("reachable", str(probe.get("problem") or "does not answer; check ansible_host, and that sshd runs there"))
        return row
    row["reachable"] = OK
    if probe.get("uid") == 0 or probe.get("sudo"):
        row["sudo"] = OK
    else:
        warn("sudo", "no sudo without a password; setup_dev_env.yml and preflight.yml -e fix=true need it")
    if probe.get("release") in KNOWN_RELEASES:
        row["release"] = OK
    else:
        warn("release", f"{probe.get('name') or 'its system'} is none that setup_dev_env.yml knows")
    if not probe.get("python"):
        fail("python", f"{_pythons(probe)}; run setup_dev_env.yml, which installs one")
        return row
    row["python"] = OK
    if "programs" not in look:
        fail("python", f"its Python {probe['python']} does not run Ansible's modules: {look.get('msg') or 'no answer'}")
        return row
    _look_into(look, row, fail, warn)
    if found.get("ports") is not None:
        unreached = found["ports"]
        row["ports"] = FAILED if unreached else OK
        for server in dict.fromkeys(port["server"] for port in unreached):
            ports = ", ".join(str(port["port"]) for port in unreached if port["server"] == server)
            why = next(port["problem"] for port in unreached if port["server"] == server)
            result.problems.append(f"{name}: port {ports} of {server} {why}")
    return row


def _look_into(look: Mapping[str, Any], row: dict[str, str], fail: Any, warn: Any) -> None:
    row["memory"] = row["disk"] = row["rsync"] = row["leftovers"] = OK
    if look["memory_bytes"] < MEMORY_BYTES:
        warn("memory", f"{look['memory_bytes'] / 1e9:.1f} GB of memory; 4 GB are recommended")
    if look["writable"]:
        fail("disk", look["writable"])
    elif look["free_bytes"] < DISK_BYTES:
        fail("disk", f"{look['free_bytes'] / 1e6:,.0f} MB are free for wallaroo_base; make room, or set it elsewhere")
    for program in ("rsync", "ssh"):
        if not look["programs"].get(program):
            fail("rsync", f"there is no {program}; install it, or let preflight.yml -e fix=true do so")
    problems = {server: problem for server, problem in look["ssh"].items() if problem}
    row["ssh"] = FAILED if problems else OK
    for problem in dict.fromkeys(problems.values()):
        servers = ", ".join(server for server, found in problems.items() if found == problem)
        fail("ssh", f"{servers} cannot be reached by SSH from here: {problem}")
    for sentence in look["leftovers"]:
        fail("leftovers", sentence)


def _compare_clocks(
    names: Sequence[str], found: Mapping[str, Mapping[str, Any]], rows: dict[str, dict[str, str]], result: Report
) -> None:
    """Each clock against the middle one of all, so that the one that is wrong is named and not the others."""
    looks = {name: (found.get(name) or {}).get("look") or {} for name in names}
    known = {name: look for name, look in looks.items() if "clock_offset" in look}
    if not known:
        return
    middle = sorted(float(look["clock_offset"]) for look in known.values())[(len(known) - 1) // 2]
    for name, look in known.items():
        apart, unsure = float(look["clock_offset"]) - middle, float(look["clock_uncertainty"])
        rows[name]["clock"] = OK
        if abs(apart) - unsure > CLOCK_SECONDS:
            rows[name]["clock"] = FAILED
            result.problems.append(
                f"{name}: its clock is {abs(apart):.1f} s {'ahead of' if apart > 0 else 'behind'} the others; "
                "let all servers follow the same time server (NTP)"
            )


def _pythons(probe: Mapping[str, Any]) -> str:
    candidates = probe.get("candidates") or []
    return f"no Python 3.9 or newer among {', '.join(candidates)}" if candidates else "no Python"
