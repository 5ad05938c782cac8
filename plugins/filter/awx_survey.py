# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``awx_survey``: a survey as AWX's API takes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: awx_survey
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
short_description: A survey as AWX's API takes it
description:
  - Makes the survey of a job template or workflow from the short form of the files in C(awx/), and fails with
    every mistake for which AWX would not accept it.
options:
  _input:
    description:
      - The template. C(playbook) or C(steps) says what it runs; C(survey) names the arguments that are asked for,
        all of them without it.
      - How they are asked is in C(awx/questions.yml) of the collection.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the survey of a template
  ansible.builtin.debug:
    msg: "{{ template | wallaroo.resilience.awx_survey }}"
"""

RETURN = r"""
_value:
  description: The survey; empty when there are no questions.
  type: dict
"""


def awx_survey(template: dict[str, Any]) -> dict[str, Any]:
    """The survey."""
    # Whoever uses any filter of this collection loads them all.
    from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _awx

    try:
        return _awx.survey_spec(template)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise AnsibleFilterError(f"this survey would not be accepted: {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"awx_survey": awx_survey}
