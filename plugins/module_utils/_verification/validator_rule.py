# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule of Wallaroo's own validator, for comparison (reference G.2).

It has holes, which are kept: the first message of a key may hold any value, an empty file passes
unless two or more keys are given, and with repeats allowed nothing is compared with what came before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .._formats.framing import FrameError, iterate_file

_TEXT = re.compile(rb"\(([^,]*),\[([0-9,]*)\]\)")
WINDOW = 4


class ValidationFailed(Exception):
    """What the validator would have printed."""


def validate(path: str, keys: Sequence[str] = (), expected: int = 0, at_least_once: bool = False) -> str:
    """What Wallaroo's validator says of a received file: ``Validation successful!`` or why not."""
    try:
        _validate(path, list(keys), expected, at_least_once)
    except ValidationFailed as failed:
        return str(failed)
    except (FrameError, OSError) as error:
        return f"Error validating file: {error}"
    return "Validation successful!"


def _validate(path: str, keys: list[str], expected: int, at_least_once: bool) -> None:
    last: dict[str, int] = {}
    for _offset, payload in iterate_file(path):
        found = _TEXT.search(payload)
        if found is None:
            raise ValidationFailed("Error validating file: a record cannot be decoded")
        key = found.group(1).decode("utf-8", "replace").split(".", 1)[0]
        values = [int(text) for text in found.group(2).split(b",") if text][-WINDOW:]
        if keys and key not in keys:
            raise ValidationFailed(f"Encountered a non-whitelisted key: {key}")
        for older, newer in zip(values, values[1:]):
            if newer != older + 1 and not (older == 0 and newer == 0):
                raise ValidationFailed(f"Increments test failed on {key}: {values}")
        if not values:
            raise ValidationFailed("Error validating file: a window without values")
        if key in last and values[-1] != last[key] + 1 and not (at_least_once and values[-1] <= last[key]):
            raise ValidationFailed(f"Sequentiality test failed on key {key}: {values[-1]} after {last[key]}")
        last[key] = values[-1]
    if len(keys) > 1 and set(keys) != set(last):
        raise ValidationFailed("Expected keys do not match observed keys")
    if expected:
        for key, value in last.items():
            if value != expected:
                raise ValidationFailed(f"Expected value test failed: {key} ends on {value}, not {expected}")
