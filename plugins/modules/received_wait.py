#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``received_wait``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: received_wait
short_description: Wait until every key has been received up to a value
version_added: 1.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Reads the file of a receiver while it is being written, and waits until every key has come to O(last).
  - A file that is not there yet is waited for as well.
  - Ends at once when a process that is needed for it dies. Nothing is judged here, see
    M(wallaroo.resilience.ordering_verify).
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff_na
  - wallaroo.resilience.common.received
  - wallaroo.resilience.common.waiting
attributes:
  check_mode:
    support: full
    details: In check mode it does not wait.
options:
  base:
    description:
      - The directory below which the processes of O(watch) are recorded (C(wallaroo_base)).
    type: path
  watch:
    description:
      - Names of processes of this server that run as long as messages are to come. When one of them dies the task
        fails at once, with the end of its log.
      - Requires O(base).
    type: list
    elements: str
  on_violation:
    description:
      - What a violation does that the receiver finds while messages come, see its C(--on-violation).
      - With V(stop) the task fails at once, with V(continue) it tells of it and goes on.
    type: str
    choices: [continue, stop]
    default: continue
    version_added: 2.0.0
  violation_told:
    description:
      - Whether an earlier part of the same wait has told of the violation.
      - The action plugin gives this when it waits in parts.
    type: bool
    default: false
    version_added: 2.0.0
seealso:
  - module: wallaroo.resilience.ordering_verify
"""

EXAMPLES = r"""
- name: Wait for value 1000 of 11 keys
  wallaroo.resilience.received_wait:
    path: "{{ wallaroo_base }}/received/received.bin"
    key_count: 11
    last: 1000

- name: Wait for two keys, but not longer than two minutes and not without the receiver
  wallaroo.resilience.received_wait:
    path: "{{ wallaroo_base }}/received/received.bin"
    keys:
      - key_0
      - key_1
    last: 1000
    wait_timeout: 120
    base: "{{ wallaroo_base }}"
    watch:
      - receiver
"""

RETURN = r"""
finished:
  description: Whether every key has come to O(last).
  returned: always
  type: bool
  sample: true
received:
  description: How many of the expected messages have come; repeated ones count once.
  returned: always
  type: int
  sample: 8331
expected:
  description: How many messages are expected.
  returned: always
  type: int
  sample: 11000
missing:
  description: The keys that have not come to O(last), also in a repeat, with the value that came last of each, 0 for none.
  returned: always
  type: dict
  sample:
    key_3: 912
message:
  description: How far it is, in a sentence.
  returned: always
  type: str
  sample: 8,331 of 11,000 messages; waiting for key_3 (912 of 1000) and 2 more
violation:
  description: The first violation that the receiver has found, in words; empty while there is none.
  returned: always
  type: str
  sample: ""
violation_told:
  description: Whether there is one, of which RV(message) has then told.
  returned: always
  type: bool
  sample: false
file:
  description: The file that was read.
  returned: always
  type: str
  sample: /srv/wallaroo/received/received.bin
seconds:
  description: How long it took.
  returned: always
  type: float
  sample: 0.42
died:
  description: The watched process that died.
  returned: when one died
  type: str
  sample: receiver
log:
  description: Its log.
  returned: when one died
  type: str
  sample: /srv/wallaroo/run/receiver/log
log_tail:
  description: The last lines of its log.
  returned: when one died
  type: list
  elements: str
  sample:
    - "received.bin cannot be written after 1,048,576 bytes (No space left on device); make room"
"""

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import key_name
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.received import Awaited, NothingComes
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import online

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.RECEIVED,
        "base": {"type": "path"},
        "watch": {"type": "list", "elements": "str"},
        "on_violation": {"type": "str", "choices": list(online.ON_VIOLATION), "default": online.CONTINUE},
        "violation_told": {"type": "bool", "default": False},
        **_edge.WAITING,
    },
    "mutually_exclusive": [("keys", "key_count")],
    "required_one_of": [("keys", "key_count")],
    "required_by": {"watch": "base"},
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    keys = wanted["keys"] if wanted["keys"] is not None else [key_name(n) for n in range(wanted["key_count"])]
    try:
        awaited = Awaited(
            *(wanted["path"], keys, wanted["last"], wanted["base"], wanted["watch"] or ()),
            on_violation=wanted["on_violation"],
            violation_told=wanted["violation_told"],
        )
        module.exit_json(**awaited.wait(wanted["wait_timeout"], wanted["return_after"], module.check_mode))
    except NothingComes as problem:
        module.fail_json(msg=str(problem), **problem.facts)


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
