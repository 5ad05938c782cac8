#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``tree_copy``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tree_copy
short_description: Make a directory the copy of a built tree on another server
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Runs on the server that gets the copy, and pulls it with rsync over SSH directly from the server that has the tree.
  - Only a directory that this module made, or an empty one, is written to. What is not in the tree is removed from it; git's history and the
    records of builds stay where they are.
  - The copy is proved by the SHA-256 of the executables.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.no_diff
  - wallaroo.resilience.common.tree
  - wallaroo.resilience.common.source_ssh
options:
  source_server:
    description:
      - The name of the server that has the tree.
    type: str
    required: true
  source_home:
    description:
      - The directory there.
    type: path
    required: true
  only_look:
    description:
      - Look whether a copy can be made, before there is anything to be copied, and change nothing.
    type: bool
    default: false
  source_changes:
    description:
      - In check mode, that the tree would have been changed by now; it is not compared then.
    type: bool
    default: false
  executables:
    description:
      - Files below the tree, with the SHA-256 that they must have.
    type: dict
    default: {}
  flags:
    description:
      - With what they were built, as M(wallaroo.resilience.wallaroo_build) tells it; kept in the copy's record.
    type: dict
    default: {}
  timeout:
    description:
      - Seconds for each call of rsync.
    type: float
    default: 1800
"""

EXAMPLES = r"""
- name: Bring the tree to server 2
  wallaroo.resilience.tree_copy:
    server: server2
    home: /home/ubuntu/wallaroo
    source_server: server1
    source_home: /home/ubuntu/wallaroo
    source_ssh: {host: 10.0.0.11, user: ubuntu, port: 22, identity: /home/ubuntu/w/ssh/id_ed25519, known_hosts: /home/ubuntu/w/ssh/known_hosts}
    executables: "{{ built.executables }}"
"""

RETURN = r"""
files:
  description: How many files were brought, changed or removed; in check mode how many would be.
  returned: success
  type: int
  sample: 1732
"""

from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge, _edge_cluster
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import ssh_keys
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.ssh import Access
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning import tree
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.command import ProvisioningError, alone

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.TREE,
        "source_server": {"type": "str", "required": True},
        "source_home": {"type": "path", "required": True},
        **_edge_cluster.SOURCE_SSH,
        "source_changes": {"type": "bool", "default": False},
        "only_look": {"type": "bool", "default": False},
        "executables": {"type": "dict", "default": {}},
        "flags": {"type": "dict", "default": {}},
        "timeout": {"type": "float", "default": 1800},
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    given = module.params
    home, source = Path(given["home"]), Path(given["source_home"])
    with _edge.failing(module, given["server"], "."):
        access = Access.from_dict(given["source_ssh"]) if given["source_ssh"] else None
        if given["only_look"]:
            tree.look(home, source, access)
            problem = ssh_keys.check(access) if access else None
            if problem:
                raise ProvisioningError(f"{given['source_server']} cannot be reached by SSH from here: {problem}")
            module.exit_json(changed=False, files=0)
        if module.check_mode and given["source_changes"]:
            module.exit_json(changed=access is not None or home.resolve() != source.resolve(), files=0)
        with alone(home, given["timeout"], "wallaroo_repo_timeout", module.check_mode):
            copied = tree.ensure_copied(
                home,
                source,
                given["source_server"],
                access,
                given["executables"],
                given["flags"],
                given["timeout"],
                module.check_mode,
                given["in_use"] or "",
            )
    module.exit_json(changed=copied.changed, files=copied.files)


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
