#!/usr/bin/env python3
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the documentation site into build/docs: the guides, and what is made of plugins, roles, Python and schemas.

    build.py [DIRECTORY]

Needs the commands of requirements/docs.txt first on PATH, and Ansible's behind them. A warning is an error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(ROOT / ".collections")]

import checking  # noqa: E402
import guides  # noqa: E402
import pages  # noqa: E402

COLLECTION = "wallaroo.resilience"


def main(words: list[str]) -> int:
    """Build it, and say where it is or what is wrong."""
    directory = Path(words[0] if words else ROOT / "build" / "docs").absolute()
    shutil.rmtree(directory, ignore_errors=True)
    sources = directory / ".sources"
    plugins = sources / "reference" / "plugins"
    plugins.mkdir(parents=True)
    with ThreadPoolExecutor() as pool:
        linted = pool.submit(run, sources, "antsibull-docs", "lint-collection-docs", "--plugin-docs", str(ROOT))
        asked = pool.submit(run, sources, "antsibull-docs", *OF_PLUGINS, "--dest-dir", str(plugins), COLLECTION)
        guides.write(ROOT, sources)
        pages.write(ROOT, sources)
        wrong = [asked.result()]
        if not any(wrong):
            pages.write_index_of_plugins(plugins)
            wrong.append(run(sources, "sphinx-build", *OF_SITE, "-c", str(HERE), str(sources), str(directory)))
        if not any(wrong):
            wrong += checking.dead_links(directory)
        wrong.append(linted.result())
    if any(wrong):
        print("\n".join(filter(None, wrong)), file=sys.stderr)
        return 1
    shutil.rmtree(sources)
    shutil.rmtree(directory / ".doctrees", ignore_errors=True)
    print(f"The site is in {directory}: open {directory / 'index.html'}")
    return 0


OF_PLUGINS = (
    "collection",
    "--use-current",
    "--squash-hierarchy",
    "--fail-on-error",
    "--no-breadcrumbs",
    "--no-indexes",
)
OF_SITE = ("--builder", "html", "--fail-on-warning", "--keep-going", "--quiet", "--jobs", "auto")


def run(sources: Path, *command: str) -> str:
    """What a command that failed had to say; empty when it did not fail."""
    environment = {**os.environ, "COLLECTION_VERSION": guides.galaxy(ROOT)["version"], "SITE_SOURCES": str(sources)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return "" if ended.returncode == 0 else f"{command[0]} found:\n{ended.stdout}{ended.stderr}".rstrip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
