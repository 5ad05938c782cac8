# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs and archives that earlier versions of the collection have left in a Flink home: 90 MB each."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from ..._engines.flink.job import ARCHIVE, JAR

_OURS = re.compile(r"wallaroo-resilience-[0-9a-f]{12}\.(jar|jsa)")


def remove(own: Path, only_check: bool) -> tuple[bool, list[str]]:
    """Remove those of other digests that no process on this server uses.

    :returns: whether there was one, and what was left there, in sentences.
    """
    found = sorted(path for path in own.iterdir() if _OURS.fullmatch(path.name) and path.name not in (JAR, ARCHIVE))
    users = dict(_users(found)) if found else {}
    # A job and its archive are used together.
    kept = {path.stem for path in users}
    gone = [path for path in found if path.stem not in kept]
    if not only_check:
        for path in gone:
            path.unlink(missing_ok=True)
    return bool(gone), [
        f"{path} stays: process {pid} runs with it. Once its cluster is stopped, setup_flink.yml removes it"
        for path, pid in users.items()
        if path.suffix == ".jar"
    ]


def _users(paths: list[Path]) -> Iterator[tuple[Path, int]]:
    names = {os.fsencode(path): path for path in paths}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        # A process that ends meanwhile uses nothing.
        with contextlib.suppress(OSError):
            for word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                if word in names:
                    yield names[word], int(pid)
