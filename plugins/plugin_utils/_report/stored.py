# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that was kept: the folder that it has left, read as far as it can be."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from .._runs import runs_path
from .._servers import Refusal

RESULT, FLOW, PAGE = "result.json", "flow.json", "report.html"
"""Files of a run's folder: what was found, what came out when, and the page that shows both."""

SIGNS = (RESULT, "timeline.jsonl")
"""By one of them a folder is known as that of a run, one that was interrupted, too: nothing is written into another."""

MOST = 1e15
"""More is no number of what came out when, which is in seconds since the epoch, messages and bytes."""

LATEST = "latest"


class NoRun(Refusal):
    """There is no such run; the sentence says where it was looked for."""


@dataclass(frozen=True)
class Stored:
    """What is known of it."""

    folder: Path
    result: Mapping[str, Any]
    flow: Mapping[str, Any] = field(default_factory=dict)
    """What ``run_flow`` has returned; empty where nobody looked."""
    missing: tuple[str, ...] = ()
    """What could not be read, a sentence each."""

    @property
    def name(self) -> str:
        """What the folder is called."""
        return self.folder.name


def wanted(run: Any, runs: Any) -> Stored:
    """The run that a user has named.

    :param run: ``latest``, the name of a folder, or a path.
    :param runs: where the folders of all runs are.
    :raises NoRun: when there is none, or when it is another folder.
    """
    folder = find(runs_path(runs), str(run or ""))
    if not any((folder / sign).exists() for sign in SIGNS):
        raise NoRun(f"{folder} is no folder of a run: it has neither {' nor '.join(SIGNS)}.")
    return read(folder)


def read(folder: Path) -> Stored:
    """Read a run. A file that is damaged is told, and keeps nobody from showing the rest.

    :raises NoRun: when there is no such folder.
    """
    if not folder.is_dir():
        raise NoRun(f"{folder} is no folder of a run.")
    missing: list[str] = []
    result = _object(folder / RESULT, missing)
    if not result and not missing:
        missing.append(
            f"{RESULT} is not there: the run was interrupted before it could write it, or there was no room for it."
        )
    flow = _object(folder / FLOW, missing, _bounded)
    if not flow and not any(sentence.startswith(FLOW) for sentence in missing):
        missing.append(f"{FLOW} is not there, so nothing can be shown over time.")
    return Stored(folder.resolve(), result, flow, tuple(missing))


def find(runs: Path, wanted: str) -> Path:
    """The folder of a run.

    :param runs: where the folders of all runs are.
    :param wanted: ``latest``, the name of a folder there, or a path.
    :raises NoRun: when there is none.
    """
    if wanted in ("", LATEST):
        link = runs / LATEST
        found = link.resolve() if link.is_dir() else _newest(runs)
        if found is None:
            raise NoRun(f"{runs} holds no run: run demo.yml first, or name a folder with run=PATH.")
        return found
    for place in (runs / wanted, Path(wanted).expanduser()):
        if place.is_dir():
            return place.resolve()
    raise NoRun(f"There is no run {wanted}: neither below {runs} nor as a path.")


def _newest(runs: Path) -> Optional[Path]:
    # They begin with their time.
    folders = sorted(path.parent for path in runs.glob(f"*/{RESULT}"))
    return folders[-1] if folders else None


def _bounded(text: str) -> float:
    """A number of what came out when, which can be reckoned with."""
    number = float(text)
    if not abs(number) < MOST:
        raise ValueError(f"{text[:20]} in it is no moment, duration or count")
    return int(text) if text.lstrip("-").isdigit() else number


def _object(path: Path, missing: list[str], number: Optional[Callable[[str], float]] = None) -> Mapping[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text, parse_float=number, parse_int=number, parse_constant=number)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        missing.append(f"{path.name} could not be read: {getattr(error, 'strerror', None) or error}.")
        return {}
    if not isinstance(found, dict):
        missing.append(f"{path.name} could not be read: it holds no object.")
        return {}
    return found
