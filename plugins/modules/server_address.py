#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``server_address``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: server_address
short_description: Take an IPv4 address over from another server, or give it away
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Lets an address go with a worker from server to server, so that workers that look for it at its old address find it.
  - Who takes it gets it as an alias, tells the network, and sends with it as the source address. What was changed is noted below O(base), and
    undone when the address goes away again. Lasts until then or until the server boots.
  - Needs root, and C(ip) of iproute2.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.no_diff
  - wallaroo.resilience.common.acting
options:
  address:
    description:
      - The address. Required but for O(state=original).
    type: str
  own:
    description:
      - An address of this server, on whose interface the other one is taken. Required for O(state=present).
    type: str
  state:
    description:
      - V(present) takes the address, or takes it back. V(absent) gives it away.
      - V(original) undoes all of that on this server.
    type: str
    choices: [present, absent, original]
    default: present
  standby:
    description:
      - Do it only when M(wallaroo.resilience.worker_move) says so, in the moment in which the worker is dead. This call looks whether it
        can be done, and leaves a process for it, which ends by itself when nobody connects to it within two minutes.
    type: bool
    default: false
  probe:
    description:
      - Ask the network first, and fail when somebody has the address.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Take over the address of server 2
  wallaroo.resilience.server_address:
    base: /var/lib/wallaroo
    server: server4
    address: 10.0.0.12
    own: 10.0.0.14
  become: true
"""

RETURN = r"""
addresses:
  description: The addresses that were taken, given away or put back.
  returned: success
  type: list
  elements: str
  sample: [10.0.0.12]
"""

import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting import acting, acting_alone
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.standby import prepare, standing_address
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.moved_address import ServerAddresses

_ALONE_SECONDS = 60.0


SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.ACTING,
        "address": {"type": "str"},
        "own": {"type": "str"},
        "state": {"type": "str", "choices": ["present", "absent", "original"], "default": "present"},
        "probe": {"type": "bool", "default": False},
        "standby": {"type": "bool", "default": False},
    },
    "required_if": [("state", "present", ["address", "own"]), ("state", "absent", ["address"])],
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    base, only_check = wanted["base"], module.check_mode or wanted["standby"]
    with _edge.failing(module, wanted["server"], "."):
        done = _change(wanted, only_check)
        if wanted["standby"] and not module.check_mode:
            # What is found by then was looked at now.
            later = {**wanted, "probe": False}
            prepare(standing_address(base), lambda: _change(later, only_check=False), os.stat(base).st_uid)
    module.exit_json(changed=bool(done) and not wanted["standby"], addresses=done)


def _change(wanted: Mapping[str, Any], only_check: bool) -> list[str]:
    addresses = ServerAddresses(wanted["base"], only_check)
    base, run_name = wanted["base"], wanted["run"]
    if wanted["standby"]:
        with acting(base, only_check, run_name):
            return _changed(addresses, wanted)
    # Not while somebody who stood by, and whose caller is gone, still changes it.
    with acting_alone(base, _ALONE_SECONDS, only_check, run_name):
        return _changed(addresses, wanted)


def _changed(addresses: ServerAddresses, wanted: Mapping[str, Any]) -> list[str]:
    if wanted["state"] == "original":
        return addresses.original()
    if wanted["state"] == "present":
        return [wanted["address"]] if addresses.present(wanted["address"], wanted["own"], wanted["probe"]) else []
    return [wanted["address"]] if addresses.absent(wanted["address"]) else []


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
