#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``server_info``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: server_info
short_description: Tell what a server knows of a cluster and its workers
version_added: 1.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Reads the processes, the resilience files and the owners of workers, the record of the cluster and the state of ports.
  - Every step of the collection begins with it. With O(cluster), the ports of that on this server are tried too.
  - Whoever holds the lock of the cluster (M(wallaroo.resilience.run_lock)) enters each server with it. From then on, modules of another run
    refuse to begin anything there, and what one of them had begun has ended. So what all servers say belongs to one moment, also when a run
    was killed on its controller while a worker was being moved.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff_na
  - wallaroo.resilience.common.server
  - wallaroo.resilience.common.new_cluster
options:
  logs:
    description:
      - Return the ends of all logs too.
    type: bool
    default: false
  figures:
    description:
      - Return RV(figures) too.
    type: bool
    default: false
    version_added: 2.0.0
  acts_timeout:
    description:
      - Seconds to wait for the end of what a run that was killed had begun on this server, such as the move of a worker, so that
        what is returned is not about to change. When it lasts longer, RV(problem) says so.
    type: float
    default: 0
    version_added: 2.0.0
  run:
    description:
      - The run that asks, as RV(wallaroo.resilience.run_lock#module:run) tells it. A server that it could not enter, or that another run has
        entered since, is not looked at in the same moment as the others, and RV(problem) says so.
    type: str
    default: ""
    version_added: 2.0.0
  enter:
    description:
      - Enter the server for O(run) before it is looked at, and heal what an injected fault of an interrupted run has left. Not in check mode.
    type: bool
    default: false
    version_added: 2.0.0
  programs:
    description:
      - The digest of the programs that a server runs. The action plugin gives this.
    type: str
    default: ""
    version_added: 2.0.0
"""

EXAMPLES = r"""
- name: Look at the servers
  wallaroo.resilience.server_info:
    base: "{{ wallaroo_base }}"
    server: "{{ inventory_hostname }}"
  register: cluster_server_state
"""

RETURN = r"""
server:
  description: The name of the server, as in O(server).
  returned: success
  type: str
  sample: server1
base:
  description: Its directory, as in O(base).
  returned: success
  type: str
  sample: /var/lib/wallaroo
problem:
  description: Why the server's directory cannot be used, or V(null).
  returned: success
  type: str
  sample: /var/lib/wallaroo cannot be written by user 1000; mend its owner or mode, or set wallaroo_base.
cluster:
  description: The record of the cluster that was started last, or V(null).
  returned: success
  type: dict
  sample: {identifier: cluster-1f2e3d4c5b6a, application: multi_partition_detector, workers: 2}
processes:
  description: The processes that were started here, by name.
  returned: success
  type: dict
  sample: {worker2: {kind: worker, pid: 4711, alive: true}}
workers:
  description: What is here of each worker that ever was, with its resilience files and its epoch.
  returned: success
  type: dict
  sample: {worker2: {alive: true, resilience: complete, ownership: owner, epoch: 1}}
sent:
  description: What each sender has sent, also one that was killed. All values up to V(sure) were sent, and none behind V(perhaps);
    V(exact) when it is known of each key how far it came.
  returned: success
  type: dict
  sample: {sender: {first: 1, last: 1000, sure: 640, perhaps: 640, exact: true, begun: true, exit_code: null, message: "", round: 0}}
ports_taken:
  description: Ports of O(cluster) on which somebody listens.
  returned: success
  type: list
  elements: dict
  sample: [{address: 127.0.0.1, port: 7000, pid: 815, program: nginx, ours: false}]
free_bytes:
  description: Free space below O(base).
  returned: success
  type: int
  sample: 81604378624
user:
  description: The account under which the module ran.
  returned: success
  type: str
  sample: wallaroo
  version_added: 2.0.0
python:
  description: The interpreter that ran it.
  returned: success
  type: str
  sample: /usr/bin/python3
  version_added: 2.0.0
machine:
  description: Equal for servers that are one machine with one file system, as those of the loopback inventory.
  returned: success
  type: str
  sample: 8e2c5a8a-7b3e-4a0d-b2cf-6f0c0a3b6a53 mnt:[4026531840]
  version_added: 2.0.0
host:
  description: What kind of machine it is, such as name, kernel, processors and the version of its Python.
  returned: success
  type: dict
  sample: {host: a, system: Debian GNU/Linux 12, kernel: Linux 6.1, architecture: x86_64, processors: 4, memory_bytes: 8589934592, python: 3.11.2}
  version_added: 2.0.0
executable:
  description: What is executed for a worker of O(cluster), or of the cluster that was started, on the engine V(wallaroo). Its digest is
    V(null) where the file is missing or cannot be executed. V(null) for the embedded engine.
  returned: success
  type: dict
  sample: {path: /opt/wallaroo/testing/performance/apps/market-spread/market-spread, sha256: 9f2c}
  version_added: 2.0.0
prepared:
  description: Whether the server runs O(programs), undamaged.
  returned: success
  type: bool
  sample: true
  version_added: 2.0.0
formation:
  description: How far the cluster had come together when O(cluster) is about to be started. V(forming) when its initializer was started here and
    has not said that all workers are there, V(formed) when it has, V(covered) when a worker here has written a checkpoint, else empty.
  returned: success
  type: str
  sample: forming
  version_added: 2.0.0
damaged:
  description: What cannot be read on this server, with its path, what is wrong and what to do. Each record is read alone, so all others are told.
    What is V(settled) is known otherwise.
  returned: success
  type: list
  elements: dict
  sample: [{record: process, name: worker2, path: /w/run/worker2/process.json, what: it is empty, do: remove it, settled: false}]
  version_added: 2.0.0
moved_addresses:
  description: Addresses that moved with a worker, and whether this server took them (V(taken)) or gave them away (V(released)).
  returned: success
  type: dict
  sample: {10.0.0.12: taken}
  version_added: 2.0.0
figures:
  description: How far workers have come, by worker. C(checkpoints) has the last one that the files here have as committed, C(messages) how
    many have come out, as far as the metrics UI of this server has heard. What is not known is left out.
  returned: when O(figures) is true
  type: dict
  sample: {checkpoints: {worker2: 12}, messages: {worker2: 5500}}
  version_added: 2.0.0
logs:
  description: The ends of all logs, by process.
  returned: when O(logs) is true
  type: dict
  sample: {worker2: "~~~Resuming message processing.~~~"}
"""

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge, _edge_cluster
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.record import ClusterRecord
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.figures import figures
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.server_state import answer

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.SERVER,
        **_edge_cluster.NEW_CLUSTER,
        "logs": {"type": "bool", "default": False},
        "figures": {"type": "bool", "default": False},
        "acts_timeout": {"type": "float", "default": 0},
        **_edge.ACTING,
        "enter": {"type": "bool", "default": False},
        "programs": {"type": "str", "default": ""},
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    with _edge.failing(module):
        cluster = ClusterRecord.from_dict(wanted["cluster"]) if wanted["cluster"] else None
        run = "" if module.check_mode else wanted["run"]
        enter = bool(run and wanted["enter"])
        asked = (wanted["base"], wanted["server"], cluster, wanted["logs"], wanted["acts_timeout"], run)
        state, damaged = answer(*asked, enter=enter, programs=wanted["programs"])
        if wanted["figures"]:
            state["figures"] = figures(state)
        for damage in damaged:
            module.warn(f"{wanted['server']}: {damage}.")
        # A mark of the run, as its lock, so no change of the server.
        module.exit_json(changed=False, **state)


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
