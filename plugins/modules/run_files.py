#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``run_files``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_files
short_description: Return files of a server for the folder of a run
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Returns what was received and what was sent, compressed, or the digest alone of what is too large. M(wallaroo.resilience.run_result) calls it, and
    writes what it returns to the controller.
  - Changes nothing. A file that is not there is left out, and one that cannot be read has a RV(files[].problem).
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff_na
options:
  paths:
    description:
      - The files.
    type: list
    elements: str
    required: true
  limit:
    description:
      - How many bytes, compressed, are returned of all files together.
    type: int
    default: 8388608
"""

EXAMPLES = r"""
- name: Get what was received
  wallaroo.resilience.run_files:
    paths:
      - "{{ wallaroo_base }}/received/received.bin"
  register: files
"""

RETURN = r"""
files:
  description: The files that there are.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: As it was given.
      type: str
      sample: /srv/wallaroo/received/received.bin
    bytes:
      description: How many bytes it has.
      type: int
      sample: 1010240
    sha256:
      description: Their SHA-256, empty when they could not be read.
      type: str
      sample: 3f79bb7b435b05321651daefd374cdc681dc06faa65e374e38337b88ca046dea
    data:
      description: The bytes, compressed with gzip and in base64. V(null) where they are too many.
      type: str
      sample: H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA==
    problem:
      description: Why it could not be read, or empty.
      type: str
      sample: Permission denied
"""

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import run_files

SPEC: _edge.Specification = {
    "argument_spec": {
        "paths": {"type": "list", "elements": "str", "required": True},
        "limit": {"type": "int", "default": run_files.LIMIT},
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    module.exit_json(changed=False, files=run_files.read(module.params["paths"], module.params["limit"]))


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
