# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the key of one server opens on another: the forced command of its line in ``authorized_keys``.

    ssh_gate.py BASE [BASE ...]

sshd runs it instead of what was asked for, which stands in ``SSH_ORIGINAL_COMMAND`` (sshd(8), "command"). It lets
through the source agent of a worker of one of these bases, rsync as a sender of resilience files below them or of a
tree that ``setup_repo.yml`` has built, and ``true``, with which preflight looks whether the key is let in. No shell
reads what was asked for. Nothing is ever written by what is let through, but what the agent does to its worker.

It lies alone beside the keys, so it imports nothing of the collection.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Sequence

BUILD_RECORD = ".wallaroo-build.json"
"""What a build leaves in its tree."""

_LAYOUT = ("--engine", "--application", "--version")
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_SHORT = re.compile(r"-[nrltpgoDcivzRW]+(?:e\.?[A-Za-z0-9.]*)?")
"""Options that read; behind ``e`` the client says what it is capable of. No ``L`` or ``k``, which follow links."""
_LONG = re.compile(r"--from0|--files-from=-|--whole-file|--timeout=[0-9]+")


class Refused(Exception):
    """Nothing that this key opens; the sentence says what was asked for."""


def allowed(command: str, bases: Sequence[str]) -> list[str]:
    """The words of the program that is to be executed; none for ``true``.

    :param command: what was asked for, as one text.
    :raises Refused: for all else.
    """
    try:
        words = shlex.split(command)
    except ValueError:
        raise Refused("a command line that ends within quotes") from None
    if words == ["true"]:
        return []
    if words[:3] == ["rsync", "--server", "--sender"]:
        return _rsync(words, bases)
    if "source_agent" in words:
        return _agent(words, bases)
    raise Refused(repr(words[0]) if words else "a shell")


def _rsync(words: Sequence[str], bases: Sequence[str]) -> list[str]:
    options, rest = words[3:-2], words[-2:]
    for option in options:
        if not _SHORT.fullmatch(option) and not _LONG.fullmatch(option):
            raise Refused(f"rsync with {option!r}")
    if len(words) < 5 or rest[0] != "." or rest[1].startswith("-"):
        raise Refused("rsync of something else than one directory")
    place = os.path.realpath(rest[1])
    readable = any(_below(place, os.path.join(base, "resilience")) for base in bases)
    if not readable and not _is_own(os.path.join(place, BUILD_RECORD)):
        raise Refused(f"rsync of {rest[1]!r}")
    if "--files-from=-" in options and not (readable and _has_no_way_out(place)):
        # The names come later, where nobody looks at them, and rsync follows a link in the middle of one.
        raise Refused(f"a list of names for rsync in {rest[1]!r}")
    # The place that was looked at, whatever a link in the name is now.
    return [*words[:3], *options, ".", place + ("/" if rest[1].endswith("/") else "")]


def _agent(words: Sequence[str], bases: Sequence[str]) -> list[str]:
    before, program, given = words[:5], words[5:6], words[6:]
    options = dict(zip(given[::2], given[1::2]))
    names = ["--base", "--server", "--worker", "--directory", *_LAYOUT]
    if list(before[1:4]) != ["-u", "-E", "-s"] or list(program) != ["source_agent"] or list(given[::2]) != names:
        raise Refused("the source agent with other arguments")
    base = os.path.realpath(options.get("--base", ""))
    known = [one for one in bases if os.path.realpath(one) == base]
    if not known or _in_place(before[4]) != os.path.join(base, "runtime", "programs.pyz"):
        raise Refused(f"the source agent of {options.get('--base')!r}")
    if not _below(os.path.realpath(options["--directory"]), os.path.join(base, "resilience")):
        raise Refused(f"the source agent in {options['--directory']!r}")
    if len(given) != 2 * len(names) or not all(_NAME.fullmatch(options[name]) for name in ("--worker", *_LAYOUT)):
        raise Refused("the source agent of something that is no worker")
    return [sys.executable, *words[1:]]


def _in_place(path: str) -> str:
    """A link itself, and not what it leads to: which archive of programs runs here is not the asker's affair."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def _below(place: str, directory: str) -> bool:
    return place.startswith(os.path.realpath(directory).rstrip("/") + "/")


def _has_no_way_out(place: str) -> bool:
    return not any(
        os.path.islink(os.path.join(directory, name)) for directory, names, _unused in os.walk(place) for name in names
    )


def _is_own(path: str) -> bool:
    try:
        return os.lstat(path).st_uid == os.geteuid()
    except OSError:
        return False


def main(bases: Sequence[str]) -> int:
    """Execute what was asked for, or say why not."""
    try:
        words = allowed(os.environ.get("SSH_ORIGINAL_COMMAND", ""), bases)
    except Refused as refused:
        sys.stderr.write(
            f"This key of wallaroo.resilience does not open {refused} here. After an update of the collection, or with "
            "another wallaroo_base, run preflight.yml -e fix=true\n"
        )
        return 1
    if not words:
        return 0
    try:
        os.execvp(words[0], words)
    except OSError as error:
        sys.stderr.write(f"There is no {words[0]} on this server ({error.strerror}); install it\n")
        return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
