# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is said of a file of received messages: the strict rule, that of the original validator, and the gaps."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from .._catalogue.applications import MARKET_SPREAD
from .._formats.detector import key_name
from . import against, arrivals, expectations, known, ordering, validator_rule

COUNTERS, SAME_AS = "counters", "same_as"

EXPECTATIONS = (expectations.DETECTOR, MARKET_SPREAD, COUNTERS, SAME_AS)


def of(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What ``ordering_verify`` returns, whatever the verdict.

    :param wanted: its arguments.
    """
    path = wanted["path"]
    keys = wanted["keys"] if wanted["keys"] is not None else list(map(key_name, range(wanted["key_count"] or 0)))
    begin = time.monotonic()
    result = _verified(wanted, keys)
    said = result.to_dict()
    seed, detector = wanted.get("prove_seed"), None
    if seed is not None and result.verdict == "pass" and wanted["expectation"] == expectations.DETECTOR:
        detector = _proof().prove(path, keys, wanted["mode"], seed, ordering.verify)
        if not detector["proved"]:
            reason = f"The verifier is not known to find what is wrong: {detector['reason']}"
            said.update(verdict="unknown", reason=reason, message=f"unknown: {reason}")
    return {
        "changed": False,
        # Not "path": Ansible would add owner and mode of the file, and the latter would hide the mode of verification.
        "file": path,
        **said,
        "detector": detector,
        **_validated(wanted, keys, result),
        "gaps": [_gap(path, moment) for moment in wanted["moments"]],
        "seconds": round(time.monotonic() - begin, 3),
    }


def takes_crashes(wanted: Mapping[str, Any]) -> bool:
    """Whether what is known of crashes says something of what is expected."""
    expectation: str = wanted["expectation"]
    return expectation == expectations.DETECTOR or (expectation == COUNTERS and wanted["first"] == 1)


def _verified(wanted: Mapping[str, Any], keys: Sequence[str]) -> ordering.OrderingResult:
    path, last, first = wanted["path"], wanted["last"], wanted["first"]
    mode, limit = wanted["mode"], wanted["violations_limit"]
    crashes, doubt = known.crashes_of(
        wanted.get("source_log") or "", wanted["moments"], wanted.get("moments_complete", True)
    )
    if wanted["expectation"] == MARKET_SPREAD:
        return against.market_spread(path, wanted["inputs"] or [], mode, limit)
    if wanted["expectation"] == SAME_AS:
        return against.same_as(path, wanted["reference"], wanted["reference_format"], mode, limit)
    if wanted["expectation"] == COUNTERS:
        return against.counters(path, keys, last, mode, first, limit, crashes, doubt)
    return ordering.verify(path, keys, last, mode, first=first, limit=limit, crashes=crashes, doubt=doubt)


def _validated(wanted: Mapping[str, Any], keys: Sequence[str], result: ordering.OrderingResult) -> dict[str, Any]:
    """What Wallaroo's own validator would say, which knows nothing but the detector."""
    at_least_once = wanted["mode"] == ordering.AT_LEAST_ONCE
    if wanted["expectation"] != expectations.DETECTOR:
        return {"validator_passed": None, "validator_verdict": ""}
    if result.verdict == "pass" and wanted["mode"] == ordering.EXACTLY_ONCE:
        # It checks less, so the file need not be read once more.
        return {"validator_passed": True, "validator_verdict": validator_rule.SUCCESS}
    opinion = validator_rule.validate(wanted["path"], keys, wanted["last"], at_least_once=at_least_once)
    return {"validator_passed": opinion.verdict == "pass", "validator_verdict": opinion.message}


def _proof() -> Any:
    # Most calls need nothing of it.
    from . import proof

    return proof


def _gap(path: str, moment: float) -> dict[str, Any]:
    gap = arrivals.gap_around(path, moment)
    return {"moment": moment, "last_before": gap.last_before, "first_after": gap.first_after, "seconds": gap.seconds}
