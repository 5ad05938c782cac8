# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of modules that ``meta/runtime.yml`` names: shows progress while the module waits."""

from __future__ import annotations

from ansible_collections.wallaroo.resilience.plugins.plugin_utils._waiting import WaitingAction


class ActionModule(WaitingAction):
    """See the documentation of the module that the task names."""
