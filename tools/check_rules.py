#!/usr/bin/env python3
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the rules of this project that no linter knows. Prints one line a breach and ends with 1 when there is any."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "plugins" / "module_utils"

MAY_SLEEP = {"_process/waiting.py"}
"""The one place that polls; everything else waits for events through it, or in an event loop."""

STANDARD_LIBRARY = frozenset(sys.stdlib_module_names)

BROUGHT_ALONG = {"_edge.py": {"ansible"}}
"""What a server has beside: Ansible brings its own part along with each module."""


def breaches() -> Iterator[str]:
    """Every breach, with its place."""
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        where = path.relative_to(ROOT)
        if path.name == "__init__.py":
            if text:
                yield f"{where}: must be empty"
            continue
        if "SPDX-License-Identifier: GPL-3.0-or-later" not in text[:400]:
            yield f"{where}: has no licence header"
        tree = ast.parse(text, filename=str(path), feature_version=(3, 9))
        if LIBRARY in path.parents:
            yield from _library_breaches(tree, path, where)


def _library_breaches(tree: ast.Module, path: Path, where: Path) -> Iterator[str]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        for name in names:
            first = name.split(".")[0]
            if first == "subprocess":
                yield f"{where}:{node.lineno}: starts processes with subprocess; use _process/start.py"
            elif first == "ansible_collections":
                yield f"{where}:{node.lineno}: imports {name}; the library imports its own files relatively"
            elif first not in STANDARD_LIBRARY | BROUGHT_ALONG.get(path.relative_to(LIBRARY).as_posix(), set()):
                yield f"{where}:{node.lineno}: imports {name}; servers have the standard library only"
        sleeps = (
            isinstance(node, ast.Attribute)
            and node.attr == "sleep"
            and isinstance(node.value, ast.Name)
            and node.value.id == "time"
        )
        if sleeps and path.relative_to(LIBRARY).as_posix() not in MAY_SLEEP:
            yield f"{where}:{node.lineno}: sleeps; wait for the event with _process/waiting.py"


def main() -> int:
    """Check everything."""
    found = list(breaches())
    for breach in found:
        print(breach)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
