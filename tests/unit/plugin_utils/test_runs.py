# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A place that cannot keep the folder of a run is refused before anything is done."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _runs
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal


class Full:
    """What is known of a full disk."""

    free = 7


def test_a_place_for_runs_that_cannot_be_one_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    _runs.refuse_unwritable(tmp_path / "not" / "there" / "yet")
    (tmp_path / "file").touch()
    with pytest.raises(Refusal, match="file is no directory, so the result of the run could not be kept"):
        _runs.refuse_unwritable(tmp_path / "file" / "runs")
    with pytest.raises(Refusal, match="nothing can be written there"):
        _runs.refuse_unwritable("/proc/runs")
    assert [path.name for path in tmp_path.iterdir()] == ["file"], "nothing is left of the look"


def test_a_place_that_is_full_is_refused_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_runs.shutil, "disk_usage", lambda _place: Full())
    with pytest.raises(Refusal, match="only 7 bytes are free there"):
        _runs.refuse_unwritable(tmp_path / "runs")
    assert list(tmp_path.iterdir()) == []


def test_a_place_in_which_nothing_more_can_be_written_is_refused(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_runs._TRIED - 1, before[1]))
    try:
        with pytest.raises(Refusal, match="nothing can be written there"):
            _runs.refuse_unwritable(tmp_path / "runs")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []
