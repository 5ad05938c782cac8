#!/usr/bin/env python3
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what is made of declarations: tables of variables, options of several roles, the schema of results.

declared.py             writes what is out of date
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

TEXTS = ("docs/variables.md",)

COPIED = re.compile(
    r"(?P<head> {6}# As in (?P<file>\S+) \(make format copies it\): (?P<entry>\w+)(?P<but> but)?"
    r"(?P<names>[\w ]*(?:\n {6}#  [\w ]+)*)\n)"
    r".*?(?P<end> {6}# So far\n)",
    re.DOTALL,
)
"""Options that are those of another entry: some, or all but some."""

TABLE = re.compile(
    r"(<!-- variables(?: of all steps|: ([\w ]+)) \(make format writes them\) -->\n).*?(<!-- so far -->\n)", re.DOTALL
)
"""A table of some variables, or of all."""


def copied(root: Path, text: str) -> str:
    """An argument specification with the options that it takes from others."""

    def again(found: re.Match[str]) -> str:
        source = (root / found["file"]).read_text(encoding="utf-8")
        entry = re.search(rf"^  {found['entry']}:\n(?:(?:    .*)?\n)*", source, re.MULTILINE)
        options = dict(re.findall(r"^( {6}\w+:\n)((?: {8}.*\n)+)", entry[0] if entry else "", re.MULTILINE))
        named = found["names"].split()
        taken = [name for name in options if (name.strip(" :\n") in named) is not bool(found["but"])]
        return found["head"] + "".join(name + options[name] for name in taken) + found["end"]

    return COPIED.sub(again, text)


def tables(text: str) -> str:
    """A text with its tables of variables."""
    sys.path.insert(0, str(ROOT / ".collections"))
    from ansible_collections.wallaroo.resilience.plugins.plugin_utils._declarations import common, steps

    rows: dict[str, dict[tuple[str, str], list[str]]] = {}
    for playbook, taken in [*((name, step.arguments) for name, step in steps().items()), ("all", common())]:
        for argument in taken.values():
            rows.setdefault(argument.name, {}).setdefault(_said(argument), []).append(playbook)

    def again(found: re.Match[str]) -> str:
        lines = ["| variable | default | | of |\n", "|---|---|---|---|\n"]
        for name in (found[2] or " ".join(rows)).split():
            for (default, says), playbooks in rows[name].items():
                lines.append(f"| `{name}` | {default} | {says} | {', '.join(playbooks)} |\n")
        return found[1] + "".join(lines) + found[3]

    return TABLE.sub(again, text)


def _plain(text: str) -> str:
    return re.sub(r"\b[CVO]\(([^)]*)\)", r"`\1`", text)


def _said(argument: Any) -> tuple[str, str]:
    default = str(argument.default).lower() if isinstance(argument.default, bool) else argument.default
    values = [default, *(one for one in argument.choices if one != default)]
    shown = " or ".join(f"`{one}`" for one in values if one not in (None, "", []))
    return ("must be given" if argument.required else shown), _plain(argument.description).rstrip(".")


def out_of_date(root: Path) -> list[tuple[Path, str]]:
    """Files that are not what the declarations make of them, and what they should be."""
    specs = root.glob("roles/*/meta/argument_specs.yml")
    wanted = {path: copied(root, path.read_text(encoding="utf-8")) for path in specs}
    wanted |= {path: tables(path.read_text(encoding="utf-8")) for path in (root / name for name in TEXTS)}
    sys.path.insert(0, str(ROOT))
    from tools import result_schema

    wanted[root / result_schema.FILE] = result_schema.schema(ROOT)
    return [(path, text) for path, text in sorted(wanted.items()) if text != path.read_text(encoding="utf-8")]


def main() -> int:
    """Write what is out of date."""
    for path, text in out_of_date(ROOT):
        path.write_text(text, encoding="utf-8")
        print(f"{path.relative_to(ROOT)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
