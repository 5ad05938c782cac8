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
  - Ends at once when a process that it depends on dies.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.actiongroup
  - wallaroo.resilience.common.waiting
attributes:
  check_mode:
    support: full
    details: In check mode it does not wait.
  diff_mode:
    support: N/A
  idempotent:
    support: full
options:
  path:
    description:
      - The file that the receiver writes.
    type: path
    required: true
  keys:
    description:
      - All keys that are sent.
    type: list
    elements: str
  key_count:
    description:
      - How many validation keys C(key_0), C(key_1) and so on are sent, instead of O(keys).
    type: int
  last:
    description:
      - The value that every key must reach.
    type: int
    required: true
  base:
    description:
      - The directory below which the processes of O(watch) are recorded. Required with it.
    type: path
  watch:
    description:
      - Names of processes of this server without which nothing more can come.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Wait for value 1000 of 11 keys
  wallaroo.resilience.received_wait:
    path: "{{ wallaroo_base }}/received/received.bin"
    key_count: 11
    last: 1000
"""

RETURN = r"""
finished:
  description: Whether every key has come to O(last).
  returned: always
  type: bool
  sample: true
received:
  description: How many messages have come.
  returned: always
  type: int
  sample: 11000
missing:
  description: The keys that have not come to O(last), with their last values.
  returned: always
  type: dict
  sample: {key_3: 912}
message:
  description: How far it is.
  returned: always
  type: str
  sample: 8,331 of 11,000 messages; waiting for key_3 (912 of 1000) and 2 more
seconds:
  description: How long it took.
  returned: always
  type: float
  sample: 0.42
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import key_name
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import log, record
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import LimitReached, wait_until
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.progress import Progress

LOG_LINES = 5


class WatchedProcessEnded(Exception):
    """Nothing more can come."""


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "keys": {"type": "list", "elements": "str", "no_log": False},
            "key_count": {"type": "int", "no_log": False},
            "last": {"type": "int", "required": True},
            "base": {"type": "path"},
            "watch": {"type": "list", "elements": "str", "default": []},
            "wait_timeout": {"type": "float", "default": 60},
            "return_after": {"type": "float"},
        },
        mutually_exclusive=[("keys", "key_count")],
        required_one_of=[("keys", "key_count")],
        required_by={"watch": "base"},
        supports_check_mode=True,
    )
    wanted = module.params
    keys = wanted["keys"] or [key_name(number) for number in range(wanted["key_count"] or 0)]
    progress = Progress(wanted["path"], keys)
    begin = time.monotonic()
    try:
        finished = _wait(module, progress)
        module.exit_json(**_result(progress, wanted["last"], finished, begin))
    except (LimitReached, WatchedProcessEnded, ValueError, OSError) as error:
        result = _result(progress, wanted["last"], False, begin)
        module.fail_json(msg=f"Not everything came out: {error}. {result['message']}.", **result)


def _wait(module: AnsibleModule, progress: Progress) -> bool:
    wanted = module.params

    def look() -> bool:
        dead = _dead(wanted["base"], wanted["watch"])
        progress.update()
        if not progress.missing(wanted["last"]):
            return True
        if dead:
            raise WatchedProcessEnded(dead)
        return False

    if module.check_mode:
        progress.update()
        return not progress.missing(wanted["last"])
    limit, early = wanted["wait_timeout"], False
    if wanted["return_after"] is not None and wanted["return_after"] < limit:
        limit, early = wanted["return_after"], True
    what = f"value {wanted['last']} of {len(progress.last)} keys in {wanted['path']}"
    try:
        return wait_until(look, limit, what, lambda: "" if progress.exists else "the file has not appeared")
    except LimitReached:
        if early:
            return False
        raise


def _dead(base: str, watch: list) -> str:
    for name in watch:
        known = record.read(base, name)
        if known is not None and not is_alive(known.identity):
            lines = log.tail(known.log, lines=LOG_LINES).strip().replace("\n", " | ")
            return f"{name} (pid {known.identity.pid}) died; its log {known.log} ends with: {lines}"
    return ""


def _result(progress: Progress, last: int, finished: bool, begin: float) -> dict:
    missing = progress.missing(last)
    expected = last * len(progress.last)
    message = f"{progress.messages:,} of {expected:,} messages"
    if missing:
        key = min(missing, key=lambda name: missing[name])
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        message += f"; waiting for {key} ({missing[key]} of {last}){more}"
    return {
        "changed": False,
        "finished": finished,
        "received": progress.messages,
        "expected": expected,
        "missing": missing,
        "message": message,
        "seconds": round(time.monotonic() - begin, 3),
    }


if __name__ == "__main__":
    main()
