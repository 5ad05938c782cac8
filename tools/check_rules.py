#!/usr/bin/env python3
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the rules of this project that no linter knows. Prints one line a breach and ends with 1 when there is any."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import messages, said, versions  # noqa: E402  # found through the line above

LIBRARY = ROOT / "plugins" / "module_utils"

MAY_SLEEP = {"_process/waiting.py"}
"""The one place that polls; everything else waits for events through it, or in an event loop."""

STANDARD_LIBRARY = frozenset(sys.stdlib_module_names)

BROUGHT_ALONG = {
    "_edge.py": {"ansible"},
    "_programs/bytewax_worker/main.py": {"bytewax"},
    "_programs/bytewax_worker/flow.py": {"bytewax"},
}
"""What a server has beside: Ansible brings its own part along with each module, and an engine is set up there."""

ENGINES_OWN = {
    "_engines": "adapters",
    "_programs/engine": "it is an engine itself",
    "_programs/bytewax_worker": "it is one, too",
    "_formats": "formats are formats",
    "_cluster/naming.py": "what people call worker 1, whatever runs it",
    "_catalogue": "it is what the others derive it from",
}
"""Where in the library the facts of one engine may stand, and why; everywhere else its adapter is asked."""

NAMESPACE = "plugin_utils/_api/place.py"
"""Knows the collection's namespace, which is called like an engine."""

BEGINNING = "plugins/plugin_utils/__init__.py"
"""Is loaded before anything else on the controller, and begins what must be there by then."""

ENGINES_FACTS = re.compile(
    r"""^(embedded|wallaroo|initializer)$
    |^(evlog|local-topology|local-keys|tcp-data|tcp-control|connection-addresses|checkpoint_ids)$
    |\.(evlog|local-keys|tcp-data|tcp-control|connection-addresses)$
    |INIT\ PHASE|Resuming\ message|successfully\ initialized|control:\ listening|should\ never\ happen
    |^multi_partition_detector$|^market.spread$
    |--ponynoblock|--run-with-resilience|^0\.[0-9]\.[0-9]$""",
    re.VERBOSE,
)
"""Names of engines, applications and versions, log lines, file names and flags."""

DEFAULTS = {"engine": "embedded", "version": "0.5.4"}
"""What a module may say when an option is left out: its documentation must be able to show it."""


def breaches() -> Iterator[str]:
    """Every breach, with its place."""
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        where = path.relative_to(ROOT)
        if path.name == "__init__.py":
            if text and not where.match(BEGINNING):
                yield f"{where}: must be empty"
            continue
        if "SPDX-License-Identifier: GPL-3.0-or-later" not in text[:400]:
            yield f"{where}: has no licence header"
        tree = ast.parse(text, filename=str(path), feature_version=(3, 9))
        yield from _pylints_breaches(tree, where)
        if LIBRARY in path.parents:
            yield from _library_breaches(tree, path, where)
        elif "plugin_utils" in where.parts and any(_imports_itself(node) for node in ast.walk(tree)):
            yield f"{where}: the library imports its own files relatively"
        yield from _facts_of_an_engine(tree, path, where)


def _pylints_breaches(tree: ast.Module, where: Path) -> Iterator[str]:
    """What pylint of ansible-test refuses and ruff does not know; pylint itself takes too long for each change."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "_" and isinstance(node.ctx, ast.Store):
            yield f"{where}:{node.lineno}: what is not used is called _unused; ansible-test keeps _ for translations"


def _imports_itself(node: ast.AST) -> bool:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    names += [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
    return any(name.split(".")[0] == "ansible_collections" for name in names)


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


def _facts_of_an_engine(tree: ast.Module, path: Path, where: Path) -> Iterator[str]:
    """What only an engine's adapter, or the catalogue, may know."""
    if where.as_posix().endswith(NAMESPACE):
        return
    if LIBRARY in path.parents:
        own = path.relative_to(LIBRARY).as_posix()
        if any(own == place or own.startswith(f"{place}/") for place in ENGINES_OWN):
            return
    defaults = {
        id(value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values)
        if isinstance(key, ast.Constant) and key.value == "default"
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if id(node) in defaults and node.value in DEFAULTS.values():
            continue
        if len(node.value) < _LONGEST and ENGINES_FACTS.search(node.value):
            yield f"{where}:{node.lineno}: knows {node.value!r}; ask the engine's adapter or the catalogue"


def _first_workers_in_yaml() -> Iterator[str]:
    """Tasks that know what an engine calls its first worker."""
    for path in sorted([*(ROOT / "roles").rglob("tasks/*.yml"), *(ROOT / "playbooks").glob("*.yml")]):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if "initializer" in line.split("#")[0]:
                yield f"{path.relative_to(ROOT)}:{number}: knows the first worker's name; the plan says it"


_LONGEST = 200
"""Characters of a text that is no documentation."""


def main() -> int:
    """Check everything."""
    explained = messages.problems(said.collected(ROOT), list(messages.explained(ROOT)))
    found = [*breaches(), *_first_workers_in_yaml(), *explained, *versions.problems(ROOT)]
    for breach in found:
        print(breach)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
