# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to each server that stands as long as a run: over it the program ``standing`` is asked again and again.

Ansible carries out each task in a process that ends with it, so none of them can keep a connection. A process of its
own does, a relay: a fork that the first task for a server leaves behind, and that the later ones find at a socket in
the directory that Ansible has for this run alone. It ends with the run, however that ends, and with its connection.

What it cannot do it leaves to a command of its own for each call: another connection than ``ssh`` and ``local``, a
password, two calls of one server at a time.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Optional

from ansible import constants
from ansible.errors import AnsibleConnectionFailure
from ansible.utils.display import Display

from . import _relay
from ._controller import Controller, RunIsGone, this_run

display = Display()


def ask(action: Any, command: str, wanted: Mapping[str, Any]) -> Optional[dict[str, Any]]:
    """How one call has ended: ``rc``, ``stdout`` and ``stderr``; None when it has to be made in another way.

    Then nothing was done.

    :param action: the task's ``ActionBase``.
    :param command: what starts the program ``standing``.
    :param wanted: what that reads.
    :raises AnsibleConnectionFailure: when the server cannot be reached, or is lost while it works.
    """
    try:
        run = this_run()
    except RunIsGone:
        return None
    argv, place = _way(action, command, run)
    if place is None:
        return None
    connection = _found(place)
    if connection is None:
        _begin(action, argv, place, run.pid)
        connection = _found(place)
    if connection is None:
        return None
    with connection:
        answer = _relay.asked(connection, json.dumps(wanted, default=str).encode() + b"\n")
    if answer.get("unreached"):
        # As Ansible says it of a command of its own.
        raise AnsibleConnectionFailure(f"Failed to connect to the host via ssh: {answer['unreached']}")
    if answer.get("lost"):
        raise AnsibleConnectionFailure(f"the connection over which it was asked has ended: {answer['lost']}")
    return answer or None


def begin(action: Any, command: str, run: Controller) -> None:
    """Let the connection be made while something else is done; whether it can be is left to who asks.

    :param run: the one that this process belongs to.
    """
    argv, place = _way(action, command, run)
    if place is not None and not place.exists():
        _begin(action, argv, place, run.pid)


def _begin(action: Any, argv: Sequence[str], place: Path, run: int) -> None:
    display.vvv(f"STANDING CONNECTION: {argv[-1]}", host=getattr(action._connection, "host", None))
    # Where there are no more processes or files, Ansible says so itself.
    with suppress(OSError):
        _relay.begin(argv, place, run)


def _way(action: Any, command: str, run: Controller) -> tuple[list[str], Optional[Path]]:
    """The command line that reaches the server, and the socket of its relay; none where no connection can be kept."""
    argv = _argv(action._connection, action._play_context, command)
    if not argv or not hasattr(os, "pidfd_open"):
        return [], None
    told = "\0".join([run.run, *argv])
    place = Path(constants.DEFAULT_LOCAL_TMP) / f"{hashlib.sha256(told.encode()).hexdigest()[:16]}.socket"
    return argv, place


def _found(place: Path) -> Optional[socket.socket]:
    """The relay that an earlier task has left."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        with _relay.near(place) as name:
            connection.connect(name)
        return connection
    except ConnectionRefusedError:
        # It was killed, and nobody else has put its socket away.
        place.unlink(missing_ok=True)
    except OSError:
        pass
    connection.close()
    return None


def _argv(connection: Any, context: Any, command: str) -> list[str]:
    """What reaches the server, or nothing where that is not known here."""
    shell = str(context.executable or "/bin/sh")
    if connection.transport == "local":
        return [shell, "-c", command]
    if connection.transport != "ssh" or context.password or display.verbosity > _DEBUGGING:
        return []
    if any(connection.get_option(name) for name in ("password", "pkcs11_provider", "reconnection_retries")):
        return []
    connection.host = connection.get_option("host") or context.remote_addr
    there = f"{shell} -c {connection._shell.quote(command)}"
    words = connection._build_command(connection.get_option("ssh_executable"), "ssh", connection.host, there)
    return [os.fsdecode(word) if isinstance(word, bytes) else str(word) for word in words]


_DEBUGGING = 3
"""From here on Ansible lets ssh itself tell what it does, call by call."""
