#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``ssh_trust``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ssh_trust
short_description: Let the servers of a cluster reach one another by SSH
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Lets the key pairs of the other servers in, restricted to the addresses of the cluster's servers and to a forced command, which lets
    through what a move needs. That is the agent that kills a worker of this O(base) and hands its files out, and rsync that reads resilience files
    below O(base), or a tree that M(wallaroo.resilience.wallaroo_build) has built. Nothing else is executed, and nothing is written.
  - Trusts exactly the host keys that were seen on the servers themselves.
  - Other keys in C(authorized_keys) stay as they are, and so do those of another O(base) of the same account.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.no_diff
  - wallaroo.resilience.common.server
options:
  known_hosts:
    description:
      - Path of the file with the host keys that this server trusts.
    type: path
    required: true
  servers:
    description:
      - Server -> C(host), C(port), C(public_key) and C(host_keys), as M(wallaroo.resilience.ssh_identity) returned them.
    type: dict
    required: true
  sources:
    description:
      - Further addresses from which they may come, such as internal ones beside those of SSH.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Let the servers reach one another
  wallaroo.resilience.ssh_trust:
    base: "{{ wallaroo_base }}"
    server: server1
    known_hosts: "{{ wallaroo_base }}/ssh/known_hosts"
    servers:
      server2:
        host: 10.0.0.12
        port: 22
        public_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB
        host_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC]
"""

RETURN = r"""
servers:
  description: Who is let in and trusted.
  returned: success
  type: list
  elements: str
  sample: [server2, server3]
"""

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import ssh_keys

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.SERVER,
        "known_hosts": {"type": "path", "required": True},
        "servers": {"type": "dict", "required": True},
        "sources": {"type": "list", "elements": "str", "default": []},
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    servers = wanted["servers"]
    try:
        hosts = [
            ssh_keys.HostKeys(str(one["host"]), int(one["port"]), tuple(one["host_keys"])) for one in servers.values()
        ]
        keys = {name: str(one["public_key"]) for name, one in servers.items() if one["public_key"]}
        trusted = ssh_keys.trust(wanted["known_hosts"], hosts, module.check_mode)
        addresses = [*(host.host for host in hosts), *wanted["sources"]]
        let_in = ssh_keys.let_in(wanted["base"], keys, addresses, module.check_mode)
    except KeyError as error:
        module.fail_json(msg=f"servers lacks {error}")
    except (ssh_keys.KeyProblem, ValueError, OSError) as error:
        module.fail_json(msg=f"{wanted['server']}: {error}")
    module.exit_json(changed=trusted or let_in, servers=list(servers))


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
