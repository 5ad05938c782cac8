#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``wallaroo_build``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: wallaroo_build
short_description: Build executables of Wallaroo with its own Makefile
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Builds the targets unless exactly they were built from exactly these sources with exactly these flags, and the executables are still
    those that came out. A record of that lies in the tree (C(.wallaroo-build.json)), and the log of the last build beside it
    (C(.wallaroo-build.log)).
  - What make does not notice, above all another O(resilience), is cleaned first with the targets' C(clean-) counterparts.
  - A build that was interrupted is taken up by the next run. Executables that were finished stay, all others are made again. Its limit holds on
    the server, even when the run that started it is gone.
  - Of Wallaroo's own targets the executable itself is made, by its path, and nothing else that a target would build.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.no_diff
  - wallaroo.resilience.common.tree
options:
  targets:
    description:
      - Targets of its Makefile.
    type: list
    elements: str
    required: true
  resilience:
    description:
      - Whether workers are to keep resilience files, which is decided when they are built.
    type: bool
    default: true
  make:
    description:
      - More words for make, such as V(PONYCFLAGS=-d).
    type: list
    elements: str
    default: []
  executables:
    description:
      - More files that must come out, as they lie below O(home). Those of Wallaroo's own targets are known.
    type: list
    elements: str
    default: []
  timeout:
    description:
      - Seconds for each call of make.
    type: float
    default: 7200
"""

EXAMPLES = r"""
- name: Build market-spread
  wallaroo.resilience.wallaroo_build:
    server: server1
    home: /home/ubuntu/wallaroo
    targets: [build-testing-performance-apps-market-spread]
    resilience: true
"""

RETURN = r"""
executables:
  description: What came out, with its SHA-256; empty in check mode when it has to be built.
  returned: success
  type: dict
  sample: {testing/performance/apps/market-spread/market-spread: 9f2c}
flags:
  description: With what they were built.
  returned: success
  type: dict
  sample: {resilience: "on", make: []}
reason:
  description: Why it had to be built; empty when it had not.
  returned: success
  type: str
  sample: other flags are wanted than it was built with
cleaned:
  description: Whether it was cleaned first.
  returned: success
  type: bool
  sample: true
"""

from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning import build
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.command import alone

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.TREE,
        "targets": {"type": "list", "elements": "str", "required": True},
        "resilience": {"type": "bool", "default": True},
        "make": {"type": "list", "elements": "str", "default": []},
        "executables": {"type": "list", "elements": "str", "default": []},
        "timeout": {"type": "float", "default": 7200},
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    given = module.params
    home = Path(given["home"])
    wanted = build.Wanted(
        tuple(given["targets"]), given["resilience"], tuple(given["make"]), tuple(given["executables"])
    )
    alone_here = alone(home, given["timeout"], "wallaroo_repo_build_timeout", module.check_mode)
    with _edge.failing(module, given["server"], "."), alone_here:
        if module.check_mode and not home.exists():
            # The step before this would have cloned it.
            build.refuse_without_compiler(wanted)
            built = build.Built(True, False, "it is not there yet", {}, [])
        else:
            built = build.ensure_built(home, wanted, given["timeout"], module.check_mode, given["in_use"] or "")
    for sentence in built.warnings:
        module.warn(sentence)
    module.exit_json(
        changed=built.changed,
        executables=built.executables,
        flags=wanted.flags(),
        reason=built.reason,
        cleaned=built.cleaned,
    )


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
