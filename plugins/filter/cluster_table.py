# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``cluster_table``: what the servers say, as lines that a person reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: cluster_table
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
short_description: What the servers say, as lines that a person reads
description:
  - Turns what C(server_info) returned for each server into a table of the workers, each where it is, with its state
    (C(running), C(paused), C(crashed) or C(stopped)), since when, and how far it has come; and one of the other
    processes. Before them stands what is wrong.
options:
  _input:
    description: Server -> what C(server_info) returned.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the cluster
  ansible.builtin.debug:
    msg: "{{ states | wallaroo.resilience.cluster_table }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""


def cluster_table(states: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The lines."""
    # Whoever uses any filter of this collection loads them all.
    from ansible_collections.wallaroo.resilience.plugins.plugin_utils._status import lines

    return lines(states)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"cluster_table": cluster_table}
