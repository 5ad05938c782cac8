# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``cluster_table``: what the servers say, as lines that a person reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.wallaroo.resilience.plugins.plugin_utils._publishing import metrics_ui_url
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import sentence_of
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._stalled import problems_of

DOCUMENTATION = r"""
name: cluster_table
version_added: 1.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
short_description: What the servers say, as lines that a person reads
description:
  - Turns what C(server_info) returned for each server into one line for each process and each worker that it knows.
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
    records = [state["cluster"] for state in states.values() if state.get("cluster")]
    if records:
        record = records[0]
        lines = [f"{record['workers']} workers of {record['application']} on the {record['engine']} engine"]
    else:
        lines = ["no cluster was started"]
    url = metrics_ui_url(states)
    if url:
        lines.append(f"metrics UI: {url}")
    lines += [f"PROBLEM: {sentence}" for sentence in problems_of(states)]
    for server, state in states.items():
        if state.get("problem") or "processes" not in state:
            lines.append(f"{server}: {state.get('problem') or state.get('msg') or 'does not answer'}")
            continue
        lines += [f"{server}: {sentence_of(damage)}" for damage in state.get("damaged") or []]
        for name, process in sorted(state["processes"].items()):
            lines.append(f"{server}: {name} {_life(process)} (pid {process['pid']}, log {process['log']})")
        for name, known in sorted(state["workers"].items()):
            lines.append(f"{server}: {name} {_ownership(known)}, resilience files: {known['resilience']}")
    return lines


def _life(process: Mapping[str, Any]) -> str:
    if process["alive"]:
        return "is stopped by a signal" if process.get("stopped") else "runs"
    result = process.get("result") or {}
    if "exit_code" not in result:
        return "dead"
    return f"{'ended' if result['exit_code'] == 0 else 'failed'}: {result.get('message')}"


def _ownership(known: Mapping[str, Any]) -> str:
    if known["ownership"] == "owner":
        return f"belongs here, epoch {known['epoch']}"
    if known["ownership"] == "moved":
        return f"moved to {known['moved_to']} at {known['since']}, epoch {known['epoch']}"
    return "was never ready here" if known["ownership"] == "none" else "may belong here, which is not known"


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"cluster_table": cluster_table}
