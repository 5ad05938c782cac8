# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resilience files that a real engine wrote, read to their last byte."""

from __future__ import annotations

import hashlib

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.files import resilience_set
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import checkpoint_ids, event_log, local_keys
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.address_file import (
    Address,
    encode,
    read_address,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frames, iterate_file
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.files import ResilienceSet

from tests.decoders import all_checkpoint_ids

DETECTOR = "multi_partition_detector"
WORKERS = ("initializer", "worker2")
KEYS = {"initializer": {2, 3, 5, 7, 8}, "worker2": {0, 1, 4, 6, 9, 10}}
MOMENTS = ("resilience-before-kill", "resilience-end")


@pytest.fixture(params=[(moment, worker) for moment in MOMENTS for worker in WORKERS], ids="/".join)
def recorded(request, fixtures) -> ResilienceSet:
    moment, worker = request.param
    return resilience_set(fixtures / "wallaroo-0.5.4" / DETECTOR / moment, DETECTOR, worker)


def hash_of(key: str) -> int:
    return int.from_bytes(hashlib.md5(key.encode(), usedforsecurity=False).digest(), "big")


def test_every_event_log_is_read_to_its_last_byte_and_written_again_alike(recorded):
    path, position = recorded.path("evlog"), 0
    for offset, record in event_log.iterate(path):
        assert offset == position
        position += len(event_log.encode(record))
    assert position == path.stat().st_size
    assert b"".join(event_log.encode(record) for _, record in event_log.iterate(path)) == path.read_bytes()


def test_every_event_log_begins_with_checkpoint_0(recorded):
    assert next(event_log.iterate(recorded.path("evlog"))) == (0, event_log.CheckpointEnd(0))


def test_an_event_log_has_a_restart_mark_for_the_recovery(recorded):
    marks = [record for _, record in event_log.iterate(recorded.path("evlog")) if record == event_log.RestartMark()]
    assert len(marks) == ("end" in recorded.directory.name)


def test_every_state_payload_is_read_to_its_last_byte(recorded):
    for _, record in event_log.iterate(recorded.path("evlog")):
        if isinstance(record, event_log.StepState):
            assert event_log.state_payload(event_log.parse_state_payload(record.payload)) == record.payload


def test_the_last_checkpoint_holds_exactly_the_keys_that_md5_routes_to_the_worker(recorded):
    last = checkpoint_ids.read_last(recorded.path("checkpoint_ids"))
    states = event_log.find_checkpoint(recorded.path("evlog"), last.checkpoint)
    found = {key for state in states for key, _ in event_log.parse_state_payload(state.payload)}
    interval = (2**128 - 1) // len(WORKERS)
    routed = {f"key_{n}" for n in range(11) if WORKERS[min(hash_of(f"key_{n}") // interval, 1)] == recorded.worker}
    assert found == routed == {f"key_{number}" for number in KEYS[recorded.worker]}


def test_a_step_holds_the_keys_whose_hash_leads_to_it(recorded):
    last = checkpoint_ids.read_last(recorded.path("checkpoint_ids"))
    numbers = []
    for state in event_log.find_checkpoint(recorded.path("evlog"), last.checkpoint):
        held = {hash_of(key) % 10 for key, _ in event_log.parse_state_payload(state.payload)}
        assert len(held) == 1
        numbers += held
    assert len(numbers) == len(set(numbers))


def test_step_ids_have_more_than_64_bits(recorded):
    steps = {r.step for _, r in event_log.iterate(recorded.path("evlog")) if isinstance(r, event_log.StepState)}
    assert max(steps) > 2**64


def test_every_checkpoint_id_is_read_and_written_again_alike(recorded):
    path = recorded.path("checkpoint_ids")
    found = all_checkpoint_ids(path)
    assert b"".join(map(checkpoint_ids.encode, found)) == path.read_bytes()
    assert found[0] == checkpoint_ids.CheckpointId(0, 0)
    assert found == sorted(found, key=lambda identifier: (identifier.checkpoint, identifier.rollback))


def test_the_addresses_are_those_of_the_run(recorded):
    expected = {
        "initializer": (Address("", 0), Address("127.0.0.1", 12501)),
        "worker2": (Address("127.0.0.1", 23131), Address("127.0.0.1", 23132)),
    }
    for suffix, address in zip(("tcp-control", "tcp-data"), expected[recorded.worker]):
        assert read_address(recorded.path(suffix)) == address
        assert encode(address) == recorded.path(suffix).read_bytes()


def test_the_detector_has_no_local_keys(recorded):
    assert list(local_keys.iterate(recorded.path("local-keys"))) == []


def test_every_io_journal_is_read_to_its_last_byte(recorded):
    path = recorded.path("journal")
    assert frames(payload for _, payload in iterate_file(path)) == path.read_bytes()


def test_the_journal_of_the_event_log_is_the_event_log(recorded):
    assert recorded.path("evlog.journal").read_bytes() == recorded.path("evlog").read_bytes()


def test_every_recorded_set_is_complete(recorded):
    assert recorded.state() == "complete"
    assert len(recorded.present()) == 10
    assert len(recorded.journal_files()) == 2


@pytest.mark.parametrize("worker", WORKERS)
def test_the_journal_server_held_the_event_log_with_its_last_checkpoint(fixtures, worker):
    recorded = fixtures / "wallaroo-0.5.4" / DETECTOR
    before = resilience_set(recorded / "resilience-before-kill", DETECTOR, worker)
    held = resilience_set(recorded / "journals-after-kill" / worker, DETECTOR, worker)
    assert held.state() == "none"
    assert set(held.present()) == {"journal", "evlog.journal"}
    assert held.path("evlog.journal").read_bytes() == before.path("evlog").read_bytes()
    last = checkpoint_ids.read_last(before.path("checkpoint_ids"))
    assert event_log.find_checkpoint(held.path("evlog.journal"), last.checkpoint)
