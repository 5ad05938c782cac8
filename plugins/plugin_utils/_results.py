# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a run: ``runs/<time>-<name>/result.json``, and what a person reads of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Optional

import yaml

from ..module_utils._engines import registry
from . import _yaml
from ._evidence import FORMAT, Evidence
from ._judging import FAIL, NOT_STARTED, PASS, UNKNOWN, verdict_of
from ._losses import NEVER_OUT
from ._moves import MIGRATION, MOVED, NOTHING, ROLLED_BACK, UNFINISHED
from ._outcomes.common import Outcome
from ._outcomes.moves import Migration
from ._outcomes.verified import Detector, Verified
from ._report.words import counted

__all__ = ["FAIL", "PASS", "UNKNOWN", "verdict_of"]

RESULT = "result.json"
"""The file in the folder of a run."""


def written(run: Verified, evidence: Optional[Evidence] = None) -> dict[str, Any]:
    """What ``result.json`` holds: the run as it is published, but for what is said of the playbook that made it.

    :param evidence: what somebody needs besides who wants to check it.
    """
    plain = {name: value for name, value in asdict(run).items() if name not in OF_THE_PLAYBOOK}
    return {
        "format": FORMAT,
        "name": run.playbook,
        **plain,
        "outcome": outcome_of(run),
        "collection_version": collection_version(),
        **asdict(evidence or Evidence()),
    }


OF_THE_PLAYBOOK = tuple(one.name for one in fields(Outcome))


def outcome_of(run: Verified) -> str:
    """What became of a migration that was a run of its own; empty for a run that looked at messages."""
    return run.migrations[0].outcome if run.playbook == MIGRATION and run.migrations else ""


def is_good(written: Mapping[str, Any]) -> bool:
    """Whether a run did what it was for, from its ``result.json``: it passed, or moved, or caught its damage."""
    if written.get("negative"):
        return bool(written["negative"]["caught"])
    if written.get("verdict") is None:
        return written.get("outcome") in (MOVED, NOTHING)
    return bool(written["verdict"] == PASS)


def headline(result: Verified) -> str:
    """The first line of a summary: the verdict with its reason, or of which messages it is; or else an outcome."""
    if result.verdict is None:
        return f"outcome: {outcome_of(result)}{f': {result.reason}' if result.reason else ''}"
    return f"verdict: {result.verdict}: {result.reason or result.scope}"


def summary(result: Verified, folder: Optional[Path], page: Optional[Path] = None) -> str:
    """The short text at the end of a run. Nothing is said twice.

    :param page: ``report.html``; its path is the last line.
    """
    lines = [headline(result)]
    if result.negative is not None:
        lines.insert(0, result.negative.sentence)
    none = "no cluster was started; asked was for " if result.scope == NOT_STARTED else ""
    lines.append(
        f"{result.playbook}: {none}{counted(result.workers, 'worker')} of {result.app} on the {result.engine} engine"
    )
    for migration in result.migrations:
        lines.append(f"  {migration.worker} {_told(migration)}")
        if migration.note and migration.note.rstrip(".") not in result.reason:
            lines.append(f"    {migration.note}")
    if result.verdict is None:
        lines.append(f"  messages: {result.scope}")
    elif result.scope not in headline(result) and (result.expected or result.received):
        lines.append(f"  messages: {result.received:,} of {result.expected:,} received, {counted(result.keys, 'key')}")
    lines += [f"  {sentence}" for sentence in result.crashes]
    if result.unsent:
        lines.append(f"  {result.unsent}")
    for crashed in result.crashed:
        told = (f"{crashed.worker} on {crashed.server} died", crashed.last_line.rstrip("."))
        if not any(one and one in result.reason for one in told):
            lines.append(f"  {crashed.worker} on {crashed.server} died of itself: {crashed.last_line}")
    lines += _violations(result)
    if result.detector is not None:
        lines.append(f"  detector: {_proof(result.detector)}")
    if result.then:
        lines.append(f"  then: {result.then}")
    if folder is not None:
        lines.append(f"  run: {folder}")
    if page is not None:
        lines.append(f"  report: {page}")
    return "\n".join(lines)


def _proof(detector: Detector) -> str:
    caught, left = sum(one.caught for one in detector.planted), detector.not_planted
    every = len(detector.planted) + len(left)
    why = "; ".join(dict.fromkeys(one.partition(": ")[2] for one in left))
    return (
        f"{caught} of {every} classes of violation, planted into a copy of this output, were caught and named"
        f"{f'; {len(left)} could not be planted: {why}' if left else ''} (prove_seed={detector.seed})"
    )


def _violations(result: Verified) -> list[str]:
    """The first violations, but for what the reason has said of them already."""
    if NEVER_OUT in result.reason:
        return [f"  violations: {result.violation_count:,}, each with its witness in result.json"]
    first = result.violations[:5]
    lines = [f"  violation: {one.sentence}" for one in first if one.sentence.rstrip(".") not in result.reason]
    if result.violation_count > len(first):
        lines.append(f"  ... {result.violation_count} violations in all")
    return lines


def collection_version() -> str:
    """The version of this very collection: of an installed one, or of a checkout."""
    root = Path(__file__).parents[2]
    try:
        manifest = root / "MANIFEST.json"
        if manifest.is_file():
            return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
        return str(_yaml.read((root / "galaxy.yml").read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        # A result without it is still a result.
        return ""


def _told(migration: Migration) -> str:
    """What became of a worker, as the rest of a sentence that begins with its name."""
    how = "killed (SIGKILL)" if migration.killed or migration.downtime_seconds is not None else "was dead already"
    if migration.source_lost:
        how = "lost with its server"
    after = f" after {migration.downtime_seconds:.2f} s" if migration.downtime_seconds is not None else ""
    if migration.outcome == ROLLED_BACK:
        return f"{how}, not moved from {migration.src} to {migration.dst}, back where it was{after}"
    journal = " through the journal server" if migration.via == "journal" else ""
    where = f"restarted on {migration.dst}"
    if migration.src != migration.dst:
        done = "not moved" if migration.outcome == UNFINISHED else "moved"
        where = f"{done} from {migration.src} to {migration.dst}{journal} ({migration.copied_bytes:,} bytes)"
    back = f"back{after or ', downtime unknown'}" if migration.resumed or after else "did not come back"
    return f"{how}, {where}, {back}"


def run_folder(runs: Path, name: str, started: float) -> Path:
    """Make the folder of a run; two runs in the same second get different ones.

    :raises OSError: when it cannot be made.
    """
    # What a run leaves is for whoever ran it: values, addresses, and logs with command lines.
    runs.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%dT%H%M%S", time.localtime(started))
    label = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.") or "run"
    for attempt in range(1, 1000):
        folder = runs / (f"{stamp}-{label}" if attempt == 1 else f"{stamp}-{label}-{attempt}")
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"{runs} holds a thousand runs of {stamp}-{label} already")


def write_run(runs: Path, result: Verified, began: float, evidence: Optional[Evidence] = None) -> Path:
    """Make the folder of a run with its result, and return it.

    :param began: when, in seconds since the epoch.
    :raises OSError: when it cannot be written; no folder without a result is left then.
    """
    folder = run_folder(runs, result.playbook, began)
    try:
        write_json(folder / RESULT, written(result, evidence))
    except OSError:
        with contextlib.suppress(OSError):
            folder.rmdir()
        raise
    return folder


def read(folder: Path) -> dict[str, Any]:
    """The result in a folder; empty when there is none that can be understood."""
    try:
        found = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, data: Any) -> None:
    """Write a file as a whole or not at all."""
    write_whole(path, json.dumps(data, indent=2, sort_keys=False) + "\n")


def write_whole(path: Path, text: str) -> None:
    """The same of any text."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_logs(folder: Path, logs: Mapping[str, Mapping[str, str]]) -> None:
    """Keep the ends of the logs that the servers returned: ``logs/<server>/<process>.log``."""
    for server, processes in logs.items():
        for process, text in processes.items():
            target = folder / "logs" / _safe(server) / f"{_safe(process)}.log"
            for directory in (target.parent.parent, target.parent):
                directory.mkdir(mode=0o700, exist_ok=True)
            with open(target, "w", encoding="utf-8", opener=privately) as stream:
                stream.write(text)


def sha256(data: bytes) -> str:
    """A digest, as text."""
    return hashlib.sha256(data).hexdigest()


def privately(path: str, flags: int) -> int:
    """Open a file that is for whoever ran the run, and for nobody else."""
    return os.open(path, flags, 0o600)


def crashed_workers(states: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Workers that are dead where they belong, and said why; who was killed says nothing."""
    found = []
    for server, state in states.items():
        for worker, known in (state.get("workers") or {}).items():
            if known.get("ownership") != "owner" or known.get("alive"):
                continue
            log = str((state.get("logs") or {}).get(worker) or "").strip().splitlines()
            name = str((state.get("cluster") or {}).get("engine") or registry.DEFAULT)
            telling = registry.engine(name).last_words(log)
            if not telling:
                continue
            found.append(
                {
                    "worker": worker,
                    "server": server,
                    "last_line": telling,
                    "last_lines": log[-20:],
                }
            )
    return found


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name).lstrip(".") or "_"
