# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule of Wallaroo's own validator, for comparison (wallaroo.md, G.1, G.2).

Its holes are kept, since they are what the comparison is about:

* the first message of a key may hold any value, so a lost beginning is not seen;
* with repeats allowed, what is repeated is not compared with what came before;
* text around a message in its frame, leading zeros, and longer and shorter windows are accepted;
* an empty file passes, even where a last value is expected, unless two or more keys are given;
* without an expected value, or for a key that does not occur, a lost end is not seen.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from .._formats.framing import FrameError, FrameSplitter
from .windows import UNREADABLE, open_stream

WINDOW = 4
"""Values of a window that count: the last ones."""

SUCCESS = "Validation successful!"
FAILURE = "Error validating file."
"""Follows every reason."""

_TEXT = re.compile(rb"\(([^,]*),\[([0-9]+(?:,[0-9]+)*)\]\)")
_BLOCK = 1 << 18


@dataclass(frozen=True)
class ValidatorResult:
    """What the validator would have said, and its exit code."""

    verdict: str
    """``pass`` or ``fail``: it knows nothing else."""
    message: str
    """``Validation successful!``, or the reason on the way to ``Error validating file.``"""
    records: int
    """Frames looked at; it stops at the first that is wrong."""

    @property
    def exit_code(self) -> int:
        """0 or 1."""
        return 0 if self.verdict == "pass" else 1


class _Refused(Exception):
    """The reason that the validator gives."""


def validate(
    path: Union[str, os.PathLike[str]],
    keys: Collection[str] = (),
    expected: int = 0,
    at_least_once: bool = False,
) -> ValidatorResult:
    """Judge a received file (packed when its name ends in ``.gz``) as Wallaroo's validator does.

    :param keys: what it is given as ``-k``; none: every key is right.
    :param expected: what it is given as ``-e``; 0: the last value is not looked at.
    :param at_least_once: what it is given as ``-a``.
    """
    rule = _Rule(frozenset(keys), at_least_once)
    try:
        splitter = FrameSplitter()
        with open_stream(Path(path)) as stream:
            while True:
                block = stream.read(_BLOCK)
                if not block:
                    break
                for payload in splitter.feed(block):
                    rule.take(payload)
        splitter.finish()
        rule.finish(expected)
    except (_Refused, FrameError) as error:
        return ValidatorResult("fail", f"{error}. {FAILURE}", rule.records)
    except UNREADABLE as error:
        reason = getattr(error, "strerror", None) or error
        return ValidatorResult("fail", f"{path} could not be read: {reason}. {FAILURE}", rule.records)
    return ValidatorResult("pass", SUCCESS, rule.records)


class _Rule:
    """wallaroo.md, G.2, record by record."""

    def __init__(self, keys: frozenset[str], at_least_once: bool) -> None:
        self._keys = keys
        self._at_least_once = at_least_once
        self._last: dict[str, int] = {}
        self.records = 0

    def take(self, payload: bytes) -> None:
        """A record."""
        self.records += 1
        found = _TEXT.search(payload)
        if found is None:
            raise _Refused(f"Record {self.records} cannot be decoded")
        key = found.group(1).split(b".", 1)[0].decode("utf-8", "backslashreplace")
        # Numbers are unsigned with 64 bits there; longer ones would not be decoded.
        values = [int(text[-20:]) for text in found.group(2).split(b",")[-WINDOW:]]
        if self._keys and key not in self._keys:
            raise _Refused(f"Encountered a non-whitelisted key: {key}")
        for older, newer in zip(values, values[1:]):
            if newer != older + 1 and not older == newer == 0:
                raise _Refused(f"Increments test failed on key {key}: {values}")
        newest, before = values[-1], self._last.get(key)
        if before is not None and newest != before + 1 and not (self._at_least_once and newest <= before):
            raise _Refused(f"Sequentiality test failed on key {key}: {newest} after {before}")
        self._last[key] = newest

    def finish(self, expected: int) -> None:
        """The end of the file."""
        if len(self._keys) > 1 and self._keys != set(self._last):
            raise _Refused("Expected keys do not match observed keys")
        for key, last in self._last.items():
            if expected > 0 and last != expected:
                raise _Refused(f"Expected value test failed on key {key}: it ends on {last} and not on {expected}")
