# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many seeded plantings, all caught and called by their names, and many clean streams, of which none alarms.

``PLANTINGS=1000`` (``make soak-verifier``) runs all of them; without it a sample, always the same.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.ordering import KINDS, verify

from tests.planter import PLANTS, plant
from tests.streams import shape

PLANTINGS = int(os.environ.get("PLANTINGS") or 150)


def test_plantings_in_streams_of_varied_shape_are_all_caught_and_classed_right(
    received: Callable[..., Path],
) -> None:
    names, classed = list(PLANTS), Counter[str]()
    wrong: list[str] = []
    for seed in range(PLANTINGS):
        name = names[seed % len(names)]
        clean = shape(seed, planted=True)
        result = verify(received(plant(name, clean.data, seed)), clean.keys, clean.last, depth=clean.depth)
        kinds = {violation.kind for violation in result.violations}
        # One fault is one violation. Only two messages that swapped their names may be told one by one.
        counted = result.violation_count == 1 or (name == "cross_key_swap" and result.violation_count == 2)
        if result.verdict != "fail" or kinds != {PLANTS[name].kind} or not counted:
            told = [violation.sentence() for violation in result.violations]
            wrong.append(f"{name} {seed} {clean.interleaving} {len(clean.keys)} keys: {result.verdict} {told}")
        classed.update(kinds)
    assert not wrong, "\n".join(wrong)
    assert set(classed) == set(KINDS)


def test_clean_streams_of_varied_shape_never_alarm(received: Callable[..., Path]) -> None:
    alarms: list[str] = []
    for seed in range(PLANTINGS):
        clean = shape(seed)
        path = received(clean.data)
        for mode in ("exactly_once", "at_least_once"):
            result = verify(path, clean.keys, clean.last, mode, first=clean.first, depth=clean.depth)
            if result.verdict != "pass" or result.received != result.expected:
                alarms.append(f"{seed} {mode} {clean}: {result.message()}")
    assert not alarms, "\n".join(alarms)
