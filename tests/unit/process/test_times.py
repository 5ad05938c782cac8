# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times that a server notes, for the run that completes another one: never a reason to fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import times


@pytest.fixture
def base(tmp_path: Path) -> str:
    (tmp_path / "run" / "worker2").mkdir(parents=True)
    return str(tmp_path)


def test_what_was_noted_is_known_until_a_new_stay_begins(base: str) -> None:
    times.note(base, "worker2", killed=1.5)
    times.note(base, "worker2", died=1.6, started=None)
    assert times.read(base, "worker2") == {"killed": 1.5, "died": 1.6}
    times.begin(base, "worker2", epoch=2)
    assert times.read(base, "worker2") == {"epoch": 2}
    assert [path.name for path in Path(base, "run", "worker2").iterdir()] == [times.FILE_NAME]


@pytest.mark.parametrize("damage", [b"", b"\xff\x00", b"[1]", b"[" * 100000, b'{"killed": {"a": 1}}'])
def test_a_damaged_note_is_as_good_as_none(base: str, damage: bytes) -> None:
    Path(base, "run", "worker2", times.FILE_NAME).write_bytes(damage)
    assert times.read(base, "worker2") == {}
    times.note(base, "worker2", killed=2.5)
    assert times.read(base, "worker2") == {"killed": 2.5}


def test_where_nothing_can_be_written_nothing_is_said(tmp_path: Path) -> None:
    times.note(str(tmp_path), "worker2", killed=1.0)
    assert times.read(str(tmp_path), "worker2") == {}


def test_every_kill_is_remembered_whatever_begins_after_it(base: str) -> None:
    assert times.kills(base, "worker2") == []
    times.note_kill(base, "worker2", 1.25, 1.5)
    times.begin(base, "worker2", epoch=2)
    times.note_kill(base, "worker2", 1795466797.123456, None)
    assert times.read(base, "worker2") == {"epoch": 2, "killed": 1795466797.123456}
    assert times.kills(base, "worker2") == [1.25, 1795466797.123456]
    with Path(base, "run", "worker2", times.KILLS_NAME).open("ab") as file:
        file.write(b"\xff\n1795466")
    assert times.kills(base, "worker2") == [1.25, 1795466797.123456], "damage, and what a full disk has torn"
    times.note_kill("/proc/none", "worker2", 3.0, None)
