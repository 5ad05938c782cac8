# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a file or a stream holds: a parser understands it or raises its own error, and takes little memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster import record as cluster_record
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.files import resilience_set
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.restoration import (
    RestorationError,
    clear,
    replay,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import (
    checkpoint_ids,
    detector,
    event_log,
    external,
    journal,
    local_keys,
    market_spread,
    metrics,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.address_file import (
    AddressFileError,
    read_address,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import (
    FrameError,
    FrameSplitter,
    frames,
    iterate_file,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.json_record import Damaged
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import record as process_record
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.applications.symbols import (
    read_symbols,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.command_line import (
    UsageError,
    worker_options,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.recovery_files import RecoveryFiles
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.file_sender.main import (
    Records,
    SendingFailed,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.market_data.main import write_files
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience import ownership
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.manifest import Manifest, ManifestError
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import run_lock
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import arrivals
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.ordering import verify
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.progress import Progress
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.validator_rule import validate
from hypothesis import given
from hypothesis import strategies as st

from tests.decoders import all_checkpoint_ids, decode_order, decode_quote, decode_result

from .inputs import bounded_memory, fuzzed, inputs, pieces, refusal_allowed

DETECTOR = "multi_partition_detector"
RECORDED = Path(__file__).resolve().parents[1] / "fixtures" / "wallaroo-0.5.4" / DETECTOR


def recorded(suffix: str, worker: str = "worker2", moment: str = "resilience-before-kill") -> bytes:
    return (RECORDED / moment / f"{DETECTOR}-{worker}.{suffix}").read_bytes()


@dataclass
class Parser:
    """What reads a file, what it may raise, and what it usually reads."""

    read: Callable[[Path], Any]
    errors: tuple[type[Exception], ...]
    samples: list[bytes]
    name: str = field(default="file")
    """The path of the file below a directory of its own."""


def whole(iterate: Callable[[Path], Any]) -> Callable[[Path], Any]:
    return lambda path: list(iterate(path))


def states(path: Path) -> None:
    for _offset, record in event_log.iterate(path):
        if isinstance(record, event_log.StepState):
            event_log.parse_state_payload(record.payload)


def of_worker(path: Path) -> RecoveryFiles:
    return RecoveryFiles(resilience_set(path.parent, DETECTOR, "worker2"))


def restored(path: Path) -> None:
    """The journal of a worker whose event log journal is whole."""
    into = path.parent / "into"
    clear(into)
    log = path.with_name(f"{DETECTOR}-worker2.evlog.journal")
    if not log.exists():
        log.write_bytes(recorded("evlog.journal"))
    replay(resilience_set(path.parent, DETECTOR, "worker2"), into)


PROCESS = {
    "name": "worker2",
    "kind": "worker",
    "identity": {"pid": 1, "start_ticks": 2, "boot_id": "b", "command": ["a"]},
    "argv": ["a"],
    "cwd": "/",
    "log": "/l",
    "started": 1.0,
    "details": {},
}
OWNER = {
    "worker": "worker2",
    "epoch": 1,
    "state": "owner",
    "server": "s",
    "moved_to": "",
    "since": "",
    "copied_from": "",
}
CLUSTER = {
    "identifier": "c",
    "application": DETECTOR,
    "engine": "embedded",
    "version": "0.5.4",
    "workers": 1,
    "servers": [{"name": "s", "address": "127.0.0.1", "base": "/b"}],
    "placement": {"initializer": "s"},
}
LOCK = {"run": "r", "description": "d", "controller": "c", "pid": 1, "start_ticks": 2}
MARKET = {"seed": 1, "symbols": 1, "orders": 1, "quotes": 1, "rejecting": 1.0}
METRICS = (RECORDED / "metrics-worker2.bin").read_bytes()
OUTPUTS = frames(detector.encode_output(f"key_{key}", (0, 0, 0, 1)) for key in range(3))
ORDER = market_spread.Order(1, 7, "000042", " BTU", 100.0, 20.5, "20151204-14:30:00.000")
QUOTE = market_spread.Quote(" BTU", "20151204-14:30:00.000", 20.0, 20.01)
RESULT = market_spread.Result(1, 7, "000042", " BTU", 100.0, 20.5, 20.0, 20.01, 5)

FILES = {
    "address file": Parser(
        read_address, (AddressFileError,), [recorded("tcp-data"), recorded("tcp-control", "initializer")]
    ),
    "checkpoint ids": Parser(all_checkpoint_ids, (checkpoint_ids.TornRecord,), [recorded("checkpoint_ids")]),
    "last checkpoint id": Parser(checkpoint_ids.read_last, (checkpoint_ids.TornRecord,), [recorded("checkpoint_ids")]),
    "event log": Parser(states, (event_log.EventLogError,), [recorded("evlog")[:1500]]),
    "a checkpoint of the event log": Parser(
        lambda path: event_log.find_checkpoint(path, 2), (event_log.EventLogError,), [recorded("evlog")[:3000]]
    ),
    "local keys": Parser(
        whole(local_keys.iterate),
        (local_keys.LocalKeysError,),
        [b"".join(local_keys.encode(local_keys.LocalKey(0, 1, "symbol-data", key)) for key in (" AA", "BB"))],
    ),
    "journal": Parser(whole(journal.iterate), (journal.JournalError,), [recorded("journal")[:1000]]),
    "restoration": Parser(restored, (RestorationError,), [recorded("journal")], f"{DETECTOR}-worker2.journal"),
    "restoration of the event log": Parser(
        lambda path: restored(path.with_name(f"{DETECTOR}-worker2.journal")),
        (RestorationError,),
        [recorded("evlog.journal")],
        f"{DETECTOR}-worker2.evlog.journal",
    ),
    "connection addresses": Parser(
        lambda path: of_worker(path).read_connection_addresses(),
        (ValueError,),
        [recorded("connection-addresses")],
        f"{DETECTOR}-worker2.connection-addresses",
    ),
    "files of a crashed worker": Parser(
        lambda path: of_worker(path).mend(),
        (event_log.EventLogError,),
        [recorded("evlog")[:800]],
        f"{DETECTOR}-worker2.evlog",
    ),
    "process record": Parser(
        lambda path: process_record.read(str(path.parents[2]), "worker2"),
        (ValueError,),
        [json.dumps(PROCESS).encode()],
        "run/worker2/process.json",
    ),
    "ownership": Parser(
        lambda path: ownership.read(str(path.parents[2]), "worker2"),
        (Damaged,),
        [json.dumps(OWNER).encode()],
        "run/worker2/ownership.json",
    ),
    "cluster record": Parser(
        lambda path: cluster_record.read(str(path.parents[1])),
        (ValueError,),
        [json.dumps(CLUSTER).encode()],
        "run/cluster.json",
    ),
    "manifest": Parser(
        lambda path: Manifest.from_dict(json.loads(path.read_bytes())),
        # What is no JSON was refused by whoever received it.
        (ManifestError, ValueError, RecursionError),
        [json.dumps({"worker": "w", "files": [{"name": "a", "size": 1, "sha256": "0" * 64}]}).encode()],
    ),
    "frames of a file": Parser(whole(iterate_file), (FrameError,), [OUTPUTS]),
    "received file": Parser(lambda path: verify(path, ["key_0", "key_1"], 1), (), [OUTPUTS]),
    "validated file": Parser(lambda path: validate(path, ["key_0"], 1), (), [OUTPUTS]),
    "records to be sent": Parser(
        lambda path: Records([str(path)], 57, are_frames=False).check(),
        (SendingFailed,),
        [frames([market_spread.encode_order(ORDER)] * 3)],
    ),
    "frames to be sent": Parser(
        lambda path: Records([str(path)], 0, are_frames=True).check(), (SendingFailed,), [OUTPUTS]
    ),
    "description of market data": Parser(
        lambda path: write_files(path.parent, MARKET),
        (),
        [json.dumps({"arguments": MARKET, "sha256": {}}).encode()],
        "market_data.json",
    ),
    "lock": Parser(lambda path: run_lock.holder(str(path.parent)), (), [json.dumps(LOCK).encode()], "run.lock"),
    "progress": Parser(lambda path: Progress(path, ["key_0", "key_1"]).update(), (), [OUTPUTS]),
    "arrivals": Parser(
        lambda path: list(arrivals.iterate(str(path).removesuffix(".arrivals"))),
        (),
        [b"".join(arrivals.encode(10 * number, number, number) for number in range(4))],
        "received.bin.arrivals",
    ),
    "symbols": Parser(read_symbols, (ValueError,), [b"AAPL\n BTU,5\n"]),
}

PAYLOADS: dict[str, tuple[Callable[[bytes], Any], type[Exception], list[bytes]]] = {
    "detector input": (detector.decode_input, ValueError, [detector.encode_input(1, "key_0")]),
    "detector output": (detector.decode_output, ValueError, [detector.encode_output("key_0", (1, 2, 3, 4))]),
    "external message": (external.decode, ValueError, [b"\x00\x09", b"\x00\x01text"]),
    "metrics message": (
        metrics.decode,
        metrics.MetricsError,
        [b"\x01", (RECORDED / "metrics-worker2.bin").read_bytes()[4:60]],
    ),
    "order": (decode_order, market_spread.MarketMessageError, [market_spread.encode_order(ORDER)]),
    "quote": (decode_quote, market_spread.MarketMessageError, [market_spread.encode_quote(QUOTE)]),
    "result": (decode_result, market_spread.MarketMessageError, [market_spread.encode_result(RESULT)]),
    "state of a step": (
        event_log.parse_state_payload,
        event_log.EventLogError,
        [event_log.state_payload([("key_0", b"x" * 8)])],
    ),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_is_understood_or_refused(kind: str, tmp_path: Path) -> None:
    parser = FILES[kind]
    path = tmp_path / "place" / "of" / parser.name
    path.parent.mkdir(parents=True)

    @fuzzed()
    @given(inputs(parser.samples))
    def case(data: bytes) -> None:
        path.write_bytes(data)
        with bounded_memory(), refusal_allowed(*parser.errors):
            parser.read(path)

    case()


@pytest.mark.parametrize("kind", PAYLOADS)
def test_a_payload_is_understood_or_refused(kind: str) -> None:
    decode, expected, samples = PAYLOADS[kind]

    @fuzzed()
    @given(inputs(samples))
    def case(data: bytes) -> None:
        with bounded_memory(), refusal_allowed(expected):
            decode(data)

    case()


def fed(stream: Any, chunks: list[bytes], error: type[Exception]) -> tuple[list[Any], str]:
    """Everything that a stream delivers, and how it ended."""
    found: list[Any] = []
    try:
        for chunk in chunks:
            found += stream.feed(chunk)
        stream.finish()
    except error as refused:
        found += getattr(refused, "complete", [])
        return found, str(refused)
    return found, ""


@pytest.mark.parametrize(
    ("make", "error", "samples"),
    [
        (FrameSplitter, FrameError, [OUTPUTS]),
        (metrics.MetricsStream, metrics.MetricsError, [METRICS[:2000]]),
    ],
    ids=["frames", "metrics"],
)
def test_a_stream_means_the_same_however_it_is_cut(
    make: Callable[[], Any], error: type[Exception], samples: list[bytes]
) -> None:
    @fuzzed()
    @given(pieces(samples))
    def case(chunks: list[bytes]) -> None:
        with bounded_memory():
            assert fed(make(), chunks, error) == fed(make(), [b"".join(chunks)], error)

    case()


WORDS = [
    "-i",
    "-o",
    "-m",
    "--in",
    "--data=a:1",
    "-t",
    "-tw3",
    "127.0.0.1:7000",
    "-n",
    "w2",
    "--run-with-resilience",
    "-r",
    "/t/",
]


@fuzzed()
@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=12)), max_size=12))
def test_a_command_line_is_understood_or_refused(words: list[str]) -> None:
    with refusal_allowed(UsageError):
        worker_options(words)
