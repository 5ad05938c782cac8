# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Letting the workers of a server look for the others where they are now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._cluster import record
from .._engines.contract import KnowsPeers
from .._engines.registry import files_at, offered
from .._formats.json_record import Damaged
from .._resilience import ownership


def mend(base: str, server: str, peers: Mapping[str, str], only_check: bool = False) -> dict[str, Any]:
    """Mend the files of all workers that belong to this server.

    What cannot be mended is returned, since it matters only when that worker is restarted.

    :param peers: all workers, and the addresses of the servers where they are.
    :raises NotOffered: when workers of this engine keep no addresses.
    :raises OSError: when a file cannot be read or written.
    """
    mended: dict[str, Any] = {}
    unmended: dict[str, str] = {}
    try:
        known = record.read(base)
    except Damaged as damage:
        # Nobody can tell which workers are here.
        known, unmended["all"] = None, str(damage)
    for cluster, worker in [(known, worker) for worker in known.worker_names()] if known is not None else []:
        try:
            owned = ownership.read(base, worker)
        except Damaged as damage:
            unmended[worker] = str(damage)
            continue
        if owned is None or owned.state != ownership.OWNER:
            continue
        adapter: KnowsPeers = offered(cluster.engine, KnowsPeers)
        try:
            found = adapter.mend_peers(files_at(base, cluster, worker), peers, only_check, base)
        except ValueError as error:
            unmended[worker] = adapter.stuck(server, worker, error)
            continue
        if found.changes:
            mended[worker] = {"changes": found.changes, "backup": found.backup}
    return {
        "changed": bool(mended),
        "mended": mended,
        "unmended": unmended,
        "diff": {"before": _lines(mended, 0), "after": _lines(mended, 1)},
    }


def _lines(mended: Mapping[str, Any], side: int) -> str:
    """A line for each address that is another one, as it was or as it is."""
    return "".join(
        f"{worker}: {name} at {hosts[side]}\n"
        for worker, found in mended.items()
        for name, hosts in found["changes"].items()
    )
