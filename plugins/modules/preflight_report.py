#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action ``preflight_report``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_report
short_description: Print the table of preflight.yml, and fail when a check has failed
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Makes one table of what was found, servers by checks, with a sentence for whatever is wrong, and what to do about it.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff_na
options:
  servers:
    description:
      - All servers.
    type: list
    elements: str
    required: true
  found:
    description:
      - Server -> C(probe), C(state), C(look), C(ports), C(listener) and C(address), which the role C(preflight) has gathered.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Say what was found
  wallaroo.resilience.preflight_report:
    servers: "{{ groups.servers }}"
    found: "{{ preflight_found }}"
"""

RETURN = r"""
table:
  description: The lines of the table.
  returned: always
  type: list
  elements: str
  sample: [server   reachable  sudo, server1  ok         ok]
problems:
  description: What has to be mended, a sentence each.
  returned: always
  type: list
  elements: str
  sample: ["server3: there is no rsync; install it, or let preflight.yml -e fix=true do so"]
notes:
  description: What is not as recommended, a sentence each.
  returned: always
  type: list
  elements: str
  sample: []
"""
