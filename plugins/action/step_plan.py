# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action ``step_plan``: decide on the controller what a step is to do, or refuse it."""

from __future__ import annotations

import importlib
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Optional

from ansible.utils.display import Display
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._arguments import typed
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._deciding import DecidingAction
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._declarations import step as declared
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._play import (
    STARTS,
    given,
    require_together,
    wanted_cluster,
)
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._publishing import VERIFIED_RUNS
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal, Servers

display = Display()

STATE_VARIABLE = "cluster_server_state"
"""The name under which the roles register what ``server_info`` returned."""

_LIBRARY = "ansible_collections.wallaroo.resilience.plugins.plugin_utils"

STEPS: dict[str, str] = {
    "start_sender": "_sending.send",
    "kill_worker": "_steps.kill",
    "copy_resilience": "_steps.copy",
    "restart_worker": "_steps.restart",
    "migrate": "_steps.migrate",
    "stop_cluster": "_steps.stop",
    "verify": "_demonstration.verify",
    "setup_repo": "_repository.repository",
    "setup_flink": "_flink_home.flink_home",
}
"""Steps of playbooks of which there is something to decide: each takes its arguments as they are declared.

Who decides is loaded when it is asked: all of them together would keep every playbook waiting.
"""

ACTING = frozenset(STEPS) - {"stop_cluster", "verify", "setup_repo", "setup_flink"}
"""Those of them that do something to a cluster that goes on."""

PARTS: dict[str, str] = {
    "road_back": "_roads_back.road_back",
    "after_road_back": "_roads_back.after_road_back",
    "left": "_roads_back.left",
    "crashes": "_moves.crashes",
    "stalled": "_stalled.stalled",
    "fences": "_owners.fences",
    "flink_compiler": "_flink_home.flink_compiler",
}
"""Decisions within a step: each takes what the tasks before it have found."""


class ActionModule(DecidingAction):
    """See the documentation of the module of the same name."""

    _VALID_ARGS = frozenset(("step", "arguments", "group"))

    _asked: Optional[Servers] = None
    """What the servers have said."""

    def decide(self, variables: dict[str, Any]) -> dict[str, Any]:
        """The plan as ``plan``, and the typed ``arguments``."""
        group = str(self._task.args.get("group") or "servers")
        require_together(str(self._task.get_play().strategy), variables, group)
        result = self._decide(str(self._task.args.get("step")), group, variables)
        for sentence in result["plan"].get("warnings") or []:
            display.warning(sentence)
        return result

    def _decide(self, step: str, group: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        names = list((variables.get("groups") or {}).get(group) or [])
        if not names:
            raise Refusal(
                f"The inventory has no hosts in the group {group!r}: choose one with -i "
                "(inventory/loopback is the collection's own)."
            )
        arguments = self._task.args.get("arguments")
        if step in PARTS:
            return {"plan": _decision(PARTS[step])(arguments or {}, self._servers(names, variables))}
        known = declared(STARTS if step == "cluster" else step)
        if known is None:
            raise Refusal(f"step_plan knows no step {step!r}.")
        # A part of a bigger run is told all of its arguments; whoever is not told takes the variables of those names.
        found = given(self._templar, variables, known.options) if arguments is None else arguments
        if arguments is None and step in ACTING:
            _decision("_negative.refuse_others")(self._servers(names, variables))
        arguments = typed(known, found, names)
        if step == STARTS:
            # No arguments of start_cluster.yml: a verified run alone says them.
            arguments.update({name: found.get(name) for name in ("negative", "mode")})
        return {"plan": self._plan(step, arguments, names, variables), "arguments": arguments}

    def _plan(
        self, step: str, arguments: Mapping[str, Any], names: list[str], variables: Mapping[str, Any]
    ) -> dict[str, Any]:
        servers = self._servers(names, variables)
        if step in (*STEPS, *VERIFIED_RUNS) and not any(
            STATE_VARIABLE in variables["hostvars"][name] for name in names
        ):
            raise Refusal(
                "Nobody has looked at the servers: run the step through the role wallaroo.resilience.step, or include "
                "wallaroo.resilience.cluster with tasks_from=lock (or look) before."
            )
        if step in STEPS:
            return _decision(STEPS[step])(arguments, servers)
        if step not in ("cluster", STARTS, "preflight", *VERIFIED_RUNS):
            return {}
        wanted = wanted_cluster(arguments, names, variables)
        if step == "cluster":
            return {"cluster": wanted.to_dict()}
        if step == STARTS:
            return _decision("_starting.start")(servers, wanted, arguments)
        if step == "preflight":
            return _decision("_preflight.plan")(servers, wanted, uuid.uuid4().hex)
        plan = {
            **_decision("_demonstration.demonstration")(step, arguments, servers, wanted),
            "cluster": wanted.to_dict(),
        }
        return {**plan, "told": _decision("_demonstration.told")(plan, servers)}

    def _servers(self, names: list[str], variables: Mapping[str, Any]) -> Servers:
        if self._asked is None:
            # Ansible makes all variables of a host at each access.
            hosts = {name: variables["hostvars"][name] for name in names}
            said = {name: host.get(STATE_VARIABLE) for name, host in hosts.items()}
            self._asked = Servers.that_said(names, said, {name: _access(name, host) for name, host in hosts.items()})
        return self._asked


def _access(name: str, host: Mapping[str, Any]) -> dict[str, Any]:
    base = str(host.get("wallaroo_base") or "")
    return {
        "host": str(
            host.get("wallaroo_ssh_address") or host.get("wallaroo_address") or host.get("ansible_host") or name
        ),
        # Without an address of its own the server listens where Ansible reaches it.
        "named": bool(host.get("wallaroo_address")),
        "controller": str(host.get("ansible_host") or name),
        "base": base,
        "port": ssh_port(name, host),
        "identity": str(host.get("wallaroo_ssh_identity") or f"{base}/ssh/id_ed25519"),
        "known_hosts": str(host.get("wallaroo_ssh_known_hosts") or f"{base}/ssh/known_hosts"),
    }


def _decision(place: str) -> Callable[..., dict[str, Any]]:
    """What decides, by its module and its name there."""
    module, name = place.split(".")
    found: Callable[..., dict[str, Any]] = getattr(importlib.import_module(f"{_LIBRARY}.{module}"), name)
    return found


def ssh_port(name: str, host: Mapping[str, Any]) -> int:
    """Where other servers reach a server by SSH."""
    for variable in ("wallaroo_ssh_port", "ansible_port"):
        text = str(host.get(variable) or "").strip()
        if not text:
            continue
        if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
            raise Refusal(f"{name}: {variable}={text} is no port (1 to 65535).")
        return int(text)
    return 22
