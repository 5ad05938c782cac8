#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``worker_second_owner``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: worker_second_owner
short_description: Give a worker a second owner, in a negative run
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Starts a worker on the server from which it has moved away. The fence must refuse that, and the module fails when it does not.
  - Then the fence is lifted and the old owner is started beside the new one, from the files that it has left. That destroys what the
    cluster knows, which is what a negative run is for; its verifier has to find it.
  - Fails on every server whose record of the cluster does not say that it was started for a negative run with C(two_owners).
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff_na
  - wallaroo.resilience.common.worker
  - wallaroo.resilience.common.acting
attributes:
  idempotent:
    support: none
    details:
      - Once the fence is lifted nobody is refused any more.
options:
  wait_timeout:
    description:
      - Seconds for the second owner to become ready, or to end.
    type: float
    default: 30
"""

EXAMPLES = r"""
- name: Start worker 2 where it was before it moved
  wallaroo.resilience.worker_second_owner:
    base: "{{ wallaroo_base }}"
    server: server2
    worker: 2
  delegate_to: server2
"""

RETURN = r"""
worker:
  description: The worker's name.
  returned: success
  type: str
  sample: worker2
refused:
  description: What the fence said before it was lifted.
  returned: success
  type: str
  sample: worker2 moved to server3 at 2026-11-28T05:22:10Z, epoch 2; migrate it back instead.
pid:
  description: The second owner's process, or V(null) in check mode.
  returned: success
  type: int
  sample: 815
ended:
  description: Why it ended, or that it did not become ready in time; empty when it did.
  returned: success
  type: str
  sample: "worker2 did not start on server2: it ended (exit code 1)"
"""

import sys

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.naming import worker_name
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting import acting
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import negative

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.ACTING,
        **_edge.WORKER,
        "wait_timeout": {"type": "float", "default": 30},
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    with _edge.failing(module):
        worker = worker_name(wanted["worker"])
        with acting(wanted["base"], module.check_mode, wanted["run"]):
            result = negative.second_owner(
                wanted["base"], wanted["server"], worker, sys.executable, wanted["wait_timeout"], module.check_mode
            )
    _edge.done(module, result)


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
