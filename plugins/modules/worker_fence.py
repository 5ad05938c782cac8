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
  - Puts the file aside without which no worker restarts, so that the engine itself refuses the old files when somebody starts it by hand.
    A copy that brings the worker back makes the set complete again.
  - Waits until nobody else changes a worker of this server.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff
  - wallaroo.resilience.common.worker
  - wallaroo.resilience.common.acts
  - wallaroo.resilience.common.acting
options:
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
  kill:
    description:
      - Kill the worker first when it still runs here, as after the return of a server that had been lost. Else a worker that runs is not
        fenced, and the module fails.
    type: bool
    default: false
    version_added: 2.0.0
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
killed_pid:
  description: The process that was or would be killed, or V(null).
  returned: success
  type: int
  sample: 4711
  version_added: 2.0.0
"""

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import fence
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting import acting_alone
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.stop import StillAlive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import LimitReached

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.ACTING,
        **_edge.WORKER,
        "moved_to": {"type": "str", "required": True},
        "epoch": {"type": "int", "required": True},
        "kill": {"type": "bool", "default": False},
        **_edge.ACTS,
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    try:
        with acting_alone(wanted["base"], wanted["acts_timeout"], module.check_mode, wanted["run"]):
            result = fence.carried_out(wanted, module.check_mode)
    except fence.NotFenced as error:
        module.fail_json(msg=str(error))
    except (ValueError, OSError, StillAlive, LimitReached) as error:
        module.fail_json(msg=f"{wanted['server']} could not be fenced: {error}")
    module.exit_json(**result)


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
