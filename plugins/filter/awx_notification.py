# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``awx_notification``: a notification template as AWX's API takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var

DOCUMENTATION = r"""
name: awx_notification
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
short_description: A notification template as AWX's API takes it
description:
  - Makes the notification template from C(awx/notification.yml), and fails with every mistake for which AWX would
    not accept it.
positional: configuration
options:
  _input:
    description: How AWX tells, C(webhook), C(slack) or C(email).
    type: str
    required: true
  configuration:
    description: Where to and with what, by AWX's names, such as C(url) of a webhook.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show where it goes
  ansible.builtin.debug:
    msg: "{{ ('webhook' | wallaroo.resilience.awx_notification({'url': 'https://chat.example.com/hook'})).messages }}"
"""

RETURN = r"""
_value:
  description: The notification template, whose messages only AWX fills in.
  type: dict
"""


def awx_notification(kind: str, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The notification template."""
    # Whoever uses any filter of this collection loads them all.
    from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _awx_notification

    try:
        made = _awx_notification.template(str(kind), configuration)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise AnsibleFilterError(f"this notification would not be accepted: {error}") from error
    wrapped: dict[str, Any] = wrap_var(made)
    return wrapped


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"awx_notification": awx_notification}
