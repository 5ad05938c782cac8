# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of SSH connections: those of the dead go, those of the living and of others stay."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import control

OWNER = f"""
import sys
from {control.__name__} import ControlDirectory
directory = ControlDirectory()
print(directory.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory for temporary files with a short name: a socket's name is short."""
    with tempfile.TemporaryDirectory(prefix="w.", dir="/tmp") as made:
        monkeypatch.setattr(tempfile, "tempdir", made)
        monkeypatch.setenv("TMPDIR", made)
        yield Path(made)


def test_what_a_killed_process_leaves_is_removed_by_the_next(place: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        its = Path(owner.stdout.readline().decode().strip())
        (its / "s").touch()

        first = control.ControlDirectory()
        assert its.is_dir(), "its owner lives"
        first.close()
        owner.kill()
        owner.wait()
    second = control.ControlDirectory()

    assert list(place.iterdir()) == [Path(second.path)]
    second.close()
    assert list(place.iterdir()) == []


def test_what_earlier_versions_left_goes_when_nobody_can_be_at_work_there(place: Path) -> None:
    for name in ("wallaroo-ssh-old", "wallaroo-ssh-new", ".wallaroo-ssh.unborn", "wallaroo-ssh", "my-wallaroo-ssh-x"):
        (place / name).mkdir()
    os.utime(place / "wallaroo-ssh-old", (0, 0))
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").touch()
    (place / "wallaroo-ssh.link").symlink_to(elsewhere)

    control.remove_those_of_the_dead(str(place))

    left = {path.name for path in place.iterdir()}
    assert left == {
        *("wallaroo-ssh-new", ".wallaroo-ssh.unborn", "wallaroo-ssh", "my-wallaroo-ssh-x"),
        *("elsewhere", "wallaroo-ssh.link"),
    }
    assert (elsewhere / "file").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what belongs to another user")
def test_what_another_user_left_is_left_alone(place: Path) -> None:
    (place / "wallaroo-ssh.theirs").mkdir()
    os.chown(place / "wallaroo-ssh.theirs", 65534, 65534)

    control.remove_those_of_the_dead(str(place))

    assert (place / "wallaroo-ssh.theirs").exists()


def test_a_directory_for_temporary_files_with_a_long_name_leaves_no_room_for_a_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = tmp_path / ("long" * 20)
    far.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(far))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(far))
    directory = control.ControlDirectory()
    try:
        assert os.path.dirname(directory.path) == "/tmp"
    finally:
        directory.close()
