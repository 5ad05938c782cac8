# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables that a playbook is given: those that nobody knows are refused, and so are values that make no sense.

Ansible itself ignores a variable that nobody reads, so a misspelt one would be ignored, too. What each playbook takes
is declared with its step.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ._arguments import typed, value_of, words
from ._declarations import Step, common, role_variables, step, steps
from ._servers import Refusal
from ._timeline import KEY

Values = Mapping[str, Any]

SERVERS = (
    *("wallaroo_base", "wallaroo_address"),
    *("wallaroo_ssh_address", "wallaroo_ssh_port", "wallaroo_ssh_identity", "wallaroo_ssh_known_hosts"),
)
"""Variables of servers, which belong into the inventory. They may differ from one server to the next, and are checked
where they are used."""

STARTS = "start_cluster"
"""Its arguments describe a cluster, as what every playbook takes describes its surroundings: one file of variables
(``-e @file``) may serve all playbooks, so they are no mistake where they are not needed."""

IN_PYTHON = {
    "until": "last",
    "ports": "wallaroo_ports",
    "runs": "wallaroo_runs",
    "variables": "the variables themselves",
}
"""What the Python API calls a variable otherwise."""

FOREIGN = ("ansible_", "awx_", "tower_", KEY)
"""Beginnings of names that are Ansible's or AWX's own; AWX gives what a job published to the next one of a workflow."""

IN_A_WORKFLOW = "awx_workflow_job_id"
"""With it AWX says that a job is part of a workflow, whose answers go to all its jobs."""


def check(
    playbook: str, extra: Values, values: Values, servers: Sequence[str], mentioned: Callable[[str], bool]
) -> dict[str, Any]:
    """Refuse what makes no sense, before anything is done.

    :param extra: the extra variables: what was given with ``-e``, and the answers of a survey.
    :param values: all variables of the play that :func:`wanted` names, wherever they were defined.
    :param mentioned: whether a name is used in the inventory.
    :returns: the arguments of the step, typed, and with their defaults.
    :raises Refusal: with a sentence.
    """
    found = declared(playbook)
    others = set(words("wallaroo_other_variables", values.get("wallaroo_other_variables") or []))
    for name in extra:
        _refuse_unknown(found, str(name), extra, others, mentioned)
    for name, argument in common().items():
        value = values.get(name)
        # Roles read a limit as it stands, and an empty one would be none.
        if argument.type == "float" and name in values and not str("" if value is None else value).strip():
            raise Refusal(f"{name} is empty: give seconds, or leave it out.")
        value_of(argument, value, servers)
    return typed(found, values, servers)


def declared(playbook: str) -> Step:
    """The step of a playbook.

    :raises Refusal: when there is no such playbook.
    """
    found = step(playbook)
    if found is None:
        raise Refusal(f"There is no playbook {playbook!r} in this collection.")
    return found


def wanted(playbook: str) -> list[str]:
    """The variables whose values matter to a playbook before its role, with its own and their defaults, is there."""
    return list(dict.fromkeys([*declared(playbook).arguments, *common()]))


def _refuse_unknown(
    found: Step, name: str, extra: Values, others: Collection[str], mentioned: Callable[[str], bool]
) -> None:
    playbook, own = found.playbook, list(found.arguments)
    settings = {*declared(STARTS).arguments, *common(), *SERVERS}
    if name in own or name in settings or name in others:
        return
    takers = [other for other, one in steps().items() if name in one.arguments]
    if takers:
        if IN_A_WORKFLOW in extra:
            return
        raise Refusal(
            f"{playbook}.yml takes no {name}: it is a variable of {', '.join(f'{taker}.yml' for taker in takers)}. "
            f"{playbook}.yml takes {', '.join(own) or 'none of its own'}."
        )
    if name in role_variables():
        return
    of_awx = playbook == "configure_awx" and name.startswith("awx_")
    if not of_awx and (name.startswith(FOREIGN) or mentioned(name)):
        return
    near = IN_PYTHON.get(name) or _nearest(name, own, sorted({*settings, *role_variables()}))
    meant = f" (did you mean {near}?)" if near else ""
    raise Refusal(
        f"There is no variable {name}{meant}: {playbook}.yml takes {', '.join(own) or 'none of its own'}. "
        f"If {name} is for something else, say so with wallaroo_other_variables={name}."
    )


def _nearest(name: str, own: Sequence[str], known: Sequence[str]) -> str:
    """What may have been meant: rather one of the playbook's own, unless that is far and another one near."""
    for names, cutoff in ((own, 0.75), (known, 0.75), (own, 0.6)):
        near = difflib.get_close_matches(name, names, n=1, cutoff=cutoff)
        if near:
            return near[0]
    return ""


def mentions(name: str, value: Any) -> bool:
    """Whether a template in a value of the inventory uses a variable."""
    if isinstance(value, Mapping):
        return any(mentions(name, one) for one in value.values())
    if isinstance(value, (list, tuple)):
        return any(mentions(name, one) for one in value)
    if not isinstance(value, str) or "{" not in value:
        return False
    templates = re.findall(r"\{\{.*?\}\}|\{%.*?%\}", value, re.DOTALL)
    return any(re.search(rf"\b{re.escape(name)}\b", template) for template in templates)
