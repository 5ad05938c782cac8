# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only the controller needs, and what every process there begins with."""

from __future__ import annotations

from . import _startup

_startup.begin(__name__, __spec__.loader)
