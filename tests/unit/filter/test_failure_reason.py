# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ``failure_reason``."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.filter.failure_reason import failure_reason

LOOP = "One or more items failed"


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"failed": True, "msg": "No room."}, "No room."),
        (
            {"msg": LOOP, "results": [{"msg": "fine"}, {"failed": True, "msg": "No room on server4"}]},
            "No room on server4",
        ),
        ({"msg": LOOP, "results": [{"failed": True, "msg": "a"}] * 2 + [{"exception": "-", "msg": "b"}]}, "a; b"),
        ({"msg": LOOP, "results": [{"failed": True}]}, LOOP),
        ({"msg": LOOP, "results": None}, LOOP),
        ({}, "It failed."),
        (None, "It failed."),
    ],
    ids=["a task", "a loop", "each once", "nothing said", "no items", "nothing", "no result"],
)
def test_the_reason(result: Any, reason: str) -> None:
    assert failure_reason(result, "It failed.") == reason
