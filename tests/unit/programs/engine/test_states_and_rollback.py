# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The detector's states, and their way into the event log and back (wallaroo.md, B.4, C.2, D.3)."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.files import resilience_set
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.checkpoint_ids import CheckpointId
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import (
    encode_input,
    encode_output,
    expected_window,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.event_log import (
    CheckpointEnd,
    CheckpointNotFound,
    RestartMark,
    StepState,
    encode,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frames
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.applications.detector import Detector
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.applications.interface import (
    InvariantViolated,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.recovery_files import RecoveryFiles
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.routing import step_number
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.state import StateStore

KEYS = [f"key_{number}" for number in range(11)]


@pytest.fixture
def files(tmp_path: Path) -> RecoveryFiles:
    found = RecoveryFiles(resilience_set(tmp_path, "multi_partition_detector", "worker2"))
    found.create()
    return found


def work(store: StateStore, first: int, last: int, keys: list[str] = KEYS) -> bytes:
    payloads = [encode_input(value, key) for value in range(first, last + 1) for key in keys]
    return b"".join(Detector().process(0, payloads, store.states))


def windows(store: StateStore) -> dict[bytes, list[int]]:
    return {key: list(state[1:]) for key, state in store.states.items()}


def test_the_output_is_the_window_of_the_last_four_values() -> None:
    store = StateStore(Detector(), "worker2")
    expected = frames(encode_output("key_0", expected_window(value)) for value in range(1, 7))
    assert work(store, 1, 6, ["key_0"]) == expected


def test_a_deeper_detector_names_every_layer() -> None:
    detector = Detector()
    detector.configure([("depth", 2)])
    assert b"".join(detector.process(0, [encode_input(1, "a")], {}))[4:] == (
        b"(a.TraceID-1.TraceWindow-1.TraceID-2.TraceWindow-2,[0,0,0,1])"
    )


def test_a_key_with_a_dot_shares_the_state_of_what_stands_before_it() -> None:
    store = StateStore(Detector(), "worker2")
    payloads = [encode_input(1, "a.x"), encode_input(2, "a"), encode_input(3, "a.x"), encode_input(4, "a.y")]
    found = b"".join(Detector().process(0, payloads, store.states))
    assert list(store.states) == [b"a"]
    assert windows(store) == {b"a": [1, 2, 3, 4]}
    names = ["a.x", "a", "a.x", "a.y"]
    assert found == frames(encode_output(name, expected_window(value)) for value, name in enumerate(names, 1))


@pytest.mark.parametrize("value", [0, 3, 4, 6])
def test_a_value_that_does_not_rise_by_one_breaks_the_invariant(value: int) -> None:
    store = StateStore(Detector(), "worker2")
    work(store, 1, 4, ["key_0"])
    with pytest.raises(InvariantViolated, match="Increments test failed"):
        work(store, value, value, ["key_0"])
    assert windows(store) == {b"key_0": [1, 2, 3, 4]}


def test_states_come_back_from_the_event_log(files: RecoveryFiles) -> None:
    store = StateStore(Detector(), "worker2")
    work(store, 1, 9)
    before = windows(store)
    files.append_event_log(store.snapshot() + encode(CheckpointEnd(1)))
    work(store, 10, 20)
    files.append_event_log(store.snapshot() + encode(CheckpointEnd(2)))
    for survivor in (store, StateStore(Detector(), "worker2")):
        assert survivor.restore(files.states_at(1)) == len({step_number(key.encode()) for key in KEYS})
        assert windows(survivor) == before
        assert work(survivor, 10, 10) == frames(encode_output(key, (7, 8, 9, 10)) for key in KEYS)
    with pytest.raises(CheckpointNotFound):
        files.states_at(3)


def test_keys_that_came_after_the_checkpoint_leave_a_step_that_has_a_record(files: RecoveryFiles) -> None:
    store = StateStore(Detector(), "worker2")
    work(store, 1, 1, ["key_0"])
    files.append_event_log(store.snapshot() + encode(CheckpointEnd(1)))
    number = step_number(b"key_0")
    same = next(f"other_{index}" for index in range(99) if step_number(f"other_{index}".encode()) == number)
    empty = next(f"other_{index}" for index in range(99) if step_number(f"other_{index}".encode()) != number)
    work(store, 1, 1, [same, empty])
    store.restore(files.states_at(1))
    assert set(store.states) == {b"key_0", empty.encode()}, "a step without a record keeps its state (wallaroo.md, C.2)"


def test_a_step_without_keys_writes_no_record() -> None:
    store = StateStore(Detector(), "worker2")
    assert store.snapshot() == b""
    work(store, 1, 1, ["key_0"])
    assert store.snapshot().startswith(b"\x00" + store.step_ids[step_number(b"key_0")].to_bytes(16, "big"))


def test_a_foreign_step_and_a_foreign_state_are_refused(files: RecoveryFiles) -> None:
    store = StateStore(Detector(), "worker2")
    other = StateStore(Detector(), "worker3")
    work(other, 1, 1, ["key_0"])
    files.append_event_log(other.snapshot() + encode(CheckpointEnd(1)))
    with pytest.raises(ValueError, match="which this worker does not have"):
        store.restore(files.states_at(1))
    with pytest.raises(ValueError, match="has 3 bytes instead of 32"):
        Detector().revive(b"key_0", b"abc")


def test_an_id_that_was_written_before_a_crash_counts_as_given(files: RecoveryFiles) -> None:
    files.append_event_log(encode(StepState(1, b"x")) + encode(CheckpointEnd(4)) + encode(RestartMark()))
    assert files.mend() == (4, [])


@pytest.mark.parametrize("length", [1, 8, 20, 24])
def test_a_torn_tail_is_cut_to_the_last_whole_record(files: RecoveryFiles, length: int) -> None:
    whole = files.event_log_length()
    torn = encode(StepState(7, b"payload"))[:length]
    path = files.set.path("evlog")
    path.write_bytes(path.read_bytes() + torn)
    again = RecoveryFiles(files.set)
    highest, said = again.mend()
    assert highest == 0
    assert said == [f"{path}: cut from {whole + length} to {whole} bytes, its last record was torn"]
    assert path.stat().st_size == whole
    assert RecoveryFiles(files.set).mend() == (0, [])


def test_a_torn_checkpoint_id_is_cut_off(files: RecoveryFiles) -> None:
    files.append_checkpoint_id(3, 1)
    path = files.set.path("checkpoint_ids")
    path.write_bytes(path.read_bytes() + b"\0\0\0")
    again = RecoveryFiles(files.set)
    assert len(again.mend()[1]) == 1
    assert again.last_checkpoint_id() == CheckpointId(3, 1)


def test_an_address_file_is_overwritten_without_being_cut(files: RecoveryFiles) -> None:
    files.write_address("tcp-data", ("127.0.0.1", 23132))
    files.write_address("tcp-data", ("h", 1))
    assert files.set.path("tcp-data").read_bytes() == b"h\n1\n0.0.1\n23132\n"
    assert files.read_address("tcp-data") == ("h", 1)


def test_connection_addresses_are_plain_texts_and_come_back(files: RecoveryFiles) -> None:
    control, data = {"worker3": ("127.0.0.1", 23131)}, {"initializer": ("127.0.0.1", 12501)}
    files.write_connection_addresses(control, data)
    path = files.set.path("connection-addresses")
    assert b"23131\x00127.0.0.1\0worker3\0" in path.read_bytes()
    assert files.read_connection_addresses() == (control, data)
    path.write_bytes(path.read_bytes().replace(b"23131", b"23139"))
    assert files.read_connection_addresses()[0] == {"worker3": ("127.0.0.1", 23139)}
    path.write_bytes(b"{")
    with pytest.raises(ValueError, match="connection-addresses cannot be read"):
        files.read_connection_addresses()


def test_an_orderly_end_deletes_what_is_there_and_nothing_comes_back(files: RecoveryFiles, tmp_path: Path) -> None:
    files.write_topology({"worker": "worker2"}, ["initializer", "worker2"])
    for name in ("worker2.journal", "worker2.evlog.journal", "worker20.evlog"):
        (tmp_path / f"multi_partition_detector-{name}").write_bytes(b"x")
    removed = [Path(path).name.split(".", 1)[1] for path in files.remove()]
    assert removed == ["evlog", "local-topology", "local-keys", "workers", "checkpoint_ids"]
    files.append_event_log(b"late")
    files.append_checkpoint_id(9, 9)
    assert sorted(path.name.split("-", 1)[1] for path in tmp_path.iterdir()) == [
        "worker2.evlog.journal",
        "worker2.journal",
        "worker20.evlog",
    ]


def test_a_journal_hears_of_every_operation(tmp_path: Path) -> None:
    heard: list[tuple[object, ...]] = []

    class Journal:
        def set_length(self, path: Path, length: int) -> None:
            heard.append(("set_length", path.suffix, length))

        def write(self, path: Path, offset: int, data: bytes) -> None:
            heard.append(("write", path.suffix, offset, len(data)))

        def remove(self, path: Path) -> None:
            heard.append(("remove", path.suffix))

    files = RecoveryFiles(resilience_set(tmp_path, "multi_partition_detector", "worker2"))
    files.layer.journals.append(Journal())
    files.create()
    files.append_checkpoint_id(1, 0)
    files.remove()
    assert heard == [
        ("set_length", ".evlog", 0),
        ("write", ".evlog", 0, 9),
        ("set_length", ".local-keys", 0),
        ("write", ".checkpoint_ids", 0, 16),
        ("write", ".checkpoint_ids", 16, 16),
        ("remove", ".evlog"),
        ("remove", ".local-keys"),
        ("remove", ".checkpoint_ids"),
    ]
