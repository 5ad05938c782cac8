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
    arguments of the step as the user wrote them.
  - Returns everything that the step needs, or fails with one sentence before anything was changed.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.actiongroup
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: full
options:
  step:
    description:
      - The step.
    type: str
    choices:
      - cluster
      - start
      - send
      - kill
      - copy
      - restart
      - fences
      - stalled
      - migrate
      - road_back
      - after_road_back
      - left
      - stop
      - verify
      - demo
      - verify_migration
      - verify_restart
      - preflight
      - repository
    required: true
  arguments:
    description:
      - The arguments of the step, as texts or typed; empty texts count as not given.
    type: dict
    default: {}
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
"""

RETURN = r"""
plan:
  description: What the step needs; what it holds depends on the step.
  returned: success
  type: dict
  sample: {worker: worker2, src: server2, dst: server4, epoch: 2, needed: true}
"""
