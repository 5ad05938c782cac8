# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How one server reaches another by SSH, and what is wrong when it does not.

Nothing of the user's own configuration plays a part: the key pair and the host keys are the collection's
own (role ``preflight``), the other server must prove who it is, and nothing ever asks on a terminal.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

CONNECT_SECONDS = 10
"""Limit for reaching the other server."""


@dataclass(frozen=True)
class Access:
    """Where another server listens, and with what its identity and ours are proved."""

    host: str
    user: str
    port: int
    identity: str
    """Path of the private key on this server."""
    known_hosts: str
    """Path of the file with the host keys that are trusted on this server."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Access:
        """The reverse of :meth:`to_dict`.

        :raises ValueError: with a sentence, when something is missing or cannot be what it should be.
        """
        try:
            found = cls(
                host=str(data["host"]),
                user=str(data["user"]),
                port=int(data.get("port") or 22),
                identity=str(data["identity"]),
                known_hosts=str(data["known_hosts"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this does not say how a server is reached by SSH: {error!r}") from error
        if not found.host or found.host.startswith("-") or not found.user or found.user.startswith("-"):
            raise ValueError(f"{found.user!r} on {found.host!r} is nobody who could be reached by SSH")
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.user}@{self.host}" + (f" port {self.port}" if self.port != 22 else "")


def ssh_argv(access: Access, *options: str) -> list[str]:
    """The command line up to and including the other server; what is executed there follows.

    :param options: more options, each as in ``ssh -o``.
    """
    settings = (
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        f"IdentityFile={_quoted(access.identity)}",
        f"UserKnownHostsFile={_quoted(access.known_hosts)}",
        "GlobalKnownHostsFile=/dev/null",
        "IdentitiesOnly=yes",
        "PreferredAuthentications=publickey",
        f"ConnectTimeout={CONNECT_SECONDS}",
        "ServerAliveInterval=5",
        "ServerAliveCountMax=3",
        "LogLevel=ERROR",
        *options,
    )
    words = ["ssh", "-F", "/dev/null", "-T", "-p", str(access.port), "-l", access.user]
    for setting in settings:
        words += ["-o", setting]
    return [*words, "--", access.host]


RSYNC_ENVIRONMENT = {"RSYNC_OLD_ARGS": "1", "RSYNC_PROTECT_ARGS": "0"}
"""For rsync beside :func:`rsync_argv`: every version takes names as they are quoted there, and so does the gate."""


def rsync_argv(access: Access, options: Sequence[str], directory: str, target: str, *ssh_options: str) -> list[str]:
    """The command line that brings a directory of another server over.

    :param options: of rsync.
    :param ssh_options: as in :func:`ssh_argv`.
    """
    shell = shlex.join(ssh_argv(access, *ssh_options)[:-2])
    host = f"[{access.host}]" if ":" in access.host else access.host
    return ["rsync", *options, f"--rsh={shell}", "--", f"{host}:{shlex.quote(directory + '/')}", f"{target}/"]


def remote_command(argv: Sequence[str]) -> str:
    """A command line as the one text that SSH hands to the shell of the other server."""
    return shlex.join(argv)


_TELLING = (
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "host key",
        "the host key that it presents is not the one in {known_hosts}; it was installed anew, or somebody stands in "
        "between. When you trust what the controller sees there, run preflight.yml -e fix=true",
    ),
    (
        "host key is known",
        "host key",
        "its host key is not in {known_hosts}; run preflight.yml -e fix=true",
    ),
    (
        "Host key verification failed",
        "host key",
        "its host key could not be verified with {known_hosts}; run preflight.yml -e fix=true",
    ),
    (
        "Permission denied",
        "refused",
        "it does not accept the key {identity}; run preflight.yml -e fix=true",
    ),
    (
        "not accessible",
        "no key",
        "there is no key {identity} on this server; run preflight.yml -e fix=true",
    ),
    (
        "ssh/gate.py",
        "no gate",
        "its wallaroo_base is another one now, or was removed; run preflight.yml -e fix=true",
    ),
    ("Connection refused", "unreachable", "nothing listens there; start sshd, or mend wallaroo_ssh_port"),
    ("timed out", "unreachable", "it does not answer; a firewall or a wrong wallaroo_address"),
    ("No route to host", "unreachable", "there is no way to it; a firewall or a wrong wallaroo_address"),
    ("Could not resolve", "unreachable", "its name cannot be resolved on this server; mend wallaroo_address"),
)


OTHER = "other"
"""The kind of what is not known here."""


class Problem(NamedTuple):
    """Why a server was not reached."""

    kind: str
    """``host key``, ``refused``, ``no key``, ``no gate``, ``unreachable`` or :data:`OTHER`."""
    sentence: str
    """What is wrong and what to do, without a subject."""


def problem(access: Access, errors: str) -> Problem:
    """What ssh's own words mean.

    :param errors: what it wrote to stderr.
    """
    for telling, kind, sentence in _TELLING:
        if telling in errors:
            return Problem(kind, sentence.format(identity=access.identity, known_hosts=access.known_hosts))
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return Problem(OTHER, lines[-1] if lines else "ssh ended without a word")


def _quoted(path: str) -> str:
    """A path as ssh's configuration reads it: blanks separate several files, and a per cent sign begins a token."""
    text = path.replace("%", "%%")
    return f'"{text}"' if " " in text or "'" in text else text


def path_problem(path: str) -> str:
    """Why ssh cannot be told of this path; empty when it can. Its configuration has no way to write these."""
    for part, what in (('"', "a quotation mark"), ("\\", "a backslash"), ("\n", "a line's end"), ("${", "${")):
        if part in path:
            return f"{path!r} has {what} in its name, which ssh cannot be told; choose another wallaroo_base."
    return ""
