#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``ordering_verify``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ordering_verify
short_description: Verify that no message was lost, repeated or reordered
version_added: 1.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Compares every frame of a received file, byte for byte, with the one that is expected for its key.
  - Names every violation with its witness, that is key, place, what was expected and what came.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.actiongroup
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: full
options:
  path:
    description:
      - The file that the receiver wrote; also one compressed with gzip, when its name ends in C(.gz).
    type: path
    required: true
  keys:
    description:
      - All keys that were sent.
    type: list
    elements: str
  key_count:
    description:
      - How many validation keys C(key_0), C(key_1) and so on were sent, instead of O(keys).
    type: int
  first:
    description:
      - The first value of every key.
    type: int
    default: 1
  last:
    description:
      - The value on which every key must end.
    type: int
    required: true
  mode:
    description:
      - With V(at_least_once) a key may repeat and go back, byte for byte, to what was sent before.
    type: str
    choices: [exactly_once, at_least_once]
    default: exactly_once
  violations_limit:
    description:
      - How many violations are returned; all are counted.
    type: int
    default: 20
  fail_on:
    description:
      - Which verdicts fail the task. With V(never) the caller looks at RV(verdict).
    type: str
    choices: [not_pass, fail, never]
    default: not_pass
"""

EXAMPLES = r"""
- name: Verify what 11 keys sent up to 2000
  wallaroo.resilience.ordering_verify:
    path: "{{ wallaroo_base }}/received/received.bin"
    key_count: 11
    last: 2000
"""

RETURN = r"""
verdict:
  description: V(pass), V(fail), or V(unknown) for what could not be checked.
  returned: always
  type: str
  sample: pass
message:
  description: The verdict in a sentence.
  returned: always
  type: str
  sample: 22,000 of 22,000 messages of 11 keys, each exactly once and in order
expected:
  description: How many messages should have come.
  returned: always
  type: int
  sample: 22000
received:
  description: How many frames came.
  returned: always
  type: int
  sample: 22000
violations:
  description: The first violations, each with C(kind), C(key), C(position), C(offset), C(expected), C(found), C(missing) and C(sentence).
  returned: always
  type: list
  elements: dict
  sample: []
violation_count:
  description: How many there are.
  returned: always
  type: int
  sample: 0
last_values:
  description: The last value of each key.
  returned: always
  type: dict
  sample: {key_0: 2000}
validator_verdict:
  description: What Wallaroo's own validator says of the same file, which checks less.
  returned: always
  type: str
  sample: Validation successful!
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import key_name
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import ordering, validator_rule


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "keys": {"type": "list", "elements": "str", "no_log": False},
            "key_count": {"type": "int", "no_log": False},
            "first": {"type": "int", "default": 1},
            "last": {"type": "int", "required": True},
            "mode": {"type": "str", "choices": ["exactly_once", "at_least_once"], "default": "exactly_once"},
            "violations_limit": {"type": "int", "default": 20},
            "fail_on": {"type": "str", "choices": ["not_pass", "fail", "never"], "default": "not_pass"},
        },
        mutually_exclusive=[("keys", "key_count")],
        required_one_of=[("keys", "key_count")],
        supports_check_mode=True,
    )
    wanted = module.params
    keys = wanted["keys"] or [key_name(number) for number in range(wanted["key_count"] or 0)]
    result = ordering.verify(
        wanted["path"], keys, wanted["last"], wanted["mode"], wanted["first"], wanted["violations_limit"]
    ).to_dict()
    result["message"] = _message(result, wanted["mode"])
    result["validator_verdict"] = validator_rule.validate(
        wanted["path"], keys, wanted["last"], wanted["mode"] == "at_least_once"
    )
    bad = {"not_pass": ("fail", "unknown"), "fail": ("fail",), "never": ()}[wanted["fail_on"]]
    if result["verdict"] in bad:
        module.fail_json(msg=result["message"], changed=False, **result)
    module.exit_json(changed=False, **result)


def _message(result: dict, mode: str) -> str:
    counted = f"{result['received']:,} of {result['expected']:,} messages of {result['keys']} keys"
    if result["verdict"] == "pass":
        how = "exactly once and in order" if mode == "exactly_once" else "at least once and in order"
        return f"{counted}, each {how}"
    if result["verdict"] == "unknown":
        return f"unknown: {result['reason']}"
    first = result["violations"][0]["sentence"] if result["violations"] else ""
    return f"fail: {counted}, {result['violation_count']} violations; first: {first}"


if __name__ == "__main__":
    main()
