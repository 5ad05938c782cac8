# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``preflight.yml -e fix=true``: what fails on one server is one sentence, and nothing follows it."""

from __future__ import annotations

from pathlib import Path

from tests import one_play

PLAY = """
- hosts: servers
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: wallaroo.resilience.preflight
        tasks_from: repair
      vars:
        preflight_packages: []
        preflight_probe: {uid: 0}
        preflight_step:
          plan:
            between: true
            answering: [server1, server2, server3, server4]
            sources: []
            identity: "{{ dict(groups.servers | zip([access] * 4)) }}"
        access:
          identity: "{{ lookup('env', 'KEYS') }}/{{ inventory_hostname }}/id_ed25519"
          host: 127.0.0.1
          # Nothing listens there.
          port: 1
          known_hosts: "{{ lookup('env', 'KEYS') }}/{{ inventory_hostname }}/known_hosts"
"""


def test_what_fails_on_all_servers_is_one_sentence(repository: Path, tmp_path: Path) -> None:
    playbook = tmp_path / "play.yml"
    playbook.write_text(PLAY)
    code, said = one_play.play(repository, tmp_path, playbook, KEYS=str(tmp_path / "keys"))
    assert code != 0
    assert said.count("FAILED!") == 1
    assert "server1, server2, server3, server4: " in said
    assert "HostVars" not in said
    assert "undefined" not in said
