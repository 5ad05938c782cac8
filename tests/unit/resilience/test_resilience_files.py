# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The set of files from which a worker recovers."""

from __future__ import annotations

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._catalogue.applications import APPLICATIONS
from ansible_collections.wallaroo.resilience.plugins.module_utils._catalogue.applications import (
    application as application_of,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.files import (
    SUFFIXES,
    resilience_set,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.whole_file import reserve_partial


def names(paths):
    return sorted(path.name for path in paths)


@pytest.fixture
def files(tmp_path):
    return resilience_set(tmp_path, "market-spread", "worker2")


@pytest.mark.parametrize(
    ("application", "version", "expected"),
    [
        ("market_spread", "0.5.3", "market-spread"),
        ("market_spread", "0.5.4", "market-spread"),
        ("market_spread", "0.6.1", "Market Spread"),
        ("multi_partition_detector", "0.5.4", "multi_partition_detector"),
        ("multi_partition_detector", "0.6.1", "multi_partition_detector"),
    ],
)
def test_the_prefix_depends_on_application_and_version(application, version, expected):
    assert application_of(application).prefix_at(version) == expected


def test_an_unknown_application_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match="'alphabet' is no application: there are " + ", ".join(sorted(APPLICATIONS))):
        application_of("alphabet")


def test_a_directory_that_does_not_exist_holds_nothing(tmp_path):
    files = resilience_set(tmp_path / "none", "market-spread", "worker2")
    assert files.state() == "none"
    assert files.present() == {}
    assert files.remove() == []


def test_a_complete_set_lacks_nothing(source):
    assert source.state() == "complete"
    assert source.missing() == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_set_without_one_required_file_is_incomplete_and_names_it(source, suffix):
    source.path(suffix).unlink()
    assert source.state() == "incomplete"
    assert source.missing() == [source.path(suffix)]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_file_alone_is_an_incomplete_set(files, suffix):
    files.path(suffix).touch()
    assert files.state() == "incomplete"
    assert files.path(suffix) not in files.missing()


def test_an_initializer_needs_neither_data_address_nor_connection_addresses(tmp_path):
    files = resilience_set(tmp_path, "market-spread", "initializer")
    for suffix in files.required():
        files.path(suffix).touch()
    assert set(SUFFIXES) - set(files.required()) == {"tcp-data", "connection-addresses"}
    assert files.state() == "complete"


def test_journals_alone_are_no_set(files):
    for suffix in ("journal", "evlog.journal"):
        files.path(suffix).touch()
    assert files.state() == "none"
    assert names(files.journal_files()) == ["market-spread-worker2.evlog.journal", "market-spread-worker2.journal"]


def test_rotated_event_logs_are_listed_oldest_first_and_stand_for_the_event_log(source):
    source.path("evlog").unlink()
    for number in ("00000000000003E8", "0000000000000000", "00000000000007D0"):
        (source.directory / f"multi_partition_detector-worker2-{number}.evlog").touch()
        (source.directory / f"multi_partition_detector-worker2-{number}.evlog.journal").touch()
    assert [path.name[-22:-6] for path in source.rotated("evlog")] == [
        "0000000000000000",
        "00000000000003E8",
        "00000000000007D0",
    ]
    assert source.state() == "complete"
    assert len(source.journal_files()) == 5


@pytest.mark.parametrize("neighbour", ["worker20", "worker22", "worker", "worker2-a", "initializer", "2"])
def test_nothing_of_another_worker_is_seen_or_removed(source, make_set, neighbour):
    other = make_set("source", worker=neighbour)
    (other.directory / f"multi_partition_detector-{neighbour}-00000000000003E8.evlog").touch()
    assert all(not source.owns(path.name) for path in other.present().values())
    source.remove()
    assert source.state() == "none"
    assert other.state() == "complete"
    assert len(other.rotated("evlog")) == 1


def test_removing_takes_journals_rotated_logs_and_half_files_too(source):
    (source.directory / "multi_partition_detector-worker2-00000000000003E8.evlog").touch()
    reserve_partial(source.path("evlog"))
    others = [
        source.directory / "notes.txt",
        reserve_partial(source.directory / "multi_partition_detector-worker20.evlog"),
    ]
    others[0].touch()
    assert len(source.remove()) == 12
    assert names(source.directory.iterdir()) == names(others)
    assert source.remove() == []


def test_half_files_are_no_resilience_files(files):
    reserve_partial(files.path("evlog"))
    assert files.state() == "none"
    assert files.present() == {}
    assert len(files.leftovers()) == 1


def test_names_that_only_look_alike_are_not_owned(files):
    for name in (
        "market-spread-worker2.evlog.bak",
        "market-spread-worker2-123.evlog",
        "market-spread-worker2.evlog\n",
        "market-spread-worker2",
        "../market-spread-worker2.evlog",
        "Market-Spread-worker2.evlog",
    ):
        assert not files.owns(name), name


def test_a_prefix_with_a_blank_is_a_prefix_like_any_other(tmp_path):
    files = resilience_set(tmp_path, "Market Spread", "worker2")
    files.path("evlog").touch()
    assert files.present() == {"evlog": tmp_path / "Market Spread-worker2.evlog"}


@pytest.mark.parametrize("worker", ["", "../worker2", "a/b"])
def test_a_worker_whose_name_leads_elsewhere_is_refused(tmp_path, worker):
    with pytest.raises(ValueError, match="no name of a worker"):
        resilience_set(tmp_path, "market-spread", worker)


def test_which_files_are_only_added_to(files):
    growing = {suffix for suffix in (*SUFFIXES, "journal", "evlog.journal") if files.grows(files.path(suffix).name)}
    assert growing == {"evlog", "checkpoint_ids", "local-keys", "journal", "evlog.journal"}
    assert files.grows("market-spread-worker2-00000000000003E8.evlog")
    assert not files.grows("market-spread-worker20.evlog")
