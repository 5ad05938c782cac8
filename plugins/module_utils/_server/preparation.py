# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a server ready for a fresh cluster, and stopping what runs on it."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from .._cluster import record as cluster_record
from .._cluster.record import ClusterRecord
from .._formats.whole_file import remove_directory
from .._process import acting, living, times
from .._process.record import ProcessRecord
from .._process.stop import StillAlive, kill, terminate
from . import runtime
from .server_state import DIRECTORIES

_GRACE = 5.0
"""Seconds in which a program has to end, before and after SIGKILL."""


@dataclass(frozen=True)
class Programs:
    """The programs that a server is to run."""

    digest: str
    archive: str = ""
    """Where they have arrived on this server; empty before it was asked whether it has them."""

    def are_installed(self, base: str) -> bool:
        """Whether this server runs them already."""
        return runtime.is_installed(base, self.digest)


def prepare(
    base: str, cluster: Optional[ClusterRecord], programs: Optional[Programs], only_check: bool = False
) -> dict[str, Any]:
    """Deploy the programs, and with ``cluster`` make room for it.

    A receiver or the like that a start left running which was interrupted is stopped: without workers it serves nobody.

    :raises ValueError: when a worker still runs, which would lose its files.
    :raises StillAlive: when such a program does not end.
    :raises OSError: when the directory cannot be written.
    """
    path = Path(base)
    deployed = programs is None or programs.are_installed(base)
    changed = not deployed
    removed: list[str] = []
    left: dict[str, ProcessRecord] = {}
    known: Optional[ClusterRecord] = None
    if cluster is not None:
        known = _record(base)
        if known is None or known.identifier != cluster.identifier:
            changed = True
            left = living.survey(base).living()
            workers = sorted(name for name, record in left.items() if record.kind == "worker")
            if workers:
                raise ValueError(f"{', '.join(workers)} still runs; stop it first with stop_cluster.yml")
            # All of them: a fresh worker takes any leftover for its own (wallaroo.md, Traps 2 and 3), and reads what an
            # earlier cluster was sent.
            removed = [name for name in DIRECTORIES if _has_entries(path / name)]
    if changed and not only_check:
        for record in left.values():
            terminate(record.identity, grace=_GRACE, limit=_GRACE)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(path, 0o700)
        for name in removed:
            shutil.rmtree(path / name)
        _remove_shared(known)
        (path / acting.FILE_NAME).touch(mode=0o600)
        for name in DIRECTORIES:
            (path / name).mkdir(mode=0o700, exist_ok=True)
        if programs is not None and not deployed:
            runtime.install(base, programs.digest, programs.archive)
        if cluster is not None:
            for worker in cluster.worker_names():
                (path / "resilience" / worker).mkdir(mode=0o700, exist_ok=True)
            _write_record(base, cluster)
    return {"changed": changed, "runtime": str(path / "runtime"), "removed": removed, "stopped": sorted(left)}


def stop(base: str, keep_files: bool, limit: float = 10.0, only_check: bool = False) -> dict[str, Any]:
    """End every process that lives here, then remove the resilience files unless they are to be kept.

    One that is in the way of another, be it a damaged record or a process that does not die, keeps nobody from being
    stopped.

    :raises StillAlive: when a process did not die in time; all others are dead then, and no file was removed.
    :raises OSError: when files cannot be removed; all processes are dead then.
    """
    path = Path(base)
    known = living.survey(base)
    alive = known.living()
    # The receiver goes last: a worker whose receiver is gone only fills its log.
    order = sorted([*alive.values(), *known.strays], key=lambda record: {"sender": 0, "worker": 1}.get(record.kind, 2))
    removed = [] if keep_files else [name for name in ("resilience", "journals") if _has_files(path / name)]
    record_path = cluster_record.record_path(base)
    forget = not keep_files and os.path.lexists(record_path)
    if not only_check:
        problems = [problem for record in order if (problem := _ended(record, limit))]
        if problems:
            raise StillAlive("; ".join(problems))
        for record in alive.values():
            # Whoever looks afterwards can tell it from one that has crashed.
            if record.kind == living.WORKER:
                times.note(base, record.name, stopped=round(time.time(), 3))
        for name in removed:
            shutil.rmtree(path / name)
            (path / name).mkdir(mode=0o700)
        if not keep_files:
            _remove_shared(_record(base))
        if forget:
            for record_file in (record_path, *(path / "run").glob("*/ownership.json")):
                remove_directory(record_file)
                record_file.unlink(missing_ok=True)
    return {
        "changed": bool(order or removed or forget),
        "stopped": {name: record.identity.pid for name, record in alive.items()},
        "removed": removed,
        "unknown": [str(damage) for damage in known.damaged.values() if not damage.settled],
    }


def _ended(record: ProcessRecord, limit: float) -> str:
    """End a process; returns why it could not be, or nothing."""
    try:
        if record.kind == living.WORKER:
            kill(record.identity, limit)
        else:
            terminate(record.identity, grace=min(5.0, limit), limit=limit)
    except (StillAlive, OSError) as error:
        return f"{record.name}: {error}"
    return ""


def _record(base: str) -> Optional[ClusterRecord]:
    try:
        return cluster_record.read(base)
    except ValueError:
        # A damaged record is one of the leftovers that a fresh start removes.
        return None


def _remove_shared(cluster: Optional[ClusterRecord]) -> None:
    """The checkpoints of a cluster that is gone. All servers do so at once, and the last has nothing left to remove."""
    if cluster is not None and cluster.shared_directory:
        shutil.rmtree(cluster.shared_directory, ignore_errors=True)


def _write_record(base: str, cluster: ClusterRecord) -> None:
    path = cluster_record.record_path(base)
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(json.dumps(cluster.to_dict()), encoding="utf-8")
    temporary.chmod(0o600)
    os.replace(temporary, path)


def _has_entries(path: Path) -> bool:
    return path.is_dir() and any(path.iterdir())


def _has_files(path: Path) -> bool:
    return path.is_dir() and any(entry.is_file() for entry in path.rglob("*"))
