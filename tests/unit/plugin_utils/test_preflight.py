# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdicts of ``preflight.yml``."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _preflight
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Servers

from tests.server_states import record_of

NAMES = ["server1", "server2", "server3", "server4"]


def good() -> dict[str, Any]:
    return {
        "probe": {
            "release": "debian 12",
            "name": "Debian 12",
            "python": "/usr/bin/python3",
            "uid": 1000,
            "sudo": "/usr/bin/sudo",
            "sudo_works": True,
            "candidates": ["/usr/bin/python3"],
        },
        "look": {
            "programs": {"rsync": True, "ssh": True},
            "memory_bytes": 8e9,
            "free_bytes": 1e11,
            "writable": "",
            "leftovers": [],
            "ssh": {"another": ""},
            "executable": None,
            "addresses": ["10.0.0.1"],
            "clock_offset": 0.01,
            "clock_uncertainty": 0.1,
        },
        "ports": [],
        "listener": {"problem": "", "ended": False},
        "address": {"address": "10.0.0.1", "named": True},
    }


def found(**changes: Any) -> dict[str, dict[str, Any]]:
    """Four good servers, and one of them changed: ``server3={"look.memory_bytes": 1}``."""
    servers = {name: good() for name in NAMES}
    for name, changed in changes.items():
        for path, value in changed.items():
            part, _, key = path.partition(".")
            if key:
                servers[name][part][key] = value
            else:
                servers[name][part] = value
    return servers


def test_four_good_servers_have_nothing_to_say():
    report = _preflight.report(NAMES, found())
    assert report.problems == report.warnings == []
    assert len(report.table) == 5
    assert all(line.split()[1:] == ["ok"] * len(_preflight.CHECKS) for line in report.table[1:])


@pytest.mark.parametrize(
    ("check", "change", "sentence"),
    [
        (
            "python",
            {"probe.python": "", "probe.candidates": ["/usr/bin/python3.5"]},
            "no Python 3.9 or newer among /usr/bi",
        ),
        (
            "python",
            {"look": {"msg": "boom"}},
            "modules do not run with its Python /usr/bin/python3. Ansible says: boom",
        ),
        # The server was not even looked at, since an earlier module had failed: what Ansible said then is what counts.
        (
            "python",
            {
                "look": {"skipped": True, "msg": "Conditional result was False"},
                "state": {
                    "msg": "MODULE FAILURE",
                    "module_stderr": "Traceback\nSyntaxError: invalid syntax\n",
                    "ansible_facts": {"discovered_interpreter_python": "/usr/bin/python3.5"},
                },
            },
            "its Python /usr/bin/python3.5. Ansible says: MODULE FAILURE SyntaxError: invalid syntax. Write "
            "ansible_python_interpreter: /usr/bin/python3 for it, which serves",
        ),
        (
            "python",
            {
                "look": {},
                "state": {"msg": "ansible-core requires a minimum of Python version 3.9. Current version: 3.5.2"},
                "probe.named": "/opt/old/python3",
                "probe.named_problem": "is Python 3.5.2, and 3.9 is the oldest that serves",
            },
            "the inventory names ansible_python_interpreter=/opt/old/python3, which is Python 3.5.2, and 3.9 is the "
            "oldest that serves. Ansible says: ansible-core requires a minimum of Python version 3.9. Current version: "
            "3.5.2. Write ansible_python_interpreter: /usr/bin/python3",
        ),
        (
            "engine",
            {"look.executable": {"path": "/w/x", "sha256": None, "problem": "there is no executable /w/x"}},
            "/w/x",
        ),
        (
            "ssh",
            {"look.programs": {"rsync": True, "ssh": False}, "look.ssh": {"server1": "there is no ssh"}},
            "no ssh; in",
        ),
        (
            "ports",
            {"listener": {"problem": "", "ended": True}},
            "its own listener had ended before the others had tried",
        ),
        ("ports", {"listener": {"problem": "no Python", "ended": True}}, "its own listener did not start: no Python"),
        ("disk", {"look.free_bytes": 5e6}, "5 MB are free"),
        ("disk", {"look.writable": "/w is not a directory"}, "/w is not a directory"),
        ("clock", {"look.clock_offset": 30.01}, "its clock is 30.0 s ahead of the others"),
        ("clock", {"look.clock_offset": -29.99}, "its clock is 30.0 s behind the others"),
        ("rsync", {"look.programs": {"rsync": False, "ssh": True}}, "there is no rsync"),
        (
            "ssh",
            {"look.ssh": {"server1": "refused", "server2": "refused"}},
            "server1, server2 cannot be reached by SSH",
        ),
        (
            "ports",
            {"ports": [{"server": "server2", "address": "a", "port": 7000, "problem": "does not answer"}]},
            "port 7000 of server2 does not answer",
        ),
        ("leftovers", {"look.leftovers": ["worker2 runs (process 5)"]}, "worker2 runs (process 5)"),
        ("reachable", {"probe": {"problem": "server3 does not answer: No route"}, "look": {}}, "No route"),
        ("reachable", {"probe": {}, "look": {"skipped": True}}, "does not answer"),
    ],
)
def test_what_is_wrong_is_named_with_its_server(check, change, sentence):
    report = _preflight.report(NAMES, found(server3=change))
    assert len(report.problems) == 1, report.problems
    assert report.problems[0].startswith("server3: ")
    assert sentence in report.problems[0]
    position = ["server", *_preflight.CHECKS].index(check)
    cells = report.table[3].split()
    assert (cells[0], cells[position]) == ("server3", "FAIL")
    assert not any("FAIL" in line for line in report.table[:3])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"look.memory_bytes": 2e9}, "2.0 GB of memory"),
        ({"probe.sudo": "", "probe.sudo_works": False}, "(there is no sudo)"),
        (
            {"probe.sudo_works": False, "probe.sudo_said": "sudo: a password is required"},
            "without a password (its sudo says: sudo: a password is required)",
        ),
        (
            {"look.addresses": ["93.184.216.34"], "address": {"address": "www.example.com", "named": False}},
            "it has no wallaroo_address, and www.example.com (93.184.216.34), where Ansible reaches it, is a public",
        ),
        (
            {"look.addresses": ["93.184.216.34"], "address": {"address": "93.184.216.34", "named": True}},
            "its wallaroo_address 93.184.216.34 is a public address",
        ),
        ({"probe.release": "fedora 40", "probe.name": "Fedora 40"}, "Fedora 40"),
        ({"look.open_keys": 3}, "3 keys of other servers open everything here"),
    ],
)
def test_what_is_only_recommended_does_not_fail(change, sentence):
    report = _preflight.report(NAMES, found(server3=change))
    assert report.problems == []
    assert sentence in report.warnings[0]


def test_a_server_that_takes_long_to_answer_does_not_say_what_time_it_is():
    """It may be the middle one of those that answer."""
    known = found(
        server1={"look.clock_offset": 0.0, "look.clock_uncertainty": 0.02},
        server2={"look.clock_offset": 30.0, "look.clock_uncertainty": 0.02},
        server3={"look.clock_offset": 0.7, "look.clock_uncertainty": 0.8},
    )
    del known["server4"]["look"]["clock_offset"]
    (problem,) = _preflight.report(NAMES, known).problems
    assert problem.startswith("server2: its clock is 30.0 s ahead of the others")


def test_a_clock_is_not_wrong_within_what_could_be_measured():
    assert not _preflight.report(
        NAMES, found(server3={"look.clock_offset": 3.0, "look.clock_uncertainty": 2.5})
    ).problems


def test_others_do_not_blame_a_firewall_for_a_listener_that_had_ended():
    """On a slow machine it may end while others still try."""
    unheard = {"server": "server2", "address": "a", "port": 7000, "problem": "is not reached: a firewall"}
    known = found(server2={"listener": {"problem": "", "ended": True}}, server3={"ports": [unheard]})
    report = _preflight.report(NAMES, known)
    assert len(report.problems) == 1
    assert report.problems[0].startswith("server2: its own listener had ended")


def test_servers_with_different_builds_are_told():
    executables = {
        name: {
            "look.executable": {
                "path": "/w/x",
                "sha256": "b" if name == "server4" else "a",
                "problem": "",
                "mend": "so",
            }
        }
        for name in NAMES
    }
    report = _preflight.report(NAMES, found(**executables))
    assert report.problems == ["server4: /w/x is another build than on server1; bring the same one to all servers (so)"]


def states(machine: str | None = None) -> dict[str, Any]:
    return {
        name: {"machine": machine or name, "user": "wallaroo", "python": "/usr/bin/python3", "processes": {}}
        for name in NAMES
    }


def plan(known: dict[str, Any], address: str = "10.0.0.{}") -> dict[str, Any]:
    access = {
        name: {
            "named": True,
            "host": f"10.0.0.1{name[-1]}",
            "port": 22,
            "identity": "/w/ssh/id",
            "known_hosts": "/w/ssh/known",
        }
        for name in NAMES
    }
    servers = [{"name": name, "address": address.format(name[-1]), "base": "/w"} for name in NAMES]
    return _preflight.plan(Servers(NAMES, known, access), record_of({"workers": 3}, servers, "x", 0.0), "token")


def test_every_server_tries_every_port_of_every_other():
    made = plan(states())
    assert set(made["listeners"]) == set(NAMES)
    assert {port["server"] for port in made["reach"]["server2"]} == {"server1", "server3", "server4"}
    ports = {port["port"] for port in made["reach"]["server2"]}
    assert {7000, 7001, 7002, 5555, 5001, 4000, 5050, 12500, 12501, 9999, 13104, 13105, 13106, 13107} == ports
    assert set(made["ssh"]["server2"]) == {"server1", "server3", "server4"}


def test_servers_that_are_one_machine_need_no_ssh_and_listen_once():
    made = plan(states(machine="one"), address="127.0.0.1")
    assert set(made["listeners"]) == {"server1"}
    assert made["between"] is False
    assert made["ssh"]["server2"] == {}


def test_a_server_that_says_nothing_is_asked_nothing():
    known = states()
    del known["server4"]
    known["server3"] = {"problem": "boom"}
    made = plan(known)
    assert made["answering"] == ["server1", "server2"]
    assert set(made["reach"]) == {"server1", "server2"}


def test_ports_that_a_running_cluster_uses_are_not_tried():
    known = states()
    known["server2"]["processes"] = {"worker2": {"alive": True}}
    assert set(plan(known)["listeners"]) == {"server1", "server3", "server4"}
