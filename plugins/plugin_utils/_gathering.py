# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With what, by whom and where a run is made: found out on the controller, from what Ansible and the servers say."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Optional

from ansible.errors import AnsibleError
from ansible.release import __version__ as ansible_core

from ..module_utils._server.machine import facts
from . import _moves, _secrets
from ._arguments import typed
from ._declarations import common, step, takes
from ._evidence import Evidence, Inventory, Machine, Part, Versions
from ._play import given
from ._results import collection_version
from ._servers import Refusal

STATE_VARIABLE = "cluster_server_state"
"""The name under which the roles register what ``server_info`` returned."""


def evidence(
    name: str, variables: Mapping[str, Any], templar: Any, cluster: Mapping[str, Any], parts: tuple[Part, ...]
) -> Evidence:
    """Everything but what was sent and received.

    :param name: of the playbook.
    :param variables: of a task.
    :param cluster: its record; empty when there is none.
    :param parts: the calls that made the run.
    """
    servers = [str(server) for server in (variables.get("groups") or {}).get("servers") or []]
    hosts = variables.get("hostvars") or {}
    states = {server: _state(hosts, server) for server in servers}
    used = _used(name, variables, templar, servers)
    seed = used.get("seed")
    return Evidence(
        parts=parts,
        cluster=str(cluster.get("identifier") or ""),
        variables=used,
        seed=seed if isinstance(seed, int) else None,
        made_with=Versions(
            collection=collection_version(),
            ansible_core=str(ansible_core),
            python=".".join(str(number) for number in sys.version_info[:3]),
            engine=str(cluster.get("engine") or ""),
            engine_version=str(cluster.get("version") or ""),
        ),
        inventory=Inventory(
            sources=tuple(str(source) for source in variables.get("ansible_inventory_sources") or ()),
            servers={server: _of_a_host(hosts, server) for server in servers},
        ),
        controller=_machine(facts()),
        servers={server: _machine(state["host"]) for server, state in states.items() if state.get("host")},
    )


def part(started: float) -> Part:
    """The call of ansible-playbook that goes on.

    :param started: in seconds since the epoch.
    """
    return Part(_secrets.command(sys.argv), os.getcwd(), str(_moves.moment(started)))


def _used(name: str, variables: Mapping[str, Any], templar: Any, servers: list[str]) -> dict[str, Any]:
    """What the step was given, with defaults."""
    declared = step(name)
    if declared is None:
        return {}
    found = given(templar, variables, declared.options)
    try:
        found = typed(declared, found, servers)
    except Refusal:
        # A run that is made of parts gives each of them what it needs; what was given is told all the same.
        pass
    surroundings = given(templar, variables, common())
    return _secrets.shown({**surroundings, **{one: found[one] for one in declared.arguments if one in found}})


def _of_a_host(hosts: Any, server: str) -> dict[str, Any]:
    host = hosts.get(server)
    names = [name for name in (host or {}) if name in _secrets.OF_A_HOST or _is_of_a_server(str(name))]
    found = {}
    for name in sorted(names):
        try:
            found[str(name)] = host[name]
        except (AnsibleError, KeyError):
            # It needs something that is not there; so nobody has used it.
            continue
    return _secrets.shown(found)


def _is_of_a_server(name: str) -> bool:
    """What playbooks take is told once, with the variables of the run."""
    return name.startswith("wallaroo_") and name not in common() and not takes(name)


def _state(hosts: Any, server: str) -> Mapping[str, Any]:
    found: Optional[Mapping[str, Any]] = (hosts.get(server) or {}).get(STATE_VARIABLE)
    return found or {}


def _machine(found: Mapping[str, Any]) -> Machine:
    names = [one.name for one in fields(Machine)]
    return Machine(**{name: found[name] for name in names if name in found})
