# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``collection_installed``: whether a play may use another collection."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: collection_installed
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
short_description: Whether a collection is installed where Ansible runs
description:
  - Tells it before a task of that collection fails with a message that does not say what to do.
options:
  _input:
    description: The name of the collection.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Stop without the modules that configure AWX
  ansible.builtin.assert:
    that: "'awx.awx' | wallaroo.resilience.collection_installed"
"""

RETURN = r"""
_value:
  description: Whether it is.
  type: bool
"""


def collection_installed(name: str) -> bool:
    """Whether it is."""
    if name.count(".") != 1:
        raise AnsibleFilterError(f"{name!r} is no name of a collection, which is namespace.name")
    try:
        # Ansible's own loader answers this, wherever collections are searched for.
        return find_spec(f"ansible_collections.{name}") is not None
    except (ImportError, ValueError):
        return False


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"collection_installed": collection_installed}
