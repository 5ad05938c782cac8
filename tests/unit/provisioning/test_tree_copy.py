# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of a built tree, with real rsync: on one machine, and over real SSH."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.ssh import Access
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning import build, build_record
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.command import ProvisioningError
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.tree import ensure_copied

from tests.wallaroo_repository import DETECTOR, MPD, MS, Repository

ON = build.Wanted((MS, MPD), True)
LIMIT = 60.0
FLAGS = ON.flags()


@pytest.fixture
def source(upstream: Repository) -> Path:
    return upstream.directory


@pytest.fixture
def executables(source: Path) -> dict[str, str]:
    return build.ensure_built(source, ON, LIMIT).executables


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "server 2" / "wallaroo"


def test_a_copy_over_ssh_is_made_once(ssh, source, executables, home):
    copied = ensure_copied(home, source, "server1", ssh.access(), executables, FLAGS, LIMIT)
    assert copied.changed
    assert build_record.digest(home / DETECTOR) == executables[DETECTOR]
    assert not (home / ".git").exists()
    assert not (home / build_record.LOG).exists()
    again = ensure_copied(home, source, "server1", ssh.access(), executables, FLAGS, LIMIT)
    assert not again.changed


def test_what_is_new_comes_and_what_is_gone_goes(source, executables, home):
    ensure_copied(home, source, "server1", None, executables, FLAGS, LIMIT)
    (source / "new file").write_text("new")
    (source / "Makefile").unlink()
    (home / "mine").write_text("")
    assert ensure_copied(home, source, "server1", None, executables, FLAGS, LIMIT, only_check=True).files == 3
    assert (home / "Makefile").exists()
    copied = ensure_copied(home, source, "server1", None, executables, FLAGS, LIMIT)
    assert (copied.changed, copied.files) == (True, 3)
    assert (home / "new file").read_text() == "new"
    assert not (home / "Makefile").exists()
    assert not (home / "mine").exists()


def test_a_directory_with_files_of_others_is_not_touched(source, executables, home):
    home.mkdir(parents=True)
    (home / "thesis.txt").write_text("mine")
    with pytest.raises(ProvisioningError, match=r"(?s)no copy that setup_repo.yml made; nothing in it is touched"):
        ensure_copied(home, source, "server1", None, executables, FLAGS, LIMIT)
    assert [path.name for path in home.iterdir()] == ["thesis.txt"]


def test_a_copy_that_was_interrupted_is_completed(ssh, source, executables, home):
    with pytest.raises(ProvisioningError, match="could not be copied"):
        ensure_copied(home, source / "nowhere", "server1", ssh.access(), executables, FLAGS, LIMIT)
    (home / "half").write_text("")
    assert ensure_copied(home, source, "server1", ssh.access(), executables, FLAGS, LIMIT).changed
    assert not (home / "half").exists()


def test_a_file_of_the_same_size_and_time_is_not_taken_for_the_same(source, executables, home):
    ensure_copied(home, source, "server1", None, executables, FLAGS, LIMIT)
    path, status = home / DETECTOR, (home / DETECTOR).stat()
    path.write_bytes(b"x" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert ensure_copied(home, source, "server1", None, executables, FLAGS, LIMIT, only_check=True).changed
    assert ensure_copied(home, source, "server1", None, executables, FLAGS, LIMIT).changed
    assert build_record.digest(path) == executables[DETECTOR]


def test_a_copy_that_is_not_what_was_built_is_no_success(source, executables, home):
    with pytest.raises(ProvisioningError, match="is not the executable that was built on server1"):
        ensure_copied(home, source, "server1", None, {**executables, DETECTOR: "0" * 64}, FLAGS, LIMIT)
    assert ensure_copied(home, source, "server1", None, executables, FLAGS, LIMIT).changed


def test_check_mode_makes_nothing(source, executables, home):
    assert ensure_copied(home, source, "server1", None, executables, FLAGS, LIMIT, only_check=True).changed
    assert not home.exists()


def test_one_machine_needs_no_copy(source, executables):
    assert not ensure_copied(source, source, "server1", None, executables, FLAGS, LIMIT).changed


def test_a_server_that_is_not_reached_is_told_as_everywhere(ssh, source, executables, home):
    access = Access(**{**ssh.access().to_dict(), "identity": str(home / "no-key")})
    with pytest.raises(ProvisioningError, match=r"(?s)there is no key .*fix=true"):
        ensure_copied(home, source, "server1", access, executables, FLAGS, LIMIT)


def test_nothing_is_copied_while_it_is_in_use(source, executables, home):
    ensure_copied(home, source, "server1", None, executables, FLAGS, LIMIT)
    (source / "new").write_text("new")
    with pytest.raises(ProvisioningError, match="worker2 runs"):
        ensure_copied(home, source, "server1", None, executables, FLAGS, LIMIT, in_use="worker2 runs")
    assert not (home / "new").exists()
