# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``stale_workers``: what servers still hold that moved away while they were lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.wallaroo.resilience.plugins.plugin_utils._owners import stale
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Servers

DOCUMENTATION = r"""
name: stale_workers
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
short_description: Workers that a server still holds, although they belong to another one since
description:
  - A server that was lost while a worker moved away has it in an older epoch, and may even still run it, when it is
    back. The role C(cluster) fences such a server.
options:
  _input:
    description: Server -> what C(server_info) returned.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show them
  ansible.builtin.debug:
    msg: "{{ states | wallaroo.resilience.stale_workers }}"
"""

RETURN = r"""
_value:
  description: A sentence each.
  type: list
  elements: str
"""


def stale_workers(states: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The sentences."""
    return [found.sentence(done=False) for found in stale(Servers.that_said(list(states), states))]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"stale_workers": stale_workers}
