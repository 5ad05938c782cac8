# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The timeline of a run: what the callback ``timeline`` writes and the Python API reads.

One JSON object a line, in the order in which things happened. Every record has ``record``, which tells its kind, and
``at``, the time in UTC. A reader ignores kinds and fields that it does not know.

======== ===================================================================================================
record   other fields
======== ===================================================================================================
run      ``version`` of this format (1), ``playbook`` (file name), ``check`` (true: nothing is changed)
play     ``play``, its name
folder   ``folder``: where the run that has begun keeps what it leaves, on the controller
start    ``id``, ``play``, ``role``, ``step``, ``module``, ``host``: a step begins on a host
end      the same, ``server`` (where it was done: the host, or the one that it was delegated to; of a loop over
         several the host), ``outcome``, ``seconds`` and ``message`` (empty unless it failed)
results  ``results``: what was published with ``set_stats`` under ``wallaroo_resilience``
finish   ``outcome`` (``ok`` or ``failed``), ``hosts`` (host -> ok, changed, failures, unreachable, skipped)
======== ===================================================================================================

``outcome`` of a step is ``ok``, ``changed``, ``skipped``, ``failed``, ``unreachable``, or ``ignored``: failed, which
the playbook had expected. A step that failed may have been rescued; only ``finish`` tells how the run ended. A run
without ``finish`` was killed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Optional

VERSION = 1

FILE = "timeline.jsonl"
"""Its name in the folder of a run."""

KEY = "wallaroo_resilience"
"""The one key under which playbooks publish their results with ``set_stats``."""

RUN, PLAY, FOLDER, START, END, RESULTS, FINISH = "run", "play", "folder", "start", "end", "results", "finish"

OK, CHANGED, SKIPPED, FAILED, UNREACHABLE, IGNORED = "ok", "changed", "skipped", "failed", "unreachable", "ignored"

HIDDEN = "hidden, because the step says no_log"


def now() -> str:
    """The time in UTC, as records have it."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def step_name(name: str) -> str:
    """The name of a task as a person reads it, without the role and the file that it stands in."""
    return name.rsplit(" : ", maxsplit=1)[-1].rsplit(" | ", maxsplit=1)[-1].strip()


def delegated_to(fields: Optional[Mapping[str, Any]], values: Mapping[str, Any]) -> str:
    """The server that a step, or one item of its loop, was delegated to; empty when it was not, or that is not known.

    :param fields: those of the task, as they were templated. Not each version of Ansible has done so for an item.
    :param values: what was returned.
    """
    delegated = str((fields or {}).get("delegate_to") or "")
    if "{{" not in delegated:
        return delegated
    item = values.get("item")
    known = (values.get("_ansible_delegated_vars") or {}).get("ansible_delegated_host")
    return item if isinstance(item, str) else str(known or "")


@dataclass(frozen=True)
class Event:
    """One record of a timeline."""

    record: str
    """``run``, ``play``, ``folder``, ``start``, ``end``, ``results`` or ``finish``."""
    at: str
    """UTC, ISO 8601 with milliseconds."""
    playbook: str = ""
    play: str = ""
    role: str = ""
    step: str = ""
    module: str = ""
    host: str = ""
    server: str = ""
    """Where the step was done; differs from ``host`` when it was delegated."""
    outcome: str = ""
    seconds: Optional[float] = None
    message: str = ""
    id: str = ""
    """Joins the start of a step and its end."""

    @property
    def failed(self) -> bool:
        """Whether a step ended badly, rescued or not."""
        return self.record == END and self.outcome in (FAILED, UNREACHABLE)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Event:
        """From one line; what is of another kind than expected is left out."""
        texts = {
            name: str(record.get(name) or "")
            for name in ("record", "at", "playbook", "play", "role", "step", "module", "host", "server", "outcome")
        }
        seconds = record.get("seconds")
        return cls(
            **texts,
            seconds=float(seconds) if isinstance(seconds, (int, float)) else None,
            message=str(record.get("message") or ""),
            id=str(record.get("id") or ""),
        )


class Writer:
    """Appends records to a file, each with one call, so that a reader never sees half a line of a living writer."""

    def __init__(self, path: str) -> None:
        """.

        :raises OSError: when the file cannot be opened for appending.
        """
        self.path = Path(path).expanduser()
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, record: str, **fields: Any) -> None:
        """Append one record.

        :raises OSError: when it could not be written as a whole.
        """
        line = json.dumps({"record": record, "at": now(), **fields}, default=str, ensure_ascii=False)
        data = line.encode("utf-8", "backslashreplace") + b"\n"
        if os.write(self._file, data) != len(data):
            raise OSError(f"only a part of a record could be written to {self.path}")

    def close(self) -> None:
        """Write no more."""
        os.close(self._file)


class Reader:
    """Reads a timeline while it is being written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new(self) -> Iterator[dict[str, Any]]:
        """The records since the last call. A line that is not complete yet is left for the next one."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                data = stream.read()
        except FileNotFoundError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                # What a writer left that was killed; what follows it is still worth reading.
                continue
            if isinstance(record, dict):
                yield record


def read(path: Path) -> list[dict[str, Any]]:
    """All records of a finished timeline; none when there is no such file."""
    return list(Reader(path).new())
