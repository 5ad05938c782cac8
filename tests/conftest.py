# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests share: where the repository and the recorded bytes of a real engine lie."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it puts into the background so, and everything that is started here would ignore Ctrl-C too.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def handlers_of_signals() -> Iterator[None]:
    """What a test sets ends with it: ansible-runner, and a program called in here, set handlers and leave them."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """Small recorded files that every clone has."""
    return REPOSITORY / "tests" / "fixtures"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Large recorded files that lie beside the checkout; a clone elsewhere does not have them.

    Skips with the reason where they are missing, and fails instead when ``CI`` is set, so that
    a continuous integration run cannot pass without having looked at them.
    """
    data = REPOSITORY.parent / "shared" / "data"
    if not data.is_dir():
        reason = f"{data} does not exist: the large recorded files are not part of a clone"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return data
