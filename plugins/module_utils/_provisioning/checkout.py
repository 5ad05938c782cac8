# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A git checkout of Wallaroo's sources in which people may have work of their own, which is never thrown away."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from .command import Ended, ProvisioningError, run, without_secrets

LOCAL_LIMIT = 120.0
"""Seconds for a git command that asks nobody."""
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NAMED = 5
"""How many changed files are named in a message."""


@dataclass(frozen=True)
class Found:
    """What a checkout is at."""

    changed: bool
    commit: str
    """The commit whose files are there; in check mode the one whose files would be."""
    before: str
    """The commit before; empty for a fresh clone."""
    modified: list[str]
    """Tracked files with changes that were not committed."""
    own_commits: int
    """Commits on top of what was asked for."""


class Checkout:
    """A directory that is, or is to be, a clone."""

    def __init__(self, home: Path, url: str, limit: float) -> None:
        """:param limit: seconds for what goes over a network."""
        self.home = home
        self.url = url
        self.limit = limit

    def ensure(self, revision: str, only_check: bool = False, in_use: str = "") -> Found:
        """Make it a clone of the repository at a branch, a tag or a commit.

        :param in_use: why nothing may be changed at this time; empty when it may.
        :raises ProvisioningError: when work of somebody would be lost, or git fails. Nothing is lost then.
        """
        if revision.startswith("-") or not revision.strip():
            raise ProvisioningError(f"{revision!r} is no branch, tag or commit")
        if not self._is_there():
            if in_use:
                raise ProvisioningError(in_use)
            commit = self._ask(revision) if only_check else self._clone(revision)
            return Found(True, commit, "", [], 0)
        self._refuse_foreign()
        before = self._git("rev-parse", "HEAD").output.strip()
        wanted = self._wanted(revision, only_check)
        modified = self._modified()
        if before == wanted:
            return Found(False, before, before, modified, 0)
        branch = self._branch(revision)
        mine = self._has(wanted) and self._is_in(wanted, "HEAD") and branch is not None and branch == self._current()
        if mine:
            own = int(self._git("rev-list", "--count", f"{wanted}..HEAD").output)
            return Found(False, before, before, modified, own)
        self._refuse_losing(revision, modified, branch, wanted)
        if in_use:
            raise ProvisioningError(in_use)
        if only_check:
            return Found(True, wanted, before, modified, 0)
        self._switch(revision, branch, wanted)
        after = self._git("rev-parse", "HEAD").output.strip()
        own = int(self._git("rev-list", "--count", f"{wanted}..HEAD").output)
        return Found(after != before, after, before, modified, own)

    def _is_there(self) -> bool:
        if not self.home.exists():
            return False
        if not self.home.is_dir():
            raise ProvisioningError(f"{self.home} is no directory; move it away, or set wallaroo_home")
        if (self.home / ".git").exists():
            return True
        if any(self.home.iterdir()):
            raise ProvisioningError(
                f"{self.home} has files and is no git clone; nothing in it is touched. "
                "Move it away, or set wallaroo_home to another directory"
            )
        return False

    def _clone(self, revision: str) -> str:
        # Under another name until it is whole: what was interrupted is made anew.
        fresh = self.home.parent / f".{self.home.name}.cloning"
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            ended = run(["git", "clone", "--no-checkout", "--", self.url, str(fresh)], self.limit)
            if ended.code:
                raise self._failed(f"{without_secrets(self.url)} could not be cloned", ended)
            clone = Checkout(fresh, self.url, self.limit)
            wanted = clone._wanted(revision, False, fetch=False)
            clone._switch(revision, clone._branch(revision), wanted)
            os.rename(fresh, self.home)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        return wanted

    def _refuse_foreign(self) -> None:
        ended = self._git("config", "--get", "remote.origin.url", may_fail=True)
        url = ended.output.strip()
        if ended.code or _plain(url) != _plain(self.url):
            raise ProvisioningError(
                f"{self.home} is a clone of {without_secrets(url) or 'nothing'}, not of {without_secrets(self.url)}. "
                "Nothing was changed; set wallaroo_home to another directory, or run: "
                f"git -C {self.home} remote set-url origin URL"
            )

    def _wanted(self, revision: str, only_check: bool, fetch: bool = True) -> str:
        """The commit that a revision names in the repository it comes from."""
        if _COMMIT.fullmatch(revision) and self._has(revision):
            return revision
        if only_check:
            return self._ask(revision)
        if fetch:
            ended = self._git(
                "fetch", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*", limit=self.limit, may_fail=True
            )
            if ended.code:
                raise self._failed(f"{without_secrets(self.url)} could not be asked for news", ended)
        for name in (f"refs/remotes/origin/{revision}", f"refs/tags/{revision}", revision):
            found = self._git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", may_fail=True)
            if not found.code and (name != revision or re.fullmatch(r"[0-9a-f]{7,64}", revision)):
                return found.output.strip()
        raise self._no_such(revision)

    def _ask(self, revision: str) -> str:
        """The commit of a branch or tag, without bringing anything here."""
        if _COMMIT.fullmatch(revision):
            return revision
        ended = run(["git", "ls-remote", "--heads", "--tags", "--", self.url], self.limit)
        if ended.code:
            raise self._failed(f"{without_secrets(self.url)} could not be asked", ended)
        lines = (line.split("\t", 1) for line in ended.output.splitlines() if "\t" in line)
        found = {name.strip(): commit for commit, name in lines}
        for name in (f"refs/heads/{revision}", f"refs/tags/{revision}^{{}}", f"refs/tags/{revision}"):
            if name in found:
                return found[name]
        raise self._no_such(revision)

    def _no_such(self, revision: str) -> ProvisioningError:
        return ProvisioningError(
            f"{without_secrets(self.url)} has no branch, tag or commit {revision}; mend wallaroo_repo_branch or "
            "wallaroo_repo_url"
        )

    def _refuse_losing(self, revision: str, modified: list[str], branch: Optional[str], wanted: str) -> None:
        if modified:
            named = ", ".join(modified[:_NAMED]) + (", ..." if len(modified) > _NAMED else "")
            raise ProvisioningError(
                f"{self.home} is not at {revision}, and has changes that are not committed ({named}). They are kept: "
                "commit them on a branch, or stash them, and run this again"
            )
        if self._current() is None:
            named = self._git("for-each-ref", "--contains", "HEAD", "--count=1").output.strip()
            if not named:
                raise ProvisioningError(
                    f"{self.home} is not at {revision}, and has commits that are on no branch. They are kept: "
                    f"give them a name (git -C {self.home} branch NAME) and run this again"
                )
        if branch is None or not self._has(wanted):
            return
        local = self._git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}", may_fail=True)
        commit = local.output.strip()
        if not local.code and not self._is_in(wanted, commit) and not self._is_in(commit, wanted):
            raise ProvisioningError(
                f"branch {branch} of {self.home} has commits of its own, and the repository has others. They are kept: "
                f"rebase or merge them (git -C {self.home} rebase origin/{branch}), and run this again"
            )

    def _switch(self, revision: str, branch: Optional[str], wanted: str) -> None:
        steps: list[tuple[str, ...]]
        if branch is None:
            steps = [("checkout", "--quiet", "--detach", wanted)]
        elif self._git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}", may_fail=True).code:
            steps = [("checkout", "--quiet", "-b", branch, "--track", f"refs/remotes/origin/{branch}")]
        else:
            steps = [("checkout", "--quiet", branch, "--"), ("merge", "--quiet", "--ff-only", wanted)]
        for step in steps:
            ended = self._git(*step, limit=self.limit, may_fail=True)
            if ended.code:
                raise self._failed(f"{self.home} could not be brought to {revision}", ended)

    def _branch(self, revision: str) -> Optional[str]:
        """The revision when it is a branch there; None for a tag or a commit."""
        known = self._git("rev-parse", "--verify", "--quiet", f"refs/remotes/origin/{revision}", may_fail=True)
        return None if known.code else revision

    def _current(self) -> Optional[str]:
        ended = self._git("symbolic-ref", "--quiet", "--short", "HEAD", may_fail=True)
        return ended.output.strip() or None if not ended.code else None

    def _modified(self) -> list[str]:
        ended = self._git("status", "--porcelain", "--untracked-files=no", "-z")
        entries = ended.output.split("\0")
        return [entry[3:] for entry in entries if len(entry) > 3 and entry[2] == " "]

    def _has(self, commit: str) -> bool:
        return not self._git("cat-file", "-e", f"{commit}^{{commit}}", may_fail=True).code

    def _is_in(self, older: str, newer: str) -> bool:
        return not self._git("merge-base", "--is-ancestor", older, newer, may_fail=True).code

    def _git(self, *words: str, limit: float = LOCAL_LIMIT, may_fail: bool = False) -> Ended:
        ended = run(["git", "-C", str(self.home), *words], limit)
        if ended.code and not may_fail:
            raise self._failed(f"git {words[0]} failed in {self.home}", ended)
        return ended

    @staticmethod
    def _failed(what: str, ended: Ended) -> ProvisioningError:
        return ProvisioningError(f"{what}: {without_secrets(ended.last_lines) or f'git ended with {ended.code}'}")


def _plain(url: str) -> str:
    """What makes two URLs the same repository."""
    return without_secrets(url).rstrip("/").removesuffix(".git")
