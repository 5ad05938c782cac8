# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of the other workers in a worker's files, as a real engine wrote them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster import peer_addresses
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.connection_addresses import (
    AddressesError,
    entries,
    hosts,
    mend,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.files import ResilienceSet

RECORDED = Path(__file__).parents[2] / "fixtures/wallaroo-0.5.4/multi_partition_detector/resilience-before-kill"
NAME = "multi_partition_detector-initializer.connection-addresses"
OURS = b'{"control":{"worker2":["10.0.0.12","13104"]},"data":{"worker2":["10.0.0.12","13105"]}}'


@pytest.fixture
def recorded() -> bytes:
    return (RECORDED / NAME).read_bytes()


def test_a_real_engine_s_file_names_every_worker_with_control_and_data(recorded):
    assert hosts(recorded) == dict.fromkeys(hosts(recorded), "127.0.0.1")
    of_worker2 = [entry for entry in entries(recorded) if entry.worker == "worker2"]
    assert len(of_worker2) == 2
    assert len({entry.port for entry in of_worker2}) == 2


def test_only_the_host_of_the_worker_that_moved_changes(recorded):
    mended = mend(recorded, {"worker2": "127.0.0.9"})
    assert mended.changes == {"worker2": ("127.0.0.1", "127.0.0.9")}
    assert hosts(mended.data)["worker2"] == "127.0.0.9"
    assert len(mended.data) == len(recorded)
    different = [offset for offset in range(len(recorded)) if recorded[offset] != mended.data[offset]]
    assert len(different) == 2, "one byte of control and one of data"
    assert mend(mended.data, {"worker2": "127.0.0.1"}).data == recorded


@pytest.mark.parametrize("data", ["recorded", "ours"])
def test_another_length_does_not_fit(data, recorded):
    content = recorded if data == "recorded" else OURS
    mended = mend(content, {"worker2": "192.168.100.104"})
    assert mended.data == content
    assert mended.problems["worker2"][1] == "192.168.100.104"


def test_the_embedded_engine_s_file_is_mended_too():
    mended = mend(OURS, {"worker2": "10.0.0.14", "worker3": "10.0.0.99"})
    assert mended.data == OURS.replace(b"10.0.0.12", b"10.0.0.14")


@pytest.mark.parametrize("data", [b"{}", b"\0" * 64, b"worker2 127.0.0.1 13104"])
def test_what_is_no_such_file_is_refused(data):
    with pytest.raises(AddressesError):
        mend(data, {"worker2": "127.0.0.9"})


def test_the_file_as_it_was_is_kept_beside_it(tmp_path, recorded):
    files = ResilienceSet(tmp_path, "multi_partition_detector", "initializer")
    (tmp_path / NAME).write_bytes(recorded)

    foreseen = peer_addresses.mend(files, {"worker2": "127.0.0.9", "initializer": "127.0.0.5"}, only_check=True)
    assert (tmp_path / NAME).read_bytes() == recorded
    done = peer_addresses.mend(files, {"worker2": "127.0.0.9", "initializer": "127.0.0.5"})

    assert foreseen.changes == done.changes == {"worker2": ("127.0.0.1", "127.0.0.9")}
    assert Path(done.backup).read_bytes() == recorded
    assert Path(done.backup).name.startswith("."), "Wallaroo looks files up by the beginning of their names"
    assert peer_addresses.hosts(files)["worker2"] == "127.0.0.9"
    assert not peer_addresses.mend(files, {"worker2": "127.0.0.9"}).changes
