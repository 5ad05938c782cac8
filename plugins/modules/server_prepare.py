#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``server_prepare``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: server_prepare
short_description: Prepare a server for a fresh cluster
version_added: 1.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Deploys the programs of the collection to C(runtime) below O(base).
  - With O(cluster), also removes what an earlier cluster left (resilience files and journals together, since a fresh worker would take
    them for its own), stops programs without workers that an interrupted start left running, and records the new one.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.actiongroup
  - wallaroo.resilience.common.server
  - wallaroo.resilience.common.acting
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  cluster:
    description:
      - The cluster that is about to be started. Without it only the programs are deployed.
    type: dict
"""

EXAMPLES = r"""
- name: Prepare all servers
  wallaroo.resilience.server_prepare:
    base: "{{ wallaroo_base }}"
    server: "{{ inventory_hostname }}"
    cluster: "{{ step.plan.cluster }}"
"""

RETURN = r"""
runtime:
  description: Where the programs are.
  returned: success
  type: str
  sample: /var/lib/wallaroo/runtime
removed:
  description: Directories of an earlier cluster that were emptied.
  returned: success
  type: list
  elements: str
  sample: [resilience, received]
stopped:
  description: Programs that an interrupted start had left running.
  returned: success
  type: list
  elements: str
  sample: [receiver]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import preparation
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.record import ClusterRecord
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting import acting
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.stop import StillAlive


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "base": {"type": "path", "required": True},
            "server": {"type": "str", "required": True},
            "run": {"type": "str", "default": ""},
            "cluster": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    try:
        cluster = ClusterRecord.from_dict(module.params["cluster"]) if module.params["cluster"] else None
        with acting(module.params["base"], module.check_mode, module.params["run"]):
            result = preparation.prepare(module.params["base"], cluster, only_check=module.check_mode)
    except (ValueError, OSError, StillAlive) as error:
        module.fail_json(msg=f"{module.params['server']} could not be prepared: {error}")
    module.exit_json(
        **result,
        diff={
            "before": "".join(f"{name}: left by an earlier cluster\n" for name in result["removed"]),
            "after": "".join(f"{name}: empty\n" for name in result["removed"]),
        },
    )


if __name__ == "__main__":
    main()
