# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps need all servers, task by task, in the collection's playbooks and in the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._play import require_bases, require_together
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal

from tests import one_play

ALL = ["server1", "server2", "server3"]


def variables(**more: Any) -> dict[str, Any]:
    play = {"ansible_play_hosts_all": ALL, "ansible_play_hosts": ALL, "ansible_play_batch": ALL}
    return {"groups": {"servers": ALL}, **play, **more}


def test_each_playbook_says_which_strategy_it_needs(repository: Path) -> None:
    for playbook in sorted((repository / "playbooks").glob("*.yml")):
        for play in yaml.safe_load(playbook.read_text()):
            assert play["strategy"] == "ansible.builtin.linear", playbook


@pytest.mark.parametrize("strategy", ["linear", "ansible.builtin.linear", "debug", "mitogen_linear"])
def test_servers_that_wait_for_each_other_serve(strategy: str) -> None:
    require_together(strategy, variables())


def test_a_server_that_did_not_answer_is_another_matter() -> None:
    require_together("linear", variables(ansible_play_hosts=ALL[:2], ansible_play_batch=ALL[:2]))


@pytest.mark.parametrize(
    ("strategy", "more", "sentence"),
    [
        ("free", {}, "This play has strategy free, .*: write strategy: linear into it"),
        ("ansible.builtin.host_pinned", {}, "strategy ansible.builtin.host_pinned"),
        ("mitogen_free", {}, "strategy mitogen_free"),
        (
            "linear",
            {"ansible_play_hosts_all": ALL[:2], "ansible_limit": "server1,server2"},
            "^--limit left out server3: this step needs all servers of the group servers.$",
        ),
        ("linear", {"ansible_play_hosts_all": ALL[1:]}, "^The play's hosts left out server1"),
        ("linear", {"ansible_play_batch": ALL[:1]}, "batches .serial., now without server2, server3: .* leave serial"),
    ],
)
def test_other_plays_are_refused(strategy: str, more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence):
        require_together(strategy, variables(**more))


PLAY = """
- hosts: servers
  gather_facts: false
  {more}
  tasks:
    - ansible.builtin.include_role:
        name: wallaroo.resilience.cluster
        tasks_from: lock
"""


def test_servers_without_a_place_are_named() -> None:
    placed = {"wallaroo_base": "/srv/wallaroo"}
    require_bases({"groups": {"servers": ALL}, "hostvars": dict.fromkeys(ALL, placed)})
    hostvars = {"server1": placed, "server2": {}, "server3": {"wallaroo_base": ""}}
    with pytest.raises(Refusal, match=r"^The inventory gives server2, server3 no wallaroo_base, .* the group servers"):
        require_bases({"groups": {"servers": ALL}, "hostvars": hostvars})


@pytest.mark.parametrize("playbook", ["status", "kill_worker", "preflight", ""])
def test_an_inventory_without_places_is_refused_in_one_sentence(
    repository: Path, tmp_path: Path, playbook: str
) -> None:
    inventory = tmp_path / "hosts"
    inventory.write_text("[servers]\nserver1 ansible_connection=local\nserver2 ansible_connection=local\n")
    own = tmp_path / "play.yml"
    own.write_text(PLAY.replace("{more}", ""))
    path = repository / "playbooks" / f"{playbook}.yml" if playbook else own
    given = ["-e", "worker=2 server=2"] if playbook == "kill_worker" else []
    code, said = one_play.play(repository, tmp_path, path, "-i", str(inventory), *given)
    assert code != 0
    assert "The inventory gives server1, server2 no wallaroo_base" in said
    assert "has no attribute" not in said
    assert "is undefined" not in said


@pytest.mark.parametrize(
    ("more", "options", "sentence"),
    [
        ("strategy: free", [], "This play has strategy free"),
        ("serial: 1", [], "in batches (serial), now without server2, server3, server4"),
        ("", ["--limit", "server1,server2"], "--limit left out server3, server4"),
    ],
)
def test_a_play_of_the_user_is_refused_before_the_lock_is_taken(
    repository: Path, tmp_path: Path, more: str, options: list[str], sentence: str
) -> None:
    playbook = tmp_path / "play.yml"
    playbook.write_text(PLAY.replace("{more}", more))
    code, said = one_play.play(repository, tmp_path, playbook, *options)
    assert code != 0
    assert sentence in said
    assert not (tmp_path / "servers" / "server1" / "run.lock").exists()


def test_a_part_that_nobody_has_looked_for_says_how_it_is_run(repository: Path, tmp_path: Path) -> None:
    playbook = tmp_path / "play.yml"
    part = PLAY.replace("{more}", "").replace("resilience.cluster", "resilience.worker").replace("lock", "kill")
    playbook.write_text(part + "      vars: {worker: 2}\n")
    code, said = one_play.play(repository, tmp_path, playbook)
    assert code != 0
    assert "Nobody has looked at the servers: run the step through the role wallaroo.resilience.step" in said
