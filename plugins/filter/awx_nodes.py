# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``awx_nodes``: the nodes of a workflow as awx.awx takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: awx_nodes
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
short_description: The nodes of a workflow as awx.awx takes them
description:
  - Makes the nodes for C(awx.awx.workflow_job_template) from the steps in C(awx/workflow.yml),
    with a failure branch that ends failed.
positional: templates, organization
options:
  _input:
    description: The workflow, with C(steps), C(approval) and C(on_failure).
    type: dict
    required: true
  templates:
    description: All job templates, with C(name) and C(playbook).
    type: list
    elements: dict
    required: true
  organization:
    description: The organization of the templates.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the nodes of a workflow
  ansible.builtin.debug:
    msg: "{{ workflow | wallaroo.resilience.awx_nodes(templates, 'Default') }}"
"""

RETURN = r"""
_value:
  description: The nodes.
  type: list
  elements: dict
"""


def awx_nodes(workflow: dict[str, Any], templates: list[dict[str, Any]], organization: str) -> list[dict[str, Any]]:
    """The nodes."""
    # Whoever uses any filter of this collection loads them all.
    from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _awx

    try:
        return _awx.nodes(workflow, templates, organization)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise AnsibleFilterError(f"this workflow cannot be made: {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"awx_nodes": awx_nodes}
