#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``worker``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: worker
short_description: Start a worker and wait until it is ready
version_added: 1.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Starts one worker of a cluster on this server, fresh or from its resilience files, and waits for the line of its own current log
    that says that it is ready.
  - Refuses a server that no longer owns the worker, half a set of resilience files, and ports that are taken.
  - Files that came by a copy are proved again before the start, and the one that has changed since is named.
  - A worker that recovers and ends before it is ready is started a second time; its files are the newest there are.
  - A start that fails leaves no process behind; a failed fresh start leaves no files behind either.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff
  - wallaroo.resilience.common.worker
  - wallaroo.resilience.common.cluster
  - wallaroo.resilience.common.acting
  - wallaroo.resilience.common.waiting
options:
  state:
    description:
      - V(started) starts the worker unless it runs. V(stopped) ends it with SIGKILL and keeps its files.
    type: str
    choices: [started, stopped]
    default: started
  mode:
    description:
      - V(fresh) demands that there are no resilience files, V(recover) that there is a complete set.
    type: str
    choices: [fresh, recover]
    default: fresh
  wait_for:
    description:
      - V(listening) waits for the control port only (the initializer becomes ready when all others have come), V(ready) until the worker
        processes messages.
    type: str
    choices: [listening, ready]
    default: ready
  peers:
    description:
      - The other workers, and the addresses of the servers where they are now. With O(mode=recover) the worker's file of addresses is mended
        accordingly before the start, since after a migration it names a server where nobody is, and the worker would hang.
        The file as it was is kept beside it.
      - The start is refused when an address does not fit into the file, which only takes one of the same length.
    type: dict
    version_added: 2.0.0
  pid:
    description:
      - The process that an earlier part of the same wait has started, as RV(pid). It is waited for, and nothing is started.
      - The action plugin gives this when it waits in parts.
    type: int
"""

EXAMPLES = r"""
- name: Bring worker 2 back
  wallaroo.resilience.worker:
    base: "{{ wallaroo_base }}"
    server: server4
    worker: 2
    cluster: "{{ step.plan.cluster }}"
    mode: recover
"""

RETURN = r"""
worker:
  description: The worker's name.
  returned: success
  type: str
  sample: worker2
pid:
  description: Its process, or V(null) in check mode.
  returned: success
  type: int
  sample: 4711
state:
  description: Whether it runs.
  returned: success
  type: str
  sample: started
log:
  description: Its log on this server.
  returned: when O(state=started)
  type: str
  sample: /var/lib/wallaroo/run/worker2/log
started:
  description: When it was started, in seconds since the epoch.
  returned: when O(state=started)
  type: float
  sample: 1795466797.77
ready:
  description: When the awaited line was seen, in seconds since the epoch.
  returned: when O(state=started) and RV(finished) is true
  type: float
  sample: 1795466797.97
resumed:
  description: The same as RV(ready), by the name that it has in results.
  version_added: 2.0.0
  returned: when O(state=started) and RV(finished) is true
  type: float
  sample: 1795466797.97
late:
  description: Whether it was ready already when it was looked for, so that RV(ready) is later than that moment was.
  returned: when O(state=started)
  type: bool
  sample: false
retried:
  description: Why its first start failed, when this was the second one; empty otherwise.
  returned: when O(state=started)
  type: str
  sample: ""
foreign_state:
  description: Why its state did not come from its own files; empty when it did.
  version_added: 2.0.0
  returned: when O(state=started)
  type: str
  sample: ""
epoch:
  description: The worker's epoch on this server.
  returned: when O(state=started)
  type: int
  sample: 2
finished:
  description: Whether what was waited for has come.
  returned: success
  type: bool
  sample: true
message:
  description: What happened, or how far it is.
  returned: when O(state=started)
  type: str
  sample: worker2 is ready on server4
line:
  description: The line of its log that was waited for.
  returned: when O(state=started) and RV(finished) is true
  type: str
  sample: "~~~Resuming message processing.~~~"
seconds:
  description: How long it took.
  returned: when O(state=started) and RV(finished) is true
  type: float
  sample: 0.3
"""


from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge, _edge_cluster
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import worker_start
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting import acting

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.ACTING,
        **_edge.WORKER,
        **_edge_cluster.CLUSTER,
        "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
        "mode": {"type": "str", "choices": ["fresh", "recover"], "default": "fresh"},
        "wait_for": {"type": "str", "choices": ["listening", "ready"], "default": "ready"},
        "peers": {"type": "dict"},
        "pid": {"type": "int"},
        **_edge.WAITING,
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    with _edge.failing(module):
        worker = worker_start.WorkerStart.from_arguments(wanted, wanted["mode"])
        if wanted["state"] == "stopped":
            result = worker_start.stop(worker, wanted["wait_timeout"], wanted["run"], module.check_mode)
            module.exit_json(**result, diff=_diff("started" if result["changed"] else "stopped", "stopped"))
        with acting(wanted["base"], module.check_mode, wanted["run"]):
            result = worker_start.run(
                worker,
                wanted["wait_for"],
                wanted["wait_timeout"],
                wanted["return_after"],
                module.check_mode,
                wanted["pid"],
            )
    if result.get("retried"):
        module.warn(f"The first start of {worker.worker} on {wanted['server']} failed: {result['retried']}")
    if result.get("foreign_state"):
        module.warn(result["foreign_state"])
    module.exit_json(**result, diff=_diff("stopped" if result["changed"] else "started", "started"))


def _diff(before: str, after: str) -> dict[str, dict[str, str]]:
    return {"before": {"state": before}, "after": {"state": after}}


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
