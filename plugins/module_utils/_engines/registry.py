# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engines by name. A new one is a file with its adapter, and its function and line here.

An adapter is loaded when it is asked for: each call on a server needs the one of its cluster only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Optional

from .._process.record import ProcessRecord
from .._resilience.files import ResilienceSet, resilience_directory
from .contract import (
    UNKNOWN,
    Answering,
    Checkpointed,
    Damageable,
    Engine,
    Examinable,
    Journalled,
    KnowsPeers,
    NotOffered,
    Recalling,
    SharesCheckpoints,
    Sparing,
)
from .counting import Counting

if TYPE_CHECKING:
    from .._cluster.record import ClusterRecord


# Ansible finds out from the words of an import what a module needs that is sent, so each has its own.
def _embedded() -> Engine:
    from .embedded import Embedded

    return Embedded()


def _wallaroo() -> Engine:
    from .wallaroo.adapter import Wallaroo

    return Wallaroo()


def _bytewax() -> Engine:
    from .bytewax.adapter import Bytewax

    return Bytewax()


def _flink() -> Engine:
    from .flink.adapter import Flink

    return Flink()


_ADAPTERS: Mapping[str, Callable[[], Engine]] = {
    "embedded": _embedded,
    "wallaroo": _wallaroo,
    "bytewax": _bytewax,
    "flink": _flink,
}


class _Engines(Mapping[str, Engine]):
    """The adapters by the names of their engines."""

    def __init__(self) -> None:
        self._loaded: dict[str, Engine] = {}

    def __getitem__(self, name: str) -> Engine:
        if name not in self._loaded:
            self._loaded[name] = _ADAPTERS[name]()
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_ADAPTERS)

    def __len__(self) -> int:
        return len(_ADAPTERS)

    def __contains__(self, name: object) -> bool:
        return name in _ADAPTERS


ENGINES: Mapping[str, Engine] = _Engines()

DEFAULT = "embedded"

_CAPABILITIES = {
    Checkpointed: "does not tell which of its checkpoints are committed",
    KnowsPeers: "has workers that keep no addresses of others",
    Answering: "has workers that answer no questions",
    Journalled: "keeps no journals from which a worker could be restored",
    Recalling: "has workers that take their state from their own files only",
    Examinable: "has files that only a worker can judge, as it starts from them",
    SharesCheckpoints: "keeps its checkpoints among the files of its workers",
    Sparing: "has no process that could stand by and take over the work of a worker",
    Damageable: "has files of which it is not known how they could be damaged unnoticed",
}


def engine(name: str) -> Engine:
    """The adapter of an engine.

    :raises ValueError: when there is none.
    """
    if name not in ENGINES:
        raise ValueError(f"{name!r} is no engine: there are {', '.join(sorted(ENGINES))}")
    return ENGINES[name]


def counting() -> dict[str, Counting]:
    """Those whose workers send no metrics, by name."""
    return {name: each for name, each in ENGINES.items() if isinstance(each, Counting)}


def offered(name: str, capability: Any) -> Any:
    """The adapter of an engine as what it offers beyond what every engine does.

    :param capability: one of the small protocols of :mod:`.contract`.
    :raises NotOffered: when it does not.
    """
    adapter = engine(name)
    if not isinstance(adapter, capability):
        raise NotOffered(f"The engine {name} {_CAPABILITIES[capability]}.")
    return adapter


def files_in(
    directory: str | os.PathLike[str], name: str, application: str, version: str, worker: str
) -> ResilienceSet:
    """A worker's files in a directory.

    :raises ValueError: for an engine, application or version that is not known.
    """
    return ResilienceSet(directory, engine(name).layout(application, version, worker), worker)


def files_of(base: str, worker: str, name: str, application: str, version: str) -> ResilienceSet:
    """A worker's files on a server.

    :raises ValueError: for an engine, application or version that is not known.
    """
    return files_in(resilience_directory(base, worker), name, application, version, worker)


def files_at(base: str, cluster: ClusterRecord, worker: str) -> ResilienceSet:
    """Those of a worker of a cluster."""
    return files_of(base, worker, cluster.engine, cluster.application, cluster.version)


def formation(base: str, cluster: Optional[ClusterRecord], processes: Mapping[str, ProcessRecord]) -> str:
    """How far a cluster has come together, as far as a server knows that may know of none."""
    return UNKNOWN if cluster is None else engine(cluster.engine).formation(base, cluster, processes)
