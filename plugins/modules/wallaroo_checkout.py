#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``wallaroo_checkout``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: wallaroo_checkout
short_description: Clone the sources of Wallaroo, or bring a clone to a branch, tag or commit
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - What people did in the clone is never thrown away. Changes that are not committed and commits of their own are kept where they lie; where
    another revision cannot be reached without touching them, the module fails, names them, and changes nothing.
  - A fresh clone appears under its name when it is whole. Never uses C(reset --hard), C(clean) or force.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.no_diff
  - wallaroo.resilience.common.tree
options:
  url:
    description:
      - The repository, as C(git clone) takes it. What stands before an C(@) in it appears in no message.
    type: str
    required: true
  branch:
    description:
      - A branch, a tag or a commit. A branch follows the repository, and commits of your own on top of it are fine.
    type: str
    required: true
  timeout:
    description:
      - Seconds for cloning or fetching.
    type: float
    default: 1800
"""

EXAMPLES = r"""
- name: Clone Wallaroo
  wallaroo.resilience.wallaroo_checkout:
    server: server1
    home: /home/ubuntu/wallaroo
    url: https://github.com/slfritchie/wallaroo.git
    branch: "0.5.4"
"""

RETURN = r"""
commit:
  description: The commit that is checked out; in check mode the one that would be.
  returned: success
  type: str
  sample: 7e2a6c75b1ad0ec1ee5d2a2f0b7d4d5a9b0e0e11
before:
  description: The commit before; empty for a fresh clone.
  returned: success
  type: str
  sample: ""
modified:
  description: Files with changes that are not committed, which were kept.
  returned: success
  type: list
  elements: str
  sample: []
own_commits:
  description: How many commits of your own are on top of the repository's, which were kept.
  returned: success
  type: int
  sample: 0
"""

from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.checkout import Checkout
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.command import alone

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.TREE,
        "url": {"type": "str", "required": True},
        "branch": {"type": "str", "required": True},
        "timeout": {"type": "float", "default": 1800},
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    home = Path(wanted["home"])
    checkout = Checkout(home, wanted["url"], wanted["timeout"])
    alone_here = alone(home, wanted["timeout"], "wallaroo_repo_timeout", module.check_mode)
    with _edge.failing(module, wanted["server"], "."), alone_here:
        found = checkout.ensure(wanted["branch"], module.check_mode, wanted["in_use"] or "")
    module.exit_json(
        changed=found.changed,
        commit=found.commit,
        before=found.before,
        modified=found.modified,
        own_commits=found.own_commits,
    )


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
