#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``preflight_look``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_look
short_description: Look at what could keep a server from doing its part in a cluster
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Tries SSH to every other server, and tells time, free space, programs, leftovers of earlier runs and the ports that other servers could be
    asked to reach.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff_na
  - wallaroo.resilience.common.server
options:
  ssh:
    description:
      - Other server -> how it is reached by SSH (C(host), C(user), C(port), C(identity), C(known_hosts)).
    type: dict
    default: {}
  mend:
    description:
      - What to do where that is not there, in the middle of a sentence.
    type: str
    default: ""
    version_added: 2.0.0
  executable:
    description:
      - The executable of a real engine, which must be there and be built with O(ignore:resilience=true). Empty for the embedded one.
    type: str
    default: ""
  address:
    description:
      - Where the ports of a cluster would be opened on this server.
    type: str
    default: ""
  reach:
    description:
      - Listeners on other servers to connect to, and nothing else is looked at.
    type: list
    elements: dict
    suboptions:
      server:
        description: The name of that server.
        type: str
        required: true
      address:
        description: Where it listens.
        type: str
        required: true
      port:
        description: On which port.
        type: int
        required: true
  token:
    description:
      - What a listener says, so that it is known to be ours.
    type: str
    default: ""
  only_time:
    description:
      - Tell the time and nothing else.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Look
  wallaroo.resilience.preflight_look:
    base: "{{ wallaroo_base }}"
    server: server1
    ssh:
      server2: {host: 10.0.0.12, user: wallaroo, identity: /w/ssh/id_ed25519, known_hosts: /w/ssh/known_hosts}
"""

RETURN = r"""
now:
  description: The time of the server, in seconds since the epoch.
  returned: success
  type: float
  sample: 1795466797.77
clock_offset:
  description: By how many seconds the server's clock is ahead of the controller's.
  returned: success, unless O(reach) is given
  type: float
  sample: 0.012
clock_uncertainty:
  description: By how much RV(clock_offset) may be wrong, since the question and its answer take time.
  returned: success, unless O(reach) is given
  type: float
  sample: 0.2
unreached:
  description: Those of O(reach) that were not reached, with C(problem).
  returned: with O(reach)
  type: list
  elements: dict
  sample: []
ssh:
  description: Other server -> why it cannot be reached by SSH; empty when it can.
  returned: success, unless only something else was asked for
  type: dict
  sample: {server2: ""}
executable:
  description: O(executable) with its digest, and C(problem), empty when workers can be started from it; V(null) when none was given.
  returned: success, unless only something else was asked for
  type: dict
  sample: {path: /home/u/wallaroo/testing/performance/apps/market-spread/market-spread, sha256: 9f2c, problem: ""}
addresses:
  description: The numbers of O(address), as this server resolves it.
  returned: success, unless only something else was asked for
  type: list
  elements: str
  sample: [10.0.0.12]
programs:
  description: Program -> whether it is there.
  returned: success, unless only something else was asked for
  type: dict
  sample: {rsync: true, ssh: true}
open_keys:
  description: How many keys of other servers open everything on this one, as earlier versions of the collection let them in.
  returned: with O(ssh)
  type: int
  sample: 0
  version_added: 2.0.0
free_bytes:
  description: Free space below O(base).
  returned: success, unless only something else was asked for
  type: int
  sample: 81604378624
writable:
  description: Why O(base) cannot be used; empty when it can.
  returned: success, unless only something else was asked for
  type: str
  sample: ""
memory_bytes:
  description: Memory of the server.
  returned: success, unless only something else was asked for
  type: int
  sample: 8589934592
leftovers:
  description: What earlier runs have left here, a sentence each.
  returned: success, unless only something else was asked for
  type: list
  elements: str
  sample: []
user:
  description: The account under which the module ran.
  returned: success, unless only something else was asked for
  type: str
  sample: wallaroo
machine:
  description: Equal for servers that are one machine with one file system.
  returned: success, unless only something else was asked for
  type: str
  sample: 8e2c5a8a-7b3e-4a0d-b2cf-6f0c0a3b6a53 mnt:[4026531840]
"""

import time

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import preflight

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.SERVER,
        "ssh": {"type": "dict", "default": {}},
        "executable": {"type": "str", "default": ""},
        "mend": {"type": "str", "default": ""},
        "address": {"type": "str", "default": ""},
        "reach": {
            "type": "list",
            "elements": "dict",
            "options": {
                **{name: {"type": "str", "required": True} for name in ("server", "address")},
                "port": {"type": "int", "required": True},
            },
        },
        "token": {"type": "str", "default": "", "no_log": False},
        "only_time": {"type": "bool", "default": False},
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted, found = module.params, {}
    now = time.time()
    with _edge.failing(module, f"{wanted['server']}"):
        if wanted["reach"] is not None:
            found = {"unreached": preflight.connect(wanted["reach"], wanted["token"])}
        elif not wanted["only_time"]:
            found = preflight.look(
                wanted["base"], wanted["server"], wanted["ssh"], wanted["executable"], wanted["mend"], wanted["address"]
            )
    module.exit_json(changed=False, now=now, **found)


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
