#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action ``run_report``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_report
short_description: Make the page of a run again
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Makes C(report.html) in the folder of a run that was kept, of what lies in that folder. Asks no server, and changes no verdict.
  - The plots need the Python package C(ziaplot) on the controller; without it the page says that they are missing.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff_na
  - wallaroo.resilience.common.runs
attributes:
  idempotent:
    support: partial
    details: The page is written anew, and is the same.
options:
  run:
    description:
      - V(latest), the name of a folder below O(runs), or the path of a run's folder.
    type: str
    default: latest
seealso:
  - module: wallaroo.resilience.run_result
  - module: wallaroo.resilience.run_comparison
"""

EXAMPLES = r"""
- name: Make the page of the newest run
  wallaroo.resilience.run_report:
    run: latest
  run_once: true
"""

RETURN = r"""
page:
  description: The path of the page; V(null) in check mode.
  returned: success
  type: str
  sample: /home/user/runs/20261123T210000-demo/report.html
folder:
  description: The folder of the run.
  returned: success
  type: str
  sample: /home/user/runs/20261123T210000-demo
verdict:
  description: The verdict of the run, or its outcome where it looked at no message.
  returned: success
  type: str
  sample: pass
reason:
  description: Why it is not V(pass).
  returned: success
  type: str
  sample: ""
missing:
  description: What of the run could not be read, a sentence each.
  returned: success
  type: list
  elements: str
  sample: []
"""
