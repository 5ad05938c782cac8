#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``run_lock``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_lock
short_description: One run at a time on a cluster
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Takes or gives back the lock of a cluster, a file on its first server.
  - The action plugin of this name says who runs the playbook, and takes over the lock of a run of the same controller that is dead, such as
    one that was interrupted with Ctrl-C.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff_na
  - wallaroo.resilience.common.server
options:
  state:
    description:
      - Whether the lock is taken or given back.
    type: str
    choices: [held, released]
    default: held
  holder:
    description:
      - Who takes the lock. The action plugin fills it in.
    type: dict
    required: true
    suboptions:
      run:
        description: Differs from run to run.
        type: str
        required: true
      description:
        description: For people, which playbook, who, on which controller, since when.
        type: str
        required: true
      controller:
        description: Tells the controller's machine and its boot.
        type: str
        required: true
      pid:
        description: The run's process on the controller.
        type: int
        required: true
      start_ticks:
        description: When that process was started there, in clock ticks after the boot.
        type: int
        required: true
      namespace:
        description: In which PID namespace of the controller's machine O(holder.pid) is meant.
        type: str
        default: ""
  instead_of:
    description:
      - A run that is dead and whose lock may be taken over. The action plugin fills it in.
    type: str
    default: ""
  take_over:
    description:
      - Take the lock over from whoever holds it; for a run of another controller that is gone for good.
    type: bool
    default: false
  needed:
    description:
      - Fail where O(server) cannot be reached. V(false) is for whoever changes nothing; the action plugin returns RV(run) empty then.
    type: bool
    default: true
    version_added: 2.0.0
"""

EXAMPLES = r"""
- name: Take the lock
  wallaroo.resilience.run_lock:
    base: "{{ wallaroo_base }}"
    server: server1
"""

RETURN = r"""
held_by:
  description: Who holds the lock instead, or V(null).
  returned: always
  type: dict
  sample: {run: 6f1c, description: "migrate.yml by alice on controller, process 4711, since 2026-11-23T21:00:00Z"}
run:
  description: The run that has asked for the lock, for M(wallaroo.resilience.server_info) and the modules that change a worker.
    Empty when the lock was given back, or when O(needed) is V(false) and the server cannot be reached.
  returned: success
  type: str
  sample: 6f1c
  version_added: 2.0.0
"""

from dataclasses import asdict

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import run_lock

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.SERVER,
        "state": {"type": "str", "choices": ["held", "released"], "default": "held"},
        "holder": {"type": "dict", "required": True, "options": _edge.options_of(run_lock.Holder)},
        "instead_of": {"type": "str", "default": ""},
        "take_over": {"type": "bool", "default": False},
        "needed": {"type": "bool", "default": True},
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    other = None
    with _edge.failing(module, f"the lock in {wanted['base']} on {wanted['server']} cannot be used"):
        holder = run_lock.Holder(**wanted["holder"])
        if wanted["state"] == "released":
            if not module.check_mode:
                run_lock.release(wanted["base"], holder.run)
        elif module.check_mode:
            other = run_lock.holder(wanted["base"])
        else:
            other = run_lock.acquire(wanted["base"], holder, wanted["instead_of"], wanted["take_over"])
    # A lock comes and goes with the run, so it is no change of the server.
    module.exit_json(
        changed=False, held_by=asdict(other) if other else None, run=holder.run if wanted["state"] == "held" else ""
    )


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
