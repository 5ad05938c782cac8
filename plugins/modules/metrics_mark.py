#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``metrics_mark``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: metrics_mark
short_description: Show in the metrics UI what was done to a worker, and what a run has found
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Posts marks to the metrics UI that runs on this server, and the verdict of a run. The same mark posted twice is one mark.
  - Never fails because of the metrics UI. That it cannot be shown is a warning, since what it tells of has happened nevertheless.
  - The token that marks need is read on the server, and goes nowhere else.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.no_diff
  - wallaroo.resilience.common.server
options:
  address:
    description:
      - C(host:port) where the metrics UI listens.
    type: str
    required: true
  marks:
    description:
      - C(kind) is V(crash), V(copy), V(start), V(resumed), or V(placed) for a worker that is merely there; C(worker), C(server), C(text);
        C(time) in seconds since the epoch, now when it is left out.
      - A mark whose C(time) is empty tells of what has not happened, and is left out.
    type: list
    elements: dict
    default: []
  verdict:
    description:
      - C(verdict) is V(pass), V(fail) or V(unknown); C(run), the playbook that found it; C(reason); C(received), C(expected) and C(violations),
        numbers of messages; C(workers), those that the run has crashed. It takes the place of the one before.
    type: dict
    version_added: 2.0.0
  answer_timeout:
    description:
      - Seconds for each answer.
    type: float
    default: 5
"""

EXAMPLES = r"""
- name: Show the crash in the metrics UI
  wallaroo.resilience.metrics_mark:
    base: "{{ wallaroo_base }}"
    server: server1
    address: 10.0.0.11:4000
    marks:
      - kind: crash
        worker: worker2
        server: server2
        time: "{{ killed.killed }}"
"""

RETURN = r"""
posted:
  description: How many marks are new, and a verdict beside them.
  returned: success
  type: int
  sample: 4
"""

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.address_file import Address
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.metrics_ui import mark_client

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.SERVER,
        "address": {"type": "str", "required": True},
        "marks": {"type": "list", "elements": "dict", "default": []},
        "verdict": {"type": "dict"},
        "answer_timeout": {"type": "float", "default": 5},
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    posted = 0
    with _edge.failing(module, f"{wanted['server']}"):
        marks, address = mark_client.happened(wanted["marks"]), Address.parse(wanted["address"])
        verdict = mark_client.told(wanted["verdict"] or {})
    if (marks or verdict) and not module.check_mode:
        try:
            posted = mark_client.post(wanted["base"], address, marks, wanted["answer_timeout"], verdict)
        except mark_client.MarksNotTaken as error:
            missing = (
                "It does not show what the run has found" if verdict else "Its time axis does not show what was done"
            )
            module.warn(f"{wanted['server']}: {error}. {missing}.")
    module.exit_json(changed=posted > 0, posted=posted)


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
