#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action ``step_result``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: step_result
short_description: Publish what a step has yielded
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Publishes the result of a playbook as C(set_stats) does, under the one key C(wallaroo_resilience), so that AWX shows it as the
    artifacts of the job and the Python API of the collection reads it. A later result takes the place of an earlier one.
  - Reads what the tasks of the step have registered. The role C(step) does this once for each playbook; parts of a bigger run publish nothing.
  - A result that cannot be made is a warning, since the step itself is done.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff_na
options:
  playbook:
    description:
      - The playbook whose step it was. One that yields nothing but that it was done publishes nothing.
    type: str
    required: true
seealso:
  - module: wallaroo.resilience.run_result
"""

EXAMPLES = r"""
- name: Publish what it yielded
  wallaroo.resilience.step_result:
    playbook: kill_worker
  run_once: true
"""

RETURN = r"""
msg:
  description: What was done, would be done, or needed not to be done, in a sentence.
  returned: success, when there is something to tell
  type: str
  sample: killed worker2 (pid 4711) on server2
  version_added: 2.0.0
result:
  description: What was published.
  returned: success, when there is a result
  type: dict
  sample: {playbook: kill_worker, changed: true, worker: worker2, server: server2, pid: 4711}
"""
