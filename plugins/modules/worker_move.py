#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``worker_move``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: worker_move
short_description: Crash a worker and bring it back on this server
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Does everything that happens while the worker is down in one call on the target, over a connection to the source that stands before
    the kill. Kill, copy of what changed last, proof, start, and the wait until the worker processes messages again.
  - Where the source is this server too, the worker is restarted in place, and nothing is copied.
  - Before the kill it checks owner, executable and ports, brings the bulk of the resilience files over, and looks whether the worker would
    find the others after its restart. What fails there changes nothing; RV(stage) is then V(before).
  - Where an earlier call has brought the files and made this server the owner under the same O(epoch), nothing is copied again, since what
    lies here may be newer than what lies on the source. The worker is started only.
  - A worker that ends before it is ready is started a second time.
  - The source server is not fenced; see M(wallaroo.resilience.worker_fence).
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff
  - wallaroo.resilience.common.worker
  - wallaroo.resilience.common.cluster
  - wallaroo.resilience.common.target
  - wallaroo.resilience.common.source_ssh
  - wallaroo.resilience.common.acting
  - wallaroo.resilience.common.waiting
attributes:
  idempotent:
    support: partial
    details:
      - Crashes the worker whenever it is called. The role asks before whether there is anything to do.
options:
  begin:
    description:
      - Move nothing, but begin to open the connection to the source for the next call in the same run. To open it takes several times as long
        as the worker is down. Nobody waits for it, and nothing is done where Ansible has no standing connection to this server.
    type: bool
    default: false
    version_added: 2.0.0
  source_base:
    description:
      - That server's C(wallaroo_base).
    type: path
    required: true
  journal_timeout:
    description:
      - With O(journal_server), seconds to wait until nobody appends to the journals any more.
    type: float
    default: 30
  kill:
    description:
      - Kill the worker on the source. With V(false) it must be dead, or its server lost; with O(journal_server) the source is then asked
        nothing at all.
    type: bool
    default: true
  address:
    description:
      - The worker's address comes along. On both servers M(wallaroo.resilience.server_address) stands by for that; on the source only when
        it is asked anything.
    type: bool
    default: false
  kill_timeout:
    description:
      - Seconds in which the worker must be dead after the SIGKILL.
    type: float
    default: 10
  peers:
    description:
      - The other workers, and the addresses of the servers where they are now; see M(wallaroo.resilience.worker).
    type: dict
  wait_for:
    description:
      - V(listening) waits until others can reach the worker, V(ready) until it processes messages again.
    type: str
    choices: [listening, ready]
    default: ready
    version_added: 2.0.0
"""

EXAMPLES = r"""
- name: Move worker 2 to server 4
  wallaroo.resilience.worker_move:
    base: "{{ wallaroo_base }}"
    server: server4
    worker: 2
    cluster: "{{ step.plan.cluster }}"
    source_server: server2
    source_base: /var/lib/wallaroo
    source_ssh:
      host: 10.0.0.12
      user: wallaroo
      identity: /var/lib/wallaroo/ssh/id_ed25519
      known_hosts: /var/lib/wallaroo/ssh/known_hosts
      python: /usr/bin/python3
    epoch: 2
  delegate_to: server4
"""

RETURN = r"""
worker:
  description: The worker's name.
  returned: success
  type: str
  sample: worker2
stage:
  description: How far it had come. V(before) means that nothing was done to the worker; after V(kill), V(copy) and V(start) it may be dead.
  returned: failure
  type: str
  sample: copy
killed_pid:
  description: The process that was killed; V(null) when the worker was dead already, and in check mode.
  returned: always
  type: int
  sample: 4711
killed:
  description: When the signal was sent, in seconds since the epoch, likewise.
  returned: always
  type: float
  sample: 1795466797.77
died:
  description: When the worker was seen to be dead, likewise.
  returned: always
  type: float
  sample: 1795466797.78
copied:
  description: Files that were copied after the death of the worker.
  returned: always
  type: list
  elements: str
  sample: [multi_partition_detector-worker2.evlog]
copied_bytes:
  description: Bytes that were copied, before and after.
  returned: always
  type: int
  sample: 11463
early_bytes:
  description: Those of them that were copied before the kill.
  returned: always
  type: int
  sample: 11011
finished_at:
  description: When the copy was proved, in seconds since the epoch.
  returned: always
  type: float
  sample: 1795466797.9
journal:
  description: With O(journal_server), what the journals told; see M(wallaroo.resilience.resilience_copy).
  returned: with O(journal_server)
  type: dict
  sample: {records: 17, checkpoint: 5, directory: /w/server2/resilience/worker2, fetched_bytes: 12780}
pid:
  description: The worker's process here, or V(null) in check mode.
  returned: success
  type: int
  sample: 815
state:
  description: Whether it runs.
  returned: success and not in check mode
  type: str
  sample: started
log:
  description: Its log on this server.
  returned: success and not in check mode
  type: str
  sample: /var/lib/wallaroo/run/worker2/log
started:
  description: When it was started, in seconds since the epoch.
  returned: success and not in check mode
  type: float
  sample: 1795466797.97
ready:
  description: When it said that it processes messages again, likewise.
  returned: success and not in check mode, when RV(finished) is true
  type: float
  sample: 1795466798.1
resumed:
  description: The same as RV(ready), by the name that it has in results.
  version_added: 2.0.0
  returned: success and not in check mode, when RV(finished) is true
  type: float
  sample: 1795466798.1
late:
  description: Whether it was ready already when it was looked for, so that RV(ready) is later than that moment was.
  returned: success and not in check mode
  type: bool
  sample: false
retried:
  description: Why its first start failed, when this was the second one; empty otherwise.
  returned: success and not in check mode
  type: str
  sample: ""
foreign_state:
  description: Why its state did not come from its own files; empty when it did.
  version_added: 2.0.0
  returned: success and not in check mode
  type: str
  sample: ""
epoch:
  description: The worker's epoch on this server.
  returned: success and not in check mode
  type: int
  sample: 2
finished:
  description: Whether it processes messages again. When not, go on waiting with M(wallaroo.resilience.worker) and RV(pid).
  returned: success
  type: bool
  sample: true
message:
  description: What happened, or how far it is.
  returned: success and not in check mode
  type: str
  sample: worker2 is ready on server4
line:
  description: The line of its log that was waited for.
  returned: success and not in check mode, when RV(finished) is true
  type: str
  sample: "~~~Resuming message processing.~~~"
seconds:
  description: How long the start took.
  returned: success and not in check mode, when RV(finished) is true
  type: float
  sample: 0.3
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge, _edge_cluster
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.contract import LISTENING, READY
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting import Superseded, acting
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import move, source_server

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.ACTING,
        **_edge.WORKER,
        **_edge_cluster.CLUSTER,
        **_edge.TARGET,
        "begin": {"type": "bool", "default": False},
        "source_base": {"type": "path", "required": True},
        **_edge_cluster.SOURCE_SSH,
        "journal_timeout": {"type": "float", "default": 30},
        "kill": {"type": "bool", "default": True},
        "address": {"type": "bool", "default": False},
        "kill_timeout": {"type": "float", "default": 10},
        "peers": {"type": "dict"},
        "wait_for": {"type": "str", "choices": [LISTENING, READY], "default": READY},
        **_edge.WAITING,
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    if wanted["begin"]:
        # Nothing of it would outlive this process.
        module.exit_json(changed=False, finished=True)
    try:
        act = move.Move.from_arguments(wanted)
    except (ValueError, OSError) as error:
        module.fail_json(msg=str(error), stage=move.BEFORE)
    try:
        with acting(wanted["base"], module.check_mode, wanted["run"]) as sign:
            act.still = sign.check
            result = move.run(act, wanted["wait_timeout"], wanted["return_after"], module.check_mode)
    except (Superseded, OSError) as error:
        module.fail_json(msg=str(error), stage=move.BEFORE)
    except move.MoveFailed as failed:
        for sentence in failed.times.pop("warnings"):
            module.warn(sentence)
        module.fail_json(
            msg=f"{act.worker.worker} could not be {act.told}: {failed}",
            stage=failed.stage,
            **failed.times,
        )
    for sentence in result.pop("warnings"):
        module.warn(sentence)
    if result.get("retried"):
        module.warn(f"The first start of {act.worker.worker} on {wanted['server']} failed: {result['retried']}")
    if result.get("foreign_state"):
        module.warn(result["foreign_state"])
    module.exit_json(
        **result,
        diff={"before": {"server": wanted["source_server"]}, "after": {"server": wanted["server"]}},
    )


def begin(wanted: Mapping[str, Any]) -> None:
    """Begin to open the connection, in a process that forks for the call that follows (``_programs/standing``)."""
    # What is wrong with the arguments that call says.
    with suppress(ValueError, OSError):
        act = move.Move.from_arguments(wanted)
        act.source.begin(act.worker.files)


def end() -> None:
    """Give it up in there."""
    source_server.end()


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
