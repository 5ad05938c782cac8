# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The play and the inventory that a step runs in, which may be a user's own: all servers together, task by task."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from ..module_utils._cluster.record import ClusterRecord
from ._arguments import cluster_record, typed
from ._declarations import step
from ._servers import Refusal

STARTS = "start_cluster"
"""The step that starts a cluster; a verified run takes what it takes."""

APART = ("free", "host_pinned")
"""Strategies in which hosts go their own ways; those of Mitogen are called mitogen_free and so on."""


def require_together(strategy: str, variables: Mapping[str, Any], group: str = "servers") -> None:
    """All servers of the group take part, and each waits for the others after each task.

    :param strategy: of the play.
    :param variables: of the task.
    :raises Refusal: otherwise, with what to write.
    """
    name = str(strategy).rsplit(".", maxsplit=1)[-1].removeprefix("mitogen_")
    if name in APART:
        raise Refusal(
            f"This play has strategy {strategy}, in which servers do not wait for each other, so one could give the "
            "lock back while another acts: write strategy: linear into it."
        )
    names = [str(server) for server in (variables.get("groups") or {}).get(group) or []]
    chosen = variables.get("ansible_play_hosts_all")
    left_out = [server for server in names if chosen is not None and server not in chosen]
    # Without what was chosen at all the playbook ends by itself.
    if left_out:
        word = "--limit" if variables.get("ansible_limit") else "The play's hosts"
        raise Refusal(f"{word} left out {', '.join(left_out)}: this step needs all servers of the group {group}.")
    batch = variables.get("ansible_play_batch")
    alive = variables.get("ansible_play_hosts") or []
    apart = [server for server in names if batch is not None and server in alive and server not in batch]
    if apart:
        raise Refusal(
            f"This play takes its servers in batches (serial), now without {', '.join(apart)}: this step needs all of "
            "them at once, so leave serial out."
        )


def given(templar: Any, variables: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The values of the variables of a task that there are, wherever they were defined."""
    return {name: templar.template(variables[name]) for name in names if name in variables}


def wanted_cluster(arguments: Mapping[str, Any], names: Iterable[str], variables: Mapping[str, Any]) -> ClusterRecord:
    """The cluster that a step is about to start.

    :param arguments: of the step, typed. One that takes fewer than ``start_cluster`` has the others as they are there.
    :param names: the servers, in the order of the inventory.
    :param variables: of the task.
    :raises Refusal: when it cannot be on these servers.
    """
    return cluster_record(
        {**typed(step(STARTS), {}), **arguments},  # type: ignore[arg-type]  # there is one
        [_server(name, variables["hostvars"][name]) for name in names],
        f"cluster-{uuid.uuid4().hex[:12]}",
        time.time(),
    )


def _server(name: str, host: Mapping[str, Any]) -> dict[str, Any]:
    base = str(host.get("wallaroo_base") or "")
    address = str(host.get("wallaroo_address") or host.get("ansible_host") or name)
    if not base.startswith("/"):
        raise Refusal(f"{name} has no wallaroo_base: set it to an absolute directory in the inventory.")
    return {"name": name, "address": address, "base": base}


def require_bases(variables: Mapping[str, Any], group: str = "servers") -> None:
    """The inventory says of all servers where they keep everything.

    :param variables: of the task.
    :raises Refusal: otherwise, with what to write.
    """
    hostvars = variables.get("hostvars") or {}
    names = [str(server) for server in (variables.get("groups") or {}).get(group) or []]
    without = [server for server in names if not str((hostvars.get(server) or {}).get("wallaroo_base") or "").strip()]
    if without:
        raise Refusal(
            f"The inventory gives {', '.join(without)} no wallaroo_base, the directory that holds everything of a "
            f"server: write it into the vars of the group {group}, e.g. wallaroo_base: /srv/wallaroo."
        )
