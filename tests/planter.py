# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plants of violations, which a run proves its verifier with, too. ``planting.py`` makes workers fail."""

from __future__ import annotations

from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.damage import PLANTS, Stream, plant
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.damaged_crashes import (
    CRASH_PLANTS,
    Scene,
    plant_crash,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.proof import CLASSES

__all__ = ["CLASSES", "CRASH_PLANTS", "PLANTS", "Scene", "Stream", "plant", "plant_crash"]
