#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action ``run_begin``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_begin
short_description: Make the folder of a run before anything is done
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Makes a new folder C(<time>-<name>) on the controller, whose C(result.json) says that the run has not ended. M(wallaroo.resilience.run_result)
    writes the real one. What an interrupted run leaves so says by itself what it is.
  - A migration that completes one that was interrupted goes on with the folder of that.
  - Fails when nothing can be written there, so that nothing is done of which no result could be kept.
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
      - What the run is called. Needed unless O(withdraw) is given.
    type: str
  move:
    description:
      - The plan of the migration, when the run is one.
    type: dict
    default: {}
  withdraw:
    description:
      - Remove this folder of a run that has come to nothing, unless another run had begun it.
    type: path
"""

EXAMPLES = r"""
- name: Begin
  wallaroo.resilience.run_begin:
    name: demo
    cluster: "{{ step.plan.cluster }}"
  register: begun
"""

RETURN = r"""
folder:
  description: The folder of the run on the controller, empty in check mode and where there is nothing to do.
  returned: success
  type: str
  sample: /home/user/runs/20261123T210000-demo
started:
  description: When the run began, in seconds since the epoch.
  returned: success
  type: float
  sample: 1795466797.77
"""
