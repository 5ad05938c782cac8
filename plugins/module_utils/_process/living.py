# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processes of this server live: by their records, and where a record is damaged by what they prove themselves.

Whatever ``start`` has started works in its own folder ``<base>/run/<name>`` and writes its output into the log there,
as a process of the account to which the folder belongs. The kernel says all three of every process, so a process is
found without its record, and never by its name or its command line.
"""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from .._cluster.naming import worker_name
from .._formats.json_record import Damaged
from . import record as records
from .identity import ProcessIdentity, identify, is_alive
from .record import ProcessRecord

WORKER = "worker"

_LOGS = ("log", ".log")
"""What the names of logs begin with."""


@dataclass
class Survey:
    """What is known of the processes of a server."""

    processes: dict[str, ProcessRecord] = field(default_factory=dict)
    """By name: the living one, or else the one that is recorded."""
    strays: list[ProcessRecord] = field(default_factory=list)
    """Others that live under the same names: children of those, or started twice."""
    damaged: dict[str, Damaged] = field(default_factory=dict)
    """By name: records that cannot be read."""

    def living(self) -> dict[str, ProcessRecord]:
        """Those that live."""
        return {name: known for name, known in self.processes.items() if is_alive(known.identity)}


def survey(base: str) -> Survey:
    """Read every record alone, and look for the living ones besides."""
    found = Survey()
    folders = _folders(base)
    living = _living(folders)
    for name in sorted(set(folders.values())):
        known = None
        try:
            known = records.read(base, name)
        except Damaged as damage:
            found.damaged[name] = _explained(damage, base, name, living.get(name))
        others = living.get(name, [])
        if others and (known is None or not is_alive(known.identity)):
            known, others = others[0], others[1:]
        if known is not None:
            found.processes[name] = known
            found.strays += [one for one in others if one.identity != known.identity]
    return found


def known(base: str, name: str, needed: bool = False) -> Optional[ProcessRecord]:
    """The living process of this name, or else the recorded one; None when there is neither.

    :param needed: a damaged record of a process that is proved to be dead is an error too.
    :raises Damaged: when the record cannot be read, and whether the process lives is not known.
    """
    damage: Optional[Damaged] = None
    recorded: Optional[ProcessRecord] = None
    try:
        recorded = records.read(base, name)
    except Damaged as error:
        damage = error
    if recorded is not None and is_alive(recorded.identity):
        return recorded
    living = _living({place: one for place, one in _folders(base).items() if one == name}).get(name)
    if living:
        return living[0]
    if damage is not None:
        explained = _explained(damage, base, name, None)
        if needed or not explained.settled:
            raise explained
    return recorded


def alive(base: str, name: str) -> Optional[ProcessRecord]:
    """The living process of this name; None when none lives.

    :raises Damaged: when the record cannot be read, and that is not known.
    """
    found = known(base, name)
    return found if found is not None and is_alive(found.identity) else None


def kind_of(name: str) -> str:
    """What a process is whose record does not say it."""
    try:
        if worker_name(name) == name:
            return WORKER
    except ValueError:
        pass
    return "sender" if name.startswith("sender") else name


def _folders(base: str) -> dict[tuple[int, int], str]:
    """Every folder of a process: what the kernel knows it by, and its name."""
    run = Path(base) / "run"
    try:
        names = [name for name in os.listdir(run) if not name.startswith(".")]
    except OSError:
        # Where nothing can be listed nothing was started, or the server's state says why not.
        return {}
    found = {}
    for name in names:
        try:
            there = os.lstat(run / name)
        except OSError:
            continue
        if stat.S_ISDIR(there.st_mode):
            found[there.st_dev, there.st_ino] = name
    return found


def _living(folders: dict[tuple[int, int], str]) -> dict[str, list[ProcessRecord]]:
    """The processes that prove to be of these folders, the oldest first."""
    found: dict[str, list[ProcessRecord]] = {}
    for entry in os.listdir("/proc") if folders else []:
        if not entry.isdigit():
            continue
        try:
            there = os.stat(f"/proc/{entry}/cwd")
            name = folders.get((there.st_dev, there.st_ino))
            if name is None or os.stat(f"/proc/{entry}").st_uid != there.st_uid:
                continue
            directory = os.readlink(f"/proc/{entry}/cwd")
            log = os.readlink(f"/proc/{entry}/fd/1")
        except OSError:
            # It has ended, or belongs to somebody else.
            continue
        if os.path.dirname(log) != directory or not os.path.basename(log).startswith(_LOGS):
            continue
        identity = identify(int(entry))
        if identity is not None:
            found.setdefault(name, []).append(_rebuilt(name, identity, directory))
    for processes in found.values():
        processes.sort(key=lambda one: (one.identity.start_ticks, one.identity.pid))
    return found


def _rebuilt(name: str, identity: ProcessIdentity, directory: str) -> ProcessRecord:
    """What a record would say of a process; what nobody can know any more is left out."""
    details: dict[str, Any] = {}
    since_boot = identity.start_ticks / os.sysconf("SC_CLK_TCK")
    started = round(time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + since_boot, 2)
    command = list(identity.command)
    return ProcessRecord(name, kind_of(name), identity, command, directory, f"{directory}/log", started, details)


def _explained(damage: Damaged, base: str, name: str, living: Optional[list[ProcessRecord]]) -> Damaged:
    """The same, with what can be done about it now that the living ones were looked for."""
    settled = True
    if living:
        do = (
            f"its process {living[0].identity.pid} was found by its folder and its log, and every step knows it; "
            "the next start of it writes the record anew"
        )
    elif _is_mine(records.run_folder(base, name)):
        do = f"no process of {name} lives on this server, and the next start of it writes it anew"
    else:
        settled = False
        do = f"whether {name} still runs under another account is not known: look there, end it, and remove this"
    return Damaged(Path(damage.path), damage.what, do, settled)


def _is_mine(folder: Path) -> bool:
    """Whether all processes of a folder can be seen: they belong to its account."""
    try:
        return os.geteuid() in (0, folder.stat().st_uid)
    except OSError:
        return False
