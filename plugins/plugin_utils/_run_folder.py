# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of a run: begun before anything is killed, filled at the end, and gone on with by a run that completes it.

What is in it is told in docs/runs.md.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Optional

from . import _moves, _results
from ._evidence import UNENDED, Evidence, KeptFile, Part
from ._outcomes.moves import Migration
from ._outcomes.verified import Verified

LATEST = "latest"

SENT, RECEIVED = "sent", "received"

NAME = re.compile(r"\d{8}T\d{6}-.+")
"""What the name of a run's folder is like."""

DAY = 24 * 60 * 60


def begin(runs: Path, result: Verified, evidence: Evidence, started: float) -> Path:
    """Make the folder of a run that begins. Until the run ends its result says that it has not.

    :param started: in seconds since the epoch.
    :raises OSError: when it cannot be made; then nothing is left of it.
    """
    folder = _results.write_run(runs, result, started, evidence)
    link_latest(folder)
    return folder


def unended(name: str, cluster: Mapping[str, Any], started: float, migrations: Sequence[Migration] = ()) -> Verified:
    """The result of a run that has begun.

    :param name: of the playbook.
    :param started: in seconds since the epoch.
    """
    return Verified(
        playbook=name,
        verdict=_results.UNKNOWN,
        reason=UNENDED,
        app=str(cluster.get("application") or ""),
        engine=str(cluster.get("engine") or ""),
        workers=int(cluster.get("workers") or 0),
        keys=int(cluster.get("keys") or 0),
        migrations=tuple(migrations),
        started=str(_moves.moment(started)),
    )


def interrupted(runs: Path, cluster: str, move: Mapping[str, Any], killed: Optional[float]) -> Optional[Path]:
    """The folder that an interrupted run has left of the very migration that is to be completed now.

    :param cluster: the identifier of the cluster.
    :param move: ``worker``, ``src`` and ``dst``.
    :param killed: when the worker was killed, in seconds since the epoch; None when the servers do not know.
    """
    for folder in sorted(folders(runs), reverse=True):
        known = _results.read(folder)
        if known.get("ended") is not False or known.get("cluster") != cluster:
            continue
        began = [one for one in known.get("migrations") or [] if isinstance(one, Mapping)]
        if not began or any(began[0].get(name) != move[name] for name in ("worker", "src", "dst")):
            continue
        # The kill is what was interrupted: one before this run began belongs to another one.
        moment = _moves.moment(killed)
        return folder if moment is None or moment >= str(known.get("started") or "") else None
    return None


def go_on(folder: Path, part: Part) -> None:
    """Note that another call of ansible-playbook goes on with a run.

    :raises OSError: when it cannot be written.
    """
    known = _results.read(folder)
    _results.write_json(folder / _results.RESULT, {**known, "parts": [*(known.get("parts") or []), asdict(part)]})
    link_latest(folder)


def withdraw(folder: Path) -> None:
    """Remove the folder of a run that came to nothing: it has done nothing, and its result says that it has not ended.

    :raises OSError: when it cannot be removed.
    """
    known = _results.read(folder)
    if known.get("ended") is False and len(known.get("parts") or []) < 2:
        shutil.rmtree(folder)
        mend_latest(folder.parent)


def give_up(folder: Path, other: Optional[Path]) -> None:
    """A run has ended, and could not write so in its folder: nothing there may say any longer that it goes on.

    :param other: the folder that it has instead; None when it has none.
    """
    with contextlib.suppress(OSError):
        (folder / _results.RESULT).unlink(missing_ok=True)
        link = folder.parent / LATEST
        if link.is_symlink() and link.resolve() == folder.resolve():
            link.unlink()
            if other is not None:
                link.symlink_to(other, target_is_directory=True)


def parts(folder: Path) -> tuple[Part, ...]:
    """The calls that have made a run so far."""
    with contextlib.suppress(KeyError, TypeError):
        return tuple(Part(**{**one, "command": tuple(one["command"])}) for one in _results.read(folder)["parts"])
    return ()


def folders(runs: Path) -> Iterator[Path]:
    """The folders of runs in a directory, and nothing else that lies there."""
    with contextlib.suppress(OSError):
        for path in runs.iterdir():
            if (
                NAME.fullmatch(path.name)
                and path.is_dir()
                and not path.is_symlink()
                and "verdict" in _results.read(path)
            ):
                yield path


def link_latest(folder: Path) -> None:
    """``latest`` is this one from now on. Where somebody has something else of that name it stays."""
    link = folder.parent / LATEST
    if link.exists() and not link.is_symlink():
        return
    # Replaced as a whole: whoever looks finds the old one or the new one.
    with contextlib.suppress(OSError), tempfile.TemporaryDirectory(dir=folder.parent, prefix=".latest-") as scratch:
        made = Path(scratch) / LATEST
        made.symlink_to(folder.name, target_is_directory=True)
        os.replace(made, link)


def mend_latest(runs: Path) -> None:
    """``latest`` is the newest of those that are still there."""
    link = runs / LATEST
    if not link.is_symlink() or link.exists():
        return
    newest = max(folders(runs), key=_ended, default=None)
    if newest is not None:
        link_latest(newest)
    else:
        link.unlink(missing_ok=True)


def clean(runs: Path, days: float, now: float) -> list[Path]:
    """Remove the folders of runs that ended longer ago, and return them.

    What is no folder of a run stays, and so does a run of less than a day ago that may still go on.

    :param now: in seconds since the epoch.
    :raises OSError: when one of them cannot be removed.
    """
    removed = []
    for folder in sorted(folders(runs)):
        age = now - _ended(folder)
        if age < days * DAY or (_results.read(folder).get("ended") is False and age < DAY):
            continue
        shutil.rmtree(folder)
        removed.append(folder)
    mend_latest(runs)
    return removed


def keep(folder: Path, where: str, found: Mapping[str, Any], server: str) -> KeptFile:
    """Write a file that ``run_files`` has returned, where it is small enough.

    :param where: ``sent`` or ``received``.
    :raises OSError: when it cannot be written.
    """
    name = os.path.basename(str(found["path"]))
    kept = KeptFile(
        name=name,
        bytes=int(found["bytes"]),
        sha256=str(found["sha256"]),
        server=server,
        server_path=str(found["path"]),
        note=str(found["problem"]),
    )
    if found.get("data") is None:
        return replace(kept, note=kept.note or "it is too large, so only its digest is kept")
    path = _place(folder, where, f"{name}.gz")
    _write(path, base64.b64decode(found["data"]))
    return replace(kept, path=path.relative_to(folder).as_posix())


def keep_sent(folder: Path, sent: Mapping[str, Any]) -> KeptFile:
    """Write ``sent/sent.json``: what was to be sent, and how far that is known to have come.

    :raises OSError: when it cannot be written.
    """
    text = (json.dumps(sent, indent=2) + "\n").encode()
    path = _place(folder, SENT, "sent.json")
    _write(path, text)
    digest = _results.sha256(text)
    return KeptFile("sent.json", path.relative_to(folder).as_posix(), len(text), digest)


def contents(folder: Path, kept: Mapping[str, Any]) -> Optional[bytes]:
    """What a file holds that was kept in a folder; None when only its digest was.

    :raises OSError: when it cannot be read.
    """
    if not kept.get("path"):
        return None
    data = (folder / str(kept["path"])).read_bytes()
    return gzip.decompress(data) if str(kept["path"]).endswith(".gz") else data


def _ended(folder: Path) -> float:
    """When the result was written last, in seconds since the epoch."""
    try:
        return (folder / _results.RESULT).stat().st_mtime
    except OSError:
        return time.time()


def _place(folder: Path, where: str, name: str) -> Path:
    (folder / where).mkdir(mode=0o700, exist_ok=True)
    return folder / where / name


def _write(path: Path, data: bytes) -> None:
    with open(path, "wb", opener=_results.privately) as stream:
        stream.write(data)
