# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address files of a worker."""

from __future__ import annotations

import stat

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.address_file import (
    Address,
    AddressFileError,
    encode,
    read_address,
    write_address,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FEW = settings(
    max_examples=50, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_an_address_is_a_host_and_a_port_a_line_each(tmp_path):
    path = tmp_path / "tcp-data"
    write_address(path, "127.0.0.1", 23132)
    assert path.read_bytes() == b"127.0.0.1\n23132\n"
    assert read_address(path) == Address("127.0.0.1", 23132)


def test_the_file_is_for_this_user_alone(tmp_path):
    path = tmp_path / "tcp-data"
    write_address(path, "127.0.0.1", 23132)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_an_initializer_without_an_address_writes_is_read(tmp_path):
    path = tmp_path / "tcp-control"
    path.write_bytes(b"\n0\n")
    assert read_address(path) == Address("", 0)


def test_stale_bytes_after_the_second_line_do_not_matter(tmp_path):
    path = tmp_path / "tcp-control"
    write_address(path, "192.168.100.200", 23131)
    with path.open("r+b") as stream:
        stream.write(encode(Address("10.0.0.4", 3131)))
    assert len(path.read_bytes().split(b"\n")) > 3
    assert read_address(path) == Address("10.0.0.4", 3131)


def test_writing_leaves_no_stale_bytes(tmp_path):
    path = tmp_path / "tcp-control"
    write_address(path, "192.168.100.200", 23131)
    write_address(path, "10.0.0.4", 3131)
    assert path.read_bytes() == b"10.0.0.4\n3131\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["tcp-control"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"127.0.0.1",
        b"127.0.0.1\n",
        b"127.0.0.1\n313",
        b"127.0.0.1\nport\n",
        b"127.0.0.1\n65536\n",
        b"127.0.0.1\n-1\n",
        b"127.0.0.1\n1_0\n",
        b"\xff\n3131\n",
    ],
)
def test_a_file_without_an_address_is_named(tmp_path, data):
    path = tmp_path / "tcp-control"
    path.write_bytes(data)
    with pytest.raises(AddressFileError, match="tcp-control holds no address"):
        read_address(path)


def test_a_host_with_a_line_break_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="line break"):
        write_address(tmp_path / "tcp-control", "10.0.0.4\n9999", 3131)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["127.0.0.1", "127.0.0.1:", ":x", "127.0.0.1:65536", "127.0.0.1:-1", ""])
def test_text_that_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="write it as host:port"):
        Address.parse(text)


def test_an_address_can_be_written_as_text():
    assert str(Address.parse("10.0.0.4:3131")) == "10.0.0.4:3131"


@FEW
@given(st.binary(max_size=40))
def test_arbitrary_bytes_give_an_address_or_an_address_file_error(tmp_path, data):
    path = tmp_path / "tcp-data"
    path.write_bytes(data)
    try:
        found = read_address(path)
    except AddressFileError:
        return
    assert 0 <= found.port <= 65535


def test_a_large_file_is_not_read_whole(tmp_path):
    path = tmp_path / "tcp-data"
    with path.open("wb") as stream:
        stream.write(b"127.0.0.1\n23132\n")
        stream.truncate(1 << 40)
    assert read_address(path).port == 23132
