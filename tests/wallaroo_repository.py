# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small repository with Wallaroo's target names, and what git and make do with it: the real programs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = """resilience ?= off
words ?=
MS := testing/performance/apps/market-spread
MPD := testing/correctness/apps/multi_partition_detector

.PHONY: build-testing-performance-apps-market-spread clean-testing-performance-apps-market-spread
build-testing-performance-apps-market-spread: $(MS)/market-spread
clean-testing-performance-apps-market-spread:
\trm -f $(MS)/market-spread
$(MS)/market-spread: $(MS)/market-spread.pony
\tprintf '#!/bin/sh\\necho "market-spread resilience=$(resilience) $(words)"\\n' > $@
\tcat $< >> $@
\tchmod 755 $@

.PHONY: build-testing-correctness-apps-multi_partition_detector clean-testing-correctness-apps-multi_partition_detector
build-testing-correctness-apps-multi_partition_detector: $(MPD)/multi_partition_detector
clean-testing-correctness-apps-multi_partition_detector:
\trm -f $(MPD)/multi_partition_detector
$(MPD)/multi_partition_detector: $(MPD)/detector.pony
\tprintf '#!/bin/sh\\necho "detector resilience=$(resilience)"\\n' > $@
\tchmod 755 $@

build-fails:
\t@echo 'Error: could not find ponyc'
\t@false
build-nothing:
\t@true
build-for-ever:
\t@sleep 600
"""

MS = "build-testing-performance-apps-market-spread"
MPD = "build-testing-correctness-apps-multi_partition_detector"
MARKET_SPREAD = "testing/performance/apps/market-spread/market-spread"
DETECTOR = "testing/correctness/apps/multi_partition_detector/multi_partition_detector"

IDENTITY = {
    "GIT_AUTHOR_NAME": "somebody",
    "GIT_AUTHOR_EMAIL": "somebody@example.com",
    "GIT_COMMITTER_NAME": "somebody",
    "GIT_COMMITTER_EMAIL": "somebody@example.com",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
}


class Repository:
    """A repository in which somebody works."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self.git("init", "--quiet", "--initial-branch=master")
        self.write("Makefile", MAKEFILE)
        self.write("testing/performance/apps/market-spread/market-spread.pony", "# version 1\n")
        self.write("testing/correctness/apps/multi_partition_detector/detector.pony", "# version 1\n")
        self.write(".gitignore", "/testing/performance/apps/market-spread/market-spread\n")
        self.commit("first")
        self.git("tag", "0.5.4")

    @property
    def url(self) -> str:
        """Where it is cloned from."""
        return str(self.directory)

    def git(self, *words: str) -> str:
        """Run git in it."""
        return git(self.directory, *words)

    def write(self, name: str, text: str) -> None:
        """Write a file of it."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, message: str) -> str:
        """Commit everything; returns the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")


def git(directory: Path, *words: str) -> str:
    """Run git somewhere."""
    environment = {**os.environ, **IDENTITY}
    ended = subprocess.run(
        ["git", "-C", str(directory), *words], env=environment, check=True, capture_output=True, text=True
    )
    return ended.stdout.strip()


def needed() -> None:
    """The test is skipped where a program is missing, and fails in CI."""
    for name in ("git", "make", "rsync"):
        if shutil.which(name) is None:
            reason = f"there is no {name} on this machine"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
