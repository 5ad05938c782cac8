# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict of ``preflight.yml``: one table, servers by checks, and a sentence for whatever is wrong.

Pure functions over what the servers said, so that every verdict is a unit test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from ..module_utils._catalogue.applications import APPLICATIONS
from ..module_utils._cluster.record import ClusterRecord
from ..module_utils._engines.registry import engine
from ._servers import Servers

OK, WARNING, FAILED, UNKNOWN = "ok", "warn", "FAIL", "-"
CHECKS = (
    *("reachable", "sudo", "release", "python", "memory", "disk", "clock", "rsync", "ssh"),
    *("engine", "address", "ports", "leftovers"),
)

MEMORY_BYTES = 4 * 10**9
"""Recommended by the demo's README; building Wallaroo takes about 3 GB (wallaroo.md, H.2)."""

DISK_BYTES = 10**9
"""Below this not even the logs of a run are safe."""

CLOCK_SECONDS = 1.0
"""Beyond it the times of a migration, which come from two servers, mean nothing."""

RELEASES = {"ubuntu 16.04": "Ubuntu 16.04", "debian 11": "Debian 11", "debian 12": "Debian 12"}
"""Those that setup_dev_env.yml knows, as /etc/os-release has them and as people call them."""


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
    adapter = engine(wanted.engine)
    executable = adapter.executable(wanted)
    answering = [name for name in servers.names if "machine" in servers.states.get(name, {})]
    ports = wanted.port_numbers
    numbers = {ports.sink, ports.metrics, ports.metrics_ui, ports.journal, ports.log}
    sources = max(application.sources for application in APPLICATIONS.values())
    numbers.update([ports.orders, ports.log] if adapter.dials else ports.sources(sources))
    for worker in wanted.worker_names():
        numbers.update(adapter.listens(wanted, worker))
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
        "executable": executable,
        "mend": adapter.mend,
        "addresses": {
            name: {"address": wanted.server(name).address, "named": bool(servers.access[name].get("named"))}
            for name in servers.names
        },
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
    :param found: server -> ``probe`` (what ``server_probe`` made of the first look), ``state`` (what ``server_info``
        returned, whatever it was), ``look`` (what ``preflight_look`` returned), ``ports`` (what it said of the
        listeners of others), ``listener`` (how the server's own one ended) and ``address`` (where its ports are
        opened).
    """
    result = Report([])
    silent = _silent_listeners(found)
    rows = {name: _row(name, found.get(name) or {}, silent, result) for name in names}
    for name, told in silent.items():
        rows[name]["ports"] = FAILED
        result.problems.append(f"{name}: {told}")
    _compare_clocks(names, found, rows, result)
    _compare_builds(names, found, rows, result)
    width = max(len("server"), *(len(name) for name in names))
    result.table.append("  ".join(["server".ljust(width), *CHECKS]))
    for name in names:
        result.table.append("  ".join([name.ljust(width), *(rows[name][check].ljust(len(check)) for check in CHECKS)]))
    result.table = [line.rstrip() for line in result.table]
    return result


def _row(name: str, found: Mapping[str, Any], silent: Mapping[str, str], result: Report) -> dict[str, str]:
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
    if probe.get("uid") == 0 or probe.get("sudo_works"):
        row["sudo"] = OK
    else:
        why = f"its sudo says: {probe['sudo_said']}" if probe.get("sudo_said") else "there is no sudo"
        warn("sudo", f"nobody becomes root without a password ({why}), as setup_dev_env.yml and fix=true must")
    if probe.get("release") in RELEASES:
        row["release"] = OK
    else:
        warn("release", f"{probe.get('name') or 'its system'} is none that setup_dev_env.yml knows")
    if not probe.get("python"):
        fail("python", f"{_pythons(probe)}; run setup_dev_env.yml, which installs one")
        return row
    row["python"] = OK
    if "programs" not in look:
        fail("python", _without_modules(probe, found))
        return row
    _look_into(look, row, fail, warn)
    _look_at_address(found.get("address") or {}, look, row, warn)
    if found.get("ports") is not None:
        # Nobody hears a listener that does not listen, which says nothing about the way to it.
        unreached = [port for port in found["ports"] if port["server"] not in silent]
        if unreached or not found["ports"]:
            row["ports"] = FAILED if unreached else OK
        for server in dict.fromkeys(port["server"] for port in unreached):
            ports = ", ".join(str(port["port"]) for port in unreached if port["server"] == server)
            why = next(port["problem"] for port in unreached if port["server"] == server)
            result.problems.append(f"{name}: port {ports} of {server} {why}")
    return row


def _look_into(look: Mapping[str, Any], row: dict[str, str], fail: Any, warn: Any) -> None:
    row["memory"] = row["disk"] = row["rsync"] = row["ssh"] = row["engine"] = row["leftovers"] = OK
    if look["memory_bytes"] < MEMORY_BYTES:
        warn("memory", f"{look['memory_bytes'] / 1e9:.1f} GB of memory; 4 GB are recommended")
    if look["writable"]:
        fail("disk", look["writable"])
    elif look["free_bytes"] < DISK_BYTES:
        fail("disk", f"{look['free_bytes'] / 1e6:,.0f} MB are free for wallaroo_base; make room, or set it elsewhere")
    for program in ("rsync", "ssh"):
        if not look["programs"].get(program):
            fail(program, f"there is no {program}; install it, or let preflight.yml -e fix=true do so")
    problems = {server: problem for server, problem in look["ssh"].items() if problem and look["programs"].get("ssh")}
    if problems:
        row["ssh"] = FAILED
    for problem in dict.fromkeys(problems.values()):
        servers = ", ".join(server for server, found in problems.items() if found == problem)
        fail("ssh", f"{servers} cannot be reached by SSH from here: {problem}")
    if look.get("open_keys"):
        warn(
            "ssh",
            f"{look['open_keys']} keys of other servers open everything here (~/.ssh/authorized_keys), as an earlier "
            "version of the collection let them in; preflight.yml -e fix=true restricts those of its wallaroo_base",
        )
    if (look.get("executable") or {}).get("problem"):
        fail("engine", look["executable"]["problem"])
    for sentence in look["leftovers"]:
        fail("leftovers", sentence)


def _compare_clocks(
    names: Sequence[str], found: Mapping[str, Mapping[str, Any]], rows: dict[str, dict[str, str]], result: Report
) -> None:
    """Each clock against the middle one of all, so that the one that is wrong is named and not the others.

    Of those that agree with that one, the one that is known best says what time it is: a server without the programs
    takes a second to answer, and its clock is not known better than that.
    """
    looks = {name: (found.get(name) or {}).get("look") or {} for name in names}
    known = {name: look for name, look in looks.items() if "clock_offset" in look}
    if not known:
        return
    clocks = {name: (float(one["clock_offset"]), float(one["clock_uncertainty"])) for name, one in known.items()}
    middle, doubt = sorted(clocks.values())[(len(clocks) - 1) // 2]
    agreeing = [(unsure, offset) for offset, unsure in clocks.values() if abs(offset - middle) <= unsure + doubt]
    _least, right = min(agreeing)
    for name, (offset, unsure) in clocks.items():
        apart = offset - right
        rows[name]["clock"] = OK
        if abs(apart) - unsure > CLOCK_SECONDS:
            rows[name]["clock"] = FAILED
            result.problems.append(
                f"{name}: its clock is {abs(apart):.1f} s {'ahead of' if apart > 0 else 'behind'} the others; "
                "let all servers follow the same time server (NTP)"
            )


def _compare_builds(
    names: Sequence[str], found: Mapping[str, Mapping[str, Any]], rows: dict[str, dict[str, str]], result: Report
) -> None:
    """Workers of different builds do not understand one another."""
    executables = {name: ((found.get(name) or {}).get("look") or {}).get("executable") or {} for name in names}
    built = {name: executable for name, executable in executables.items() if executable.get("sha256")}
    first = next(iter(built), "")
    for name, executable in built.items():
        if executable["sha256"] != built[first]["sha256"]:
            rows[name]["engine"] = FAILED
            result.problems.append(
                f"{name}: {executable['path']} is another build than on {first}; bring the same one to all servers "
                f"({executable.get('mend')})"
            )


def _silent_listeners(found: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Servers whose own listener did not listen when the others tried, and why."""
    silent = {}
    for name, one in found.items():
        listener = one.get("listener") or {}
        if listener.get("problem"):
            silent[name] = f"nobody could try its ports, since its own listener did not start: {listener['problem']}"
        elif listener.get("ended"):
            silent[name] = "its own listener had ended before the others had tried its ports; run preflight.yml again"
    return silent


def _look_at_address(
    address: Mapping[str, Any], look: Mapping[str, Any], row: dict[str, str], warn: Callable[[str, str], None]
) -> None:
    """Whether the ports of a cluster, which ask nobody for a password, are opened to everybody."""
    row["address"] = OK
    public = [one for one in look.get("addresses") or [] if ip_address(one).is_global]
    if not public:
        return
    given = str(address.get("address"))
    where = given if given == public[0] else f"{given} ({public[0]})"
    if address.get("named"):
        why = f"its wallaroo_address {where} is a public address"
    else:
        why = f"it has no wallaroo_address, and {where}, where Ansible reaches it, is a public address"
    warn(
        "address",
        f"{why}: whoever reaches it there reaches the ports of the cluster, which ask for no password. Set "
        "wallaroo_address to the server's address in a network of its own, or let a firewall keep others away",
    )


def _without_modules(probe: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Which Python did not run a module, and what Ansible said of it."""
    answers = [found.get(name) or {} for name in ("look", "state")]
    discovered = (str((one.get("ansible_facts") or {}).get("discovered_interpreter_python") or "") for one in answers)
    used = str(probe.get("named") or "") or next(filter(None, discovered), "") or str(probe["python"])
    said = next(filter(None, (_said(one) for one in answers)), "no answer")
    wrong = f"Ansible's modules do not run with its Python {used}"
    if probe.get("named_problem"):
        wrong = f"the inventory names ansible_python_interpreter={used}, which {probe['named_problem']}"
    way = (
        "" if used == probe["python"] else f". Write ansible_python_interpreter: {probe['python']} for it, which serves"
    )
    return f"{wrong}. Ansible says: {said}{way}"


def _said(answer: Mapping[str, Any]) -> str:
    """What Ansible says of a module that did not run: its own sentence, and the last words of the interpreter."""
    if answer.get("skipped"):
        return ""
    lines = [line.strip() for line in str(answer.get("module_stderr") or "").splitlines() if line.strip()]
    message = str(answer.get("msg") or "").strip()
    return " ".join(dict.fromkeys(filter(None, (message.rstrip("."), *lines[-1:]))))


def _pythons(probe: Mapping[str, Any]) -> str:
    candidates = probe.get("candidates") or []
    return f"no Python 3.9 or newer among {', '.join(candidates)}" if candidates else "no Python"
