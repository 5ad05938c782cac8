#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``cluster_message``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_message
short_description: Have a worker print a text to its log
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Sends a text to the external control channel of a worker, which prints it to its log, so that one can see there when a step of a
    runbook was done.
  - The worker does not answer. That the text was handed over does not prove that it was printed.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff_na
  - wallaroo.resilience.common.channel
attributes:
  idempotent:
    support: none
    details:
      - Every run prints the text once more.
options:
  text:
    description:
      - What to print, one line of at most 1000 characters.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Mark the moment in the worker's log
  wallaroo.resilience.cluster_message:
    host: 127.0.0.1
    text: maintenance of server2 begins
"""

RETURN = r"""
message:
  description: What was done, in words.
  returned: success
  type: str
  sample: "handed to 127.0.0.1:5050: maintenance of server2 begins"
"""

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import asking

SPEC: _edge.Specification = {"argument_spec": {**_edge.CHANNEL, "text": {"type": "str", "required": True}}}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    with _edge.failing(module):
        said = asking.say(wanted["engine"], wanted["host"], wanted["port"], wanted["text"], module.check_mode)
    module.exit_json(changed=True, message=said)


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
