# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session for each job of the workflow, made of the workflow itself: its targets, with its ansible-core and Python.

``make nox`` lists them. The Makefile makes the environments, so nox makes none; a Python that is missing is named.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nox
import yaml

WORKFLOW = Path(__file__).parent / ".github" / "workflows" / "ci.yml"
CHOSEN = re.compile(r"\$\{\{ matrix\.(\w+) \}\}")


def jobs() -> Iterator[tuple[str, dict[str, str], list[list[str]]]]:
    """The name of each session, its variables for make, and its commands."""
    for name, job in yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"].items():
        for chosen in job.get("strategy", {}).get("matrix", {}).get("include", [{}]):
            whole = "-".join((name, *chosen.values()))
            values = {key: _filled(value, chosen) for key, value in job.get("env", {}).items()}
            if "python" in chosen:
                values["PYTHON"] = f"python{chosen['python']}"
            yield whole, values, [command for step in job["steps"] for command in _commands(step)]


def _filled(text: Any, chosen: dict[str, str]) -> str:
    return CHOSEN.sub(lambda found: chosen[found[1]], str(text))


def _commands(step: dict[str, Any]) -> Iterator[list[str]]:
    """What installs packages of the system is left to whoever has the machine; the targets name what is missing."""
    words = shlex.split(step.get("run", ""))
    if "make" in words:
        yield words[words.index("make") :] if os.geteuid() == 0 else words


def _add(name: str, values: dict[str, str], commands: list[list[str]]) -> None:
    def run(session: nox.Session) -> None:
        for command in commands:
            settings = [f"{key}={value}" for key, value in values.items()]
            session.run(*command, *settings, *session.posargs, external=True)

    run.__doc__ = " and ".join(shlex.join(command) for command in commands)
    nox.session(name=name, python=False)(run)


for one in jobs():
    _add(*one)
