#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``worker_kill``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: worker_kill
short_description: Crash exactly one worker
version_added: 1.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Sends SIGKILL to the process that is recorded for the worker on this server, and waits until it is dead.
  - The process is identified by pid, start time and command line. Nothing is ever killed by name.
  - Only SIGKILL is a crash. SIGTERM makes Wallaroo delete the resilience files of the whole cluster.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff
  - wallaroo.resilience.common.worker
  - wallaroo.resilience.common.acting
options:
  wait_timeout:
    description:
      - Seconds in which it must be dead.
    type: float
    default: 10
"""

EXAMPLES = r"""
- name: Crash worker 2
  wallaroo.resilience.worker_kill:
    base: "{{ wallaroo_base }}"
    server: server2
    worker: 2
"""

RETURN = r"""
worker:
  description: The worker's name.
  returned: success
  type: str
  sample: worker2
pid:
  description: The process that was or would be killed; V(null) when it was dead already.
  returned: success
  type: int
  sample: 4711
killed:
  description: When the signal was sent, in seconds since the epoch; V(null) when it was dead already, and in check mode.
  returned: success
  type: float
  sample: 1795466797.77
died:
  description: When it was seen to be dead, likewise.
  returned: success
  type: float
  sample: 1795466797.78
message:
  description: What was done.
  returned: success
  type: str
  sample: worker2 (pid 4711) was killed on server2
"""

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.naming import worker_name
from ansible_collections.wallaroo.resilience.plugins.module_utils._faults.crash import crash_known
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting import acting

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.ACTING,
        **_edge.WORKER,
        "wait_timeout": {"type": "float", "default": 10},
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    base, server, limit = wanted["base"], wanted["server"], wanted["wait_timeout"]
    failing = _edge.failing(module, f"{wanted['worker']} could not be killed on {server}")
    with failing, acting(base, module.check_mode, wanted["run"]):
        result = crash_known(base, server, worker_name(wanted["worker"]), limit, module.check_mode)
    before = "alive" if result["changed"] else "dead"
    module.exit_json(**result, diff={"before": {"process": before}, "after": {"process": "dead"}})


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
