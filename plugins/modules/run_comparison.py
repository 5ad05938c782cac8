#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action ``run_comparison``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_comparison
short_description: Put two runs beside each other
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Prints a table of what can be measured of both, and makes a page C(compare-A-B.html) in O(runs). Asks no server.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff_na
  - wallaroo.resilience.common.runs
attributes:
  idempotent:
    support: partial
    details: The page is written anew, and is the same.
options:
  compared:
    description:
      - Two runs, each V(latest), the name of a folder below O(runs), or the path of a run's folder.
    type: list
    elements: str
    required: true
seealso:
  - module: wallaroo.resilience.run_report
"""

EXAMPLES = r"""
- name: Compare the newest run with an earlier one
  wallaroo.resilience.run_comparison:
    compared:
      - 20261123T210000-demo
      - latest
  run_once: true
"""

RETURN = r"""
page:
  description: The path of the page; V(null) in check mode.
  returned: success
  type: str
  sample: /home/user/runs/compare-20261123T210000-demo-20261124T090000-demo.html
runs:
  description: The folders of both.
  returned: success
  type: list
  elements: str
  sample: [/home/user/runs/20261123T210000-demo, /home/user/runs/20261124T090000-demo]
rows:
  description: The measures, each with C(name), C(values) of both, and the C(difference) of the second to the first.
  returned: success
  type: list
  elements: dict
  sample: [{name: longest downtime, values: [0.11 s, 0.13 s], difference: +20 ms (+18%)}]
table:
  description: The same as lines, and what else is not the same.
  returned: success
  type: list
  elements: str
  sample: ["longest downtime  0.11 s  0.13 s  +20 ms (+18%)"]
"""
