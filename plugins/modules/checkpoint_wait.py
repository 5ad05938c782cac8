#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``checkpoint_wait``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: checkpoint_wait
short_description: Wait until a checkpoint covers what has been received
version_added: 1.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Reads the last committed checkpoint of a worker and waits until O(checkpoints) more have been committed.
  - A crash loses what came after the last committed checkpoint. When all output has arrived and two more checkpoints have been
    committed, it loses nothing; the first of them may belong to a checkpoint that had already passed the sources.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.common.worker
  - wallaroo.resilience.common.layout
  - wallaroo.resilience.common.server
options:
  checkpoints:
    description:
      - How many more must be committed. After a recovery ids are left out, so the numbers alone do not tell.
    type: int
    default: 2
  since:
    description:
      - The id after which they count; by default the one found at first.
    type: int
  interval:
    description:
      - Seconds between two checkpoints, with which the cluster was started.
    type: float
    default: 1
    version_added: 1.1.0
  wait_timeout:
    description:
      - Seconds after which waiting is given up. By default as long as O(checkpoints) take with this O(interval), and 60 seconds besides.
    type: float
  return_after:
    description:
      - Return RV(finished=false) and what was seen so far when the event has not come after so many seconds.
      - The action plugin of this module uses it to show progress; there is no need to set it.
    type: float
"""

EXAMPLES = r"""
- name: Let a checkpoint cover everything
  wallaroo.resilience.checkpoint_wait:
    base: "{{ wallaroo_base }}"
    server: server2
    worker: 2
    application: multi_partition_detector
"""

RETURN = r"""
since:
  description: The id that was found at first.
  returned: success
  type: int
  sample: 17
checkpoint:
  description: The last committed id.
  returned: success
  type: int
  sample: 19
finished:
  description: Whether as many have been committed.
  returned: success
  type: bool
  sample: true
message:
  description: How far it is.
  returned: success
  type: str
  sample: 1 of 2 checkpoints after 17 are committed
"""

from typing import Any, Optional

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster import checkpoints
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.contract import Checkpointed, HalfWritten
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.registry import files_in, offered
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.naming import worker_name
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import LimitReached, wait_until
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.files import resilience_directory


SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.SERVER,
        **_edge.WORKER,
        **_edge.LAYOUT,
        "checkpoints": {"type": "int", "default": checkpoints.COUNT},
        "since": {"type": "int"},
        "interval": {"type": "float", "default": checkpoints.INTERVAL},
        "wait_timeout": {"type": "float"},
        "return_after": {"type": "float"},
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    try:
        module.exit_json(**_wait(module))
    except LimitReached as reached:
        module.fail_json(msg=f"No checkpoint covers what was received: {reached}. {_hint(module.params)}")
    except (ValueError, OSError) as error:
        module.fail_json(msg=f"No checkpoint covers what was received: {error}.")


def _limit(wanted: dict[str, Any]) -> float:
    given: Optional[float] = wanted["wait_timeout"]
    return checkpoints.limit(wanted["checkpoints"], wanted["interval"]) if given is None else given


def _hint(wanted: dict[str, Any]) -> str:
    """What may be the reason, without a word of what is not known here."""
    every = f"One is committed {wanted['interval']:g} s after the other"
    return f"{every}, as long as every worker takes part; playbooks/status.yml shows who does not."


def _wait(module: _edge.Module) -> dict[str, object]:
    wanted = module.params
    worker = worker_name(wanted["worker"])
    files = files_in(
        resilience_directory(wanted["base"], worker), wanted["engine"], wanted["application"], wanted["version"], worker
    )
    adapter = offered(wanted["engine"], Checkpointed)
    last = [0]

    def current() -> int:
        try:
            last[0] = adapter.last_checkpoint(files)
        except HalfWritten:
            # Read while it was being written.
            return last[0]
        except FileNotFoundError:
            # In check mode the worker was not started by the step before.
            if module.check_mode:
                return 0
            raise
        return last[0]

    since = wanted["since"] if wanted["since"] is not None else current()
    count = wanted["checkpoints"]

    def committed() -> list[int]:
        try:
            return list(adapter.checkpoints_after(files, since))
        except FileNotFoundError:
            if module.check_mode:
                return []
            raise

    limit, early = _limit(wanted), False
    if wanted["return_after"] is not None and wanted["return_after"] < limit:
        limit, early = wanted["return_after"], True
    finished = True
    if not module.check_mode:
        try:
            wait_until(
                lambda: len(committed()) >= count,
                limit,
                f"{count} checkpoints after {since} of {worker} on {wanted['server']}",
                lambda: f"checkpoint {current()}",
            )
        except LimitReached:
            if not early:
                raise
            finished = False
    return {
        "changed": False,
        "since": since,
        "checkpoint": current(),
        "finished": finished,
        "message": f"{len(committed())} of {count} checkpoints after {since} are committed",
    }


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
