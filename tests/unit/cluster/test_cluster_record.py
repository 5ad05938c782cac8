# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every server knows of its cluster: only a whole record is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.record import ClusterRecord, read

RECORD: dict[str, Any] = {
    "identifier": "c",
    "application": "market_spread",
    "engine": "embedded",
    "version": "0.5.4",
    "workers": 2,
    "servers": [{"name": "s1", "address": "127.0.0.1", "base": "/b1"}],
    "placement": {"initializer": "s1", "worker2": "s1"},
    "journal": True,
}


def test_a_record_comes_back() -> None:
    record = ClusterRecord.from_dict(RECORD)
    assert ClusterRecord.from_dict(record.to_dict()) == record
    assert (record.journal, record.symbols_file, record.keys) == (True, "", 11)


def test_a_cluster_is_the_same_whoever_started_it_and_whenever() -> None:
    record = ClusterRecord.from_dict(RECORD)
    assert record.same_as(ClusterRecord.from_dict({**RECORD, "identifier": "y", "started": 5.0}))
    assert not record.same_as(ClusterRecord.from_dict({**RECORD, "keys": 3}))
    with pytest.raises(ValueError, match="this is no record of a cluster"):
        ClusterRecord.from_dict({"identifier": "x"})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"servers": 0}, "servers is 0"),
        ({"negative": "fire"}, "negative is 'fire'"),
        ({"servers": []}, "it has no server for"),
        ({"servers": [{"name": "s1"}]}, "address is missing"),
        ({"placement": {"initializer": "s1"}}, "it has no server for worker2"),
        ({"placement": {"initializer": "s1", "worker2": "s9"}}, "it has no server for worker2"),
        ({"placement": None}, "placement is None"),
        ({"placement": {"initializer": 1, "worker2": "s1"}}, "placement.initializer is 1"),
        ({"workers": 0}, "0 workers"),
        ({"workers": 10**9}, "1000000000 workers"),
        ({"ports": {"sink": 0}}, "wallaroo_ports.sink: 0 is no port"),
        ({"ports": {"sink": "7000"}}, "ports.sink is '7000'"),
        ({"application": "none"}, "application is 'none'"),
        ({"checkpoint_interval": float("nan")}, "checkpoint_interval is nan"),
        ({"workers": "two"}, "workers is 'two'"),
        ({"unknown": 1}, "'unknown' is unknown"),
    ],
)
def test_what_is_no_record_is_said_to_be_none(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match="this is no record of a cluster: ") as refused:
        ClusterRecord.from_dict({**RECORD, **change})
    assert why in str(refused.value)


@pytest.mark.parametrize("text", ["0", "[]", '"x"', "null", "{", "[" * 100_000])
def test_a_file_that_holds_anything_else_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "cluster.json").write_text(text)
    with pytest.raises(ValueError, match=r"run/cluster\.json cannot be read .*run stop_cluster\.yml, then start"):
        read(str(tmp_path))
