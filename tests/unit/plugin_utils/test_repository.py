# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``setup_repo.yml`` is going to do, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal, Servers

from tests.server_states import repository

ARGUMENTS = {
    "wallaroo_home": "/opt/wallaroo/",
    "wallaroo_repo_url": "https://example.com/wallaroo.git",
    "wallaroo_repo_targets": "build-a, build-b",
}


def servers(**states: dict[str, Any]) -> Servers:
    names = ["server1", "server2"]
    return Servers(
        names,
        {
            name: {"machine": name, "user": "wallaroo", "python": "/usr/bin/python3", **states.get(name, {})}
            for name in names
        },
        {
            name: {"host": f"10.0.0.{number}", "port": 22, "identity": "/w/ssh/id", "known_hosts": "/w/ssh/known_hosts"}
            for number, name in enumerate(names, 1)
        },
    )


def test_server_1_builds_and_the_others_pull_from_it():
    plan = repository({**ARGUMENTS, "resilience": "false"}, servers())
    assert plan["server"] == "server1"
    assert plan["home"] == "/opt/wallaroo"
    assert plan["targets"] == ["build-a", "build-b"]
    assert plan["resilience"] is False
    assert plan["branch"] == "0.5.4"
    assert plan["others"] == ["server2"]
    assert plan["ssh"]["server2"]["host"] == "10.0.0.1"
    assert plan["in_use"] == ""


def test_servers_that_are_one_machine_need_no_ssh():
    plan = repository(ARGUMENTS, servers(server1={"machine": "here"}, server2={"machine": "here"}))
    assert plan["ssh"] == {"server2": None}


def test_what_is_asked_for_goes_before_the_version():
    asked = {**ARGUMENTS, "wallaroo_repo_branch": "ae3112d1", "wallaroo_version": "0.5.3"}
    assert repository(asked, servers())["branch"] == "ae3112d1"
    assert repository({**ARGUMENTS, "wallaroo_version": "0.5.3"}, servers())["branch"] == "0.5.3"


def test_what_is_left_empty_is_as_declared():
    plan = repository({**ARGUMENTS, "wallaroo_repo_url": " ", "wallaroo_repo_targets": []}, servers())
    assert plan["url"] == "https://github.com/slfritchie/wallaroo.git"
    assert "build-testing-correctness-apps-multi_partition_detector" in plan["targets"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"wallaroo_home": ""}, "wallaroo_home is missing"),
        ({"wallaroo_home": "wallaroo"}, "wallaroo_home=wallaroo is no absolute path"),
        ({"wallaroo_home": "/home/u/my tree"}, "has a character that make does not take"),
        ({"wallaroo_home": "/home/u/a$b"}, "has a character that make does not take"),
        ({"wallaroo_home": "/home/u/a:b"}, "has a character that make does not take"),
        ({"wallaroo_repo_make": "PONYCFLAGS='-d"}, "is no list"),
        ({"resilience": "maybe"}, "resilience=maybe"),
        ({"wallaroo_version": "0.1"}, "wallaroo_version=0.1"),
    ],
)
def test_nonsense_is_refused(arguments, sentence):
    with pytest.raises(Refusal, match=sentence):
        repository({**ARGUMENTS, **arguments}, servers())


def test_a_silent_server_is_named():
    found = servers()
    del found.states["server2"]
    with pytest.raises(Refusal, match="server2 did not answer"):
        repository(ARGUMENTS, found)


@pytest.mark.parametrize(
    ("engine", "home", "alive", "expected"),
    [
        ("wallaroo", "/opt/wallaroo", True, "worker2 runs on server2 from /opt/wallaroo"),
        ("wallaroo", "/opt/wallaroo", False, ""),
        ("wallaroo", "/opt/other", True, ""),
        ("embedded", "", True, ""),
    ],
)
def test_the_tree_of_a_running_worker_is_in_use(engine, home, alive, expected):
    state = {"cluster": {"engine": engine, "engine_home": home}, "workers": {"worker2": {"alive": alive}}}
    assert repository(ARGUMENTS, servers(server2=state))["in_use"].startswith(expected)
    assert bool(expected) == bool(repository(ARGUMENTS, servers(server2=state))["in_use"])
