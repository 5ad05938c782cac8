# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for an event, with a limit."""

from __future__ import annotations

import time

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import LimitReached, wait_until


def test_what_is_found_is_returned_at_once() -> None:
    begin = time.monotonic()
    assert wait_until(lambda: "found", 5, "it", pause=5) == "found"
    assert time.monotonic() - begin < 1


def test_the_event_is_looked_for_again_and_again() -> None:
    looks = iter([None, "", 0, "found"])
    assert wait_until(lambda: next(looks), 5, "it", pause=0.001) == "found"


def test_a_limit_of_nothing_still_looks_once() -> None:
    assert wait_until(lambda: 1, 0, "it") == 1


def test_the_limit_says_what_and_how_long_and_what_was_seen() -> None:
    begin = time.monotonic()
    with pytest.raises(LimitReached) as caught:
        wait_until(lambda: None, 0.1, "the port", lambda: "refused", pause=10)
    assert str(caught.value) == "waited 0.1 s for the port; last seen: refused"
    assert 0.1 <= time.monotonic() - begin < 5
    with pytest.raises(LimitReached, match=r"^waited 0 s for the port$"):
        wait_until(lambda: None, 0, "the port")


def test_an_error_of_the_look_ends_the_wait() -> None:
    with pytest.raises(ZeroDivisionError):
        wait_until(lambda: 1 // 0, 5, "it")
