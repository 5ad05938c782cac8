#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``server_enter``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: server_enter
short_description: Let one run alone change a server, and wait for what another one has begun
version_added: 1.1.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Whoever holds the lock of the cluster (M(wallaroo.resilience.run_lock)) enters every server before it looks at any of them. From then
    on, modules of another run refuse to begin anything there, and what one of them had begun has ended.
  - So what all servers say afterwards belongs to one moment, also when a run was killed on its controller while a worker was being moved.
  - In check mode it does nothing.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.common.acts
  - wallaroo.resilience.common.server
options:
  run:
    description:
      - The run, as RV(run) of M(wallaroo.resilience.run_lock) tells it.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Enter the servers
  wallaroo.resilience.server_enter:
    base: "{{ wallaroo_base }}"
    server: "{{ inventory_hostname }}"
    run: "{{ cluster_lock.run }}"
"""

RETURN = r"""
run:
  description: The run, as in O(run).
  returned: success
  type: str
  sample: 6f1c
"""

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._faults import records
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting import enter
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import LimitReached

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.SERVER,
        "run": {"type": "str", "required": True},
        **_edge.ACTS,
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    try:
        if not module.check_mode:
            enter(wanted["base"], wanted["run"], wanted["acts_timeout"])
            for damage in records.heal(wanted["base"]):
                module.warn(f"{wanted['server']}: {damage}.")
    except LimitReached as reached:
        module.fail_json(msg=f"{wanted['server']}: {reached}; it has a limit of its own, so run this again later.")
    except OSError as error:
        module.fail_json(msg=f"{wanted['server']} cannot be entered: {error}")
    # A mark of the run, as its lock, so no change of the server.
    module.exit_json(changed=False, run=wanted["run"])


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
