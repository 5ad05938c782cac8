#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``worker_look``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: worker_look
short_description: Look how far a worker's resilience files have come on this server
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Tells what decides whether a worker can be started from these files although it was started from a copy of them elsewhere since.
    Which checkpoints stand in them, and how much the journal server has of its journals.
  - Waits before until nothing is under way on this server that an interrupted run has begun.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff_na
  - wallaroo.resilience.common.acts
  - wallaroo.resilience.common.layout
options:
  journal_server:
    description:
      - C(host:port) of the journal server, which is asked what it has of the worker.
    type: str
  journal_timeout:
    description:
      - Seconds to wait until nobody appends to the worker's journals.
    type: float
    default: 10
"""

EXAMPLES = r"""
- name: Look how far worker 2 has come on server 4
  wallaroo.resilience.worker_look:
    base: "{{ wallaroo_base }}"
    server: server4
    worker: 2
    application: multi_partition_detector
"""

RETURN = r"""
worker:
  description: The worker's name.
  returned: success
  type: str
  sample: worker2
alive:
  description: Whether it runs on this server.
  returned: success
  type: bool
  sample: false
ownership:
  description: What this server knows of its owner. V(owner), V(moved) or V(none).
  returned: success
  type: str
  sample: owner
epoch:
  description: The epoch of that.
  returned: success
  type: int
  sample: 2
committed:
  description: The last checkpoint that was noted as committed; 0 when there is none.
  returned: success
  type: int
  sample: 17
written:
  description: The highest checkpoint whose states stand in the event log; 0 when there is none.
  returned: success
  type: int
  sample: 17
checkpoints:
  description: How many checkpoints stand in the event log.
  returned: success
  type: int
  sample: 18
journals:
  description: The journals that lie here, and their sizes.
  returned: success
  type: dict
  sample: {multi_partition_detector-worker2.journal: 1931}
journalled:
  description: The journals on the journal server, and their sizes.
  returned: with O(journal_server)
  type: dict
  sample: {multi_partition_detector-worker2.journal: 1931}
"""

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.naming import worker_name
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.registry import files_of
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting import wait_for_acts
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import checkpoint

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.LAYOUT,
        "journal_server": {"type": "str"},
        **_edge.ACTS,
        "journal_timeout": {"type": "float", "default": 10},
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    base, engine, server = wanted["base"], wanted["engine"], wanted["journal_server"]
    with _edge.failing(module, f"How far {wanted['worker']} has come on {wanted['server']} is not known"):
        files = files_of(base, worker_name(wanted["worker"]), engine, wanted["application"], wanted["version"])
        wait_for_acts(base, wanted["acts_timeout"])
        module.exit_json(**checkpoint.look(base, engine, files, server, wanted["journal_timeout"]))


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
