# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``junit.xml`` of a run: a case for each step and for each key, as CI servers show them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional
from xml.etree import ElementTree as Tree

from ..module_utils._formats.detector import key_name
from . import _results, _timeline

FILE = "junit.xml"

FAILURE, ERROR, SKIPPED = "failure", "error", "skipped"

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Case:
    """One of them."""

    suite: str
    name: str
    seconds: float = 0.0
    how: str = ""
    """``failure``, ``error``, ``skipped``, or empty: it is well."""
    message: str = ""


def write(folder: Path) -> None:
    """Write it, from the result and the timeline in a folder.

    :raises OSError: when it cannot be written.
    """
    result = _results.read(folder)
    _results.write_whole(folder / FILE, text(result, _timeline.read(folder / _timeline.FILE)))


def text(result: Mapping[str, Any], timeline: list[dict[str, Any]]) -> str:
    """The file."""
    good = _results.is_good(result)
    suites: dict[str, list[Case]] = {}
    for case in (_of_the_run(result), *_of_keys(result), *_of_steps(timeline, good)):
        suites.setdefault(case.suite, []).append(case)
    name = str(result.get("name") or "run")
    root = Tree.Element("testsuites", name=name, time=f"{float(result.get('seconds') or 0.0):.3f}")
    _count(root, [case for cases in suites.values() for case in cases])
    for suite, cases in suites.items():
        element = Tree.SubElement(root, "testsuite", name=suite, time=f"{sum(case.seconds for case in cases):.3f}")
        _count(element, cases)
        for case in cases:
            made = Tree.SubElement(
                element, "testcase", classname=f"{name}.{suite}", name=_clean(case.name), time=f"{case.seconds:.3f}"
            )
            if case.how:
                Tree.SubElement(made, case.how, message=_clean(case.message)).text = _clean(case.message)
    Tree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Tree.tostring(root, encoding="unicode") + "\n"


def _of_the_run(result: Mapping[str, Any]) -> Case:
    verdict = result.get("verdict")
    how = "" if _results.is_good(result) else FAILURE if verdict in (_results.FAIL, None) else ERROR
    seconds, name = float(result.get("seconds") or 0.0), "outcome" if verdict is None else "verdict"
    return Case("run", name, seconds, how, str(result.get("reason") or "") if how else "")


def _of_keys(result: Mapping[str, Any]) -> Iterator[Case]:
    """Of a run that looked at messages."""
    if not result.get("expected"):
        return
    broken: dict[str, list[str]] = {}
    for violation in result.get("violations") or []:
        key = violation.get("missing_in") or violation.get("key")
        broken.setdefault(str(key), []).append(str(violation.get("sentence")))
    keys = [key_name(number) for number in range(int(result.get("keys") or 0))]
    unchecked = (
        "" if result.get("verdict") in (_results.PASS, _results.FAIL) else str(result.get("reason") or "unknown")
    )
    told = sum(len(sentences) for sentences in broken.values())
    if int(result.get("violation_count") or 0) > told:
        unchecked = unchecked or f"not known: only {told} of {result['violation_count']} violations are told"
    for key in dict.fromkeys([*keys, *(key for key in broken if key != "None")]):
        if key in broken:
            yield Case("keys", key, 0.0, *_of_broken(result, broken[key]))
        else:
            yield Case("keys", key, 0.0, SKIPPED if unchecked else "", unchecked)
    if "None" in broken:
        yield Case("keys", "no key at all", 0.0, *_of_broken(result, broken["None"]))


def _of_broken(result: Mapping[str, Any], sentences: list[str]) -> tuple[str, str]:
    """How a key ended in which something is wrong: in a negative run whose damage was caught that is as it must be."""
    meant = result.get("negative") and _results.is_good(result)
    return (SKIPPED, "\n".join(["Damaged on purpose.", *sentences])) if meant else (FAILURE, "\n".join(sentences))


def _of_steps(timeline: list[dict[str, Any]], good: bool) -> Iterator[Case]:
    for record in timeline:
        if record.get("record") != _timeline.END:
            continue
        outcome = record.get("outcome")
        how: Optional[str] = {_timeline.FAILED: FAILURE, _timeline.UNREACHABLE: ERROR}.get(str(outcome), "")
        message = str(record.get("message") or "")
        if outcome in (_timeline.SKIPPED, _timeline.IGNORED):
            how = SKIPPED
        elif how and good:
            how, message = SKIPPED, f"It failed, and was made good: {message}"
        where = str(record.get("server") or record.get("host") or "")
        seconds = float(record.get("seconds") or 0.0)
        yield Case("steps", f"{where}: {record.get('step')}", seconds, how or "", message)


def _count(element: Tree.Element, cases: list[Case]) -> None:
    element.set("tests", str(len(cases)))
    for how, name in ((FAILURE, "failures"), (ERROR, "errors"), (SKIPPED, "skipped")):
        element.set(name, str(sum(case.how == how for case in cases)))


def _clean(words: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", words)
