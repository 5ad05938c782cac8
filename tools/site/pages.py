# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages that are made of what stands elsewhere: the Python API, the schema of results, the changelog, all plugins."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

API = "ansible_collections.wallaroo.resilience.plugins.plugin_utils.cluster"
SCHEMA = "docs/schemas/result.schema.json"

KINDS = {
    "module": ("Modules", "One act each, on one server. Playbooks and roles call them; so can yours."),
    "role": ("Roles", "Order, waiting, and where things are. Each step is an entry point of one."),
    "callback": ("Callbacks", "What is shown and written while a playbook runs."),
    "filter": ("Filters", ""),
}

OWN_CONTENTS = re.compile(r"^\.\. contents::\n(?: +:.*\n)+", re.MULTILINE)
"""The theme has a page's contents beside it."""


def write(root: Path, sources: Path) -> None:
    """Write them, but for the index of plugins."""
    reference = sources / "reference"
    (reference / "python.rst").write_text("".join(_api()), encoding="utf-8")
    schema = json.loads((root / SCHEMA).read_text(encoding="utf-8"))
    (reference / "result.md").write_text("".join(_schema(schema)), encoding="utf-8")
    shutil.copy(root / "CHANGELOG.rst", reference / "changelog.rst")


def write_index_of_plugins(directory: Path) -> None:
    """List what antsibull-docs has written into a directory."""
    (directory / "index.rst").unlink()
    text = ["# Modules, roles, callbacks and filters\n\n"]
    for kind, (title, says) in KINDS.items():
        text.append(f"## {title}\n\n{says}\n\n| | |\n|---|---|\n")
        names = []
        for page in sorted(directory.glob(f"*_{kind}.rst")):
            page.write_text(OWN_CONTENTS.sub("", page.read_text(encoding="utf-8")), encoding="utf-8")
            name, _dashes, summary = _title(page).partition(" -- ")
            if summary:
                short = name.removeprefix("wallaroo.resilience.").rsplit(" ", 1)[0]
                names.append(f"{short} <{page.stem}>")
                text.append(f"| [{short}]({page.name}) | {summary} |\n")
        listed = "\n".join(names)
        text.append(f"\n```{{toctree}}\n:hidden:\n\n{listed}\n```\n\n")
    text.append("Which environment variables are read: [environment variables](environment_variables.rst).\n")
    (directory / "index.md").write_text("".join(text), encoding="utf-8")


def _title(page: Path) -> str:
    found = re.search(r"^(wallaroo\.resilience\.\S+ .*)\n\++$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return re.sub(r"\\(.)", r"\1", found[1]) if found else ""


def _api() -> Iterator[str]:
    """The public names of the API, and each step as the method it is."""
    from ansible_collections.wallaroo.resilience.plugins.plugin_utils import cluster

    yield "Python API\n==========\n\n"
    yield f"What can be imported from ``{API}``. :doc:`/docs/python` shows how it is used.\n\n"
    yield f".. py:currentmodule:: {API}\n\n.. autoclass:: Cluster\n\n"
    methods = {name: getattr(cluster.Cluster, name) for name in dir(cluster.Cluster) if not name.startswith("_")}
    for name, method in methods.items():
        declared = getattr(method, "playbook", None)
        if declared:
            signature = inspect.Signature(list(method.parameters.values()), return_annotation=method.kind.__name__)
            yield textwrap.indent(
                f".. py:method:: {name}{_plain(signature)}\n\n{textwrap.indent(method.__doc__, '   ')}\n\n", "   "
            )
    for name in cluster.__all__:
        if name != "Cluster":
            yield f".. autoclass:: {name}\n   :members:\n   :undoc-members:\n   :show-inheritance:\n\n"


def _plain(signature: inspect.Signature) -> str:
    """Without the types of arguments, which stand in the source and would fill the page."""
    plain = [one.replace(annotation=inspect.Parameter.empty) for one in signature.parameters.values()]
    return str(signature.replace(parameters=plain)).replace("'", "")


def _schema(schema: dict[str, Any]) -> Iterator[str]:
    yield "# result.json\n\n"
    yield f"{schema['description']} The schema itself: [result.schema.json](../{SCHEMA}).\n\n## The result\n\n"
    yield from _fields(schema)
    for name, definition in schema["$defs"].items():
        yield f"## {name}\n\n{definition.get('description', '')}\n\n"
        yield from _fields(definition)


def _fields(described: dict[str, Any]) -> Iterator[str]:
    yield "| field | type | |\n|---|---|---|\n"
    for name, field in described.get("properties", {}).items():
        yield f"| `{name}` | {_type(field)} | {field.get('description', '')} |\n"
    yield "\n"


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in field:
        return " or ".join(_type(one) for one in field["anyOf"])
    if "const" in field:
        return f"`{field['const']}`"
    if field.get("enum"):
        return " or ".join(f"`{'null' if one is None else one}`" for one in field["enum"])
    kind = field.get("type", "any")
    if kind == "array":
        return f"list of {_type(field.get('items', {}))}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
