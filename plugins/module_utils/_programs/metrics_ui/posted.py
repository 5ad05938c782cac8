# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what playbooks post: JSON objects of known fields, of which none is believed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Optional

TEXT_LIMIT = 200
"""Characters of a text, unless it may have more."""

_DAY = 86400


class PostRefused(ValueError):
    """Something that is not what it should be; says why."""


def fields(given: object, what: str, known: Collection[str]) -> Mapping[str, Any]:
    """The object that was posted.

    :param what: what it should be, such as ``mark``.
    :raises PostRefused: when it is none, or has a field that is not known.
    """
    if not isinstance(given, Mapping):
        raise PostRefused(f"a {what} is a JSON object")
    unknown = sorted(set(given) - set(known))
    if unknown:
        named = ", ".join(map(str, unknown))[:TEXT_LIMIT]
        raise PostRefused(f"a {what} has no {named.encode(errors='backslashreplace').decode()}")
    return given


def moment(given: Mapping[str, Any], now: float) -> float:
    """Its ``time``, in seconds since the epoch; now when it has none.

    :raises PostRefused: when it is no time, or one of another day.
    """
    time = given.get("time", now)
    # Compared and never subtracted: a whole number may be larger than any float.
    if isinstance(time, bool) or not isinstance(time, (int, float)) or not now - _DAY <= time <= now + _DAY:
        raise PostRefused("time is in seconds since the epoch and within a day of now")
    return float(time)


def text(given: Mapping[str, Any], name: str, limit: int = TEXT_LIMIT) -> Optional[str]:
    """A text that may be missing.

    :raises PostRefused: when it is no text, empty, or too long.
    """
    found = given.get(name)
    if found is None or (isinstance(found, str) and 0 < len(found) <= limit and _whole(found)):
        return found
    raise PostRefused(f"{name} is a text of 1 to {limit} characters")


def count(given: Mapping[str, Any], name: str) -> Optional[int]:
    """A number of things that may be missing.

    :raises PostRefused: when it is none.
    """
    found = given.get(name)
    # Larger ones are not exact in a browser.
    if found is None or (isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 1 << 53):
        return found
    raise PostRefused(f"{name} is a whole number from 0 on")


def _whole(found: str) -> bool:
    # JSON can name half a character, which no answer could be written with.
    return found.isascii() or found.encode(errors="replace").decode() == found
