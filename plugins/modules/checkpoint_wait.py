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
    committed, it loses nothing; the first of them may belong to a checkpoint that had already passed the sources. One is enough where the
    last was committed so lately that the next cannot have begun; the files of the first worker tell that.
  - With an engine whose source reads the source log, that log says how many records are covered. Then O(base) and O(server) are those
    of the first server, RV(since) is how many records have to be covered, and RV(checkpoint) how many are.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff_na
  - wallaroo.resilience.common.layout
options:
  checkpoints:
    description:
      - How many more must be committed; by default as many as cover what has come out by now, and 2 after O(since).
        After a recovery ids are left out, so the numbers alone do not tell.
    type: int
  since:
    description:
      - The id after which they count; by default the one found at first. With a source log, how many records have to be covered.
    type: int
  interval:
    description:
      - Seconds between two checkpoints, with which the cluster was started.
    type: float
    default: 1
    version_added: 2.0.0
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
checkpoints:
  description: How many had to be committed.
  returned: success
  type: int
  sample: 2
  version_added: 2.0.0
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

from typing import TYPE_CHECKING, Union

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster import checkpoints
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.naming import worker_name
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.registry import engine as adapter_of
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.registry import files_of
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.checkpoint import Committed

if TYPE_CHECKING:
    from ansible_collections.wallaroo.resilience.plugins.module_utils._server.covered import Covered

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.LAYOUT,
        "checkpoints": {"type": "int"},
        "since": {"type": "int"},
        "interval": {"type": "float", "default": checkpoints.INTERVAL},
        "wait_timeout": {"type": "float"},
        "return_after": {"type": "float"},
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    engine = wanted["engine"]
    with _edge.failing(module, "No checkpoint covers what was received"):
        worker = worker_name(wanted["worker"])
        files = files_of(wanted["base"], worker, engine, wanted["application"], wanted["version"])
        awaited: Union[Committed, Covered]
        if adapter_of(engine).dials:
            # The wait of every other engine would load it, too.
            from ansible_collections.wallaroo.resilience.plugins.module_utils._server.covered import Covered

            awaited = Covered(wanted["base"], wanted["server"], module.check_mode)
        else:
            awaited = Committed(
                wanted["server"], engine, files, wanted["checkpoints"], wanted["interval"], module.check_mode
            )
        module.exit_json(**awaited.wait(wanted["since"], wanted["wait_timeout"], wanted["return_after"]))


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
