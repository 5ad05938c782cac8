#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``server_prepare``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: server_prepare
short_description: Prepare a server for a fresh cluster
version_added: 1.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Deploys the programs of the collection to C(runtime) below O(base).
  - With O(cluster), also removes what an earlier cluster left (resilience files and journals together, since a fresh worker would take
    them for its own), stops programs without workers that an interrupted start left running, and records the new one.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff
  - wallaroo.resilience.common.acting
  - wallaroo.resilience.common.new_cluster
options:
  programs:
    description:
      - The digest of the programs. The action plugin gives this; without it none are deployed.
    type: str
    version_added: 2.0.0
  archive:
    description:
      - Where the archive with these programs is on the server. The action plugin brings it there when it is asked to.
    type: path
    version_added: 2.0.0
"""

EXAMPLES = r"""
- name: Prepare all servers
  wallaroo.resilience.server_prepare:
    base: "{{ wallaroo_base }}"
    server: "{{ inventory_hostname }}"
    cluster: "{{ step.plan.cluster }}"
"""

RETURN = r"""
runtime:
  description: Where the programs are.
  returned: success
  type: str
  sample: /var/lib/wallaroo/runtime
wants_archive:
  description: Nothing was done yet, since the server has not these programs.
  returned: when O(programs) are not deployed and no O(archive) is given
  type: bool
  sample: true
removed:
  description: Directories of an earlier cluster that were emptied.
  returned: success
  type: list
  elements: str
  sample: [resilience, received]
stopped:
  description: Programs that an interrupted start had left running.
  returned: success
  type: list
  elements: str
  sample: [receiver]
"""

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge, _edge_cluster
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import preparation
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.record import ClusterRecord
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting import acting

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.ACTING,
        **_edge_cluster.NEW_CLUSTER,
        "programs": {"type": "str"},
        "archive": {"type": "path"},
    }
}


def run(module: _edge.Module) -> None:
    """Do it, and end with the result."""
    wanted = module.params
    with _edge.failing(module, f"{wanted['server']} could not be prepared"):
        cluster = ClusterRecord.from_dict(wanted["cluster"]) if wanted["cluster"] else None
        programs = preparation.Programs(wanted["programs"], wanted["archive"] or "") if wanted["programs"] else None
        if programs and not (programs.archive or module.check_mode or programs.are_installed(wanted["base"])):
            module.exit_json(
                changed=False, wants_archive=True, runtime=f"{wanted['base']}/runtime", removed=[], stopped=[]
            )
        with acting(wanted["base"], module.check_mode, wanted["run"]):
            result = preparation.prepare(wanted["base"], cluster, programs, only_check=module.check_mode)
    module.exit_json(
        **result,
        diff={
            "before": "".join(f"{name}: left by an earlier cluster\n" for name in result["removed"]),
            "after": "".join(f"{name}: empty\n" for name in result["removed"]),
        },
    )


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
