# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A clone of Wallaroo: at the revision that is wanted, and nobody's work lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.checkout import Checkout
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.command import ProvisioningError

from tests.wallaroo_repository import Repository, git, needed


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home" / "wallaroo"


@pytest.fixture
def checkout(upstream: Repository, home: Path) -> Checkout:
    home.parent.mkdir()
    return Checkout(home, upstream.url, 60)


def test_it_is_cloned_and_a_second_run_does_nothing(upstream, checkout, home):
    found = checkout.ensure("master")
    assert found.changed
    assert found.before == ""
    assert found.commit == upstream.git("rev-parse", "master") == git(home, "rev-parse", "HEAD")
    assert git(home, "symbolic-ref", "--short", "HEAD") == "master"
    assert (home / "Makefile").exists()
    assert not checkout.ensure("master").changed


def test_a_tag_or_a_commit_will_do(upstream, checkout, home):
    old = upstream.git("rev-parse", "HEAD")
    upstream.write("new", "")
    upstream.commit("second")
    assert checkout.ensure("0.5.4").commit == old
    assert not checkout.ensure(old).changed
    assert not checkout.ensure(old[:10]).changed
    assert checkout.ensure("master").changed
    assert (home / "new").exists()


def test_a_commit_that_is_there_is_not_asked_for(upstream, checkout):
    commit = checkout.ensure("master").commit
    os.rename(upstream.directory, upstream.directory.with_name("gone"))
    assert not checkout.ensure(commit).changed


def test_a_branch_follows_the_repository(upstream, checkout):
    checkout.ensure("master")
    upstream.write("new", "")
    newer = upstream.commit("second")
    found = checkout.ensure("master")
    assert (found.changed, found.commit) == (True, newer)


def test_check_mode_tells_and_changes_nothing(upstream, checkout, home):
    found = checkout.ensure("master", only_check=True)
    assert (found.changed, found.commit) == (True, upstream.git("rev-parse", "HEAD"))
    assert not home.exists()
    checkout.ensure("master")
    assert not checkout.ensure("master", only_check=True).changed
    before = git(home, "rev-parse", "HEAD")
    upstream.write("new", "")
    newer = upstream.commit("second")
    found = checkout.ensure("master", only_check=True)
    assert (found.changed, found.commit) == (True, newer)
    assert git(home, "rev-parse", "HEAD", "origin/master") == f"{before}\n{before}"
    with pytest.raises(ProvisioningError, match="no branch, tag or commit nowhere"):
        checkout.ensure("nowhere", only_check=True)


def test_changes_that_are_not_committed_stay_while_nothing_has_to_move(checkout, home):
    checkout.ensure("master")
    (home / "Makefile").write_text("mine\n")
    found = checkout.ensure("master")
    assert not found.changed
    assert found.modified == ["Makefile"]


def test_changes_that_are_not_committed_are_never_overwritten(upstream, checkout, home):
    checkout.ensure("master")
    (home / "Makefile").write_text("mine\n")
    upstream.write("new", "")
    upstream.commit("second")
    with pytest.raises(ProvisioningError, match=r"not committed \(Makefile\).*kept"):
        checkout.ensure("master")
    assert (home / "Makefile").read_text() == "mine\n"
    assert not (home / "new").exists()


def test_an_untracked_file_in_the_way_is_kept(upstream, checkout, home):
    checkout.ensure("master")
    (home / "new").write_text("mine\n")
    upstream.write("new", "theirs\n")
    upstream.commit("second")
    with pytest.raises(ProvisioningError, match=r"(?s)could not be brought to master.*new"):
        checkout.ensure("master")
    assert (home / "new").read_text() == "mine\n"


def test_commits_of_ones_own_on_top_are_fine(upstream, checkout, home):
    checkout.ensure("master")
    (home / "own").write_text("")
    git(home, "add", "own")
    git(home, "commit", "--quiet", "--message", "own")
    found = checkout.ensure("master")
    assert not found.changed
    assert found.own_commits == 1


def test_a_branch_that_has_gone_another_way_is_kept(upstream, checkout, home):
    checkout.ensure("master")
    (home / "own").write_text("")
    git(home, "add", "own")
    git(home, "commit", "--quiet", "--message", "own")
    mine = git(home, "rev-parse", "HEAD")
    upstream.write("new", "")
    upstream.commit("second")
    with pytest.raises(ProvisioningError, match=r"(?s)commits of its own.*rebase"):
        checkout.ensure("master")
    assert git(home, "rev-parse", "HEAD") == mine


def test_commits_on_no_branch_are_kept(upstream, checkout, home):
    checkout.ensure("0.5.4")
    (home / "own").write_text("")
    git(home, "add", "own")
    git(home, "commit", "--quiet", "--message", "own")
    mine = git(home, "rev-parse", "HEAD")
    with pytest.raises(ProvisioningError, match=r"(?s)commits that are on no branch.*branch NAME"):
        checkout.ensure("master")
    git(home, "branch", "kept")
    assert checkout.ensure("master").changed
    assert git(home, "rev-parse", "kept") == mine


def test_another_branch_keeps_the_first_one(upstream, checkout, home):
    checkout.ensure("master")
    upstream.git("checkout", "--quiet", "-b", "other")
    upstream.write("new", "")
    other = upstream.commit("second")
    assert checkout.ensure("other").commit == other
    assert git(home, "symbolic-ref", "--short", "HEAD") == "other"
    assert checkout.ensure("master").changed
    assert git(home, "rev-parse", "other") == other


def test_a_directory_that_is_no_clone_is_not_touched(checkout, home):
    home.mkdir()
    (home / "file").write_text("mine")
    with pytest.raises(ProvisioningError, match="no git clone; nothing in it is touched"):
        checkout.ensure("master")
    assert (home / "file").read_text() == "mine"


def test_a_clone_of_something_else_is_not_touched(upstream, checkout, home):
    checkout.ensure("master")
    with pytest.raises(ProvisioningError, match=r"is a clone of .*repository, not of https://example.com/other"):
        Checkout(home, "https://somebody:secret@example.com/other", 60).ensure("master")


def test_a_clone_that_was_interrupted_is_made_anew(checkout, home):
    half = home.parent / ".wallaroo.cloning"
    half.mkdir()
    (half / "rest").write_text("")
    assert checkout.ensure("master").changed
    assert [path.name for path in home.parent.iterdir()] == ["wallaroo"]


def test_a_repository_that_is_not_there_leaves_nothing(home, tmp_path):
    needed()
    home.parent.mkdir()
    with pytest.raises(ProvisioningError, match=r"(?s)could not be cloned: .*does not exist"):
        Checkout(home, str(tmp_path / "nowhere"), 60).ensure("master")
    assert list(home.parent.iterdir()) == []


def test_a_branch_that_is_not_there_leaves_nothing(checkout, home):
    with pytest.raises(ProvisioningError, match="no branch, tag or commit nowhere; mend wallaroo_repo_branch"):
        checkout.ensure("nowhere")
    assert list(home.parent.iterdir()) == []


def test_no_secret_of_a_url_is_told(home):
    home.parent.mkdir()
    with pytest.raises(ProvisioningError) as caught:
        Checkout(home, "http://somebody:hunter2@127.0.0.1:9/x.git", 60).ensure("master")
    assert "hunter2" not in str(caught.value)


def test_nothing_is_changed_while_it_is_in_use(upstream, checkout, home):
    checkout.ensure("master")
    assert not checkout.ensure("master", in_use="worker2 runs").changed
    upstream.write("new", "")
    upstream.commit("second")
    with pytest.raises(ProvisioningError, match="worker2 runs"):
        checkout.ensure("master", in_use="worker2 runs")
    assert not (home / "new").exists()
