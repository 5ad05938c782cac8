# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the programs share: how they are told addresses, what they say, and how they leave their result."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from .._formats.address_file import Address
from .._formats.detector import key_name
from .._formats.whole_file import write_whole
from .saying import DONE, FAILED, USAGE, complain, say

__all__ = [
    "DONE",
    "FAILED",
    "USAGE",
    "Parser",
    "ResultFile",
    "address",
    "complain",
    "key_names",
    "positive",
    "result_path",
    "say",
    "seconds",
    "wrong_keys",
]


class Parser(argparse.ArgumentParser):
    """Says in one sentence what is wrong with a command line."""

    def error(self, message: str) -> Any:
        """End with exit code 2."""
        complain(f"{self.prog}: {message} (see --help)")
        raise SystemExit(USAGE)


def address(text: str) -> Address:
    """An argument ``HOST:PORT``."""
    try:
        return Address.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def positive(text: str) -> int:
    """A whole number of at least 1."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return value


def seconds(text: str) -> float:
    """A number of seconds, not negative."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def key_names(count: int, names: list[str]) -> list[str]:
    """The keys that were named, or else the validation keys."""
    return names or [key_name(number) for number in range(count)]


def result_path(text: str) -> str:
    """A file in a directory that exists."""
    if text and (not Path(text).parent.is_dir() or Path(text).is_dir()):
        raise argparse.ArgumentTypeError(f"{text!r} is no file in a directory that exists")
    return text


def wrong_keys(names: list[str]) -> str:
    """What is wrong with the keys that were named, as the beginning of a sentence; empty when nothing is."""
    for number, name in enumerate(names):
        if not name:
            return "--key needs a name"
        if name in names[:number]:
            return f"--key {name} is given twice"
    return ""


class ResultFile:
    """The JSON file in which a program says how it ended.

    It is removed when the program starts: what is there was written by this run, and while it is
    missing the program has not ended, or was killed.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path) if path else None
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def write(self, exit_code: int, message: str, **numbers: Any) -> int:
        """Leave the result, as a whole or not at all; returns the exit code."""
        if self._path is None:
            return exit_code
        data = {"exit_code": exit_code, "message": message, **numbers}
        try:
            write_whole(self._path, json.dumps(data).encode())
        except OSError as error:
            complain(f"the result cannot be written to {self._path} ({error.strerror}); make room")
            return exit_code or FAILED
        return exit_code
