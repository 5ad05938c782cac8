# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of workers and servers as users write them, and as the programs want them.

Values arrive as text from ``-e`` and from AWX surveys: ``2``, ``"2"`` and ``worker2`` are the
same worker, ``4``, ``"4"`` and ``server4`` the same server (design.md, "The demo's scripts and
their playbooks").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Union

INITIALIZER = "initializer"
"""Wallaroo's hard-coded name of worker 1 (wallaroo.md, A.4)."""

SPARE = "spare"
"""The process that takes over the work of a worker that dies, where a cluster has one."""

_WORKER = re.compile(r"^(?:worker)?([1-9][0-9]{0,3})$")
_SERVER = re.compile(r"^(?:server)?([1-9][0-9]{0,3})$")

Name = Union[str, int]


def worker_number(value: Name) -> int:
    """The number of a worker, counted from 1; worker 1 is the ``initializer``.

    :raises ValueError: with a sentence, when ``value`` names no worker.
    """
    text = str(value).strip()
    if text == INITIALIZER:
        return 1
    found = _WORKER.match(text)
    if found is None:
        raise ValueError(f"{text!r} is no worker: give its number (2) or its name (worker2, initializer)")
    return int(found.group(1))


def worker_name(value: Name) -> str:
    """The name under which Wallaroo knows a worker: ``initializer`` or ``workerN``.

    :raises ValueError: with a sentence, when ``value`` names no worker.
    """
    number = worker_number(value)
    return INITIALIZER if number == 1 else f"worker{number}"


def worker_names(count: int) -> list[str]:
    """The names of a cluster's workers, worker 1 first."""
    return [worker_name(number) for number in range(1, count + 1)]


def server_name(value: Name, servers: Sequence[str] = ()) -> str:
    """The inventory name of a server.

    ``4`` is the fourth host of the group whatever it is called; a host's own name always works.
    Without the list of ``servers`` the answer is ``server<number>``.

    :raises ValueError: with a sentence that lists the servers there are.
    """
    text = str(value).strip()
    if text in servers:
        return text
    found = _SERVER.match(text)
    if found is None:
        known = f" There are: {', '.join(servers)}." if servers else ""
        raise ValueError(f"{text!r} is no server: give its number (4) or its name (server4).{known}")
    number = int(found.group(1))
    if not servers:
        return f"server{number}"
    if number > len(servers):
        raise ValueError(
            f"There is no server {number}: the inventory's group has {len(servers)} ({', '.join(servers)})."
        )
    return servers[number - 1]


def home_server(worker: Name, servers: Sequence[str]) -> str:
    """Where a worker is started first: worker N on server N, round and round when servers run out."""
    return servers[(worker_number(worker) - 1) % len(servers)]
