# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker says in its log when something has come true."""

from __future__ import annotations

LISTENING = r" control: listening on "
"""Others can reach it."""

INITIALIZED = r"^Application has successfully initialized\."
"""The initializer says it once all workers are there."""

READY = r"INIT PHASE III: Application is ready to work!"
"""A worker other than the initializer works."""

RESUMED = r"~~~Resuming message processing\.~~~"
"""One that was started from its files works. Phase III is never printed by a worker that ceded its recovery
(wallaroo.md, "Observed")."""
