# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker of bytewax says in its log, and what is known by it."""

from __future__ import annotations

WAITING = "waiting for the others"
"""It can be reached by them."""
FORMED = "all workers are there"
READY = "messages are processed"
