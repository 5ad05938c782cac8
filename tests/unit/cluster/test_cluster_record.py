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


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"servers": 0}, "not iterable"),
        ({"servers": []}, "it has no server for"),
        ({"servers": [{"name": "s1"}]}, "missing 2 required positional arguments"),
        ({"placement": {"initializer": "s1"}}, "it has no server for worker2"),
        ({"placement": {"initializer": "s1", "worker2": "s9"}}, "it has no server for worker2"),
        ({"placement": None}, "NoneType"),
        ({"workers": 0}, "it has no server for a worker"),
        ({"workers": "two"}, "str"),
        ({"unknown": 1}, "unexpected keyword argument 'unknown'"),
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
