#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``server_stop``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: server_stop
short_description: Stop everything that the collection started on a server
version_added: 1.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Ends every recorded process that is alive, identified by pid, start time and command line. One whose record is damaged is found
    by its folder and its log.
  - Workers get SIGKILL, since SIGTERM makes Wallaroo delete the files of the whole cluster; other programs get SIGTERM first.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff
  - wallaroo.resilience.common.acts
  - wallaroo.resilience.common.acting
options:
  keep_files:
    description:
      - Keep the resilience files, journals and owners. Logs and what was received are always kept until the next start.
    type: bool
    default: false
  logs:
    description:
      - Also tell how the server was before, with the ends of all logs.
    type: bool
    default: false
    version_added: 2.0.0
  wait_timeout:
    description:
      - Seconds in which a process must be dead.
    type: float
    default: 10
"""

EXAMPLES = r"""
- name: Stop the cluster
  wallaroo.resilience.server_stop:
    base: "{{ wallaroo_base }}"
    server: "{{ inventory_hostname }}"
"""

RETURN = r"""
stopped:
  description: The processes that were alive, with their pids.
  returned: success
  type: dict
  sample: {worker2: 4711}
removed:
  description: What was removed below O(base).
  returned: success
  type: list
  elements: str
  sample: [resilience]
state:
  description: What M(wallaroo.resilience.server_info) would have told before anything was stopped, also when not everything could be.
  returned: when O(logs) is true
  type: dict
  sample: {server: server2, processes: {}, logs: {}}
  version_added: 2.0.0
unknown:
  description: Records that cannot be read, of processes of which none was found, each with what is to be done.
  returned: success
  type: list
  elements: str
  sample: ["/var/lib/wallaroo/run/worker2/process.json cannot be read (it is empty); no process of worker2 lives on this server, so remove it"]
  version_added: 2.0.0
"""

from typing import Any

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import preparation, server_state
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting import acting, wait_for_acts
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import LimitReached

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.ACTING,
        "keep_files": {"type": "bool", "default": False},
        "logs": {"type": "bool", "default": False},
        "wait_timeout": {"type": "float", "default": 10},
        **_edge.ACTS,
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    base, server = wanted["base"], wanted["server"]
    try:
        if not module.check_mode:
            wait_for_acts(base, wanted["acts_timeout"])
    except LimitReached as reached:
        module.warn(f"{server}: {reached}. Everything is stopped nevertheless.")
    told = _told(module) if wanted["logs"] else {}
    failing = _edge.failing(module, f"{server} could not be stopped altogether", **told)
    with failing, acting(base, module.check_mode, wanted["run"]):
        result = preparation.stop(base, wanted["keep_files"], wanted["wait_timeout"], module.check_mode)
    for sentence in result["unknown"]:
        module.warn(f"{server}: {sentence}.")
    module.exit_json(
        **result,
        **told,
        diff={
            "before": "".join(f"{name}: runs, pid {pid}\n" for name, pid in sorted(result["stopped"].items())),
            "after": "".join(f"{name}: stopped\n" for name in sorted(result["stopped"])),
        },
    )


def _told(module: _edge.Module) -> dict[str, Any]:
    """How the server is. What cannot be told keeps nobody from stopping it."""
    try:
        return {"state": server_state.describe(module.params["base"], module.params["server"], logs=True)}
    except (OSError, ValueError) as error:
        module.warn(f"{module.params['server']}: how it was before is not known ({error}).")
        return {}


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
