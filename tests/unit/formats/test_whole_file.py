# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are written as a whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.whole_file import (
    make_private_directory,
    name_of_partial,
    open_file,
    replacing,
    reserve_partial,
    write_whole,
)


def test_a_file_is_replaced_and_belongs_to_this_user_alone(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"a longer old content")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_goes_wrong_while_writing_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write_half():
        with replacing(path) as stream:
            stream.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_nobody_sees_half_a_file(tmp_path):
    path = tmp_path / "file"
    with replacing(path) as stream:
        stream.write(b"half")
        stream.flush()
        assert not path.exists()
    assert path.exists()


def test_a_link_is_replaced_and_not_followed(tmp_path):
    elsewhere, path = tmp_path / "elsewhere", tmp_path / "file"
    elsewhere.write_bytes(b"precious")
    path.symlink_to(elsewhere)
    write_whole(path, b"new")
    assert elsewhere.read_bytes() == b"precious"
    assert not path.is_symlink()


def test_a_partial_file_has_a_dotted_name_of_its_own(tmp_path):
    first, second = (reserve_partial(tmp_path / "a-worker2.evlog") for _ in range(2))
    assert first.name.startswith(".")
    assert first != second
    assert name_of_partial(first.name) == "a-worker2.evlog"


@pytest.mark.parametrize(
    "name", ["a-worker2.evlog", ".a-worker2.evlog", ".partial.", ".partial.evlog", "", ".partial.x."]
)
def test_other_names_are_no_partial_files(name):
    assert name_of_partial(name) is None


def test_every_directory_that_is_created_is_private(tmp_path):
    make_private_directory(tmp_path / "a" / "b")
    make_private_directory(tmp_path / "a" / "b")
    for name in ("a", "a/b"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o700


def test_a_named_pipe_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place, what in ((tmp_path / "pipe", "it is no file"), (tmp_path, "it is a directory")):
        with pytest.raises(OSError, match=what):
            open_file(place)
    (tmp_path / "file").write_bytes(b"bytes")
    with open_file(tmp_path / "file") as stream:
        assert stream.read() == b"bytes"
