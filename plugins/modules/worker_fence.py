#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``worker_fence``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: worker_fence
short_description: Keep a server from starting a worker that has moved away
version_added: 1.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Notes on the old owner of a worker where it went and with which epoch. From then on this server refuses to start the worker.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.actiongroup
  - wallaroo.resilience.common.server
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  worker:
    description:
      - The worker, as V(2) or V(worker2).
    type: str
    required: true
  moved_to:
    description:
      - The server that owns the worker now.
    type: str
    required: true
  epoch:
    description:
      - The worker's epoch there.
    type: int
    required: true
"""

EXAMPLES = r"""
- name: Fence server 2
  wallaroo.resilience.worker_fence:
    base: "{{ wallaroo_base }}"
    server: server2
    worker: 2
    moved_to: server4
    epoch: 2
"""

RETURN = r"""
worker:
  description: The worker's name.
  returned: success
  type: str
  sample: worker2
epoch:
  description: The epoch from which on this server is fenced.
  returned: success
  type: int
  sample: 2
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.naming import worker_name
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import record
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience import ownership


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "base": {"type": "path", "required": True},
            "server": {"type": "str", "required": True},
            "worker": {"type": "str", "required": True},
            "moved_to": {"type": "str", "required": True},
            "epoch": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    wanted = module.params
    try:
        worker = worker_name(wanted["worker"])
        process = record.read(wanted["base"], worker)
        if process is not None and is_alive(process.identity) and not module.check_mode:
            module.fail_json(
                msg=f"{worker} still runs on {wanted['server']} (pid {process.identity.pid}); kill it first."
            )
        before = ownership.read(wanted["base"], worker)
        after = (ownership.MOVED, wanted["moved_to"], wanted["epoch"])
        changed = before is None or (before.state, before.moved_to, before.epoch) != after
        if before is not None and before.epoch > wanted["epoch"]:
            module.fail_json(
                msg=f"{wanted['server']} knows a later epoch of {worker} ({before.epoch}) than {wanted['epoch']}; "
                "look with playbooks/status.yml who owns it."
            )
        if changed and not module.check_mode:
            ownership.fence(wanted["base"], worker, wanted["server"], wanted["moved_to"], wanted["epoch"])
    except (ValueError, OSError) as error:
        module.fail_json(msg=f"{wanted['server']} could not be fenced: {error}")
    module.exit_json(
        changed=changed,
        worker=worker,
        epoch=wanted["epoch"],
        diff={
            "before": {"state": before.state if before else "none", "epoch": before.epoch if before else 0},
            "after": {"state": ownership.MOVED, "moved_to": wanted["moved_to"], "epoch": wanted["epoch"]},
        },
    )


if __name__ == "__main__":
    main()
