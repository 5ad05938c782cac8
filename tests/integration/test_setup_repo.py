# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``setup_repo.yml`` on servers that are one machine; molecule's ``provision`` runs it on four."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import Loopback
from tests.wallaroo_repository import DETECTOR, IDENTITY, Repository, needed, toolchain


@pytest.fixture
def upstream(tmp_path: Path, loopback: Loopback) -> Repository:
    needed()
    for name, value in IDENTITY.items():
        loopback.environment[name] = value
    loopback.environment["PATH"] = f"{toolchain(tmp_path / 'toolchain')}:{loopback.environment['PATH']}"
    return Repository(tmp_path / "upstream")


def test_it_is_cloned_and_built_once(loopback, upstream, tmp_path):
    home = tmp_path / "wallaroo"
    arguments = f"wallaroo_home={home} wallaroo_repo_url={upstream.url} wallaroo_repo_branch=master"
    told = loopback.play("setup_repo", arguments, "--check")
    assert told.changed == 2, "the clone and the build: the other servers have the very same directory"
    assert not home.exists()

    loopback.play("setup_repo", arguments)
    said = subprocess.run([str(home / DETECTOR)], check=True, capture_output=True, text=True).stdout
    assert "resilience=on" in said
    assert loopback.play("setup_repo", arguments).changed == 0


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("", "wallaroo_home is missing"),
        ("wallaroo_home= wallaroo_repo_targets=", "wallaroo_home is missing"),
    ],
)
def test_what_is_missing_is_named(loopback, arguments, sentence):
    assert sentence in loopback.play("setup_repo", arguments, succeed=False).message


def test_one_failure_is_one_sentence(loopback, upstream, tmp_path):
    """The other servers have nothing to say when the first one cannot build."""
    home = tmp_path / "wallaroo"
    arguments = f"wallaroo_home={home} wallaroo_repo_url={upstream.url} wallaroo_repo_branch=master"
    told = loopback.play("setup_repo", f"{arguments} wallaroo_repo_targets=build-fails", succeed=False)
    assert told.output.count("fatal: ") == 1
    assert "Error: something else" in told.message
    assert not any(word in told.output for word in ("HostVars", "undefined", "has no attribute"))


def test_a_missing_compiler_is_named_before_anything_is_built(loopback, upstream, tmp_path):
    arguments = f"wallaroo_home={tmp_path / 'wallaroo'} wallaroo_repo_url={upstream.url} wallaroo_repo_branch=master"
    (tmp_path / "toolchain/bin/stable").unlink()
    for options in (("--check",), ()):
        told = loopback.play("setup_repo", arguments, *options, succeed=False)
        assert (
            "server1: there is no program stable, with which Wallaroo is built; run setup_dev_env.yml" in told.message
        )
        assert told.output.count("fatal: ") == 1
