# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects from the sources what the product can refuse, fail with and warn of, as people read it.

What is put into a message while the program runs is ``…`` in it.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Union

import yaml

from tools.messages import HOLE

SAYING = re.compile(
    r"^_?(fail|fail_json|warn|warning|complain|exit|refuse|refused|refusal|problems?|problem_of_\w+|problems_of|fails|"
    r"sentence|told_of_\w+)$|\w+_problem$"
)
"""Functions that say what they are given, or return it to be said; whatever makes an error says it, too."""

ERRORS = re.compile(
    r"(Refus\w+|Problem|Error|Failed|Failure|Damaged|Missing|Taken|Gone|Lost|Changed|Broken|Torn\w*|Not\w+|No[A-Z]\w+)$"
)

FOR_NOBODY = {"AssertionError", "NotImplementedError", "StopIteration", "SystemExit", "KeyError", "TypeError"}
"""Errors that tell of a fault of the program itself, or say nothing."""

TOLD = ("msg", "reason", "message", "problem")
"""Arguments by name that are said."""

AT_MOST = 8
"""Texts that one expression may be."""


def collected(root: Path) -> dict[str, list[str]]:
    """All messages, each with the places that say it."""
    found: dict[str, list[str]] = {}
    for text, place in itertools.chain(_of_python(root), _of_yaml(root), _of_shell(root)):
        clean = _clean(text)
        if clean and place not in found.setdefault(clean, []):
            found[clean].append(place)
    return found


def _of_python(root: Path) -> Iterator[tuple[str, str]]:
    tools = [root / "tools" / name for name in ("environment.py", "links.py")]
    for path in [*sorted((root / "plugins").rglob("*.py")), *tools]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for scope, node in _scopes(tree, Scope(tree)):
            for expression in scope.said_by(node):
                for text in scope.texts(expression):
                    yield text, f"{path.relative_to(root).as_posix()}:{expression.lineno}"


@dataclass(frozen=True)
class Scope:
    """A function, or what stands outside of any, in which names are texts."""

    module: ast.Module
    function: Optional[Union[ast.FunctionDef, ast.AsyncFunctionDef]] = None

    def said_by(self, node: ast.AST) -> Iterator[ast.expr]:
        """The expressions of a node whose text reaches people."""
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and _name(node.exc.func) not in FOR_NOBODY:
            yield from node.exc.args
            yield from (keyword.value for keyword in node.exc.keywords)
        elif isinstance(node, ast.Call) and _says(_name(node.func)):
            # Where it failed is told first, and is no sentence.
            yield from node.args[1:] if len(node.args) > 1 and _name(node.func) == "fail" else node.args
            yield from (keyword.value for keyword in node.keywords if keyword.arg in TOLD)
        elif self.function is not None and SAYING.search(self.function.name):
            if isinstance(node, (ast.Return, ast.Yield)) and node.value is not None:
                yield node.value
            elif isinstance(node, ast.Call) and _name(node.func) == "append":
                yield from node.args

    def texts(self, expression: ast.expr, depth: int = 0) -> list[str]:
        """What an expression may be, as texts with holes."""
        if isinstance(expression, ast.Constant):
            return [expression.value] if isinstance(expression.value, str) else [HOLE]
        if isinstance(expression, ast.JoinedStr):
            return _joined(self._inside(part, depth) for part in expression.values)
        if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Add):
            return _joined([self.texts(expression.left, depth), self.texts(expression.right, depth)])
        several: list[ast.expr] = list(getattr(expression, "elts", []))
        if isinstance(expression, ast.IfExp):
            several = [expression.body, expression.orelse]
        elif isinstance(expression, ast.BoolOp):
            several = expression.values
        elif isinstance(expression, (ast.ListComp, ast.GeneratorExp)):
            several = [expression.elt]
        if several:
            return [text for value in several for text in self.texts(value, depth)]
        if isinstance(expression, ast.Name) and depth < 2:
            return self._assigned(expression.id, depth) or [HOLE]
        return [HOLE]

    def _inside(self, part: ast.expr, depth: int) -> list[str]:
        """What stands in a hole when it is one of a few sentences, and the hole otherwise."""
        if isinstance(part, ast.Constant):
            return [str(part.value)]
        value = part.value if isinstance(part, ast.FormattedValue) else part
        if isinstance(value, (ast.IfExp, ast.Name)):
            found = self.texts(value, depth + 1)
            if all(text == "" or " " in text.strip() for text in found):
                return found
        return [HOLE]

    def _assigned(self, name: str, depth: int) -> list[str]:
        places = [*(ast.walk(self.function) if self.function else ()), *self.module.body]
        return [
            text
            for node in places
            if isinstance(node, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
            for text in self.texts(node.value, depth + 1)
            if text != HOLE
        ]


def _scopes(node: ast.AST, scope: Scope) -> Iterator[tuple[Scope, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        inner = Scope(scope.module, child) if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) else scope
        yield inner, child
        yield from _scopes(child, inner)


def _says(name: str) -> bool:
    return name not in FOR_NOBODY and bool(SAYING.search(name) or ERRORS.search(name))


def _name(called: ast.expr) -> str:
    return called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""


def _joined(parts: Iterable[list[str]]) -> list[str]:
    return ["".join(one) for one in itertools.islice(itertools.product(*parts), AT_MOST)]


def _clean(text: str) -> str:
    """Without what surrounds it by chance; empty when it has too few words of its own."""
    text = re.sub(r"\s+", " ", text)
    text = re.sub(rf"(?:{HOLE}\s*){{2,}}", f"{HOLE} ", text).strip()
    words = [] if text.endswith(".pony") else re.findall(r"[A-Za-z]{2,}", text)
    # Three words are a sentence, but for names such as "the control channel".
    return text if len(words) >= (4 if words[:1] == ["the"] else 3) else ""


def _of_yaml(root: Path) -> Iterator[tuple[str, str]]:
    for path in sorted([*(root / "roles").rglob("tasks/*.yml"), *(root / "playbooks").glob("*.yml")]):
        for text in _told(yaml.safe_load(path.read_text(encoding="utf-8"))):
            yield re.sub(r"\{\{.*?\}\}|\{%.*?%\}", HOLE, text, flags=re.S), path.relative_to(root).as_posix()


def _told(tasks: Any) -> Iterator[str]:
    for task in tasks or []:
        for part in ("block", "rescue", "always", "tasks", "pre_tasks"):
            yield from _told(task.get(part))
        if "ansible.builtin.fail" in task:
            yield str(task["ansible.builtin.fail"]["msg"])
        if "ansible.builtin.assert" in task:
            yield str(task["ansible.builtin.assert"].get("fail_msg", ""))


def _of_shell(root: Path) -> Iterator[tuple[str, str]]:
    path = root / "tools" / "prerequisites.sh"
    for text in re.findall(r'\b(?:give_up|echo) "((?:[^"\\]|\\.)*)"', path.read_text(encoding="utf-8")):
        yield re.sub(r"\$\((?:[^()]|\([^()]*\))*\)|\$\{?\w+\}?", HOLE, text), path.relative_to(root).as_posix()
