# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/extending.md adds to the collection, a sample of each kind: made in a copy, as that text says it.

A sample is a section of it: edits as ``diff`` blocks without line numbers, a file's name before each place, and new
files as blocks behind ``New: `name```.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "extending.md"
PARTS = ("plugins", "roles", "playbooks", "meta", "inventory", "awx", "galaxy.yml", "ansible.cfg")

HEADER = """# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""

Edits = dict[str, list[tuple[str, str]]]
"""File -> what is replaced in it; an empty text stands for a file that is not there yet."""

NEW = re.compile(r"^New: `([^`]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DIFF = re.compile(r"^```diff\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACE = re.compile(r"^--- (\S+)\n((?:[ +-](?!-- ).*\n)+)", re.MULTILINE)


def sample(title: str) -> Edits:
    """The edits of a section."""
    sections = re.split(r"^## (.+)\n", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = sections[sections.index(title) + 1]
    edits: Edits = {}
    for block in DIFF.findall(text):
        places = PLACE.findall(block)
        assert "".join(f"--- {name}\n{lines}" for name, lines in places) == block, f"{title}: a diff that nobody reads"
        for name, lines in places:
            kept = lines.splitlines(keepends=True)
            old, new = ("".join(line[1:] for line in kept if line[0] in marks) for marks in (" -", " +"))
            edits.setdefault(name, []).append((old, new))
    for name, whole in NEW.findall(text):
        assert name not in edits, name
        edits[name] = [("", HEADER + whole if name.endswith(".py") else whole)]
    return edits


VERSION = sample("A version of Wallaroo")
APPLICATION = sample("An application")
ENGINE = sample("An engine")
OPTION = sample("An option of a migration")
OPTION_OF_RUNS = sample("The same option of the verified runs")
FAULT = sample("A fault")
FAULT_STEP = sample("The same fault with a step that injects it")
STEP = sample("A step")
OWN_STEP = sample("The same step as one of the collection's own")


def collection(repository: Path, place: Path, *additions: Edits) -> Path:
    """A copy of the collection with these additions."""
    tree = place / "tree"
    tree.mkdir()
    for part in PARTS:
        source = repository / part
        if source.is_dir():
            shutil.copytree(source, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / part)
    for edits in additions:
        for name, changes in edits.items():
            path = tree / name
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            for old, new in changes:
                assert text.count(old) == 1 if old else not text, f"{name}: {old!r}"
                text = text.replace(old, new) if old else new
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    within = tree / ".collections" / "ansible_collections" / "wallaroo"
    within.mkdir(parents=True)
    (within / "resilience").symlink_to(tree)
    return tree
