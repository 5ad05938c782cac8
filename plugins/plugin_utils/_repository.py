# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of ``setup_repo.yml``: what is built where, and how the other servers get it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..module_utils._engines.registry import ENGINES
from ._servers import Refusal, Servers

MAKES = re.compile(r"[\w./+@,-]+")
"""Paths that mean themselves in a Makefile: blanks separate names there, and other characters have a meaning."""


def repository(arguments: Mapping[str, Any], servers: Servers) -> dict[str, Any]:
    """What to clone and build on server 1, and from where the others pull the tree.

    :raises Refusal: when an argument makes no sense, or a server cannot be used.
    """
    servers.require_all()
    home = arguments["wallaroo_home"]
    if not MAKES.fullmatch(home):
        raise Refusal(
            f"wallaroo_home={home} has a character that make does not take in the name of a file; choose a path of "
            "letters, digits and any of ._/+@,- for the tree."
        )
    first, *others = servers.names
    return {
        "server": first,
        "home": home,
        "url": arguments["wallaroo_repo_url"],
        "branch": arguments["wallaroo_repo_branch"] or arguments["wallaroo_version"],
        "targets": arguments["wallaroo_repo_targets"],
        "resilience": arguments["resilience"],
        "make": arguments["wallaroo_repo_make"],
        "executables": arguments["wallaroo_repo_executables"],
        "others": others,
        "ssh": {name: servers.ssh(first, name) for name in others},
        "in_use": _in_use(servers, home),
    }


def _in_use(servers: Servers, home: str) -> str:
    """A running worker whose executable would be exchanged: its next restart would be one of another build."""
    for state in servers.states.values():
        cluster = state.get("cluster") or {}
        known = ENGINES.get(str(cluster.get("engine")))
        if known is None or known.setup != "setup_repo.yml" or str(cluster.get("engine_home")) != home:
            continue
        for worker in sorted(state.get("workers") or {}):
            running = servers.running_on(worker)
            if running is not None:
                return (
                    f"{worker} runs on {running} from {home}, and what would be changed there is not what it was "
                    "started from; run stop_cluster.yml first"
                )
    return ""
