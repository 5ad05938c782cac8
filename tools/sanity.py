#!/usr/bin/env python3
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the archive of the collection as Galaxy does: with ansible-test sanity, and with its importer.

    sanity.py [sanity] [importer]     both by default

Needs the commands of requirements/sanity.txt on PATH, and a registry for what ansible-test installs for its tests. A
warning of the importer is an error.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = ("pylint", "yamllint")
"""The first takes longer than all others together, and runs with ``PYLINT=1``. The second dies of a fragment of
documentation that is made of others (an f-string); ``make lint`` runs yamllint, and antsibull-docs reads all of it."""
AT_LEAST = 15
"""Tests that ansible-test has in any version; it is content with none."""

BOOTSTRAP = Path.home() / ".ansible" / "test" / "cache" / "get_pip_24_2.py"
"""ansible-test fetches this from its own server; where that cannot be, Python's own copy of pip is as good."""


def main(words: list[str]) -> int:
    """Look, and say what was found."""
    wanted = words or ["sanity", "importer"]
    # Outside of the checkout: of a place that git ignores ansible-test looks at nothing, and is content.
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        run("ansible-galaxy", "collection", "build", str(ROOT), "--output-path", str(work))
        (archive,) = work.glob("*.tar.gz")
        codes = [LOOKS[name](archive, work) for name in wanted]
    return max(codes)


def sanity(archive: Path, work: Path) -> int:
    """ansible-test's tests of what is installed."""
    tree = work / "ansible_collections" / "wallaroo" / "resilience"
    tree.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        tar.extractall(tree, filter="data")
    shutil.copytree(ROOT / "tests" / "sanity", tree / "tests" / "sanity")
    shutil.copy(ROOT / "tests" / "config.yml", tree / "tests")
    if not BOOTSTRAP.exists():
        BOOTSTRAP.parent.mkdir(parents=True, exist_ok=True)
        BOOTSTRAP.write_text("import ensurepip\n\nensurepip.bootstrap(default_pip=True)\n")
    left_out = LEFT_OUT[1:] if os.environ.get("PYLINT") else LEFT_OUT
    skipped = [word for name in left_out for word in ("--skip-test", name)]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    command = ["ansible-test", "sanity", "--color", "no", "--python", version, *skipped]
    ended = subprocess.run(command, cwd=tree, env=surroundings(), capture_output=True, text=True, check=False)
    said = ended.stdout + ended.stderr
    found = re.findall(r"^(?:ERROR|FATAL): .*$", said, flags=re.M)
    ran = said.count("Running sanity test")
    if ended.returncode or ran < AT_LEAST:
        print("\n".join(found) or f"only {ran} tests were run:\n{said}", file=sys.stderr)
        return 1
    print(f"ansible-test sanity: {ran} tests without a finding")
    return 0


def importer(archive: Path, work: Path) -> int:
    """What Galaxy's importer says of the archive."""
    settings = work / "galaxy-importer.cfg"
    settings.write_text("[galaxy-importer]\nCHECK_REQUIRED_TAGS = True\nRUN_ANSIBLE_LINT = False\n")
    # make lint has looked with ansible-lint and ruff already.
    environment = {**surroundings(), "GALAXY_IMPORTER_CONFIG": str(settings)}
    command = [sys.executable, "-m", "galaxy_importer.main", str(archive)]
    ended = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
    said = ended.stdout + ended.stderr
    found = re.findall(r"^.*(?:WARNING|ERROR|CRITICAL).*$", said, flags=re.M)
    done = "Importer processing completed successfully" in said
    print("\n".join(found) or ("galaxy-importer: no warning" if done else said))
    return 1 if found or not done else 0


LOOKS = {"sanity": sanity, "importer": importer}


def surroundings() -> dict[str, str]:
    """Without what leads to the checkout."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "ANSIBLE_CONFIG")}


def run(*command: str) -> None:
    """Run it, or end with what it said."""
    ended = subprocess.run(command, env=surroundings(), capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{command[0]} failed:\n{ended.stdout}{ended.stderr}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
