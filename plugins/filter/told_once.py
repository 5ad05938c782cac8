# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``told_once``: what went wrong on which servers, each sentence once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: told_once
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
short_description: What went wrong on which servers, each sentence once
description:
  - For a task that fails on no server (C(failed_when=false)), before one that fails for all of them. A play in which
    a single server fails goes on with the others, which then ask for what the first one has never said.
options:
  _input:
    description: Server -> what the task registered there. Servers on which it did not run are left out.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Stop when a server could not be looked at
  ansible.builtin.assert:
    that: problem == ""
    fail_msg: "{{ problem }}"
  vars:
    problem: "{{ dict(groups.servers | zip(groups.servers | map('extract', hostvars, 'looked') | map('default', {})))
      | wallaroo.resilience.told_once }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: A sentence for each problem, with the names of its servers before it; empty when there is none.
  type: str
"""


def told_once(results: Mapping[str, Any]) -> str:
    """All problems in the order of their first servers."""
    servers: dict[str, list[str]] = {}
    for server, result in results.items():
        # Something that was never registered is undefined, which is no mapping.
        if not isinstance(result, Mapping):
            continue
        told = str(result.get("problem") or "") or _of_script(result)
        if result.get("unreachable"):
            told = f"does not answer: {_first_line(result.get('msg'))}"
        elif not told and (result.get("failed") or "exception" in result or _is_refusal(result)):
            told = str(result.get("msg") or "said nothing")
        if told:
            servers.setdefault(told.strip().removeprefix(f"{server}: "), []).append(server)
    return " ".join(f"{', '.join(names)}: {told.rstrip('.')}." for told, names in servers.items())


def _of_script(result: Mapping[str, Any]) -> str:
    """What a script says of its failure: what stands behind ``PROBLEM=``, or else everything."""
    if not result.get("rc"):
        return ""
    # A session with a terminal has everything in stdout, others have not.
    _before, mark, problem = str(result.get("stdout") or "").rpartition("PROBLEM=")
    said = (problem,) if mark else (result.get("stderr"), result.get("stdout"), result.get("msg"))
    return " ".join(str(text).strip() for text in said if text)


def _is_refusal(result: Mapping[str, Any]) -> bool:
    # ``failed_when: false`` hides that a task has failed; a module that has failed says why.
    return "failed_when_result" in result and bool(result.get("msg")) and not result.get("skipped")


def _first_line(text: Any) -> str:
    lines = [line.strip() for line in str(text or "").splitlines() if line.strip()]
    return lines[0] if lines else "nothing was said"


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"told_once": told_once}
