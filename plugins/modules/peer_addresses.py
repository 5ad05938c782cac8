#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``peer_addresses``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: peer_addresses
short_description: Let the workers of this server look for the others where they are now
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Every worker keeps the addresses of all others as they were when the cluster was formed, and a worker that restarts after another has
    moved hangs, since it looks for it at its old address.
  - Mends these files of all workers that belong to this server. The file as it was is kept beside it.
  - A file is written anew as a whole, and only when everybody is found in it with certainty. What cannot be mended is returned, and does
    not fail, since it matters only when that worker is restarted.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff
  - wallaroo.resilience.common.acting
options:
  peers:
    description:
      - All workers, and the addresses of the servers where they are now.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Worker 2 is on another server now
  wallaroo.resilience.peer_addresses:
    base: "{{ wallaroo_base }}"
    server: server3
    peers:
      initializer: 10.0.0.11
      worker2: 10.0.0.14
      worker3: 10.0.0.13
"""

RETURN = r"""
mended:
  description: The workers of this server whose files were mended, with whom they look for where, and the backup of the file.
  returned: success
  type: dict
  sample: {worker3: {changes: {worker2: [10.0.0.12, 10.0.0.14]}, backup: /w/.before-multi_partition_detector-worker3.connection-addresses}}
unmended:
  description: The workers of this server that would hang after a restart, or of which that is not known, and why; V(all) when nobody can tell
    which workers are here.
  returned: success
  type: dict
  sample: {}
"""

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting import acting
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import peers

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.ACTING,
        "peers": {"type": "dict", "required": True},
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    failing = _edge.failing(module, f"The addresses of other workers on {wanted['server']} could not be mended")
    with failing, acting(wanted["base"], module.check_mode, wanted["run"]):
        result = peers.mend(wanted["base"], wanted["server"], wanted["peers"], module.check_mode)
    module.exit_json(**result)


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
