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
      - Exactly one of O(keys) and O(key_count) is needed.
    type: list
    elements: str
  key_count:
    description:
      - How many validation keys V(key_0), V(key_1) and so on are sent.
    type: int
  last:
    description:
      - The value that every key must reach.
    type: int
    required: true
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

import time
from typing import Any, Optional

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import key_name
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import living, log, record
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import LimitReached, wait_until
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.progress import Progress
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.windows import problem_of_keys

LOG_LINES = 20

SPEC: _edge.Specification = {
    "argument_spec": {
        "path": {"type": "path", "required": True},
        "keys": {"type": "list", "elements": "str", "no_log": False},
        "key_count": {"type": "int", "no_log": False},
        "last": {"type": "int", "required": True},
        "base": {"type": "path"},
        "watch": {"type": "list", "elements": "str"},
        **_edge.WAITING,
    },
    "mutually_exclusive": [("keys", "key_count")],
    "required_one_of": [("keys", "key_count")],
    "required_by": {"watch": "base"},
}


class WatchedProcessDied(Exception):
    """Nothing more can come."""

    def __init__(self, known: record.ProcessRecord) -> None:
        self.name, self.log = known.name, known.log
        self.log_tail = log.tail(known.log, lines=LOG_LINES).splitlines()
        last = next((line.strip() for line in reversed(self.log_tail) if line.strip()), "nothing")
        super().__init__(
            f"{known.name} (pid {known.identity.pid}) died while its messages were waited for; its log {known.log}"
            f" ends with: {last}"
        )


def main() -> None:
    """Run the module."""
    _edge.serve(SPEC, run)


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    keys = wanted["keys"] if wanted["keys"] is not None else [key_name(n) for n in range(wanted["key_count"])]
    problem = problem_of_keys(keys)
    if problem is None and wanted["last"] < 1:
        problem = f"last is {wanted['last']}, but the first value of a key is 1"
    if problem is not None:
        module.fail_json(msg=f"Nothing can be waited for: {problem}")
    progress, begin = Progress(wanted["path"], keys), time.monotonic()
    try:
        finished = _look(progress, wanted) if module.check_mode else _wait(progress, wanted)
        module.exit_json(**_result(progress, wanted, finished, begin))
    except LimitReached:
        result = _result(progress, wanted, False, begin)
        module.fail_json(msg=_limit_sentence(progress, wanted, result), **result)
    except WatchedProcessDied as death:
        result = _result(progress, wanted, False, begin)
        died = {"died": death.name, "log": death.log, "log_tail": death.log_tail}
        module.fail_json(msg=f"{death}. {result['message']}", **result, **died)
    except ValueError as error:
        module.fail_json(msg=f"Nothing can be waited for: {error}", **_result(progress, wanted, False, begin))
    except OSError as error:
        reason = error.strerror or str(error)
        module.fail_json(msg=f"{wanted['path']} could not be read: {reason}", **_result(progress, wanted, False, begin))


def _look(progress: Progress, wanted: dict[str, Any]) -> bool:
    progress.update()
    return not progress.missing(wanted["last"])


def _wait(progress: Progress, wanted: dict[str, Any]) -> bool:
    """True when everything has come, false when the caller wants to show how far it is.

    :raises LimitReached: after the limit.
    :raises WatchedProcessDied: when nothing more can come.
    """
    watched = [(name, living.known(wanted["base"], name, needed=True)) for name in wanted["watch"] or []]
    unknown = [name for name, known in watched if known is None]
    if unknown:
        raise ValueError(f"no process {unknown[0]} is recorded below {wanted['base']}; start it, or do not watch it")

    def look() -> bool:
        # Asked before the file is read: what came before the death counts.
        dead = _dead(wanted)
        if _look(progress, wanted):
            return True
        if dead is not None:
            raise WatchedProcessDied(dead)
        return False

    limit, pause = wanted["wait_timeout"], wanted["return_after"]
    in_slices = pause is not None and pause < limit
    try:
        return wait_until(look, pause if in_slices else limit, f"value {wanted['last']} of every key")
    except LimitReached:
        if in_slices:
            return False
        raise


def _dead(wanted: dict[str, Any]) -> Optional[record.ProcessRecord]:
    """A watched process that died; one that was started again meanwhile lives."""
    for name in wanted["watch"] or []:
        known = living.known(wanted["base"], name, needed=True)
        if known is not None and not is_alive(known.identity):
            return known
    return None


def _limit_sentence(progress: Progress, wanted: dict[str, Any], result: dict[str, Any]) -> str:
    limit = f"{wanted['wait_timeout']:g} s"
    if not progress.exists:
        return f"{wanted['path']} did not appear within {limit}: look whether the receiver runs and writes there"
    return f"Not everything was received within {limit} in {wanted['path']}: {result['message']}"


def _result(progress: Progress, wanted: dict[str, Any], finished: bool, begin: float) -> dict[str, Any]:
    last = wanted["last"]
    missing = progress.missing(last)
    received = sum(min(value, last) for value in progress.last.values())
    expected = last * len(progress.last)
    message = f"{received:,} of {expected:,} messages"
    if missing:
        key = min(missing, key=lambda name: missing[name])
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        message += f"; waiting for {key} ({missing[key]} of {last}){more}"
    return {
        "changed": False,
        # Not "path": Ansible would add the owner and so on of the file.
        "file": wanted["path"],
        "finished": finished,
        "received": received,
        "expected": expected,
        "missing": missing,
        "message": message,
        "seconds": round(time.monotonic() - begin, 3),
    }


if __name__ == "__main__":
    main()
