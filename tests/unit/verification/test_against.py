# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verifier with other expectations: market-spread, plain counters, and another file."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import FrameSplitter, frame
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.market_data.main import write_files
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import against, expectations, sequences
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.ordering import OrderingResult

from tests.planter import PLANTS, plant
from tests.streams import shape

Received = Callable[..., Path]

DATA = {"seed": 7, "symbols": 40, "orders": 1500, "quotes": 300, "rejecting": 0.3}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("market")
    write_files(folder, DATA)
    return [folder / f"{name}.msg" for name in ("initial-nbbo", "orders", "nbbo")]


@pytest.fixture(scope="module")
def results(inputs: list[Path]) -> list[bytes]:
    """What comes out, in the order of the orders, each with a moment of its own."""
    made = expectations.market_spread_results(inputs)
    return [token + struct.pack(">Q", 1000 + number) for number, (_symbol, token) in enumerate(made)]


def symbol(payload: bytes) -> bytes:
    return payload[11:15]


def wave(payloads: list[bytes], random: Random) -> list[bytes]:
    """Each symbol in its order, the symbols anyhow."""
    queues: dict[bytes, list[bytes]] = {}
    for payload in payloads:
        queues.setdefault(symbol(payload), []).append(payload)
    order = [symbol(payload) for payload in payloads]
    random.shuffle(order)
    return [queues[one].pop(0) for one in order]


def joined(payloads: list[bytes]) -> bytes:
    return b"".join(map(frame, payloads))


def kinds(result: OrderingResult) -> list[str]:
    return [violation.kind for violation in result.violations]


# -- market-spread --------------------------------------------------------------------------------------


def test_the_recorded_results_of_a_real_engine_are_those_of_the_model(shared_data: Path, received: Received) -> None:
    sinks = shared_data / "wallaroo-0.5.4" / "market_spread"
    data = b"".join((sinks / f"sink-{worker}.bin").read_bytes() for worker in ("initializer", "worker2"))
    files = [
        shared_data / "market_spread" / f"{name}.msg"
        for name in ("initial-nbbo-350", "orders-1000", "nbbo-1000", "orders-1000")
    ]
    result = against.market_spread(received(data), files)
    assert result.message() == "119 of 119 messages of 81 keys, each exactly once and in order"
    # With the quotes at another time other orders are rejected.
    assert against.market_spread(received(data), [files[0], files[2], files[1], files[3]]).verdict == "fail"
    assert against.market_spread(received(data[:-59]), files).violation_count == 1


@pytest.mark.parametrize("seed", range(20))
def test_results_pass_however_the_symbols_interleave(
    inputs: list[Path], results: list[bytes], received: Received, seed: int
) -> None:
    result = against.market_spread(received(joined(wave(results, Random(seed)))), inputs)
    assert (result.verdict, result.received, result.reason) == ("pass", len(results), "")


def _spoilt(kind: str, payloads: list[bytes], random: Random) -> bytes:
    of: dict[bytes, list[int]] = {}
    for index, payload in enumerate(payloads):
        of.setdefault(symbol(payload), []).append(index)
    own = random.choice([indexes for indexes in of.values() if len(indexes) > 20])
    number = random.randrange(8, len(own) - 8)
    at = own[number]
    frames = list(map(frame, payloads))
    if kind == "gap":
        for index in own[number : number + random.randint(1, 4)]:
            frames[index] = b""
    elif kind == "lost_head":
        frames[own[0]] = b""
    elif kind == "lost_tail":
        frames[own[-1]] = b""
    elif kind == "missing_key":
        for index in own:
            frames[index] = b""
    elif kind == "duplicate":
        frames[at] *= random.randint(2, 3)
    elif kind == "rewind":
        frames[at] = b"".join(frames[index] for index in own[number - 5 : number]) + frames[at]
    elif kind == "reorder":
        frames[at], frames[own[number + 1]] = frames[own[number + 1]], frames[at]
    elif kind == "unknown_key":
        frames[at] = frames[at][:15] + b"????" + frames[at][19:]
    elif kind == "torn_frame":
        frames[at] = frames[at][: random.randrange(4, 50)]
    elif kind == "garbage":
        frames[at] += bytes(random.randrange(128, 256) for _ in range(random.randint(4, 100)))
    elif kind == "wrong_result":
        # The state of the symbol was lost, or was an older one.
        quote = random.choice([bytes(16), struct.pack(">dd", 9.0, 9.9)])
        frames[at] = frame(payloads[at][:31] + quote + payloads[at][47:])
    return b"".join(frames)


KINDS = (
    *("gap", "lost_head", "lost_tail", "missing_key", "duplicate", "rewind", "reorder", "unknown_key"),
    *("torn_frame", "garbage", "wrong_result"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_each_planted_fault_is_caught_and_classed_right(
    inputs: list[Path], results: list[bytes], received: Received, kind: str
) -> None:
    for seed in range(12):
        data = _spoilt(kind, wave(results, Random(seed)), Random(seed))
        result = against.market_spread(received(data), inputs)
        assert kinds(result) == [kind], (seed, [one.sentence() for one in result.violations])
        assert result.violations[0].around


def test_an_order_that_was_not_to_be_rejected_is_no_result(
    inputs: list[Path], results: list[bytes], received: Received
) -> None:
    accepted = next(
        payload
        for payload in expectations.frames_of(inputs[1])
        if payload[1:32] not in {result[:31] for result in results}
    )
    (other,) = {symbol(results[5])}
    added = accepted[1:12] + other + accepted[16:32] + bytes(24)
    result = against.market_spread(received(joined([*results[:6], added, *results[6:]])), inputs)
    assert kinds(result) == ["wrong_result"]


def test_what_cannot_be_known_is_unknown(inputs: list[Path], received: Received, tmp_path: Path) -> None:
    path = received(b"")
    assert "no input was named" in against.market_spread(path, []).message()
    assert against.market_spread(path, [tmp_path / "gone"]).message() == (
        f"unknown: what was to come out is not known: {tmp_path / 'gone'} could not be read: No such file or directory"
    )
    (tmp_path / "torn").write_bytes(inputs[1].read_bytes()[:-1])
    assert "the stream ends inside the frame" in against.market_spread(path, [tmp_path / "torn"]).message()
    (tmp_path / "other").write_bytes(frame(b"x"))
    assert "record 0 of" in against.market_spread(path, [tmp_path / "other"]).message()
    assert "could not be read" in against.market_spread(tmp_path / "gone", inputs).message()


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_it_does_not_matter_how_the_file_is_cut(
    inputs: list[Path], results: list[bytes], received: Received, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    path = received(_spoilt("torn_frame", results, Random(1)))
    whole = against.market_spread(path, inputs)
    assert whole.received == len(results) - 1, "a torn frame is no message"
    monkeypatch.setattr(sequences, "_BLOCK", block)
    assert against.market_spread(path, inputs) == whole


# -- counters and other files ---------------------------------------------------------------------------


def counts(values: dict[str, list[int]], form: str = "{},{}") -> bytes:
    return joined([form.format(key, value).encode() for key in values for value in values[key]])


@pytest.mark.parametrize("form", ["{},{}", "({}, {})", "{}: {}\n", "{}=>{}"])
def test_counters_pass_in_any_usual_form(received: Received, form: str) -> None:
    data = counts({"a": [*range(1, 30)], "b": [*range(1, 30)]}, form)
    assert against.counters(received(data), ["a", "b"], 29).verdict == "pass"


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 4, 5, 6], "gap"),
        ([2, 3, 4, 5, 6], "lost_head"),
        ([1, 2, 3, 4, 5], "lost_tail"),
        ([1, 2, 3, 3, 4, 5, 6], "duplicate"),
        ([1, 2, 4, 3, 5, 6], "reorder"),
        ([1, 2, 3, 4, 2, 3, 4, 5, 6], "rewind"),
        ([], "missing_key"),
        ([1, 2, 3, 4, 5, 6, 7], "beyond_last"),
    ],
)
def test_counters_that_are_wrong_are_classed(received: Received, values: list[int], kind: str) -> None:
    data = counts({"a": values, "b": [*range(1, 7)]})
    assert kinds(against.counters(received(data), ["a", "b"], 6)) == [kind]


def test_counters_may_repeat_where_that_is_allowed(received: Received) -> None:
    path = received(counts({"a": [1, 2, 3, 4, 2, 3, 4, 5, 6]}))
    assert against.counters(path, ["a"], 6, mode="at_least_once").verdict == "pass"


def test_two_runs_are_the_same_when_each_key_is(received: Received) -> None:
    one, other = shape(4, planted=True), shape(4, planted=True)
    payloads = FrameSplitter().feed(other.data)
    # Sorted by key: each key keeps its order.
    again = joined(sorted(payloads, key=lambda payload: payload.split(b".")[0]))
    original = received(one.data, "original")
    assert against.same_as(received(again), original).verdict == "pass"
    assert against.same_as(received(again), original, "frames").verdict == "fail"
    assert against.same_as(received(one.data), original, "frames").verdict == "pass"


@pytest.mark.parametrize("name", ["gap_of_several", "duplicate", "rewind", "reorder_late", "lost_tail", "missing_key"])
def test_a_plant_is_called_by_the_same_name_whatever_is_expected(received: Received, name: str) -> None:
    clean = shape(6, planted=True)
    path, original = received(plant(name, clean.data, 6)), received(clean.data, "original")
    assert kinds(against.same_as(path, original)) == [PLANTS[name].kind]


def test_memory_depends_on_how_far_the_keys_are_apart_and_not_on_the_file(received: Received) -> None:
    path = received(b"".join(counts({key: [value] for key in "abc"}) for value in range(1, 5_001)))
    against.counters(path, ["a", "b", "c"], 10)
    tracemalloc.start()
    assert against.counters(path, ["a", "b", "c"], 5_000).verdict == "pass"
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A number of eight bytes for each message that came, and the block that is read.
    assert peak < 3 << 20


def test_keys_that_are_too_far_apart_are_unknown(received: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "_AHEAD", 100)
    monkeypatch.setattr(sequences, "_WHOLE", 50)
    near = received(counts({"a": [*range(1, 91)], "b": [*range(1, 91)]}))
    assert against.counters(near, ["a", "b"], 90).verdict == "pass"
    far = received(counts({"a": [*range(1, 500)], "b": [*range(1, 500)]}))
    assert against.counters(far, ["a", "b"], 499).message() == (
        "unknown: keys are further apart than 100 messages, which is more than can be kept"
    )


@pytest.mark.parametrize("form", sorted(expectations.FORMATS))
def test_any_bytes_get_a_verdict(received: Received, form: str) -> None:
    clean = {"counter": counts({"a": [*range(1, 60)]}), "detector": shape(2, planted=True).data}.get(form, b"")
    for seed in range(15):
        random = Random(seed)
        data = bytearray(clean or joined([random.randbytes(55) for _ in range(60)]))
        original = received(bytes(data), "original") if form != "market_spread" else received(b"", "original")
        for _ in range(random.randint(1, 4)):
            at = random.randrange(len(data))
            data[at : at + random.choice([0, 0, 1, 30])] = random.randbytes(random.randint(1, 20))
        result = against.same_as(received(bytes(data)), original, form)
        assert result.verdict == "fail"
        assert all(one.sentence() for one in result.violations)
