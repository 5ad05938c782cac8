# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has been sent is known, whatever becomes of the sender: killed at moments of chance, refused, stopped."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.json_record import Damaged
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.sending_progress import (
    Progress,
    Sending,
    read,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until

from tests.damaged_records import DAMAGE, damage
from tests.program_runner import Programs, Source

LAST = 400


def arguments(source: Source, progress: Path, *others: object) -> list[object]:
    return ["--to", source.address, "--last", LAST, "--batch", 5, "--progress", progress, *others]


def known(progress: Path) -> dict[str, Any]:
    found = read(progress)
    assert found is not None
    return found.to_dict()


def arrived(source: Source) -> dict[str, int]:
    """How far each key has come, once the source has read everything; nothing is missing and nothing comes twice."""
    wait_until(lambda: source.open == 0, 10, "the source to read everything")
    for values in source.values.values():
        assert values == list(range(1, len(values) + 1))
    return {f"key_{key}": len(source.values.get(f"key_{key}", [])) for key in range(11)}


@pytest.mark.parametrize("seed", range(8))
def test_whenever_a_sender_is_killed_what_it_has_sent_is_known(
    programs: Programs, source: Source, tmp_path: Path, seed: int
) -> None:
    chance, progress = random.Random(seed), tmp_path / "progress"
    interval = chance.choice([0.0, 0.003, 0.02])
    sender = programs.start("sender", *arguments(source, progress, "--interval", interval))
    wait_until(progress.exists, 10, "the sender to begin")
    time.sleep(chance.random() * 0.4)
    sender.kill()
    sender.wait()
    left, came = known(progress), arrived(source)
    # Each key got all that is sure, and none more than what is possible.
    assert left["sure"] <= min(came.values())
    assert max(came.values()) <= left["perhaps"]
    if left["exact"]:
        sending = read(progress)
        assert sending is not None
        assert came == {key: value for keys, value in zip(sending.groups, sending.handed) for key in keys}
        if left["sure"] < LAST:
            code, output = programs.run(
                "sender", *arguments(source, progress, "--interval", 0, "--first", left["sure"] + 1, "--go-on")
            )
            assert code == 0, output
        assert set(arrived(source).values()) == {LAST}
        assert known(progress)["sure"] == LAST


def test_between_two_batches_it_is_known_exactly(programs: Programs, source: Source, tmp_path: Path) -> None:
    progress = tmp_path / "progress"
    sender = programs.start("sender", *arguments(source, progress, "--interval", 60))
    wait_until(lambda: progress.exists() and known(progress)["sure"] == 5, 10, "the first batch")
    assert known(progress)["exit_code"] is None
    sender.send_signal(signal.SIGKILL)
    sender.wait()
    assert known(progress) == {
        "first": 1,
        "last": LAST,
        "round": 0,
        "exit_code": None,
        "message": "",
        "begun": True,
        "sure": 5,
        "perhaps": 5,
        "exact": True,
    }
    code, _output = programs.run("sender", *arguments(source, progress, "--interval", 0, "--first", 6, "--go-on"))
    assert code == 0
    assert set(arrived(source).values()) == {LAST}
    left = known(progress)
    assert (left["first"], left["sure"], left["exit_code"]) == (6, LAST, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        ["--last", 99999999999999999999],
        ["--first", 900],
        ["--interval", "soon"],
        ["--first", 7, "--go-on"],
        ["--first", 401, "--last", 500, "--go-on", "--keys", 3],
    ],
)
def test_a_try_that_is_refused_leaves_what_is_known(
    programs: Programs, source: Source, tmp_path: Path, wrong: list[object]
) -> None:
    progress, result = tmp_path / "progress", tmp_path / "result.json"
    assert programs.run("sender", *arguments(source, progress, "--interval", 0, "--result", result))[0] == 0
    before = (progress.read_bytes(), result.read_bytes())
    assert programs.run("sender", *arguments(source, progress, "--result", result, *wrong))[0] == 2
    assert (progress.read_bytes(), result.read_bytes()) == before


def test_a_try_that_reaches_nobody_has_sent_nothing_more(programs: Programs, source: Source, tmp_path: Path) -> None:
    progress = tmp_path / "progress"
    assert programs.run("sender", *arguments(source, progress, "--interval", 0))[0] == 0
    source.close()
    more = ["--to", source.address, "--first", 401, "--last", 500, "--progress", progress, "--connect-limit", 0.2]
    assert programs.run("sender", *more)[0] == 1
    left = known(progress)
    assert (left["begun"], left["first"], left["sure"], left["perhaps"]) == (False, 401, 400, 400)
    assert "no connection to the source" in left["message"]


def test_a_file_of_which_some_was_sent_is_known(programs: Programs, source: Source, tmp_path: Path) -> None:
    progress, records = tmp_path / "progress", tmp_path / "records"
    records.write_bytes(b"".join(frame(b"%020d key_0" % number) for number in range(40)))
    wanted = ["--to", source.address, "--file", records, "--variable-size", "--progress", progress, "--round", 2]
    sender = programs.start("file_sender", *wanted, "--batch", 10, "--interval", 60)
    wait_until(lambda: progress.exists() and known(progress)["sure"] == 10, 10, "the first batch")
    sender.kill()
    sender.wait()
    left = known(progress)
    assert (left["round"], left["last"], left["perhaps"], left["exact"]) == (2, 40, 10, True)
    missing = [*wanted[:3], tmp_path / "missing", *wanted[4:]]
    assert programs.run("file_sender", *missing)[0] == 1
    assert known(progress) == left


@pytest.mark.parametrize("how", list(DAMAGE))
def test_damage_is_named_and_is_not_nothing(tmp_path: Path, how: str) -> None:
    path = damage(tmp_path / "progress", how)
    with pytest.raises(Damaged, match="start a fresh cluster"):
        read(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"0005 ", b"0003 "),
        (b"0005 ", b"9999 "),
        (b"0005 ", b"000x "),
        (b"0004\n", b"0004"),
        (b'"last": 9', b'"last": 0'),
    ],
)
def test_numbers_that_cannot_be_are_damage(tmp_path: Path, old: bytes, new: bytes) -> None:
    path = tmp_path / "progress"
    progress = Progress(str(path), Sending(1, 9, [["a"]]))
    progress.intend(0, 4)
    progress.handed(0, 4)
    progress.intend(0, 5)
    assert read(path) is not None
    assert path.read_bytes().count(old) == 1
    path.write_bytes(path.read_bytes().replace(old, new)[: -1 if old.endswith(b"\n") else None])
    with pytest.raises(Damaged):
        read(path)


def test_nothing_was_sent_where_nobody_ever_began(tmp_path: Path) -> None:
    assert read(tmp_path / "progress") is None
