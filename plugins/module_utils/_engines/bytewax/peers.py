# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a worker looks for the others when it is started, after some of them have moved."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ..._formats.whole_file import write_whole
from ..._resilience import kept_manifest
from ..._resilience.files import ResilienceSet
from ..contract import Mending
from .files import DATABASE, PEERS, peers_of


def hosts(files: ResilienceSet) -> dict[str, str]:
    """Where a worker would look for the others; empty where that is where they were started."""
    try:
        return peers_of(files.path(PEERS))
    except (OSError, ValueError):
        return {}


def mend(files: ResilienceSet, peers: Mapping[str, str], only_check: bool = False, base: str = "") -> Mending:
    """Write where the others are. The worker itself may be running: it writes the same.

    :param peers: worker -> the address of its server; the worker itself is left alone.
    :param base: the server's directory, where it keeps what a copy was proved to hold; that goes along.
    :raises OSError: when the file cannot be written.
    """
    path, known = files.path(PEERS), hosts(files)
    wanted = {worker: host for worker, host in peers.items() if worker != files.worker}
    changes = {worker: (known.get(worker, ""), host) for worker, host in wanted.items() if known.get(worker) != host}
    if changes and not only_check and files.path(DATABASE).exists():
        before = path.read_bytes() if path.exists() else b""
        after = json.dumps({**known, **wanted}).encode()
        write_whole(path, after)
        if base:
            kept_manifest.follow(base, files, path.name, before, after)
    return Mending(changes)
