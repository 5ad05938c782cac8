# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of the other workers in a worker's files, as real engines wrote them: nothing in them is aligned."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo import peer_addresses
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.files import resilience_set
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import connection_addresses, pony_tables
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.connection_addresses import (
    AddressesError,
    decode,
    encode,
    entries,
    hosts,
    mend,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.files import ResilienceSet

RECORDED = Path(__file__).parents[2] / "fixtures/wallaroo-0.5.4"
PREFIX = "multi_partition_detector-"
NAME = "multi_partition_detector-initializer.connection-addresses"
ALL = sorted(RECORDED.glob("**/*connection-addresses")) + sorted((RECORDED / "connection_addresses").iterdir())
FAR = "192.168.100.104"
"""Longer than what is recorded."""


def owner_of(path: Path) -> str:
    return path.name.replace(PREFIX, "").split(".")[0]


def far(name: str) -> bytes:
    """Of three workers on 10.89.21.11 to .13."""
    return (RECORDED / "connection_addresses" / name).read_bytes()


def here(worker: str) -> bytes:
    """Of three workers on 127.0.0.1."""
    return (RECORDED / "three_workers" / f"{PREFIX}{worker}.connection-addresses").read_bytes()


@pytest.mark.parametrize("path", ALL, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_recorded_file_names_everybody_and_is_written_again_byte_for_byte(path: Path) -> None:
    data = path.read_bytes()
    assert pony_tables.decode(data).encode() == data
    control, of_data = decode(data)
    others = ["worker2", "worker3"] if len(control) == 2 else ["worker2"]
    assert sorted(control) == others
    assert sorted(of_data) == sorted(others if owner_of(path) == "initializer" else [*others, "initializer"])
    assert mend(data, {}, owner_of(path)).data == data


@pytest.mark.parametrize("worker", ["initializer", "worker3"])
def test_what_another_length_makes_of_a_recording_is_what_a_real_engine_wrote(worker: str) -> None:
    """Workers on 127.0.0.1 get addresses of 11 characters, and those get one of 9; ports are of five digits in both."""
    long, short = far(f"{worker}.before"), here(worker)
    lengthened = mend(short, {**hosts(long)}, worker).data
    assert len(lengthened) == len(long)
    assert _with_ports_of(lengthened, long) == long
    shortened = mend(long, {**hosts(short)}, worker).data
    assert _with_ports_of(shortened, short) == short


def _with_ports_of(data: bytes, other: bytes) -> bytes:
    for entry in entries(data):
        port = next(one.port for one in entries(other) if (one.table, one.worker) == (entry.table, entry.worker))
        data = data.replace(str(entry.port).encode() + b"\0", str(port).encode() + b"\0")
    return data


@pytest.mark.parametrize("address", ["10.89.21.14", "10.0.0.4", FAR])
@pytest.mark.parametrize("worker", ["initializer", "worker3"])
def test_control_and_data_of_the_worker_that_moved_change_and_nothing_else(worker: str, address: str) -> None:
    before = far(f"{worker}.before")
    mended = mend(before, {"worker2": address}, worker)
    assert mended.changes == {"worker2": ("10.89.21.12", address)}
    control, of_data = decode(before)
    control["worker2"], of_data["worker2"] = (address, 13104), (address, 13105)
    assert decode(mended.data) == (control, of_data)
    assert mend(mended.data, {"worker2": "10.89.21.12"}, worker).data == before


@pytest.mark.parametrize("worker", ["initializer", "worker3"])
def test_a_file_that_was_mended_by_half_is_mended_by_the_rest(worker: str) -> None:
    half = far(f"{worker}.after-incomplete-mend")
    assert {entry.host for entry in entries(half) if entry.worker == "worker2"} == {"10.89.21.12", "10.89.21.14"}
    mended = mend(half, {"worker2": "10.89.21.14"}, worker).data
    assert mended == mend(far(f"{worker}.before"), {"worker2": "10.89.21.14"}, worker).data


def test_half_a_change_is_impossible() -> None:
    full = far("worker3.before")
    control, of_data = decode(full)
    for gone_from in (control, of_data):
        tables = [
            {name: at for name, at in table.items() if name != "worker2"} if table is gone_from else table
            for table in (control, of_data)
        ]
        with pytest.raises(AddressesError, match="lacks worker2"):
            mend(encode(*tables), {"worker2": FAR}, "worker3")
    with pytest.raises(AddressesError, match="lacks worker4"):
        mend(full, {"worker4": FAR}, "worker3")
    with pytest.raises(AddressesError, match="lacks initializer"):
        mend(far("initializer.before"), {}, "worker3")


def test_a_file_of_which_any_number_differs_is_refused_or_read_as_it_says() -> None:
    """Pointers, lengths and types: whatever is bent, no bytes come out that are not those that went in."""
    data = far("worker3.before")
    texts = {value for entry in entries(data) for value in (entry.worker, entry.host, str(entry.port))}
    for offset in range(len(data)):
        bent = bytearray(data)
        bent[offset] ^= 0x01
        try:
            mended = mend(bytes(bent), {}, "worker3")
        except AddressesError:
            continue
        assert mended.data == bytes(bent)
        found = {value for entry in entries(bytes(bent)) for value in (entry.worker, entry.host, str(entry.port))}
        assert len(found - texts) <= 1


def test_addresses_in_a_file_that_is_none_of_tables_are_not_found() -> None:
    row = struct.pack("<16Q", 0x16, 32, 64, 96, 7, 7, 8, 0, *[7, 9, 10, 0] * 2) + b"worker2\0127.0.0.1\0"
    for data in (b"{}", bytes(64), b"worker2 127.0.0.1 13104", row, far("worker3.before") + b"\0", b""):
        with pytest.raises(AddressesError):
            mend(data, {"worker2": "127.0.0.9"}, "worker3")


@pytest.mark.parametrize("workers", [1, 2, 3, 7, 40])
def test_the_embedded_engine_s_file_has_the_same_form(workers: int) -> None:
    names = [f"worker{number}" for number in range(2, workers + 1)]
    control = {name: (f"10.1.2.{number}", 20000 + number) for number, name in enumerate(names)}
    of_data = {**control, "initializer": ("10.1.2.200", 12501)}
    data = encode(control, of_data)
    assert decode(data) == (control, of_data)
    for name in names:
        assert decode(mend(data, {name: FAR}, names[-1]).data)[0][name] == (FAR, control[name][1])


def test_the_recorded_tables_are_built_alike() -> None:
    control, of_data = decode(far("worker3.before"))
    assert len(encode(control, of_data)) == len(far("worker3.before"))


@pytest.mark.parametrize("host", ["", "10.0.0.1\n", "zwölf", "a" * 256])
def test_what_is_no_address_is_not_written(host: str) -> None:
    with pytest.raises(AddressesError, match="is no address of a server"):
        mend(far("worker3.before"), {"worker2": host}, "worker3")


@pytest.fixture
def files(tmp_path: Path) -> ResilienceSet:
    (tmp_path / NAME).write_bytes(far("initializer.before"))
    return resilience_set(tmp_path, "multi_partition_detector", "initializer")


def test_the_file_as_it_was_is_kept_beside_it(tmp_path: Path, files: ResilienceSet) -> None:
    recorded = far("initializer.before")
    wanted = {"worker2": FAR, "worker3": "10.89.21.13", "initializer": "127.0.0.5"}
    foreseen = peer_addresses.mend(files, wanted, only_check=True)
    assert (tmp_path / NAME).read_bytes() == recorded
    done = peer_addresses.mend(files, wanted)

    assert foreseen.changes == done.changes == {"worker2": ("10.89.21.12", FAR)}
    assert Path(done.backup).read_bytes() == recorded
    assert Path(done.backup).name.startswith("."), "Wallaroo looks files up by the beginning of their names"
    assert peer_addresses.hosts(files)["worker2"] == FAR
    assert not peer_addresses.mend(files, wanted).changes
    assert peer_addresses.problem(files) == ""


def test_a_file_in_which_not_everybody_is_found_stays_as_it_is(tmp_path: Path, files: ResilienceSet) -> None:
    bad = encode({"worker2": ("10.89.21.12", 1)}, {"worker2": ("10.89.21.12", 2), "worker3": ("10.89.21.13", 3)})
    (tmp_path / NAME).write_bytes(bad)
    with pytest.raises(AddressesError, match=rf"{NAME}: its table control lacks worker3"):
        peer_addresses.mend(files, {"worker2": FAR, "worker3": "10.89.21.13"})
    assert (tmp_path / NAME).read_bytes() == bad
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert "lacks worker3" in peer_addresses.problem(files)


def test_a_kill_in_the_middle_leaves_the_old_file_or_the_new_one(
    tmp_path: Path, files: ResilienceSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is replaced in one step; before that nothing but the backup and a partial file is there."""
    written = []

    def write(path: Path, data: bytes) -> None:
        if path.name == NAME:
            raise KeyboardInterrupt
        written.append(path.name)

    monkeypatch.setattr(peer_addresses, "write_whole", write)
    with pytest.raises(KeyboardInterrupt):
        peer_addresses.mend(files, {"worker2": FAR})
    assert written == [f".before-{NAME}"]
    assert (tmp_path / NAME).read_bytes() == far("initializer.before")
    assert connection_addresses.hosts((tmp_path / NAME).read_bytes())["worker2"] == "10.89.21.12"
