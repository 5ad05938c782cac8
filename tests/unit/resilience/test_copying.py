# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proved copy of a worker's resilience files."""

from __future__ import annotations

import io
import os
import shutil
import stat
from collections import namedtuple

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.files import resilience_set
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.address_file import Address, read_address
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.whole_file import reserve_partial
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience import copying, manifest
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.copying import IncompleteSource
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.manifest import FileDigest, Manifest
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.plan import Addresses, NotEnoughSpace
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.source import (
    CopyError,
    LocalSource,
    SourceChanged,
)

ADDRESSES = Addresses(Address("10.0.0.4", 3131), Address("10.0.0.4", 3132))
EVERYTHING = 10


def copy(source, target, *arguments, **options):
    return copying.copy(LocalSource(source), target, *arguments, **options)


def contents(files):
    """Every byte in a directory, half files and neighbours among them."""
    return {path.name: path.read_bytes() for path in files.directory.iterdir()} if files.directory.exists() else {}


def assert_equal(source, target):
    assert {path.name: path.read_bytes() for path in source.present().values()} == {
        path.name: path.read_bytes() for path in target.present().values()
    }


def test_everything_is_copied_and_proved(source, target):
    result = copy(source, target)
    assert_equal(source, target)
    assert result.changed
    assert len(result.copied) == EVERYTHING
    assert (result.kept, result.removed, result.appended) == ([], [], [])
    assert result.bytes == manifest.of_directory(source).size
    assert result.manifest == manifest.of_directory(source) == manifest.of_directory(target)
    assert target.state() == "complete"


def test_what_is_copied_is_for_this_user_alone(source, target):
    copy(source, target)
    assert stat.S_IMODE(target.directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in target.directory.iterdir()} == {0o600}


def test_a_second_copy_changes_nothing(source, target):
    copy(source, target)
    before = {path.name: path.stat().st_ino for path in target.directory.iterdir()}
    result = copy(source, target)
    assert (result.changed, result.copied, result.removed, result.bytes) == (False, [], [], 0)
    assert len(result.kept) == EVERYTHING
    assert result.manifest == manifest.of_directory(source)
    assert {path.name: path.stat().st_ino for path in target.directory.iterdir()} == before


def test_the_source_is_not_touched(source, target):
    before = contents(source)
    copy(source, target, ADDRESSES)
    assert contents(source) == before


# --- stale files on the target, which rsync leaves wrong


def test_a_stale_longer_file_is_replaced(source, target, make_set):
    make_set("target")
    with target.path("evlog").open("ab") as stream:
        stream.write(b"what was written after the source was truncated")
    result = copy(source, target)
    assert_equal(source, target)
    assert result.copied == [target.path("evlog").name]
    assert result.appended == []


@pytest.mark.parametrize("suffix", ["evlog", "local-topology", "workers"])
def test_a_stale_file_of_the_same_size_and_time_is_replaced(source, target, make_set, suffix):
    make_set("target")
    path, original = target.path(suffix), source.path(suffix)
    path.write_bytes(bytes(byte ^ 1 for byte in path.read_bytes()))
    os.utime(path, ns=(original.stat().st_atime_ns, original.stat().st_mtime_ns))
    assert path.stat().st_size == original.stat().st_size
    result = copy(source, target)
    assert_equal(source, target)
    assert result.copied == [path.name]


def test_a_file_with_a_damaged_beginning_is_copied_whole(source, target, make_set):
    make_set("target")
    path = target.path("evlog")
    path.write_bytes(b"\xee" + source.path("evlog").read_bytes()[1:5000])
    result = copy(source, target)
    assert_equal(source, target)
    assert (result.copied, result.appended) == ([path.name], [])
    assert result.bytes == source.path("evlog").stat().st_size


def test_files_that_the_source_lacks_are_removed(source, target, make_set):
    make_set("target")
    rotated = target.directory / "multi_partition_detector-worker2-00000000000003E8.evlog"
    rotated.write_bytes(b"stale")
    source.path("journal").unlink()
    result = copy(source, target)
    assert_equal(source, target)
    assert result.removed == sorted([rotated.name, target.path("journal").name])
    assert result.changed


def test_a_worker_that_returns_meets_its_own_stale_files(source, make_set):
    here, there = make_set("here", moment="resilience-before-kill"), source
    copy(there, here)
    assert_equal(there, here)


# --- files that are only added to


def test_of_a_file_that_has_grown_the_end_alone_is_copied(source, target):
    copy(source, target)
    with source.path("evlog").open("ab") as stream:
        stream.write(b"x" * 1000)
    result = copy(source, target)
    assert_equal(source, target)
    assert result.copied == result.appended == [target.path("evlog").name]
    assert result.bytes == 1000


def test_a_whole_run_is_brought_over_by_its_ends(source, make_set):
    target = make_set("target", moment="resilience-before-kill")
    result = copy(source, target)
    assert_equal(source, target)
    assert {name.rpartition("worker2.")[2] for name in result.appended} == {
        "checkpoint_ids",
        "evlog",
        "evlog.journal",
        "journal",
    }
    assert result.bytes < manifest.of_directory(source).size


def test_a_file_that_is_not_only_added_to_is_never_completed(source, target, make_set):
    make_set("target")
    target.path("workers").write_bytes(source.path("workers").read_bytes()[:5])
    result = copy(source, target)
    assert_equal(source, target)
    assert (result.copied, result.appended) == ([target.path("workers").name], [])


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_nothing_is_added_to_a_link(source, target, make_set, tmp_path, link):
    make_set("target")
    snapshot, path = tmp_path / "snapshot", target.path("evlog")
    snapshot.write_bytes(source.path("evlog").read_bytes()[:5000])
    before = snapshot.read_bytes()
    path.unlink()
    link(snapshot, path)
    assert copy(source, target).appended == []
    assert_equal(source, target)
    assert snapshot.read_bytes() == before
    assert not path.is_symlink()


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_a_link_to_the_source_is_no_copy(source, target, make_set, link):
    make_set("target")
    target.path("evlog").unlink()
    link(source.path("evlog"), target.path("evlog"))
    assert copy(source, target).copied == [target.path("evlog").name]
    assert not target.path("evlog").samefile(source.path("evlog"))


def test_a_source_that_cannot_give_the_end_alone_is_copied_whole(source, target):
    class Plain:
        def __init__(self, inner):
            self.manifest, self.open, self.describe = inner.manifest, inner.open, inner.describe

    copy(source, target)
    with source.path("evlog").open("ab") as stream:
        stream.write(b"x" * 1000)
    result = copying.copy(Plain(LocalSource(source)), target)
    assert_equal(source, target)
    assert (result.copied, result.appended) == ([target.path("evlog").name], [])


# --- addresses


def test_the_address_files_are_rewritten(source, target):
    result = copy(source, target, ADDRESSES)
    assert read_address(target.path("tcp-control")) == ADDRESSES.control
    assert read_address(target.path("tcp-data")) == ADDRESSES.data
    assert result.manifest == manifest.of_directory(target)
    assert result.manifest != manifest.of_directory(source)


def test_a_second_copy_with_the_same_addresses_changes_nothing(source, target):
    copy(source, target, addresses=tuple(ADDRESSES))
    result = copy(source, target, addresses=ADDRESSES)
    assert not result.changed
    assert len(result.kept) == EVERYTHING


def test_other_addresses_are_a_change(source, target):
    copy(source, target, ADDRESSES)
    result = copy(source, target, Addresses(ADDRESSES.control, Address("10.0.0.4", 4132)))
    assert result.copied == [target.path("tcp-data").name]


def test_addresses_can_be_rewritten_alone(source):
    assert copying.rewrite_addresses(source, *ADDRESSES)
    assert read_address(source.path("tcp-control")) == ADDRESSES.control
    assert read_address(source.path("tcp-data")) == ADDRESSES.data
    assert not copying.rewrite_addresses(source, *ADDRESSES)
    assert source.state() == "complete"


def test_addresses_are_written_over_whatever_stands_there(source):
    source.path("tcp-control").write_bytes(b"rubbish")
    assert copying.rewrite_addresses(source, *ADDRESSES)
    assert read_address(source.path("tcp-control")) == ADDRESSES.control


# --- check mode


def test_check_mode_says_what_would_be_done_and_writes_nothing(source, target, make_set):
    make_set("target", moment="resilience-before-kill")
    rotated = target.directory / "multi_partition_detector-worker2-00000000000003E8.evlog"
    rotated.write_bytes(b"stale")
    reserve_partial(target.path("evlog"))
    before = contents(target)
    told = copy(source, target, ADDRESSES, only_check=True)
    assert contents(target) == before
    assert told.manifest is None
    done = copy(source, target, ADDRESSES)
    assert (told.changed, told.copied, told.removed, told.kept, told.appended, told.bytes) == (
        done.changed,
        done.copied,
        done.removed,
        done.kept,
        done.appended,
        done.bytes,
    )
    assert told.removed == [rotated.name]


def test_check_mode_does_not_create_the_directory(source, target):
    assert copy(source, target, only_check=True).changed
    assert not target.directory.exists()


def test_check_mode_of_a_finished_copy_finds_nothing_to_do(source, target):
    copy(source, target)
    assert not copy(source, target, only_check=True).changed


# --- neighbours


def test_a_neighbour_whose_name_begins_alike_is_not_touched(source, target, make_set):
    neighbour = make_set("target", worker="worker20", moment="resilience-before-kill")
    (neighbour.directory / "multi_partition_detector-worker20-00000000000003E8.evlog").write_bytes(b"rotated")
    reserve_partial(neighbour.path("evlog"))
    before = contents(neighbour)
    copy(source, target)
    assert {name: data for name, data in contents(neighbour).items() if not target.owns(name)} == before


def test_a_neighbour_in_the_source_is_not_copied(source, target, make_set):
    make_set("source", worker="worker20")
    copy(source, target)
    assert len(list(target.directory.iterdir())) == EVERYTHING


# --- sources that must not be copied


@pytest.mark.parametrize("suffix", ["evlog", "workers", "tcp-data"])
def test_an_incomplete_source_is_refused_before_anything_changes(source, target, make_set, suffix):
    make_set("target", moment="resilience-before-kill")
    before = contents(target)
    source.path(suffix).unlink()
    with pytest.raises(IncompleteSource, match=f"missing: {source.path(suffix).name}") as caught:
        copy(source, target)
    assert str(source.directory) in str(caught.value)
    assert contents(target) == before


def test_a_source_that_does_not_exist_never_empties_the_target(tmp_path, target, make_set):
    make_set("target")
    before = contents(target)
    with pytest.raises(IncompleteSource):
        copy(target.at(tmp_path / "nowhere"), target)
    assert contents(target) == before


def test_source_and_target_may_not_be_the_same_place(source, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(source.directory)
    with pytest.raises(CopyError, match="source and target at once"):
        copy(source, source.at(link), ADDRESSES)


@pytest.mark.parametrize("other", [("multi_partition_detector", "worker3"), ("market-spread", "worker2")])
def test_files_of_another_worker_or_application_are_refused(source, tmp_path, other):
    with pytest.raises(CopyError, match=r"check application and worker"):
        copy(source, resilience_set(tmp_path / "target", *other))
    assert not (tmp_path / "target").exists()


def test_a_manifest_cannot_lead_out_of_the_target(source, target):
    class Evil(LocalSource):
        def manifest(self):
            found = super().manifest()
            return Manifest(found.worker, (*found.files, FileDigest("../evil", 4, "0" * 64)))

        def open(self, name):
            return io.BytesIO(b"evil")

    with pytest.raises(CopyError, match=r"\.\./evil"):
        copying.copy(Evil(source), target)
    assert not target.directory.exists()


def test_only_files_of_the_worker_can_be_opened(source):
    (source.directory / "secret").touch()
    with pytest.raises(CopyError, match=r"secret is no resilience file of worker2"):
        LocalSource(source).open("secret")


# --- a source that is written to


class Growing(LocalSource):
    """A worker that still runs: at every look into its event log it has written more."""

    def open_at(self, name, offset):
        stream = super().open_at(name, offset)
        if name == self.files.path("evlog").name:
            with self.files.path("evlog").open("ab") as log:
                log.write(b"more")
        return stream


def test_a_source_that_grows_is_found_out(source, target):
    with pytest.raises(
        SourceChanged, match=r"evlog has .* bytes instead of .*worker2 still runs.*kill it first"
    ) as caught:
        copying.copy(Growing(source), target)
    assert str(source.directory) in str(caught.value)
    assert target.state() == "incomplete"


def test_after_a_copy_from_a_living_worker_little_is_left_to_do(source, target):
    with pytest.raises(SourceChanged):
        copying.copy(Growing(source), target)
    result = copy(source, target)
    assert_equal(source, target)
    assert result.appended == [target.path("evlog").name]
    assert result.bytes == len(b"more") + source.path("workers").stat().st_size


def test_a_source_that_changes_without_growing_is_found_out(source, target):
    class Changing(LocalSource):
        def open_at(self, name, offset):
            stream = super().open_at(name, offset)
            path = self.files.path("local-topology")
            path.write_bytes(bytes(path.stat().st_size))
            return stream

    with pytest.raises(SourceChanged, match=r"local-topology has the right size and other bytes"):
        copying.copy(Changing(source), target)
    assert target.state() == "incomplete"


@pytest.mark.parametrize("suffix", ["evlog", "workers"])
def test_a_source_whose_files_shrink_is_found_out(source, target, suffix):
    class Shrinking(LocalSource):
        def open_at(self, name, offset):
            self.files.path(suffix).write_bytes(b"")
            return super().open_at(name, offset)

    with pytest.raises(SourceChanged):
        copying.copy(Shrinking(source), target)


@pytest.mark.parametrize("suffix", ["evlog", "workers"])
def test_a_source_whose_files_vanish_is_found_out(source, target, suffix):
    class Vanishing(LocalSource):
        def open_at(self, name, offset):
            self.files.path(suffix).unlink(missing_ok=True)
            return super().open_at(name, offset)

    with pytest.raises(SourceChanged, match=f"{suffix} went away"):
        copying.copy(Vanishing(source), target)
    assert target.state() != "complete"


def test_a_source_that_cannot_be_read_is_named(source, target):
    class Broken(LocalSource):
        def manifest(self):
            raise OSError(5, "Input/output error", "/dev/broken")

    with pytest.raises(CopyError, match=r"/dev/broken cannot be read .Input/output error.; mend that"):
        copying.copy(Broken(source), target)


# --- the proof


def test_a_copy_with_wrong_bytes_is_found_out_and_never_started_from(source, target):
    class Lying(LocalSource):
        def open_at(self, name, offset):
            data = super().open_at(name, offset).read()
            return io.BytesIO(data if name.endswith("workers") else bytes(byte ^ 1 for byte in data))

    with pytest.raises(CopyError, match=r"is not what .* holds: .*evlog has the right size and other bytes"):
        copying.copy(Lying(source), target)
    assert target.state() == "incomplete"
    copy(source, target)
    assert_equal(source, target)


def test_wrong_bytes_at_a_grown_end_are_found_out(source, target):
    class Lying(LocalSource):
        def open_at(self, name, offset):
            data = super().open_at(name, offset).read()
            return io.BytesIO(bytes(len(data)) if offset else data)

    copy(source, target)
    with source.path("evlog").open("ab") as stream:
        stream.write(b"x" * 1000)
    with pytest.raises(CopyError, match=r"evlog has the right size and other bytes"):
        copying.copy(Lying(source), target)
    copy(source, target)
    assert_equal(source, target)


# --- a target that cannot take it


def test_too_little_space_is_said_before_anything_changes(source, target, make_set, monkeypatch):
    make_set("target", moment="resilience-before-kill")
    before = contents(target)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1 << 30, 1 << 30, 4096))
    with pytest.raises(
        NotEnoughSpace, match=r"4,096 bytes free and copying the files of worker2 needs .*; make room first"
    ) as caught:
        copy(source, target)
    assert str(target.directory) in str(caught.value)
    with pytest.raises(NotEnoughSpace):
        copy(source, target, only_check=True)
    assert contents(target) == before


def test_a_second_copy_needs_no_space(source, target, monkeypatch):
    copy(source, target)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1 << 30, 1 << 30, 0))
    assert not copy(source, target).changed


def test_files_that_are_replaced_one_by_one_need_room_for_one(source, target, make_set, monkeypatch):
    make_set("target")
    for suffix in source.present():
        data = bytes(byte ^ 1 for byte in target.path(suffix).read_bytes())
        target.path(suffix).write_bytes(data)
    usage = namedtuple("usage", "total used free")
    largest = max(path.stat().st_size for path in source.present().values())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1 << 30, 1 << 30, largest + 4096))
    assert copy(source, target).bytes > 2 * largest


@pytest.mark.parametrize("below", ["", "further/down"])
def test_a_file_in_place_of_the_directory_is_named(source, tmp_path, below):
    (tmp_path / "target").write_bytes(b"a file")
    target = source.at(tmp_path / "target" / below)
    for only_check in (True, False):
        with pytest.raises(CopyError, match=f"{tmp_path}/target is no directory"):
            copy(source, target, only_check=only_check)
    assert (tmp_path / "target").read_bytes() == b"a file"


def test_a_directory_in_place_of_a_file_is_named(source, target):
    target.path("evlog").mkdir(parents=True)
    with pytest.raises(CopyError, match=f"{target.path('evlog')} cannot be used .Is a directory"):
        copy(source, target)
    assert target.state() != "complete"


def test_a_full_disk_is_reported_with_the_place_and_leaves_no_half_file(source, target, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CopyError, match=r"No space left on device") as caught:
        copy(source, target)
    assert str(target.directory) in str(caught.value)
    monkeypatch.undo()
    assert [name for name in contents(target) if name.startswith(".")] == []
    copy(source, target)
    assert_equal(source, target)


def test_every_error_is_one_sentence_without_a_line_break(source, target):
    source.path("evlog").unlink()
    with pytest.raises(CopyError) as caught:
        copy(source, target)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
