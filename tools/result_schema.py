# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON Schema of ``result.json``, made of the types of its values and of what is said of them."""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import textwrap
import typing
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

FILE = "docs/schemas/result.schema.json"

CHOICES = {"verdict": ["pass", "fail", "unknown"]}
"""Values of which there are only some."""

MOMENTS = ("started", "finished", "killed", "died", "copied", "resumed")
MOMENT = r"^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z)?$"

PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}


def schema(root: Path) -> str:
    """The file, as text."""
    sys.path.insert(0, str(root / ".collections"))
    from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _evidence, _results
    from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.verified import Verified

    made = _Schema()
    first = {
        "format": {"const": _evidence.FORMAT, "description": "The number of this format."},
        "name": {"type": "string", "description": "The playbook, without .yml."},
    }
    proved = made.properties(Verified, leave_out=_results.OF_THE_PLAYBOOK)
    more = {
        "outcome": {
            "type": "string",
            "description": "What became of a single migration; empty for a run that looked at messages.",
        },
        "collection_version": {"type": "string", "description": "As in made_with."},
    }
    properties = {**first, **proved, **more, **made.properties(_evidence.Evidence)}
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The result of a run of wallaroo.resilience: result.json",
        "description": "Fields may be added without a new format; readers ignore what they do not know.",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "$defs": made.definitions,
    }
    return json.dumps(whole, indent=2) + "\n"


class _Schema:
    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}

    def properties(self, kind: type, leave_out: tuple[str, ...] = ()) -> dict[str, Any]:
        """Those of a dataclass."""
        hints, said = typing.get_type_hints(kind), {}
        for base in reversed(kind.__mro__[:-1]):
            said.update(_said(base))
        found = {}
        for one in fields(kind):
            if one.name in leave_out:
                continue
            kind_of = self._of(hints[one.name])
            none = [None] if "null" in kind_of.get("type", "") else []
            found[one.name] = {
                **kind_of,
                **({"enum": [*CHOICES[one.name], *none]} if one.name in CHOICES else {}),
                **({"pattern": MOMENT} if one.name in MOMENTS else {}),
                **({"description": said[one.name]} if one.name in said else {}),
            }
        return found

    def _of(self, kind: Any) -> dict[str, Any]:
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if kind is Any:
            return {}
        if is_dataclass(kind) and isinstance(kind, type):
            if kind.__name__ not in self.definitions:
                self.definitions[kind.__name__] = {}
                properties = self.properties(kind)
                self.definitions[kind.__name__] = {
                    "description": _text(inspect.getdoc(kind) or ""),
                    "type": "object",
                    "properties": properties,
                    "required": list(properties),
                }
            return {"$ref": f"#/$defs/{kind.__name__}"}
        if origin is typing.Union:
            wanted = self._of(next(one for one in arguments if one is not type(None)))
            if "$ref" in wanted:
                return {"anyOf": [wanted, {"type": "null"}]}
            return {**wanted, "type": [wanted["type"], "null"]}
        if origin is tuple:
            return {"type": "array", "items": self._of(arguments[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self._of(arguments[1])}
        return {"type": PLAIN[kind]}


def _said(kind: type) -> dict[str, str]:
    """What is said of each field: the text that follows it."""
    (defined,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    body = defined.body if isinstance(defined, ast.ClassDef) else []
    found = {}
    for before, after in zip(body, body[1:]):
        text = after.value if isinstance(after, ast.Expr) else None
        if isinstance(before, ast.AnnAssign) and isinstance(text, ast.Constant) and isinstance(text.value, str):
            found[ast.unparse(before.target)] = _text(text.value)
    return found


def _text(documentation: str) -> str:
    plain = re.sub(r":\w+:`~?\.?([^`]*)`", r"\1", " ".join(documentation.split()))
    return plain.replace("``", "")
