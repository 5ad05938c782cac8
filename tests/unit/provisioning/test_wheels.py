# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Having the wheels of a lock, with the real pip; what it would fetch lies in a directory here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.command import ProvisioningError
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.wheels import gather, read_lock

from tests.wheels import lock, wheel


@pytest.fixture
def upstream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where pip finds packages."""
    directory = tmp_path / "upstream"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(directory))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return directory


def names(found: list[Path]) -> list[str]:
    return [path.name for path in found]


def test_they_are_fetched_once(upstream: Path, tmp_path: Path) -> None:
    wanted = lock(tmp_path / "lock", wheel(upstream, "some-thing", "1.0"), wheel(upstream, "other", "2.1"))
    store = tmp_path / "cache" / "wheels"
    found = gather(wanted, store, None, sys.executable, 60)
    assert names(found) == ["some_thing-1.0-py3-none-any.whl", "other-2.1-py3-none-any.whl"]
    for path in upstream.iterdir():
        path.unlink()
    assert gather(wanted, store, None, "no python is asked", 60) == found
    assert sorted(path.name for path in store.iterdir()) == sorted(names(found))


def test_what_is_not_the_one_that_was_locked_is_not_taken(upstream: Path, tmp_path: Path) -> None:
    wanted = lock(tmp_path / "lock", wheel(upstream, "other", "2.1"))
    wheel(upstream, "other", "2.1", "something else")
    store = tmp_path / "store"
    with pytest.raises(ProvisioningError, match="could not fetch them: ERROR: THESE PACKAGES DO NOT MATCH THE HASHES"):
        gather(wanted, store, None, sys.executable, 60)
    assert list(store.iterdir()) == []
    store_with_it = tmp_path / "filled"
    wheel(store_with_it, "other", "2.1", "planted")
    with pytest.raises(ProvisioningError, match="could not fetch them"):
        gather(wanted, store_with_it, None, sys.executable, 60)


def test_from_a_directory_nothing_is_fetched(tmp_path: Path) -> None:
    given = tmp_path / "given"
    wanted = lock(tmp_path / "lock", wheel(given, "other", "2.1"))
    assert names(gather(wanted, tmp_path / "store", given, "no python is asked", 60)) == ["other-2.1-py3-none-any.whl"]
    wheel(given, "other", "2.1", "something else")
    with pytest.raises(ProvisioningError, match=r"given has no wheel of other 2\.1 with a SHA-256 of the lock"):
        gather(wanted, tmp_path / "store", given, "no python is asked", 60)
    with pytest.raises(ProvisioningError, match="where the wheels should lie, is no directory"):
        gather(wanted, tmp_path / "store", tmp_path / "nowhere", "no python is asked", 60)


def test_a_python_without_pip_is_named(upstream: Path, tmp_path: Path) -> None:
    wanted = lock(tmp_path / "lock", wheel(upstream, "other", "2.1"))
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$0: No module named pip" >&2\nexit 1\n')
    python.chmod(0o755)
    with pytest.raises(ProvisioningError, match=f"pip of {python} could not fetch them: .*No module named pip"):
        gather(wanted, tmp_path / "store", None, str(python), 60)


@pytest.mark.parametrize("line", ["other", "other==1.0", "other>=1 --hash=sha256:" + "0" * 64, "-r more.txt"])
def test_a_lock_without_versions_and_hashes_is_none(line: str) -> None:
    with pytest.raises(ProvisioningError, match="a line without a version or hashes"):
        read_lock(line + "\n")


def test_the_lock_of_the_metrics_ui_is_one(repository: Path) -> None:
    found = read_lock((repository / "roles/metrics_ui/files/wheels.txt").read_text())
    assert {"starlette", "uvicorn", "django-unfold", "pip"} <= {package.name for package in found}
    assert all(package.hashes for package in found)
