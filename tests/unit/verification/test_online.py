# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verification while messages come."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Optional

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import arrivals, online
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.comparison import Comparison
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.guarantees import Allowance
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.violations import Fault

from tests.planter import PLANTS, plant
from tests.streams import Shape, shape

AT_THE_END = ("lost_tail", "missing_key", "torn_at_the_end", "beyond_last")
"""What only the end of the stream, or the last value, can show."""


class Stream:
    """A received file that grows, with its verification behind it."""

    def __init__(self, path: Path, check: online.Check) -> None:
        self.path, self.size, self.notes = path, 0, list[online.Note]()
        path.touch()
        self.online = online.Online(str(path), check, self.notes.append)
        self.online.start()

    def comes(self, data: bytes) -> None:
        for path, more in ((self.path, data), (Path(arrivals.path_of(str(self.path))), self._arrival(data))):
            with path.open("ab") as stream:
                stream.write(more)
        self.online.arrived(self.size)

    def _arrival(self, data: bytes) -> bytes:
        self.size += len(data)
        return arrivals.encode(self.size, 0, time.time_ns())


Streaming = Callable[[online.Check], Stream]


@pytest.fixture
def streaming(tmp_path: Path) -> Iterator[Streaming]:
    made: list[Stream] = []

    def make(check: online.Check) -> Stream:
        made.append(Stream(tmp_path / f"received-{len(made)}", check))
        return made[-1]

    yield make
    for stream in made:
        stream.online.finish(5)


def check_of(clean: Shape) -> Comparison:
    return Comparison(clean.keys, 1, online.NO_LAST, lambda _key: Allowance(), 100, clean.depth)


@pytest.mark.parametrize("name", sorted(set(PLANTS) - set(AT_THE_END)))
def test_each_violation_is_known_within_a_second_of_its_arrival(streaming: Streaming, name: str) -> None:
    clean = shape(3, planted=True)
    data = plant(name, clean.data, seed=3)
    stream = streaming(check_of(clean))
    same = next(at for at, (one, other) in enumerate(zip(data, clean.data)) if one != other)
    # Cut anywhere: up to the fault, then the rest, of which its arrival is the moment that counts.
    stream.comes(data[:same])
    stream.comes(data[same:])
    wait_until(lambda: stream.notes, 5, "the note")
    (note,) = stream.notes
    assert note.sentence
    assert not note.problem
    assert 0 <= note.known - note.arrived < 1
    assert online.noted(str(stream.path)) == note


def test_a_stream_that_is_cut_anywhere_is_no_violation(streaming: Streaming) -> None:
    clean = shape(8, planted=True)
    stream = streaming(check_of(clean))
    for at in range(0, len(clean.data), 777):
        stream.comes(clean.data[at : at + 777])
    stream.online.finish(10)
    assert not stream.notes
    assert online.noted(str(stream.path)) == online.Note()


class _Throws:
    first: Optional[Fault] = None

    def feed(self, _block: bytes) -> None:
        raise RuntimeError("a mistake of the verifier")


class _Hangs:
    first: Optional[Fault] = None

    def __init__(self) -> None:
        self.goes_on = threading.Event()

    def feed(self, _block: bytes) -> None:
        self.goes_on.wait(20)


def test_a_verifier_that_throws_is_told_of_and_found_nothing(streaming: Streaming) -> None:
    stream = streaming(_Throws())
    stream.comes(b"x")
    wait_until(lambda: stream.notes, 5, "the note")
    assert stream.notes[0].problem == (
        "nothing is verified any more while messages come: RuntimeError: a mistake of the verifier"
    )
    assert online.noted(str(stream.path)).sentence == ""


def test_a_verifier_that_does_not_answer_is_told_of(streaming: Streaming, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online, "ANSWERS", 0.1)
    check = _Hangs()
    stream = streaming(check)
    stream.comes(b"x")

    def told() -> bool:
        stream.online.look_after()
        return bool(stream.notes)

    wait_until(told, 5, "the note")
    check.goes_on.set()
    assert "it has not answered for 0.1 s" in stream.notes[0].problem


def test_a_note_of_an_earlier_run_is_over(tmp_path: Path) -> None:
    received = str(tmp_path / "received")
    Path(online.path_of(received)).write_text('{"sentence": "old"}')
    assert online.noted(received).sentence == "old"
    online.Online(received, _Throws(), lambda note: None)
    assert online.noted(received) == online.Note()
