#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action ``step_result``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: step_result
short_description: Publish what a step has yielded
version_added: 1.1.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Publishes the result of a playbook as C(set_stats) does, under the one key C(wallaroo_resilience), so that AWX shows it as the
    artifacts of the job and the Python API of the collection reads it. A later result takes the place of an earlier one.
  - A result that cannot be made is a warning, since the step itself is done.
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
  playbook:
    description:
      - The playbook whose step it was.
    type: str
    choices:
      - start_cluster
      - start_sender
      - kill_worker
      - copy_resilience
      - restart_worker
      - migrate
      - stop_cluster
      - status
      - preflight
      - setup_repo
    required: true
  plan:
    description:
      - What C(step_plan) returned as RV(wallaroo.resilience.step_plan#module:plan).
    type: dict
    default: {}
  answer:
    description:
      - What the module returned that did the step; for V(stop_cluster) and V(status) of each server. Empty when nothing had to be
        done.
    type: dict
    default: {}
seealso:
  - module: wallaroo.resilience.run_result
"""

EXAMPLES = r"""
- name: Publish who was killed
  wallaroo.resilience.step_result:
    playbook: kill_worker
    plan: "{{ step.plan }}"
    answer: "{{ killed }}"
"""

RETURN = r"""
result:
  description: What was published.
  returned: success
  type: dict
  sample: {playbook: kill_worker, changed: true, worker: worker2, server: server2, pid: 4711}
"""
