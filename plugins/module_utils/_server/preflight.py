# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What could keep a server from doing its part, looked at on the server itself. Nothing is changed."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .._catalogue.applications import APPLICATIONS
from .._engines.registry import ENGINES
from .._process import living
from .._process.identity import identify
from .._process.ssh import Access
from .._provisioning.build_record import digest, executable_problem
from . import ssh_keys
from .server_state import base_problem, describe

NEEDED = ("rsync", "ssh")
"""Programs without which no files come from another server."""

LISTENER = "port_listener"
"""The program that listens for the others while they try; it is no leftover."""

CALLED = frozenset((LISTENER, "module", "standing"))
"""Programs that are there while somebody asks this server, be it the run that looks; they end by themselves."""

CONNECT_SECONDS = 3.0
"""Limit for one connection: on an internal network it takes milliseconds, and a firewall that drops never answers."""


def look(
    base: str, name: str, ssh: Mapping[str, Mapping[str, Any]], executable: str = "", mend: str = "", address: str = ""
) -> dict[str, Any]:
    """Everything that the server can tell by itself.

    :param ssh: other server -> how it is reached.
    :param executable: of a real engine, as it would be started; empty when no real engine is meant.
    :param mend: what to do where it is not there.
    :param address: where the ports of a cluster would be opened on this server.
    :raises ValueError: when that cannot be understood.
    """
    state = describe(base, name)
    ways = {server: Access.from_dict(way) for server, way in ssh.items()}
    with ThreadPoolExecutor(8) as pool:
        problems = dict(zip(ways, pool.map(ssh_keys.check, ways.values())))
    return {
        "ssh": {server: problem or "" for server, problem in problems.items()},
        "open_keys": ssh_keys.open_lines() if ways else 0,
        "programs": {program: shutil.which(program) is not None for program in NEEDED},
        "free_bytes": state["free_bytes"] or 0,
        "writable": base_problem(base) or "",
        "memory_bytes": _memory(),
        "leftovers": _leftovers(base),
        "executable": _executable(executable, mend) if executable else None,
        "addresses": _numbers_of(address),
        "user": state["user"],
        "machine": state["machine"],
    }


def connect(targets: Sequence[Mapping[str, Any]], token: str) -> list[dict[str, Any]]:
    """Connect to listeners on other servers, and see that they are ours.

    :param targets: ``server``, ``address``, ``port`` each.
    :returns: those that were not reached, with ``problem``.
    """
    with ThreadPoolExecutor(32) as pool:
        problems = list(pool.map(lambda target: _connect(target, token), targets))
    return [{**target, "problem": problem} for target, problem in zip(targets, problems) if problem]


def _connect(target: Mapping[str, Any], token: str) -> str:
    address = (str(target["address"]), int(target["port"]))
    end = time.monotonic() + CONNECT_SECONDS
    said = b""
    try:
        with socket.create_connection(address, CONNECT_SECONDS) as connection:
            while len(said) < len(token):
                connection.settimeout(max(end - time.monotonic(), 0.001))
                chunk = connection.recv(256)
                if not chunk:
                    break
                said += chunk
    except socket.timeout:
        return "does not answer: a firewall drops it, or a wrong wallaroo_address"
    except OSError as error:
        return f"is not reached ({error.strerror or error}): a firewall, or a wrong wallaroo_address"
    return "" if said == token.encode() else "is answered by another program"


def _executable(path: str, mend: str) -> dict[str, Any]:
    return {"path": path, "sha256": digest(Path(path)), "problem": executable_problem(path, mend), "mend": mend}


def _numbers_of(address: str) -> list[str]:
    """What the server itself makes of an address that may be a name; empty when nothing."""
    try:
        found = socket.getaddrinfo(address, None, socket.AF_INET, socket.SOCK_STREAM) if address else []
    except OSError:
        return []
    return sorted({str(one[4][0]) for one in found})


def _memory() -> int:
    try:
        return int(os.sysconf("SC_PAGE_SIZE")) * int(os.sysconf("SC_PHYS_PAGES"))
    except (ValueError, OSError):
        return 0


def _leftovers(base: str) -> list[str]:
    found = []
    processes = living.survey(base)
    alive = [*processes.living().values(), *processes.strays]
    known = {record.identity.pid for record in alive}
    found += [
        f"{record.name} runs (process {record.identity.pid}); stop it with stop_cluster.yml"
        for record in alive
        if record.name != LISTENER
    ]
    found += [f"{damage}" for damage in processes.damaged.values()]
    launcher = str(Path(base) / "runtime")
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in known or int(entry.name) == os.getpid():
            continue
        process = identify(int(entry.name))
        words = process.command if process else ()
        # A program is named behind the archive.
        programs = [after for word, after in zip(words, (*words[1:], "")) if word.startswith(launcher + "/")]
        if programs and CALLED.isdisjoint(programs):
            found.append(
                f"process {entry.name} of an earlier run lives and is no longer recorded; look at it and end it"
            )
    for application in APPLICATIONS:
        files = [
            path
            for path in Path(base).glob("resilience/*/*")
            if not path.name.startswith(".") and path.name.startswith(_stems(application, path.parent.name))
        ]
        if files:
            where = f"{base}/resilience"
            found.append(
                f"{len(files)} resilience files of {application} in {where}; remove them with stop_cluster.yml"
            )
    return found


def _stems(application: str, worker: str) -> tuple[str, ...]:
    """With what the names of a worker's files may begin, whichever engine and version left them."""
    found = set()
    for engine in ENGINES.values():
        for version in engine.versions if application in engine.applications else ():
            try:
                found.add(engine.layout(application, version, worker).stem)
            except ValueError:
                # No engine calls a worker so.
                continue
    return tuple(found)
