#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``run_flow``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_flow
short_description: Look at what came out of a cluster when
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Reads on the first server what the receiver and the sender have noted, and asks the metrics UI, so that a report can show a run over time.
  - Never fails because something is missing; RV(flow) then says what, in C(notes). Nothing is changed, and no verdict depends on it.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff_na
  - wallaroo.resilience.common.server
options:
  offsets:
    description:
      - Places in the received file, in bytes, of which is asked when they came, such as those of violations.
    type: list
    elements: int
    default: []
  answer_timeout:
    description:
      - Seconds for each answer of the metrics UI.
    type: float
    default: 3
seealso:
  - module: wallaroo.resilience.ordering_verify
"""

EXAMPLES = r"""
- name: Look at what came out when
  wallaroo.resilience.run_flow:
    base: "{{ wallaroo_base }}"
    server: server1
"""

RETURN = r"""
flow:
  description:
    - The time of the run in pieces of C(step) seconds from C(begin) (seconds since the epoch) on. Of each piece C(arrivals) and C(sent), messages;
      C(latency), seconds, by percentile; C(keys), each with its longest C(delay) in seconds; C(lulls), in which nothing came, each V(idle) or V(outage).
    - C(workers), messages per second of each worker, C(pipelines) and C(marks) are what the metrics UI has.
    - C(moments) are the times of O(offsets), and C(notes) says what is missing.
  returned: always
  type: dict
  sample: {begin: 1795466797.77, step: 0.05, arrivals: [0, 1100, 1100], notes: []}
"""

import time

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._flow import look

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.SERVER,
        "offsets": {"type": "list", "elements": "int", "default": []},
        "answer_timeout": {"type": "float", "default": 3},
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    module.exit_json(changed=False, flow=look.flow(module.params, time.time()))


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
