# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of the collection as Ansible does on a server: a process of its own, JSON in, JSON out."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import living
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.stop import kill

from tests import preloaded

REPOSITORY = Path(__file__).resolve().parent.parent
MODULES = REPOSITORY / "plugins" / "modules"
LIMIT = 60

ALWAYS = {"changed", "invocation", "diff", "failed", "msg", "warnings", "deprecations", "exception"}
"""What any module may return without a word about it in its documentation."""


def run_module(name: str, arguments: dict[str, Any], check: bool = False, diff: bool = False) -> dict[str, Any]:
    """Run a module and return its answer.

    The arguments go through standard input, which every ansible-core from 2.16 on reads; since 2.19 the
    serialization profile is then the one for debugging, plain JSON.
    """
    given = {"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check, "_ansible_diff": diff}}
    ended = preloaded.run(
        preloaded.MODULE,
        MODULES / f"{name}.py",
        given=json.dumps(given),
        limit=LIMIT,
        directory=Path.cwd(),
        environment={**os.environ, "PYTHONPATH": str(REPOSITORY / ".collections")},
    )
    assert ended.stderr == "", ended.stderr
    answer: dict[str, Any] = json.loads(ended.stdout)
    assert ended.returncode == (1 if answer.get("failed") else 0)
    return answer


def succeed(name: str, arguments: dict[str, Any], check: bool = False) -> dict[str, Any]:
    """Run a module that must succeed, and compare what it returns with what its documentation promises."""
    answer = run_module(name, arguments, check, diff=True)
    assert not answer.get("failed"), answer
    documented = documented_values(name)
    unknown = set(answer) - set(documented) - ALWAYS
    assert not unknown, f"{name} returns {unknown}, which its documentation does not know"
    promised = {key for key, value in documented.items() if value["returned"] in ("success", "always")}
    assert promised <= set(answer), f"{name} does not return {promised - set(answer)}"
    for key in set(answer) & set(documented):
        assert _has_type(answer[key], documented[key]["type"]), f"{name}: {key} is {answer[key]!r}"
    return answer


def refuse(name: str, arguments: dict[str, Any], check: bool = False) -> str:
    """Run a module that must refuse; returns the sentence with which it does."""
    answer = run_module(name, arguments, check)
    assert answer.get("failed") is True, answer
    sentence: str = answer["msg"]
    assert "Traceback" not in json.dumps(answer)
    assert "\n" not in sentence
    return sentence


def documented_values(name: str) -> dict[str, Any]:
    """The RETURN block of a module."""
    text = (MODULES / f"{name}.py").read_text(encoding="utf-8")
    block = text.split('RETURN = r"""\n', 1)[1].split('"""', 1)[0]
    values: dict[str, Any] = yaml.safe_load(block)
    return values


def kill_everything(base: Path) -> None:
    """End whatever is recorded below the directory of a server."""
    known = living.survey(str(base))
    for process in [*known.living().values(), *known.strays]:
        kill(process.identity)


def contents(base: Path) -> dict[str, Any]:
    """Every file below a directory with its bytes, to see that nothing changed."""
    return {str(path.relative_to(base)): path.read_bytes() if path.is_file() else None for path in base.rglob("*")}


def _has_type(value: Any, name: str) -> bool:
    types = {"str": str, "int": int, "float": (int, float), "bool": bool, "list": list, "dict": dict, "raw": object}
    return value is None or isinstance(value, types[name])
