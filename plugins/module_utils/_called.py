# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module's code called without Ansible's own part of a module, by whoever has checked its arguments."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any


class _Ended(SystemExit):
    """As Ansible's own, so that the module's code does not take it for an error of its own."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        super().__init__(0)
        self.result = dict(result)


class _Module:
    """What a module's code needs of ``AnsibleModule``."""

    def __init__(self, params: Mapping[str, Any], check_mode: bool) -> None:
        self.params = dict(params)
        self.check_mode = check_mode
        self._warnings: list[str] = []

    def warn(self, warning: str) -> None:
        self._warnings.append(warning)

    def exit_json(self, **result: Any) -> None:
        if self._warnings:
            result["warnings"] = self._warnings
        raise _Ended({"changed": False, **result})

    def fail_json(self, msg: str, **result: Any) -> None:
        self.exit_json(**{**result, "failed": True, "msg": msg})


def call(module: ModuleType, arguments: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """What the module returns.

    :param module: it has ``SPEC``, the arguments of ``AnsibleModule``, and ``run``, which takes one.
    :param arguments: as its ``SPEC`` wants them, complete.
    """
    try:
        module.run(_Module(arguments, check_mode))
    except _Ended as ended:
        # As it would have come back from a server.
        result: dict[str, Any] = json.loads(json.dumps(ended.result))
        return result
    raise AssertionError(f"{module.__name__} has ended without a result")


def has_ended_well(result: Mapping[str, Any]) -> bool:
    """Whether the call that follows may begin: this one has not failed, and what it waited for has come."""
    return not result.get("failed") and bool(result.get("finished", True))


def with_paths(options: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with the paths that ``~`` and ``$NAME`` mean on this machine.

    :param options: the arguments' specification, as of ``SPEC["argument_spec"]``.
    """
    found = dict(arguments)
    for name, one in options.items():
        given = found.get(name)
        if one.get("type") == "path" and isinstance(given, str):
            found[name] = os.path.expanduser(os.path.expandvars(given))
        elif isinstance(given, dict) and one.get("options"):
            found[name] = with_paths(one["options"], given)
    return found
