# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real processes to look at, started in every test anew and gone after it, also when it fails."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import record as records
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.start import start
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.stop import kill

StartPython = Callable[..., ProcessRecord]

SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def base(tmp_path: Path) -> Iterator[str]:
    """The directory of a server; what was started below it is killed in the end."""
    path = tmp_path / "server"
    yield str(path)
    for folder in (entry.parent for entry in (path / "run").glob("*/process.json")):
        try:
            known = records.read(str(path), folder.name)
        except ValueError:
            continue
        if known is not None:
            kill(known.identity)


@pytest.fixture
def start_python(base: str) -> StartPython:
    """Starts a Python program, given as its text, under a name."""

    def starter(text: str = SLEEP, name: str = "program", arguments: tuple[str, ...] = (), **options: Any) -> Any:
        return start(base, name, "test", [sys.executable, "-u", "-c", text, *arguments], **options)

    return starter
