# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``setup_repo.yml`` on servers that reach one another by SSH."""

from __future__ import annotations

TREE = "/home/wallaroo/wallaroo"
DETECTOR = f"{TREE}/testing/correctness/apps/multi_partition_detector/multi_partition_detector"


def test_another_flag_reaches_all_servers(servers):
    given = servers.variables("provision.json")
    told = servers.play("setup_repo", "resilience=false", more=(*given, "--check"))
    assert "changed=0" not in told.split("PLAY RECAP")[1].split("server2")[0]
    assert "resilience=on" in servers.on(4, DETECTOR), "check mode changes nothing"
    servers.play("setup_repo", "resilience=false", more=given)
    for number in range(1, 5):
        assert "resilience=off" in servers.on(number, DETECTOR)
    again = servers.play("setup_repo", "resilience=false", more=given)
    assert again.split("PLAY RECAP")[1].count("changed=0") == 4


def test_what_is_broken_on_one_server_is_repaired_there(servers):
    servers.on(3, f"echo broken > {DETECTOR}; rm {TREE}/Makefile")
    recap = servers.play("setup_repo", more=servers.variables("provision.json")).split("PLAY RECAP")[1]
    assert recap.count("changed=0") == 3
    assert "resilience=on" in servers.on(3, DETECTOR)


def test_somebodys_work_is_kept_and_built(servers):
    servers.on(1, f"echo '# mine' >> {TREE}/Makefile")
    given = servers.variables("provision.json")
    try:
        servers.play("setup_repo", more=given)
        assert servers.on(4, f"tail -n 1 {TREE}/Makefile") == "# mine"
        refused = servers.play("setup_repo", "wallaroo_repo_branch=no-such", more=given, succeed=False)
        assert "has no branch, tag or commit no-such; mend wallaroo_repo_branch" in refused
        assert servers.on(1, f"tail -n 1 {TREE}/Makefile") == "# mine"
    finally:
        servers.on(1, f"su wallaroo -c 'git -C {TREE} checkout -q Makefile'")


def test_a_directory_of_somebody_else_is_not_touched(servers):
    servers.on(2, f"mv {TREE} {TREE}.aside; su wallaroo -c 'mkdir {TREE}; echo mine > {TREE}/thesis'")
    try:
        refused = servers.play("setup_repo", more=servers.variables("provision.json"), succeed=False)
        assert (
            f"server2: {TREE} has files and is no copy that setup_repo.yml made; nothing in it is touched." in refused
        )
        assert servers.on(2, f"cat {TREE}/thesis") == "mine"
    finally:
        servers.on(2, f"rm -rf {TREE}; mv {TREE}.aside {TREE}")
