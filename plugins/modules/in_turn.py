#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action ``in_turn``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: in_turn
short_description: Call modules of this collection on one server one after the other
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Calls modules as tasks one after the other would, until one fails. Where the server has the programs of the collection, all that last no
    longer than a moment are called with one command, so they cost what one of them costs.
  - A module that waits shows how far it is, as in a task of its own.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff
attributes:
  check_mode:
    support: partial
    details: As each of the modules has it.
  diff_mode:
    support: partial
    details: As each of the modules has it.
  idempotent:
    support: partial
    details: As each of the modules is.
options:
  calls:
    description:
      - The modules in their order.
    type: list
    elements: dict
    required: true
    suboptions:
      module:
        description:
          - Its name in this collection, without the collection.
        type: str
        required: true
      arguments:
        description:
          - What it is given.
        type: dict
        default: {}
      when:
        description:
          - Whether it is called.
        type: bool
        default: true
  wait_timeout:
    description:
      - Seconds, for each of the modules that waits for something and is told nothing else.
    type: float
"""

EXAMPLES = r"""
- name: Send, and wait until it has come out
  wallaroo.resilience.in_turn:
    calls:
      - module: program
        arguments:
          base: "{{ wallaroo_base }}"
          server: "{{ inventory_hostname }}"
          name: sender
          program: sender
          argv: ["--to", "10.0.0.11:7000", "--last", "1000", "--result", "{{ wallaroo_base }}/run/sender/result.json"]
          result_file: "{{ wallaroo_base }}/run/sender/result.json"
      - module: received_wait
        arguments:
          path: "{{ wallaroo_base }}/received/received.bin"
          key_count: 11
          last: 1000
"""

RETURN = r"""
answers:
  description: What each of them returned, as far as they were called. Of one that failed, the task returns all of it as well.
  returned: always
  type: list
  elements: dict
  sample: [{changed: true, finished: true}]
"""
