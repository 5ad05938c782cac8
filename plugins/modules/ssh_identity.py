#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``ssh_identity``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ssh_identity
short_description: Give a server a key pair of the collection's own, and tell which host keys it presents
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Makes an ed25519 key pair for SSH between the servers of a cluster. The private key never leaves the server.
  - Asks the server's own SSH server, on the server itself, for the host keys that the others are to trust.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff_na
  - wallaroo.resilience.common.server
options:
  identity:
    description:
      - Path of the private key.
    type: path
    required: true
  host:
    description:
      - The address at which the other servers reach this one by SSH.
    type: str
    required: true
  port:
    description:
      - The port of its SSH server.
    type: int
    default: 22
"""

EXAMPLES = r"""
- name: Give the server a key pair
  wallaroo.resilience.ssh_identity:
    base: "{{ wallaroo_base }}"
    server: "{{ inventory_hostname }}"
    identity: "{{ wallaroo_base }}/ssh/id_ed25519"
    host: 10.0.0.12
"""

RETURN = r"""
public_key:
  description: Type and key; empty in check mode when there is none yet.
  returned: success
  type: str
  sample: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB
host:
  description: The address, as in O(host).
  returned: success
  type: str
  sample: 10.0.0.12
port:
  description: The port, as in O(port).
  returned: success
  type: int
  sample: 22
host_keys:
  description: Types and keys that the SSH server of this server presents.
  returned: success
  type: list
  elements: str
  sample: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC]
"""

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import ssh_keys

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.SERVER,
        "identity": {"type": "path", "required": True},
        "host": {"type": "str", "required": True},
        "port": {"type": "int", "default": 22},
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    with _edge.failing(module, f"{wanted['server']}"):
        presented = ssh_keys.presented_keys(wanted["host"], wanted["port"])
        public = ssh_keys.public_key(wanted["identity"])
        changed = public is None
        if changed and not module.check_mode:
            public = ssh_keys.make_pair(wanted["identity"], wanted["server"])
    module.exit_json(
        changed=changed,
        public_key=public or "",
        host=wanted["host"],
        port=wanted["port"],
        host_keys=list(presented.keys),
    )


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
