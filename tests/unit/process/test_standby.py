# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An act that was prepared is done when told, once, and by nobody else's word."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import standby
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.standby import NotDone, Prepared, prepare
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until


def gone(what: str) -> bool:
    """Whether nobody stands by for it, or will not in a moment; it is not told to do it."""

    def nobody() -> bool:
        try:
            Prepared(what).close()
        except NotDone:
            return True
        return False

    return wait_until(nobody, 10.0, "the end of who stands by")


def test_it_is_done_when_told_and_once(tmp_path: Path) -> None:
    here = os.getpid()
    prepare(str(tmp_path), lambda: (tmp_path / "done").write_text(f"{os.getpid()} {os.getsid(0)}"), os.geteuid())
    ready = Prepared(str(tmp_path))
    assert not (tmp_path / "done").exists()
    ready.do()
    pid, session = map(int, (tmp_path / "done").read_text().split())
    assert pid != here
    assert session != os.getsid(0), "it outlives who prepared it"
    with pytest.raises(NotDone, match="nobody stands by for"):
        Prepared(str(tmp_path))


def test_what_goes_wrong_is_told(tmp_path: Path) -> None:
    def fail() -> None:
        raise ValueError("the network is gone")

    prepare(str(tmp_path), fail, os.geteuid())
    with pytest.raises(NotDone, match="the network is gone"):
        Prepared(str(tmp_path)).do()


def test_one_that_dies_has_done_nothing(tmp_path: Path) -> None:
    prepare(str(tmp_path), lambda: os._exit(1), os.geteuid())
    with pytest.raises(NotDone, match="has died"):
        Prepared(str(tmp_path)).do()


def test_who_hangs_up_without_a_word_has_nothing_done(tmp_path: Path) -> None:
    prepare(str(tmp_path), (tmp_path / "done").touch, os.geteuid())
    Prepared(str(tmp_path)).close()
    assert gone(str(tmp_path))
    assert not (tmp_path / "done").exists()


def test_who_hangs_up_after_the_word_waits_for_its_end(tmp_path: Path) -> None:
    def slowly() -> None:
        time.sleep(0.3)
        (tmp_path / "done").touch()

    prepare(str(tmp_path), slowly, os.geteuid())
    ready = Prepared(str(tmp_path))
    ready.begin()
    ready.close()
    assert (tmp_path / "done").exists()


def test_the_next_one_takes_the_place_of_one_that_was_left(tmp_path: Path) -> None:
    for name in ("first", "second"):
        prepare(str(tmp_path), lambda name=name: (tmp_path / name).touch(), os.geteuid())  # type: ignore[misc]
    Prepared(str(tmp_path)).do()
    assert [path.name for path in tmp_path.iterdir()] == ["second"]


def test_nobody_waits_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standby, "_CALL_SECONDS", 0.0)
    prepare(str(tmp_path), (tmp_path / "done").touch, os.geteuid())
    assert gone(str(tmp_path))


def test_another_user_is_not_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(str(tmp_path), (tmp_path / "done").touch, os.geteuid())
    user: Any = standby._user
    monkeypatch.setattr(standby, "_user", lambda peer: user(peer) + 1)
    with pytest.raises(NotDone, match="another user"):
        Prepared(str(tmp_path))
    # Who stands by looks in the same way.
    prepare(f"{tmp_path}/other", (tmp_path / "done").touch, os.geteuid())
    monkeypatch.setattr(standby, "_user", user)
    with pytest.raises(NotDone):
        Prepared(f"{tmp_path}/other").do()
    assert not (tmp_path / "done").exists()
