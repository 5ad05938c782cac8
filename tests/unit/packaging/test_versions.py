# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that names a version names the same one, and its number says what the changes mean."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools import versions

NAMING = ("galaxy.yml", "CHANGELOG.rst", "README.md", "CONTRIBUTING.md", "changelogs", "docs", "roles", "plugins")


def test_everything_agrees(repository: Path) -> None:
    assert list(versions.problems(repository)) == []


@pytest.fixture
def tree(repository: Path, tmp_path: Path) -> Path:
    for name in NAMING:
        source = repository / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    return tmp_path


def put(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, path
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("galaxy.yml", "version: {version}", "version: 1.0", "galaxy.yml: 1.0 is no version"),
        ("CHANGELOG.rst", "v1.0.0\n======", "v1.0.1\n======", "CHANGELOG.rst: tells of 1.0.1"),
        (
            "plugins/modules/worker_kill.py",
            "version_added: 1.0.0",
            "version_added: {version}",
            "plugins/modules/worker_kill.py: version_added is {version}, but the changelog lists it as new in 1.0.0",
        ),
        (
            "plugins/modules/worker_move.py",
            "version_added: 2.0.0",
            "version_added: 1.0.0",
            "plugins/modules/worker_move.py: version_added is 1.0.0, but the changelog does not list it as new there",
        ),
        (
            "roles/sender/meta/argument_specs.yml",
            "version_added: 2.0.0",
            "version_added: 1.7.0",
            "roles/sender/meta/argument_specs.yml:29: version_added is 1.7.0, no release; the next one is {version}",
        ),
        ("docs/installing.md", "resilience-{version}", "resilience-1.0.0", "docs/installing.md: names wallaroo-resil"),
        ("docs/upgrading.md", "## To 2.0.0", "## Of 2.0.0", "docs/upgrading.md: has no section 'To 2.0.0'"),
        (str(versions.API), '"{version}"', '"0.1.0"', f"{versions.API}: its version is another one"),
    ],
)
def test_each_disagreement_is_named_with_its_place(tree: Path, name: str, old: str, new: str, said: str) -> None:
    version = versions.next_version(tree)
    put(tree / name, old.format(version=version), new.format(version=version))
    assert [one[: len(said.format(version=version))] for one in versions.problems(tree)] == [
        said.format(version=version)
    ]


@pytest.mark.parametrize(
    ("fragment", "least"),
    [
        ("bugfixes: [it works]", "1.0.1"),
        ("minor_changes: [it can more]\nbugfixes: [it works]", "1.1.0"),
        ("breaking_changes: [it is called otherwise]", "2.0.0"),
        ("removed_features: [it is gone]", "2.0.0"),
        ("trivial: [a word]", "1.0.1"),
    ],
)
def test_the_number_follows_from_what_the_fragments_say(tmp_path: Path, fragment: str, least: str) -> None:
    (tmp_path / "changelogs" / "fragments").mkdir(parents=True)
    (tmp_path / "changelogs" / "changelog.yaml").write_text("releases:\n  1.0.0: {}\n  0.9.0: {}\n")
    assert versions.least(tmp_path) == "1.0.0"
    (tmp_path / "changelogs" / "fragments" / "one.yml").write_text(fragment)
    assert versions.least(tmp_path) == least


def test_a_version_that_says_too_little_is_refused(tree: Path) -> None:
    (tree / "changelogs" / "fragments" / "one.yml").write_text("breaking_changes: [it is called otherwise]")
    major = int(next(reversed(versions.released(tree))).split(".", maxsplit=1)[0])
    put(tree / "galaxy.yml", f"version: {versions.next_version(tree)}", f"version: {major}.9.9")
    assert f"needs {major + 1}.0.0 at least" in next(versions.problems(tree))
