# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When which value was sent."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import sending_times
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.sending_progress import Progress, Sending


def test_each_batch_leaves_a_record_before_it_is_handed_over(tmp_path: Path) -> None:
    path = str(tmp_path / "progress")
    progress = Progress(path, Sending(1, 20, [["key_0"], ["key_1"]]))
    progress.intend(1, 10)
    progress.intend(0, 20)
    progress.end(0, "", broken=False)
    assert [(one.connection, one.last) for one in sending_times.iterate(path)] == [(1, 10), (0, 20)]
    times = [one.nanoseconds for one in sending_times.iterate(path)]
    assert times == sorted(times)
    assert Path(sending_times.path_of(path)).stat().st_mode & 0o077 == 0


def test_the_next_sender_goes_on_with_the_same_file(tmp_path: Path) -> None:
    path = str(tmp_path / "progress")
    for first, last in ((1, 10), (11, 20)):
        progress = Progress(path, Sending(first, last, [["key_0"]]))
        progress.intend(0, last)
        progress.end(0, "", broken=False)
    assert [one.last for one in sending_times.iterate(path)] == [10, 20]


def test_a_torn_last_record_is_left_out_and_without_a_file_there_are_none(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    assert list(sending_times.iterate(str(path))) == []
    Path(sending_times.path_of(str(path))).write_bytes(sending_times.RECORD.pack(0, 5, 7) + b"torn")
    assert list(sending_times.iterate(str(path))) == [sending_times.Batch(0, 5, 7)]


def test_what_cannot_be_noted_keeps_nobody_from_sending(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    Path(sending_times.path_of(str(path))).mkdir()
    progress = Progress(str(path), Sending(1, 10, [["key_0"]]))
    progress.intend(0, 10)
    progress.handed(0, 10)
    progress.end(0, "", broken=False)
