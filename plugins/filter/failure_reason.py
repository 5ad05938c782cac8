# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``failure_reason``: why a task failed, also where Ansible says no more than that items of its loop did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: failure_reason
short_description: Why a task failed
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - The message of a task that failed. Of a loop, those of the items that failed, each once.
positional: _input, otherwise
options:
  _input:
    description: C(ansible_failed_result), in a C(rescue).
    type: dict
    required: true
  otherwise:
    description: What to say of a task that said nothing.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Keep the reason
  ansible.builtin.set_fact:
    migration_failure: "{{ ansible_failed_result | wallaroo.resilience.failure_reason('The move failed.') }}"
"""

RETURN = r"""
_value:
  description: The reason.
  type: str
"""


def failure_reason(result: Any, otherwise: str) -> str:
    """See the documentation."""
    # In a rescue that no failure of a module has led to there is none, or an undefined one.
    if not isinstance(result, Mapping):
        return otherwise
    items = [one for one in result.get("results") or () if isinstance(one, Mapping)]
    failed = [one for one in items if one.get("failed") or one.get("unreachable") or "exception" in one]
    reasons = [str(one["msg"]).strip() for one in failed if one.get("msg")]
    return "; ".join(dict.fromkeys(reasons)) or str(result.get("msg") or "").strip() or otherwise


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"failure_reason": failure_reason}
