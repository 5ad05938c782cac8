# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who owns a worker."""

from __future__ import annotations

import json
import re
import stat
from contextlib import suppress

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.json_record import Damaged
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience import ownership
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.ownership import (
    MOVED,
    OWNER,
    Ownership,
    OwnershipError,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FEW = settings(
    max_examples=50, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def base(tmp_path):
    return str(tmp_path / "base")


def test_a_server_that_never_had_the_worker_knows_nothing_and_may_start_it(base):
    assert ownership.read(base, "worker2") is None
    assert ownership.refusal(None) is None
    assert ownership.refusal(None, "server2") is None


def test_an_owner_may_start_its_worker(base):
    assert ownership.claim(base, "worker2", "server2", 1)
    known = ownership.read(base, "worker2")
    assert (known.state, known.epoch, known.server) == (OWNER, 1, "server2")
    assert ownership.refusal(known) is None
    assert ownership.refusal(known, "server2") is None


def test_a_fenced_server_is_told_where_the_worker_went_and_what_to_do(base):
    ownership.claim(base, "worker2", "server2", 2)
    assert ownership.fence(base, "worker2", "server2", "server4", 3)
    assert re.fullmatch(
        r"worker2 moved to server4 at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, epoch 3; migrate it back instead\.",
        ownership.refusal(ownership.read(base, "worker2"), "server2"),
    )


def test_a_base_that_was_copied_from_another_server_is_found_out(base):
    ownership.claim(base, "worker2", "server4", 3)
    refusal = ownership.refusal(ownership.read(base, "worker2"), "server2")
    assert refusal.startswith("worker2 belongs to server4 since ")
    assert refusal.endswith("epoch 3; start it there, or migrate it to server2.")


def test_a_worker_that_comes_back_has_a_higher_epoch_and_may_be_started_again(base):
    ownership.claim(base, "worker2", "server2", 1)
    ownership.fence(base, "worker2", "server2", "server4", 2)
    assert ownership.claim(base, "worker2", "server2", 3, "server4")
    known = ownership.read(base, "worker2")
    assert (known.epoch, known.copied_from) == (3, "server4")
    assert ownership.refusal(known, "server2") is None


def test_the_same_claim_or_fence_again_changes_nothing(base):
    assert ownership.claim(base, "worker2", "server2", 1)
    before = ownership.path_of(base, "worker2").read_bytes()
    assert not ownership.claim(base, "worker2", "server2", 1)
    assert ownership.path_of(base, "worker2").read_bytes() == before
    assert ownership.fence(base, "worker2", "server2", "server4", 2)
    before = ownership.path_of(base, "worker2").read_bytes()
    assert not ownership.fence(base, "worker2", "server2", "server4", 2)
    assert ownership.path_of(base, "worker2").read_bytes() == before


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_fenced_server_cannot_claim_an_epoch_that_is_over(base, epoch):
    ownership.fence(base, "worker2", "server2", "server4", 2)
    with pytest.raises(
        OwnershipError, match=f"server2 cannot own worker2 in epoch {epoch}: it belongs to server4 .* epoch 2"
    ):
        ownership.claim(base, "worker2", "server2", epoch)
    assert ownership.read(base, "worker2").state == MOVED


def test_an_owner_cannot_be_fenced_for_an_epoch_that_is_over(base):
    ownership.claim(base, "worker2", "server2", 3)
    with pytest.raises(OwnershipError, match="cannot be fenced for epoch 2 of worker2: it knows epoch 3"):
        ownership.fence(base, "worker2", "server2", "server4", 2)
    assert ownership.read(base, "worker2").state == OWNER


def test_an_owner_may_be_fenced_in_its_own_epoch_when_the_move_to_it_failed(base):
    ownership.claim(base, "worker2", "server4", 2, "server2")
    assert ownership.fence(base, "worker2", "server4", "server2", 2)
    assert ownership.read(base, "worker2").moved_to == "server2"


def test_every_worker_has_a_record_of_its_own(base):
    ownership.fence(base, "worker2", "server2", "server4", 2)
    assert ownership.read(base, "worker20") is None


def test_the_record_is_for_this_user_alone(base, tmp_path):
    ownership.claim(base, "worker2", "server2", 1)
    path = ownership.path_of(base, "worker2")
    assert path == tmp_path / "base" / "run" / "worker2" / "ownership.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for directory in (path.parent, path.parent.parent, tmp_path / "base"):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"{}",
        b'{"worker": "worker2", "epoch": "3", "state": "owner", "server": "server2"}',
        b'{"worker": "worker2", "epoch": true, "state": "owner", "server": "server2"}',
        b'{"worker": "worker2", "epoch": 3, "state": "maybe", "server": "server2"}',
        b'{"worker": "worker3", "epoch": 3, "state": "owner", "server": "server2"}',
        b'{"worker": "worker2", "epoch": 3, "state": "owner", "server": "server2", "more": 1}',
    ],
)
def test_a_damaged_record_stops_everybody_and_is_named(base, content):
    ownership.claim(base, "worker2", "server2", 1)
    path = ownership.path_of(base, "worker2")
    path.write_bytes(content)
    for use in (
        lambda: ownership.read(base, "worker2"),
        lambda: ownership.claim(base, "worker2", "server2", 9),
        lambda: ownership.fence(base, "worker2", "server2", "server4", 9),
    ):
        with pytest.raises(Damaged, match=f"{re.escape(str(path))} cannot be read .*; look with playbooks/status.yml"):
            use()
    assert path.read_bytes() == content


@FEW
@given(st.binary(max_size=60))
def test_arbitrary_bytes_give_an_ownership_or_a_damaged_record(base, data):
    ownership.claim(base, "worker3", "server3", 1)
    path = ownership.path_of(base, "worker3")
    kept = path.read_bytes()
    path.write_bytes(data)
    with suppress(Damaged):
        assert isinstance(ownership.read(base, "worker3"), Ownership)
    path.write_bytes(kept)


def test_what_is_written_is_plain_json(base):
    ownership.write(base, Ownership("worker2", 3, MOVED, "server2", "server4", "2026-01-02T03:04:05Z"))
    data = json.loads(ownership.path_of(base, "worker2").read_text())
    assert data["epoch"] == 3
    assert ownership.refusal(ownership.read(base, "worker2")) == (
        "worker2 moved to server4 at 2026-01-02T03:04:05Z, epoch 3; migrate it back instead."
    )
