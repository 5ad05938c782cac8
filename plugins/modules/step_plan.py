#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action ``step_plan``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: step_plan
short_description: Decide what a step is to do, or refuse it
version_added: 1.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Reads on the controller what C(server_info) returned for every server of the group (registered as C(cluster_server_state)) and the
    arguments of the step, which are declared as options of its role's entry point.
  - Returns everything that the step needs, or fails with one sentence before anything was changed.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff_na
options:
  step:
    description:
      - The step, by the name of its playbook. V(cluster) is the cluster that V(start_cluster) would start.
      - Within a step V(fences) tells which servers must be fenced, V(stalled) why a wait came to its limit, V(road_back) and V(after_road_back)
        whether a worker that could not be moved can be started where it was, V(left) what is left to be done after a move, and V(crashes)
        what the crashes of a run took. V(flink_compiler) tells which server compiles the job of Flink for all.
    type: str
    required: true
  arguments:
    description:
      - The arguments of the step, as texts or typed; empty texts count as not given, and what is not given has the default that is declared.
      - Left out, they are the variables of those names, wherever they were defined. A part of a bigger run is told all of its arguments.
    type: dict
  group:
    description:
      - The inventory's group of servers. Server N is its Nth host.
    type: str
    default: servers
"""

EXAMPLES = r"""
- name: Plan the migration
  wallaroo.resilience.step_plan:
    step: migrate
    arguments:
      worker: 2
      src: 2
      dst: 4
  register: step

- name: Plan the migration that the variables worker, src and dst ask for
  wallaroo.resilience.step_plan:
    step: migrate
  register: step
"""

RETURN = r"""
plan:
  description: What the step needs; what it holds depends on the step.
  returned: success
  type: dict
  sample: {worker: worker2, src: server2, dst: server4, epoch: 2, needed: true}
arguments:
  description: The arguments of the step, typed, and with their defaults.
  returned: success, for a step of a playbook
  type: dict
  version_added: 2.0.0
  sample: {worker: "2", src: "2", dst: "4", via: files, source_lost: false, settle: true, keep_address: false}
"""
