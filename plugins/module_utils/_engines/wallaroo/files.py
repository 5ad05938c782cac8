# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of a Wallaroo worker's resilience files (wallaroo.md, C.1)."""

from __future__ import annotations

import os

from ..._cluster.naming import INITIALIZER
from ..._resilience.files import Layout, ResilienceSet

EVENT_LOG = "evlog"
PEERS = "connection-addresses"
"""Where a worker looks for the others."""
CONTROL, DATA = "tcp-control", "tcp-data"
CHECKPOINT_IDS = "checkpoint_ids"
LOCAL_KEYS = "local-keys"

SUFFIXES = (EVENT_LOG, "local-topology", LOCAL_KEYS, DATA, CONTROL, "workers", PEERS, CHECKPOINT_IDS)
"""The files that decide whether a start is fresh or a recovery."""

JOURNAL, EVENT_LOG_JOURNAL = "journal", "evlog.journal"
_NOT_REQUIRED_OF_INITIALIZER = (DATA, PEERS)


def layout(prefix: str, worker: str, made_of: tuple[str, str, str] = ("", "", "")) -> Layout:
    """What the files of a worker are called, and without which it does not restart (a resilience build of 0.5.4).

    :param prefix: what the files of its application begin with.
    """
    optional = _NOT_REQUIRED_OF_INITIALIZER if worker == INITIALIZER else ()
    return Layout(
        stem=f"{prefix}-{worker}",
        required=tuple(suffix for suffix in SUFFIXES if suffix not in optional),
        optional=optional,
        key="workers",
        journals=(JOURNAL, EVENT_LOG_JOURNAL),
        growing=(EVENT_LOG, CHECKPOINT_IDS, LOCAL_KEYS, JOURNAL, EVENT_LOG_JOURNAL),
        rotated={
            r"-[0-9A-Fa-f]{16}\.evlog": EVENT_LOG,
            r"-[0-9A-Fa-f]{16}\.evlog\.journal": EVENT_LOG_JOURNAL,
        },
        addresses=(CONTROL, DATA),
        newest=EVENT_LOG,
        made_of=made_of,
    )


def resilience_set(directory: str | os.PathLike[str], prefix: str, worker: str) -> ResilienceSet:
    """The files of a worker in a directory.

    :raises ValueError: when prefix or worker would lead out of it.
    """
    if not worker:
        raise ValueError(f"{worker!r} is no name of a worker of {prefix!r}")
    return ResilienceSet(directory, layout(prefix, worker), worker)
