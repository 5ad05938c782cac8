# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the steps are, and what they take: read from where each is declared, once.

A step is an entry point of a role, and its arguments are the options of that entry in ``meta/argument_specs.yml``, as
``ansible-doc -t role`` shows them. A playbook of the same name says which role and entry it runs. Everything else that
knows steps and arguments is made of this: what a plan is given, which variables are unknown, surveys of AWX, methods
of the Python API, the command line, and README's table.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from ..module_utils._catalogue.applications import APPLICATIONS
from ..module_utils._catalogue.versions import VERSIONS
from ..module_utils._engines.registry import ENGINES
from . import _yaml

ROOT = Path(__file__).parents[2]

COMMON_ROLE = "step"
"""The role that runs each step; its options are what every playbook takes."""


CATALOGUED: Mapping[str, Iterable[str]] = {"app": APPLICATIONS, "engine": ENGINES, "wallaroo_version": VERSIONS}
"""Arguments whose choices the catalogue has, and no declaration."""


@dataclass(frozen=True)
class Argument:
    """One argument of a step."""

    name: str
    type: str
    """Ansible's: ``str``, ``int``, ``float``, ``bool``, ``path``, ``list``, ``dict`` or ``raw``."""
    description: str
    default: Any = None
    """None: what it means when it is not given is decided by the step."""
    choices: tuple[str, ...] = ()
    required: bool = False

    @classmethod
    def declared(cls, name: str, option: dict[str, Any]) -> Argument:
        """From an option of an argument specification."""
        sentences = option.get("description") or ""
        return cls(
            name,
            str(option.get("type") or "str"),
            sentences if isinstance(sentences, str) else " ".join(sentences),
            option.get("default"),
            tuple(str(choice) for choice in option.get("choices") or CATALOGUED.get(name) or ()),
            bool(option.get("required")),
        )

    @property
    def sentence(self) -> str:
        """What it means, as plain text."""
        return re.sub(r"\b[CVO]\(([^)]*)\)", r"\1", self.description)


@dataclass(frozen=True)
class Step:
    """What a playbook runs."""

    playbook: str
    role: str
    entry: str
    hosts: str
    summary: str
    options: dict[str, Argument]
    """All options of the entry, those among them that are no arguments but variables of the role."""

    @functools.cached_property
    def arguments(self) -> dict[str, Argument]:
        """What it takes, by name."""
        return {name: one for name, one in self.options.items() if not name.startswith(f"{self.role}_")}

    @property
    def example(self) -> str:
        """Its required arguments, as somebody writes them."""
        needed = [one for one in self.arguments.values() if one.required]
        values = {one.name: "/home/ubuntu/wallaroo" if one.type == "path" else "2" for one in needed}
        # A move is one to another server.
        values.update({"dst": "4"} if "dst" in values else {})
        return " ".join(f"{name}={value}" for name, value in values.items())


@functools.cache
def step(playbook: str) -> Optional[Step]:
    """The step of a playbook; None when there is no such playbook, or when it is somebody's own that runs no step."""
    path = ROOT / "playbooks" / f"{playbook}.yml"
    if not re.fullmatch(r"\w+", playbook) or not path.is_file():
        return None
    play, *others = _read(path) or [{}]
    first: dict[str, Any] = next(iter(play.get("tasks") or []), {})
    named = first.get("vars") or {}
    if others or not {"step_role", "step_entry"} <= set(named):
        return None
    role, entry = str(named["step_role"]), str(named["step_entry"])
    spec = _specs(role)[entry]
    return Step(playbook, role, entry, str(play["hosts"]), str(spec["short_description"]), _options(spec))


@functools.cache
def steps() -> dict[str, Step]:
    """All steps by the names of their playbooks."""
    return {name: found for name in _playbooks() if (found := step(name)) is not None}


def takes(name: str) -> bool:
    """Whether any step takes an argument of this name. No more is read than it needs to know that."""
    return any(found is not None and name in found.arguments for found in map(step, _playbooks()))


def _playbooks() -> list[str]:
    return sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))


@functools.cache
def common() -> dict[str, Argument]:
    """What every playbook takes: where runs are kept, limits of waits, and the like."""
    options = _options(_specs(COMMON_ROLE)["main"])
    return {name: one for name, one in options.items() if not name.startswith(f"{COMMON_ROLE}_")}


@functools.cache
def role_variables() -> frozenset[str]:
    """All that any entry of any role takes."""
    roles = (path.parent.parent.name for path in sorted((ROOT / "roles").glob("*/meta/argument_specs.yml")))
    return frozenset(name for role in roles for spec in _specs(role).values() for name in spec.get("options") or {})


@functools.cache
def _specs(role: str) -> dict[str, dict[str, Any]]:
    specs: dict[str, dict[str, Any]] = _read(ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]
    return specs


def _options(spec: dict[str, Any]) -> dict[str, Argument]:
    return {str(name): Argument.declared(str(name), option) for name, option in (spec.get("options") or {}).items()}


def _read(path: Path) -> Any:
    return _yaml.read(path.read_text(encoding="utf-8"))
