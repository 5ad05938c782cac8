# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiler of a version of Wallaroo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.wallaroo.resilience.plugins.module_utils._catalogue.versions import compiler

DOCUMENTATION = r"""
name: wallaroo_compiler
short_description: The version of ponyc with which a version of Wallaroo is built
version_added: 2.0.0
description:
  - What Wallaroo's own installer had.
positional: _input
options:
  _input:
    description: The version of Wallaroo; the default version where it is empty or not known.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the compiler
  ansible.builtin.debug:
    msg: "{{ '0.5.3' | wallaroo.resilience.wallaroo_compiler }}"
"""

RETURN = r"""
_value:
  description: The version of ponyc.
  type: str
"""


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[[Any], str]]:
        """By name."""
        return {"wallaroo_compiler": compiler}
