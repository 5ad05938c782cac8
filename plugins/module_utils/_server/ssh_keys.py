# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH from every server to every other: a key pair of the collection's own, and host keys that are verified.

A private key never leaves the server that made it. What it opens is restricted to the addresses of the cluster's
servers, and to what the gate lets through: the source agent, and rsync that reads (``_programs/ssh_gate.py``). The
host keys that are trusted are those which each server's own sshd was seen to present on that server itself, over the
controller's verified connection; nothing is trusted because it came first.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional

from .._formats.whole_file import make_private_directory, write_whole
from .._problem import Problem
from .._process.piped import PipeBroken, run
from .._process.ssh import Access, problem, remote_command, ssh_argv
from .._programs.ssh_gate import main as ssh_gate

MARKER = "wallaroo.resilience"
"""In the comment of every key that the collection makes or lets in: whose it is, and that we may replace it."""

_PUBLIC = re.compile(r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) ([A-Za-z0-9+/]+=*)")
_SECONDS = 15.0


class KeyProblem(Problem):
    """Keys that cannot be made, read or written; the sentence says what to do."""


@dataclass(frozen=True)
class HostKeys:
    """A server as the others know it."""

    host: str
    port: int
    keys: tuple[str, ...]
    """Each a type and the key in base64."""

    def lines(self) -> list[str]:
        """As in ``known_hosts``."""
        name = self.host if self.port == 22 else f"[{self.host}]:{self.port}"
        return [f"{name} {key}" for key in self.keys]


def public_key(identity: str) -> Optional[str]:
    """The public key that belongs to a private one, or None when there is no pair."""
    path = Path(identity)
    if not path.is_file() or not path.with_name(path.name + ".pub").is_file():
        return None
    found = _PUBLIC.search(path.with_name(path.name + ".pub").read_text(encoding="utf-8", errors="replace"))
    return f"{found[1]} {found[2]}" if found else None


def make_pair(identity: str, server: str) -> str:
    """Make a key pair without a passphrase, for this account alone; returns the public key.

    :raises KeyProblem: when it cannot be made.
    """
    path = Path(identity)
    make_private_directory(path.parent)
    for leftover in (path, path.with_name(path.name + ".pub")):
        leftover.unlink(missing_ok=True)
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{MARKER} {server}", "-f", str(path)]
    try:
        ended = run(argv, _SECONDS)
    except (OSError, PipeBroken) as error:
        raise KeyProblem(f"ssh-keygen cannot be run ({error}); install openssh-client") from error
    made = public_key(identity)
    if ended.code != 0 or made is None:
        raise KeyProblem(f"ssh-keygen made no key {identity}: {ended.errors.strip() or ended.code}")
    return made


def presented_keys(host: str, port: int) -> HostKeys:
    """What the SSH server of this very machine presents at its own address.

    :raises KeyProblem: when nothing answers there.
    """
    try:
        ended = run(["ssh-keyscan", "-T", "5", "-p", str(port), "--", host], _SECONDS)
    except (OSError, PipeBroken) as error:
        raise KeyProblem(f"ssh-keyscan cannot be run ({error}); install openssh-client") from error
    found = sorted({f"{key[1]} {key[2]}" for key in _PUBLIC.finditer(ended.output.decode("utf-8", "replace"))})
    if not found:
        raise KeyProblem(f"no SSH server presents a key at {host} port {port}; start sshd, or mend wallaroo_ssh_port")
    return HostKeys(host, port, tuple(found))


def trust(path: str, servers: Sequence[HostKeys], only_check: bool = False) -> bool:
    """Make these the host keys that are trusted; returns whether that was new."""
    wanted = "".join(f"{line}\n" for server in servers for line in server.lines())
    target = Path(path)
    if target.is_file() and target.read_text(encoding="utf-8", errors="replace") == wanted:
        return False
    if not only_check:
        make_private_directory(target.parent)
        write_whole(target, wanted.encode())
    return True


@dataclass(frozen=True)
class _Line:
    """A line of ``authorized_keys`` that the collection wrote."""

    key: str
    server: str
    bases: tuple[str, ...]
    """Whose gate it leads to; none for one that opens everything, as earlier versions wrote them."""
    addresses: tuple[str, ...]

    def __str__(self) -> str:
        gate = str(gate_path(self.bases[0]))
        command = shlex.join([sys.executable, "-I", gate, *self.bases]).replace('"', '\\"')
        return f'command="{command}",restrict,from="{",".join(self.addresses)}" {self.key} {MARKER} {self.server}'


_LINE = re.compile(
    r'(?:command="(?P<command>(?:[^"\\]|\\.)*)",)?restrict,from="(?P<addresses>[^"]*)" '
    rf"(?P<key>{_PUBLIC.pattern}) {re.escape(MARKER)} (?P<server>\S+)"
)


def _line(text: str) -> Optional[_Line]:
    """What one of our lines says; None for one of somebody else."""
    found = _LINE.fullmatch(text.strip())
    if found is None:
        return None
    bases: tuple[str, ...] = ()
    if found["command"]:
        words = shlex.split(found["command"].replace('\\"', '"'))
        bases = tuple(words[3:])
    return _Line(found["key"], found["server"], bases, tuple(found["addresses"].split(",")))


def gate_path(base: str) -> Path:
    """Where the gate of a server's keys lies."""
    return Path(base) / "ssh" / "gate.py"


def let_in(base: str, keys: Mapping[str, str], addresses: Sequence[str], only_check: bool = False) -> bool:
    """Let the other servers in to what the gate lets through; returns whether anything changed.

    Other lines of ``authorized_keys`` stay as they are, and so do those of another ``wallaroo_base`` of this account; a
    key that serves several opens what belongs to each.

    :param base: this server's ``wallaroo_base``.
    :param keys: server -> its public key.
    :param addresses: from where they may come.
    :raises KeyProblem: when the account has no home.
    """
    path = _authorized_keys()
    before = path.read_text(encoding="utf-8", errors="surrogateescape") if path.is_file() else ""
    kept: list[str] = []
    bases: dict[str, tuple[str, ...]] = dict.fromkeys(keys.values(), (base,))
    sources = {key: set(addresses) for key in keys.values()}
    for text in before.splitlines():
        line = _line(text)
        others = tuple(one for one in line.bases if one != base) if line else ()
        if line and line.key in bases:
            # The first one's gate is used; it may have been removed with its base.
            stays = base in line.bases and gate_path(line.bases[0]).is_file()
            bases[line.key] = line.bases if stays else (base, *others)
            sources[line.key].update(line.addresses if others else ())
        elif line and others != line.bases:
            kept += [str(replace(line, bases=others))] if others else []
        else:
            kept.append(text)
    ours = [str(_Line(key, name, bases[key], tuple(sorted(sources[key])))) for name, key in sorted(keys.items())]
    after = "".join(f"{line}\n" for line in [*kept, *ours])
    gate, program = gate_path(base), _source_of(ssh_gate.__name__).encode()
    deployed = gate.is_file() and gate.read_bytes() == program
    if after == before and deployed:
        return False
    if not only_check:
        make_private_directory(gate.parent)
        write_whole(gate, program)
        make_private_directory(path.parent)
        write_whole(path, after.encode("utf-8", "surrogateescape"))
    return True


def open_lines() -> int:
    """How many keys of the collection open everything here, as earlier versions let them in."""
    try:
        lines = _authorized_keys().read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except (OSError, KeyProblem):
        return 0
    return sum(1 for line in map(_line, lines) if line and not line.bases)


def check(access: Access) -> Optional[str]:
    """Why another server cannot be reached by SSH; None when it can."""
    if not os.access(access.identity, os.R_OK):
        return f"there is no key {access.identity} on this server; run preflight.yml -e fix=true"
    try:
        ended = run([*ssh_argv(access), remote_command(["true"])], _SECONDS)
    except FileNotFoundError:
        return "there is no ssh on this server; install openssh-client"
    except (OSError, PipeBroken) as error:
        return f"it does not answer ({error}); a firewall or a wrong wallaroo_address"
    return None if ended.code == 0 else problem(access, ended.errors).sentence


def _authorized_keys() -> Path:
    try:
        home = pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError as error:
        raise KeyProblem(f"user {os.geteuid()} has no account here, so nobody can log in as it") from error
    return Path(home) / ".ssh" / "authorized_keys"


def _source_of(name: str) -> str:
    """The text of an imported file of the library, which inside a module lies in an archive.

    :raises ImportError: when it cannot be read.
    """
    specification = importlib.util.find_spec(name)
    # Not every loader that knows its sources is registered as one that inspects, the one for archives is not.
    get_source = getattr(specification.loader if specification else None, "get_source", None)
    source = get_source(name) if get_source else None
    if source is None:
        raise ImportError(f"the source of {name} cannot be read, so it cannot be deployed")
    return str(source)
