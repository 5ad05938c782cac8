# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source log says of what was sent, of its readers and of crashes."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import source_log
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import encode_input
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame, frames, whole
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.source_log import (
    Event,
    Moment,
    Recovery,
    SourceLogError,
    Status,
)
from hypothesis import given, settings
from hypothesis import strategies as st

FEW = settings(max_examples=50, deadline=None, database=None)
times = st.floats(0, 2e9)
numbers = st.integers(0, 10**18)
texts = st.text(max_size=30)


def read(time: float, event: str, reader: int, at: int, asked: str, peer: str) -> Event:
    return Event(time, event, reader, at, asked, peer)


made_events = st.one_of(
    st.builds(lambda time, n: Event(time, "open", records=n), times, numbers),
    st.builds(lambda time, r, n: Event(time, "ack", reader=r, at=n), times, numbers, numbers),
    st.builds(lambda time, r, n: Event(time, "closed", reader=r, sent=n), times, numbers, numbers),
    # With a function: hypothesis would give a named tuple the other fields, too, which these events do not have.
    st.builds(read, times, st.sampled_from(["from", "refused"]), numbers, numbers, texts, texts),
)


def begun(time: float, reader: int, at: int, asked: str = "FROM") -> Event:
    return Event(time, "from", reader, at, asked, "127.0.0.1:9")


def acknowledged(time: float, reader: int, at: int) -> Event:
    return Event(time, "ack", reader, at)


RUN = [
    Event(1.0, "open"),
    begun(2.0, 1, 0),
    acknowledged(3.0, 1, 100),
    acknowledged(4.0, 1, 200),
    Event(5.0, "closed", 1, sent=260),
    begun(6.0, 2, 200),
    acknowledged(7.0, 2, 300),
    begun(9.0, 3, 300),
    begun(9.5, 4, 300),
]


@FEW
@given(st.lists(made_events), st.binary(max_size=40))
def test_events_come_back_and_a_torn_last_line_is_left_out(
    tmp_path_factory: pytest.TempPathFactory, written: list[Event], torn: bytes
) -> None:
    path = tmp_path_factory.mktemp("events") / "sent.events"
    path.write_bytes(b"".join(one.encode() for one in written) + torn.replace(b"\n", b""))
    assert source_log.events(path) == written


def test_without_a_file_there_are_no_events(tmp_path: Path) -> None:
    assert source_log.events(tmp_path / "sent.events") == []


@pytest.mark.parametrize(
    "line",
    [
        b"nothing",
        b"[]",
        b'{"time":1,"event":"began"}',
        b'{"time":1,"event":"ack","reader":1}',
        b'{"time":1,"event":"ack","reader":1,"at":-1}',
        b'{"time":1,"event":"ack","reader":1,"at":true}',
        b'{"time":"1","event":"open","records":1}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_line_that_is_no_event_is_named(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "sent.events"
    path.write_bytes(RUN[0].encode() + line + b"\n")
    with pytest.raises(SourceLogError, match=r"sent\.events is damaged in line 2: "):
        source_log.events(path)


def test_the_bytes_are_those_of_the_contract() -> None:
    assert RUN[0].encode() == b'{"time":1.0,"event":"open","records":0}\n'
    assert RUN[1].encode() == b'{"time":2.0,"event":"from","reader":1,"at":0,"asked":"FROM","peer":"127.0.0.1:9"}\n'
    assert RUN[2].encode() == b'{"time":3.0,"event":"ack","reader":1,"at":100}\n'
    assert RUN[4].encode() == b'{"time":5.0,"event":"closed","reader":1,"sent":260}\n'


def test_covered_is_the_highest_that_was_acknowledged_up_to_a_moment() -> None:
    assert source_log.covered([]) == 0
    assert source_log.covered(RUN) == 300
    assert source_log.covered(RUN, 3.5) == 100
    assert source_log.covered(RUN, 4.0) == 200
    assert source_log.covered([*RUN, acknowledged(10.0, 4, 250)]) == 300


def test_each_crash_has_the_readers_that_came_between_it_and_the_next() -> None:
    assert source_log.recoveries(RUN, [8.0, 4.5, 20.0]) == [
        Recovery(4.5, 200, froms=(200,), resumed=200, replayed=True, readers=(2,)),
        Recovery(8.0, 300, froms=(300, 300), resumed=300, replayed=True, readers=(3, 4)),
        Recovery(20.0, 300),
    ]
    assert source_log.recoveries(RUN, []) == []


@pytest.mark.parametrize(
    ("kills", "moments"),
    [
        ([4.5], [Moment(4.5), Moment(9.0, assumed=True)]),
        # Nobody noted the first one: its reader went.
        ([], [Moment(5.0, assumed=True), Moment(9.0, assumed=True)]),
        # Two workers that were down at the same time; and one that is not back yet.
        ([4.5, 4.7, 8.0, 12.0, 13.0], [Moment(4.5), Moment(8.0), Moment(12.0)]),
        # Before anybody read there was nothing to repeat.
        ([1.5, 4.5, 8.0], [Moment(4.5), Moment(8.0)]),
    ],
)
def test_a_crash_that_nobody_noted_is_known_by_the_reader_that_went(kills: list[float], moments: list[Moment]) -> None:
    assert source_log.moments(RUN, kills) == moments


def test_a_reader_that_begins_again_before_anything_was_sent_is_no_crash() -> None:
    early = [begun(2.0, 1, 0), Event(2.5, "closed", 1, sent=0), begun(3.0, 2, 0), acknowledged(4.0, 2, 10)]
    assert source_log.moments(early, []) == []
    assert source_log.moments([*early, begun(5.0, 3, 10)], []) == [Moment(5.0, assumed=True)]


def test_a_source_that_takes_what_comes_replays_nothing() -> None:
    (recovery,) = source_log.recoveries([*RUN[:5], begun(6.0, 2, 280, "NOW")], [4.5])
    assert (recovery.resumed, recovery.replayed, recovery.covered) == (280, False, 200)


@FEW
@given(st.lists(made_events), st.lists(times, max_size=5))
def test_no_reader_belongs_to_two_crashes(made: list[Event], kills: list[float]) -> None:
    numbered = [one._replace(reader=number) for number, one in enumerate(made)]
    found = source_log.recoveries(numbered, kills)
    assert [one.killed for one in found] == sorted(kills)
    taken = [reader for one in found for reader in one.readers]
    assert len(taken) == len(set(taken))
    late = [one.reader for one in numbered if one.event == "from" and kills and one.time >= min(kills)]
    assert sorted(taken) == late


@FEW
@given(
    st.lists(st.tuples(st.integers(0, 2**64 - 1), st.sampled_from(["a", "b", "Ä"])), max_size=30),
    st.data(),
    st.binary(max_size=8),
)
def test_values_at_a_position_are_the_last_before_it(
    tmp_path_factory: pytest.TempPathFactory, sent: list[tuple[int, str]], data: st.DataObject, torn: bytes
) -> None:
    path = tmp_path_factory.mktemp("log") / "sent.log"
    path.write_bytes(b"".join(frame(encode_input(*one)) for one in sent) + frame(bytes(20))[: len(torn)])
    positions = data.draw(st.lists(st.integers(0, len(sent))))
    expected = [{key: value for value, key in sent[:position]} for position in positions]
    assert source_log.values_at(path, positions) == expected


def test_a_position_behind_the_end_and_a_record_that_is_no_input_are_named(tmp_path: Path) -> None:
    path = tmp_path / "sent.log"
    path.write_bytes(frames([encode_input(1, "a"), encode_input(2, "a")]) + b"\0\0")
    for position in (3, 100):
        with pytest.raises(SourceLogError, match=f"holds 2 whole records, and number {position} was asked for"):
            source_log.values_at(path, [1, position])
    with pytest.raises(SourceLogError, match="-1 is no position"):
        source_log.values_at(path, [-1])
    path.write_bytes(frames([b"short"]))
    with pytest.raises(SourceLogError, match="a record that is no input message"):
        source_log.values_at(path, [1])


def test_a_status_comes_back_and_anything_else_is_refused() -> None:
    assert Status.decoded(Status(7, 3).encoded()) == Status(7, 3)
    for line in (b"", b"STATUS 1\n", b"ERROR no\n", b"STATUS 1 2 3\n", b"STATUS " + b"9" * 40 + b" 1\n"):
        with pytest.raises(ValueError, match="it answers"):
            Status.decoded(line)


@FEW
@given(st.lists(st.binary(max_size=20), max_size=10), st.integers(0, 12), st.data())
def test_whole_frames_are_counted_up_to_a_torn_one(payloads: list[bytes], most: int, data: st.DataObject) -> None:
    bytes_ = frames(payloads)
    cut = data.draw(st.integers(0, len(bytes_)))
    ends = [len(frames(payloads[:count])) for count in range(1, len(payloads) + 1)]
    fitting = [end for end in ends if end <= cut]
    assert whole(bytes_[:cut]) == (len(fitting), max(fitting, default=0))
    assert whole(memoryview(bytes_), most) == (min(most, len(ends)), ([0, *ends])[min(most, len(ends))])
