# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether all that names a version names the same: ``galaxy.yml``, what is new, the changelog, documents and the API.

``galaxy.yml`` names the version that is released next, or, until the first fragment is added, the last one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

VERSION = re.compile(r"^(\d+)\.(\d+)\.(\d+)$")
ADDED = re.compile(r"^\s*version_added:\s*[\"']?([^\s\"']*)", re.M)
OF_ITSELF = re.compile(r"^version_added:\s*(\S+)", re.M)
ARCHIVE = re.compile(r"wallaroo-resilience-(\d+\.\d+\.\d+)\.tar\.gz")
API = Path("roles") / "metrics_ui" / "files" / "page" / "openapi.json"
UPGRADING = Path("docs") / "upgrading.md"

BREAKING = ("breaking_changes", "removed_features")
ADDING = ("major_changes", "minor_changes", "deprecated_features")

Number = tuple[int, ...]


def number(version: str) -> Number:
    """``2.0.0`` as numbers that can be compared; empty when it is no version."""
    found = VERSION.match(version)
    return tuple(map(int, found.groups())) if found else ()


def next_version(root: Path) -> str:
    """What ``galaxy.yml`` says."""
    return str(yaml.safe_load((root / "galaxy.yml").read_text(encoding="utf-8"))["version"])


def released(root: Path) -> dict[str, dict[str, Any]]:
    """The releases in the changelog, the newest last."""
    text = (root / "changelogs" / "changelog.yaml").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = yaml.safe_load(text).get("releases") or {}
    return dict(sorted(found.items(), key=lambda one: number(one[0])))


def fragments(root: Path) -> list[Path]:
    """What was changed and is not released."""
    return sorted((root / "changelogs" / "fragments").glob("*.y*ml"))


def least(root: Path) -> str:
    """The least number that the next release may have: semantic versioning, by what its fragments say."""
    last = next(reversed(released(root)), "0.0.0")
    major, minor, patch = number(last)
    sections = {name for path in fragments(root) for name in yaml.safe_load(path.read_text(encoding="utf-8")) or {}}
    if sections.intersection(BREAKING):
        return f"{major + 1}.0.0"
    if sections.intersection(ADDING):
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}" if sections else last


def problems(root: Path) -> Iterator[str]:
    """Every disagreement, with its place and what to do."""
    version, releases = next_version(root), released(root)
    if not number(version):
        yield f"galaxy.yml: {version} is no version; it is to be three numbers, such as 1.2.3"
        return
    last = next(reversed(releases), "0.0.0")
    if number(version) < number(least(root)):
        yield (
            f"galaxy.yml: says {version}, but {last} is released, and what changelogs/fragments/ tell needs "
            f"{least(root)} at least; write that version there"
        )
    yield from _changelog(root, releases)
    yield from _additions(root, version, releases)
    yield from _documents(root, version, releases)


def _changelog(root: Path, releases: dict[str, dict[str, Any]]) -> Iterator[str]:
    told = re.findall(r"^v(\d\S*)\n=+$", (root / "CHANGELOG.rst").read_text(encoding="utf-8"), flags=re.M)
    if told != list(reversed(releases)):
        yield (
            f"CHANGELOG.rst: tells of {', '.join(told)}, changelogs/changelog.yaml of {', '.join(reversed(releases))}; "
            "antsibull-changelog generate writes it anew"
        )


def _additions(root: Path, version: str, releases: dict[str, dict[str, Any]]) -> Iterator[str]:
    known = {*releases, version}
    for path in sorted([*(root / "plugins").rglob("*.py"), *(root / "roles").glob("*/meta/argument_specs.yml")]):
        text, where = path.read_text(encoding="utf-8"), path.relative_to(root)
        for found in ADDED.finditer(text):
            if found[1] not in known:
                line = text.count("\n", 0, found.start(1)) + 1
                yield f"{where}:{line}: version_added is {found[1]}, no release; the next one is {version}"
        if path.parent.name in ("modules", "filter", "callback"):
            said = OF_ITSELF.search(text)
            yield from _new_plugin(path, where, said[1] if said else "nothing", releases)


def _new_plugin(path: Path, where: Path, says: str, releases: dict[str, dict[str, Any]]) -> Iterator[str]:
    name, kind = path.stem, path.parent.name
    came = [
        version
        for version, told in releases.items()
        if name
        in {one["name"] for one in {"modules": told.get("modules", []), **told.get("plugins", {})}.get(kind, [])}
    ]
    if came and [says] != came:
        yield f"{where}: version_added is {says}, but the changelog lists it as new in {', '.join(came)}"
    elif not came and says in releases:
        yield f"{where}: version_added is {says}, but the changelog does not list it as new there"


def _documents(root: Path, version: str, releases: dict[str, dict[str, Any]]) -> Iterator[str]:
    for path in [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]:
        for found in ARCHIVE.finditer(path.read_text(encoding="utf-8")):
            if found[1] != version:
                yield f"{path.relative_to(root)}: names {found[0]}, but the next release is {version}"
    if f'"version": "{version}"' not in (root / API).read_text(encoding="utf-8"):
        yield f"{API}: its version is another one than that of galaxy.yml, {version}"
    upgrading = root / UPGRADING
    text = upgrading.read_text(encoding="utf-8") if upgrading.exists() else ""
    major = version.split(".", maxsplit=1)[0]
    if any(not one.startswith(f"{major}.") for one in releases) and f"\n## To {major}.0.0\n" not in text:
        yield f"{UPGRADING}: has no section 'To {major}.0.0', which tells what whoever comes from before must change"
