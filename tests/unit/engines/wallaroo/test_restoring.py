# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a journal server, a real process, to a resilience directory."""

from __future__ import annotations

import re
import shutil
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.files import resilience_set
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.restoring import (
    Outcome,
    from_journal_server,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.address_file import Address, read_address
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.journal import iterate
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience import journal_fetch
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.files import ResilienceSet
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.journal_fetch import (
    FetchError,
    StillAppended,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.plan import Addresses

from tests.journal_client import Client
from tests.program_runner import Programs

DETECTOR = "multi_partition_detector"
ADDRESSES = Addresses(Address("10.0.0.4", 13104), Address("10.0.0.4", 13105))
JOURNAL = f"{DETECTOR}-worker2.journal"


@pytest.fixture
def programs() -> Iterator[Programs]:
    started = Programs()
    try:
        yield started
    finally:
        started.end()


@pytest.fixture
def held(tmp_path: Path, fixtures: Path) -> Path:
    """What the journal server holds of worker2."""
    recorded = fixtures / "wallaroo-0.5.4" / DETECTOR / "journals-after-kill" / "worker2"
    shutil.copytree(recorded, tmp_path / "journals" / "worker2", copy_function=shutil.copyfile)
    return tmp_path / "journals" / "worker2"


@pytest.fixture
def server(programs: Programs, held: Path) -> Address:
    process = programs.start("journal_server", "--listen", "127.0.0.1:0", "--directory", held.parent, "--keep-free", 1)
    assert process.stdout
    found = re.search(r"listening on (.*):(\d+)", process.stdout.readline())
    assert found
    return Address(found.group(1), int(found.group(2)))


def restore(server: Address, tmp_path: Path, limit: float = 20.0, only_check: bool = False) -> Outcome:
    target = resilience_set(tmp_path / "target", DETECTOR, "worker2")
    outcome = from_journal_server(server, target, ADDRESSES, tmp_path / "workshop", limit, only_check)
    assert not (tmp_path / "workshop").exists()
    return outcome


def target_of(tmp_path: Path) -> ResilienceSet:
    return resilience_set(tmp_path / "target", DETECTOR, "worker2")


def test_a_worker_comes_from_the_journal_server_alone(server: Address, tmp_path: Path, fixtures: Path) -> None:
    assert restore(server, tmp_path, only_check=True).copy.changed
    assert not (tmp_path / "target").exists()
    outcome = restore(server, tmp_path)
    assert (outcome.copy.changed, outcome.records, outcome.checkpoint, outcome.warnings) == (True, 17, 5, [])
    target = target_of(tmp_path)
    recorded = resilience_set(fixtures / "wallaroo-0.5.4" / DETECTOR / "resilience-before-kill", DETECTOR, "worker2")
    changed = {
        suffix for suffix, path in recorded.present().items() if target.path(suffix).read_bytes() != path.read_bytes()
    }
    assert changed == {"tcp-control", "tcp-data"}
    assert read_address(target.path("tcp-data")) == ADDRESSES.data
    assert not restore(server, tmp_path).copy.changed
    assert not restore(server, tmp_path, only_check=True).copy.changed


def test_what_an_earlier_stay_left_goes_first(server: Address, tmp_path: Path, fixtures: Path) -> None:
    recorded = resilience_set(fixtures / "wallaroo-0.5.4" / DETECTOR / "resilience-end", DETECTOR, "worker2")
    target = target_of(tmp_path)
    target.directory.mkdir()
    for suffix, path in recorded.present().items():
        shutil.copyfile(path, target.path(suffix))
    stale = target.directory / f"{DETECTOR}-worker2-00000000000003E8.evlog"
    stale.write_bytes(b"")
    other = target.directory / f"{DETECTOR}-worker20.evlog"
    other.write_bytes(b"")
    restore(server, tmp_path)
    assert not stale.exists()
    assert other.exists()
    assert target.path("evlog").read_bytes() == target.path("evlog.journal").read_bytes()


def test_half_a_record_is_cut_off_on_the_server_too(server: Address, tmp_path: Path, held: Path) -> None:
    whole = (held / JOURNAL).read_bytes()
    (held / JOURNAL).write_bytes(whole + b"\x00\x00\x00")
    outcome = restore(server, tmp_path)
    assert outcome.warnings == [f"{JOURNAL}: the last 3 of {len(whole) + 3} bytes are half a record and were left out"]
    assert (held / JOURNAL).read_bytes() == target_of(tmp_path).path("journal").read_bytes() == whole
    assert restore(server, tmp_path).warnings == []


def test_a_journal_that_is_appended_to_is_waited_for(server: Address, tmp_path: Path, held: Path) -> None:
    worker = Client((server.host, server.port))
    size = (held / JOURNAL).stat().st_size
    assert worker.append("worker2", JOURNAL, size) == b"ok"
    with pytest.raises(StillAppended, match=f"somebody still appends to {JOURNAL} after 0.1 s: worker2 is alive"):
        restore(server, tmp_path, limit=0.1)
    assert restore(server, tmp_path, only_check=True).copy.changed, "before the kill that is only foreseen"
    assert not (tmp_path / "target").exists()
    ended = threading.Timer(0.2, worker.close)
    ended.start()
    assert restore(server, tmp_path).copy.changed
    ended.join()


def test_a_worker_without_journals(server: Address, tmp_path: Path, held: Path) -> None:
    shutil.rmtree(held)
    with pytest.raises(FetchError, match="holds no journals of worker2; does its cluster journal"):
        restore(server, tmp_path)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"the journal server 127\.0\.0\.1:1 cannot be reached"):
        restore(Address("127.0.0.1", 1), tmp_path)


class Strange:
    """A server that answers what the test wants."""

    def __init__(self, *answers: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = Address("127.0.0.1", self._listener.getsockname()[1])
        self._answers = answers
        self.requests: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        connection, _address = self._listener.accept()
        with connection, self._listener:
            for answer in self._answers:
                header = connection.recv(4, socket.MSG_WAITALL)
                if len(header) < 4:
                    return
                self.requests.append(connection.recv(struct.unpack(">I", header)[0], socket.MSG_WAITALL))
                connection.sendall(answer)
            with suppress(OSError):
                connection.recv(1)


def framed(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def listed(size: int) -> bytes:
    return framed(f"{JOURNAL}\t{size}\tno\n".encode())


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ((framed(b"ERROR"),), "does not know what to do with worker2"),
        ((b"",), "did not answer within 0.3 s"),
        ((framed(b"ok"), b"\xff\xff\xff\xff"), "answers 4294967295 bytes where"),
        ((framed(b"ok"), framed(b"nonsense")), "answered 'nonsense', which is no file"),
        ((framed(b"ok"), framed(b"a\t-1\tno\n")), "which is no file"),
        ((framed(b"ok"), listed(10), framed(b"")), "ended at byte 0 of 10"),
        ((framed(b"ok"), listed(10), framed(b"x" * 11)), "answers 11 bytes where 10"),
        ((framed(b"ok"), listed(10**17)), "bytes free, and restoring worker2 needs"),
        (
            (
                framed(b"ok"),
                framed(f"{JOURNAL}\t1\tno\n".encode()),
                framed(b"x"),
                framed(f"{JOURNAL}\t2\tno\n".encode()),
            ),
            "changed while they were fetched",
        ),
    ],
)
def test_a_server_that_answers_strangely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: tuple[bytes, ...], sentence: str
) -> None:
    monkeypatch.setattr(journal_fetch, "ANSWER_LIMIT", 0.3)
    with pytest.raises(FetchError, match=re.escape(sentence)):
        restore(Strange(*answers).address, tmp_path)
    assert not (tmp_path / "target").exists()


def test_wallaroos_own_server_which_cannot_cut_gets_the_file_anew(
    server: Address, tmp_path: Path, held: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_fetch.JournalServerClient, "cut", lambda *_arguments: False)
    whole = (held / JOURNAL).read_bytes()
    (held / JOURNAL).write_bytes(whole + b"\x00")
    assert restore(server, tmp_path).copy.changed
    assert (held / JOURNAL).read_bytes() == whole
    again = restore(server, tmp_path)
    assert (again.copy.changed, again.warnings) == (False, [])


def test_a_journal_whose_end_never_arrived_is_said(server: Address, tmp_path: Path, held: Path) -> None:
    path = held / JOURNAL
    path.write_bytes(path.read_bytes()[: [offset for offset, _record in iterate(path)][-3]])
    (warning,) = restore(server, tmp_path).warnings
    assert warning.startswith("the journal ends with checkpoint 2, and the event log has 5")
