#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action ``run_result``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_result
short_description: Write down what a run proved, and show it
version_added: 1.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Writes C(result.json), C(report.html), C(junit.xml) and the ends of all logs to the folder of the run on the controller, makes C(latest) a link to
    it, and prints a short summary.
  - Publishes the result as C(set_stats) does under the one key C(wallaroo_resilience), where AWX shows it as the artifacts of the job.
  - Fails unless the verdict is V(pass), and for a run that verifies nothing when O(failure) says why. Ansible publishes nothing of a
    task that failed, so C(failed_when) should be V(false), and the next task fail. A folder that cannot be written is a warning and never changes the verdict.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff_na
  - wallaroo.resilience.common.run
attributes:
  idempotent:
    support: none
    details: Every run leaves a folder of its own.
options:
  name:
    description:
      - What the run is called.
    type: str
    required: true
  verification:
    description:
      - What C(ordering_verify) returned. Left out for a run that verifies nothing, such as a single migration.
    type: dict
  migrations:
    description:
      - The crashes of workers and their returns. Each either as C(step_plan) returned it for V(crashes), or with its C(plan) and what the steps
        C(killed), C(moved), C(awaited), C(left) and C(returned) have returned, with the C(outcome) of a failure and C(note).
    type: list
    elements: dict
    default: []
  failure:
    description:
      - Why a step failed, when one did.
    type: str
    default: ""
  left:
    description:
      - What is still to be done although the worker has moved, when something is.
    type: str
    default: ""
  started:
    description:
      - When the run began, in seconds since the epoch.
    type: float
  states:
    description:
      - What C(server_info) returned for each server at the end, with logs.
    type: dict
    default: {}
  expected:
    description:
      - How many messages should have come, for a run that failed before it could verify.
    type: int
    default: 0
  flow:
    description:
      - What C(run_flow) returned, for the report.
    type: dict
    default: {}
    version_added: 2.0.0
  logs:
    description:
      - What C(server_info) returned with logs of servers that O(states) has not, such as those of a single migration.
    type: list
    elements: dict
    default: []
    version_added: 2.0.0
  folder:
    description:
      - The folder that M(wallaroo.resilience.run_begin) has made for this run. Without one a new one is made.
    type: path
    version_added: 2.0.0
  second_owner:
    description:
      - What M(wallaroo.resilience.worker_second_owner) returned, in a negative run with C(two_owners).
    type: dict
    default: {}
    version_added: 2.0.0
  sent:
    description:
      - Of a run that looked at messages, C(last), the last value that each key was to get, or C(inputs), the files that were sent, in their order; and the
        C(mode) of the verification. What was sent and what was received is then kept in the folder; the task is to be delegated to the first server, where
        it is.
    type: dict
    default: {}
    version_added: 2.0.0
"""

EXAMPLES = r"""
- name: Write the result
  wallaroo.resilience.run_result:
    name: demo
    cluster: "{{ step.plan.cluster }}"
    verification: "{{ verified }}"
  register: result
  failed_when: false

- name: Fail unless the verdict is pass
  ansible.builtin.fail:
    msg: "{{ result.msg }}"
  when: result.verdict != 'pass'
"""

RETURN = r"""
verdict:
  description: V(pass), V(fail) or V(unknown); V(null) for a run that looked at no message and has an outcome instead.
  returned: always
  type: str
  sample: pass
folder:
  description: The folder of the run on the controller, or V(null).
  returned: always
  type: str
  sample: /home/user/runs/20261123T210000-demo
metrics_ui:
  description: C(verdict), what the metrics UI is to show of a run that looked at messages, and C(at), where it runs; empty when it does not.
  returned: always
  type: dict
  sample: {at: {server: server1, base: /srv/wallaroo, address: "10.0.0.11:4000"}, verdict: {verdict: pass, received: 22000, expected: 22000}}
result:
  description: What was written to C(result.json).
  returned: always
  type: dict
  sample: {verdict: pass, expected: 22000, received: 22000, violations: []}
"""
