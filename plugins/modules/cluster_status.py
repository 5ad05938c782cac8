#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``cluster_status``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_status
short_description: Ask a cluster for its state
version_added: 1.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Asks the external control channel of a worker whether the cluster is initialized and processes messages, and who belongs to it.
  - Can wait until it does.
  - Can ask what is where on that worker, see O(queries).
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff_na
  - wallaroo.resilience.common.channel
  - wallaroo.resilience.common.waiting
options:
  wait_for:
    description:
      - V(nothing) asks once; V(initialized) and V(processing) wait for that.
      - V(processing) is no sign that a recovery is over, see RV(processing). That a worker is ready stands in its log; M(wallaroo.resilience.worker)
        waits for it.
    type: str
    choices: [nothing, initialized, processing]
    default: nothing
  workers:
    description:
      - Also wait until the cluster has so many workers.
    type: int
  queries:
    description:
      - What else to ask, after what is waited for has come. Each answer is returned under the name of its query.
      - A worker only knows of its own partitions and keys. Ask each worker that has an external channel.
      - After a recovery, RV(state_entities) and RV(state_entity_counts) lack the keys that had appeared before it at run time, with the
        real engine as with the embedded one. So nothing can be verified with them.
    type: list
    elements: str
    choices:
      - partitions
      - partition_counts
      - source_ids
      - state_entities
      - state_entity_counts
      - stateless_partitions
      - stateless_partition_counts
    default: []
  answer_timeout:
    description:
      - Seconds after which the answer to one question is given up.
    type: float
    default: 5
"""

EXAMPLES = r"""
- name: Wait until a cluster of three has been put together
  wallaroo.resilience.cluster_status:
    host: 127.0.0.1
    wait_for: initialized
    workers: 3
    wait_timeout: 20

- name: Ask how many keys the worker knows of, and which steps it has
  wallaroo.resilience.cluster_status:
    host: 127.0.0.1
    queries: [state_entity_counts, partitions]
"""

RETURN = r"""
initialized:
  description: Whether the cluster has been put together.
  returned: success
  type: bool
  sample: true
processing:
  description: What the asked worker says of itself. False while it recovers; it stays true on all that stand still for the recovery of
    another worker, also for one that hangs.
  returned: success
  type: bool
  sample: true
workers:
  description: The names of its workers, in the order that decides who owns which key.
  returned: success
  type: list
  elements: str
  sample: [initializer, worker2]
finished:
  description: Whether what was waited for has come.
  returned: success
  type: bool
  sample: true
message:
  description: The state in words.
  returned: success
  type: str
  sample: 2 workers, processing messages
seconds:
  description: How long it took.
  returned: when O(wait_for) is not V(nothing) and RV(finished) is true
  type: float
  sample: 0.3
partitions:
  description: The ids of the steps, by worker.
  returned: when O(queries) has V(partitions)
  type: dict
  contains:
    state:
      description: Those of state collections. By the name of the collection, then by worker, a list of ids.
      returned: always
      type: dict
      sample: {state1: {initializer: ["230287909904832574373223425601419859146"]}}
    stateless:
      description: Those of stateless partitions. By the id of the partition, then by worker, a list of ids.
      returned: always
      type: dict
      sample: {}
partition_counts:
  description: As RV(partitions), with numbers instead of lists.
  returned: when O(queries) has V(partition_counts)
  type: dict
  sample: {state: {state1: {initializer: 10}}, stateless: {}}
source_ids:
  description: The ids of its sources, ten for each address on which it listens for senders.
  returned: when O(queries) has V(source_ids)
  type: list
  elements: str
  sample: ["180750831212751670847649543557754370823"]
state_entities:
  description: The keys that have a state on the asked worker, by the name of the state collection.
  returned: when O(queries) has V(state_entities)
  type: dict
  sample: {state1: [key_3, key_5]}
state_entity_counts:
  description: How many these are.
  returned: when O(queries) has V(state_entity_counts)
  type: dict
  sample: {state1: 2}
stateless_partitions:
  description: By the id of the stateless partition, then by worker, the ids of the steps.
  returned: when O(queries) has V(stateless_partitions)
  type: dict
  sample: {}
stateless_partition_counts:
  description: As RV(stateless_partitions), with numbers instead of lists.
  returned: when O(queries) has V(stateless_partition_counts)
  type: dict
  sample: {}
"""

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.contract import QUESTIONS
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import asking

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.CHANNEL,
        "wait_for": {"type": "str", "choices": ["nothing", "initialized", "processing"], "default": "nothing"},
        "workers": {"type": "int"},
        "queries": {"type": "list", "elements": "str", "choices": list(QUESTIONS), "default": []},
        "answer_timeout": {"type": "float", "default": 5},
        **_edge.WAITING,
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    with _edge.failing(module):
        asked = asking.Asked(
            wanted["engine"], wanted["host"], wanted["port"], wanted["queries"], wanted["answer_timeout"]
        )
        if wanted["wait_for"] == "nothing" or module.check_mode:
            module.exit_json(**asked.once(module.check_mode))
        module.exit_json(
            **asked.wait(wanted["wait_for"], wanted["workers"], wanted["wait_timeout"], wanted["return_after"])
        )


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
