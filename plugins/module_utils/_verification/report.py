# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is said of a file of received messages: the strict rule, that of the original validator, and the gaps."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from .._formats.detector import key_name
from . import arrivals, ordering, validator_rule


def of(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What ``ordering_verify`` returns, whatever the verdict.

    :param wanted: its arguments.
    """
    path, last, mode = wanted["path"], wanted["last"], wanted["mode"]
    keys = wanted["keys"] if wanted["keys"] is not None else [key_name(number) for number in range(wanted["key_count"])]
    begin = time.monotonic()
    result = ordering.verify(path, keys, last, mode, first=wanted["first"], limit=wanted["violations_limit"])
    if result.verdict == "pass" and mode == ordering.EXACTLY_ONCE:
        # It checks less, so the file need not be read once more.
        passed, sentence = True, validator_rule.SUCCESS
    else:
        opinion = validator_rule.validate(path, keys, last, at_least_once=mode == ordering.AT_LEAST_ONCE)
        passed, sentence = opinion.verdict == "pass", opinion.message
    return {
        "changed": False,
        # Not "path": Ansible would add owner and mode of the file, and the latter would hide the mode of verification.
        "file": path,
        **result.to_dict(),
        "validator_passed": passed,
        "validator_verdict": sentence,
        "gaps": [_gap(path, moment) for moment in wanted["moments"]],
        "seconds": round(time.monotonic() - begin, 3),
    }


def _gap(path: str, moment: float) -> dict[str, Any]:
    gap = arrivals.gap_around(path, moment)
    return {"moment": moment, "last_before": gap.last_before, "first_after": gap.first_after, "seconds": gap.seconds}
