# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """The server, and how long to wait."""

    SERVER = r"""
options:
  base:
    description:
      - The directory below which the collection keeps everything on this server (C(wallaroo_base)).
    type: path
    required: true
  server:
    description:
      - The name of this server in the inventory, for messages and records.
    type: str
    required: true
"""

    ACTING = r"""
options:
  run:
    description:
      - The run that changes the server, as RV(run) of M(wallaroo.resilience.run_lock) tells it. Where another run has entered the server
        since (M(wallaroo.resilience.server_enter)), nothing is changed and the module fails.
      - Without it nothing of the kind is looked at.
    type: str
    default: ""
    version_added: 1.1.0
"""

    WAITING = r"""
options:
  wait_timeout:
    description:
      - Seconds after which waiting is given up.
    type: float
    default: 60
  return_after:
    description:
      - Return RV(finished=false) and what was seen so far when the event has not come after so many seconds.
      - The action plugin of this module uses it to show progress; there is no need to set it.
    type: float
"""
