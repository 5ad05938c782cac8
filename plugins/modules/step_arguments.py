#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action ``step_arguments``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: step_arguments
short_description: Check the variables of a playbook before it does anything
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Looks on the controller at the values of all variables that a playbook takes, wherever they were defined, and refuses what makes no sense.
  - Refuses extra variables (C(-e), and the answers of an AWX survey) that no playbook knows, and says what may have been meant. A variable
    of another playbook is refused with the names of the playbooks that take it; within a workflow of AWX, whose answers go to all its jobs,
    it is not.
  - Variables of Ansible and AWX themselves (C(ansible_*), C(awx_*), C(tower_*)), variables to which the inventory refers, and those named in
    C(wallaroo_other_variables) are left alone.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff_na
options:
  playbook:
    description:
      - The playbook, without C(.yml).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Check the arguments
  wallaroo.resilience.step_arguments:
    playbook: migrate
  run_once: true
"""

RETURN = r"""
cluster:
  description: The cluster that the playbook is about to start, as O(wallaroo.resilience.server_info#module:cluster) takes it.
  returned: when it starts one
  type: dict
  sample: {application: multi_partition_detector, engine: embedded, workers: 2}
  version_added: 2.0.0
msg:
  description: What is wrong, and what may have been meant.
  returned: failure
  type: str
  sample: "There is no variable settel (did you mean settle?): migrate.yml takes worker, src, dst, via, source_lost, settle, keep_address."
"""
