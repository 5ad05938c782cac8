# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Wallaroo's Makefile needs of Pony: its programs, and what ``stable fetch`` was to bring."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .command import run

PROGRAMS = {"PONYSTABLE": "stable", "PONYCC": "ponyc"}
"""Variable of the Makefile -> the program it names, in the order in which they are used."""
_LIMIT = 60.0
_DEEPEST = 8
"""How many bundles may lead to one another: a bundle may name itself."""


@dataclass(frozen=True)
class Dependency:
    """What a bundle takes from elsewhere."""

    bundle: Path
    repository: str
    """``owner/name`` on GitHub."""
    tag: str
    """Empty when any will do."""

    @property
    def directory(self) -> Path:
        """Where ``stable fetch`` puts it."""
        return self.bundle.parent / ".deps" / self.repository


def missing_program(make: Sequence[str]) -> str:
    """A sentence about the first program that a build would not find; empty when all are there.

    :param make: the words for make, which may name others.
    """
    given = {word.split("=", 1)[0]: word.split("=", 1)[1] for word in make if "=" in word}
    if given.get("arch", "native") != "native" and given.get("in_docker") != "true":
        # The Makefile runs them in a container then.
        return ""
    for variable, usual in PROGRAMS.items():
        named = (given.get(variable) or os.environ.get(variable) or usual).split()[0]
        if shutil.which(named) is None:
            return (
                f"there is no program {named}, with which Wallaroo is built; run setup_dev_env.yml, which installs "
                f"it, or name another one: -e wallaroo_repo_make={variable}=/path/to/{usual}. Nothing was cleaned, "
                "and nothing was built"
            )
    return ""


def unfetched(home: Path, directories: Sequence[Path], said: str) -> str:
    """A sentence about the first dependency that is not there, since ``stable fetch`` ends well without it; or empty.

    :param directories: where bundles lie, below the tree.
    :param said: what was said while it was fetched.
    """
    for directory in directories:
        for needed in _dependencies(directory / "bundle.json"):
            if _is_there(needed):
                continue
            lines = [line.strip() for line in said.splitlines()]
            why = next((line for line in reversed(lines) if line.startswith(("fatal:", "error:"))), "")
            return (
                f"stable did not fetch {needed.repository}{f' {needed.tag}' if needed.tag else ''}, which "
                f"{needed.bundle.relative_to(home)} names{f' (git said: {why})' if why else ''}. It comes from "
                "https://github.com; let this server reach that, or leave the target out that needs it"
            )
    return ""


def forget_failed_fetches(home: Path) -> None:
    """Remove the empty directories that clones have left which failed.

    The next ``stable fetch`` would take one for the clone, and ask git for news in there: that is the tree around it.
    """
    for directory in bundles_fetched(home):
        for needed in _dependencies(directory / "bundle.json"):
            if needed.directory.is_dir() and not any(needed.directory.iterdir()):
                needed.directory.rmdir()


def bundles_fetched(home: Path) -> list[Path]:
    """The directories of all bundles for which something was fetched, below the tree."""
    found = []
    for directory, names, _files in os.walk(home):
        if ".deps" in names:
            found.append(Path(directory))
        names[:] = [name for name in names if name not in (".deps", ".git")]
    return sorted(found)


def _dependencies(bundle: Path, depth: int = 0) -> Iterator[Dependency]:
    try:
        found = json.loads(bundle.read_text(encoding="utf-8"))["deps"]
    except (OSError, ValueError, KeyError, TypeError):
        # stable itself complains of a bundle that it cannot read.
        return
    for one in found if isinstance(found, list) else ():
        if not isinstance(one, dict) or one.get("type") != "github" or not one.get("repo"):
            continue
        needed = Dependency(bundle, str(one["repo"]), str(one.get("tag") or ""))
        yield needed
        if depth < _DEEPEST:
            yield from _dependencies(needed.directory / "bundle.json", depth + 1)


def _is_there(needed: Dependency) -> bool:
    if not (needed.directory / ".git").exists():
        return False
    if not needed.tag:
        return True
    commits = []
    for name in ("HEAD", needed.tag):
        words = ["git", "-C", str(needed.directory), "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"]
        ended = run(words, _LIMIT)
        commits.append(ended.output.strip() if not ended.code else name)
    return commits[0] == commits[1]
