# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a run may be written into its folder, which is handed to others: never a password, a key or a token.

Names decide, and only names that are known to be harmless are let through: those of the collection, and those with
which an inventory says where a server is.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from . import _yaml
from ._declarations import common, takes
from ._timeline import KEY
from ._variables import SERVERS

HIDDEN = "***"

OF_A_HOST = (
    *("ansible_host", "ansible_port", "ansible_user", "ansible_connection", "ansible_python_interpreter"),
    *("ansible_become", "ansible_become_user", "ansible_become_method"),
)
"""Of Ansible's own variables those that are written."""

_SECRET = re.compile(r"pass|secret|token|credential|private|vault|(^|_)key($|_)", re.IGNORECASE)

_IN_URL = re.compile(r"(?<=://)[^/@\s'\"]+(?=@)")
"""Who somebody is for another server, in a URL."""

_EXTRA = ("-e", "--extra-vars")
_SSH = ("--ssh-common-args", "--ssh-extra-args", "--sftp-extra-args", "--scp-extra-args")
"""Options whose values may hold anything."""


def may_be_written(name: str) -> bool:
    """Whether the value of a variable is no secret for sure."""
    if name == KEY or _SECRET.search(name):
        return False
    return name in OF_A_HOST or name in SERVERS or name.startswith("wallaroo_") or name in common() or takes(name)


def shown(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the variables that may be written, as plain data."""
    return {str(name): plain(value) for name, value in variables.items() if may_be_written(str(name))}


def plain(value: Any) -> Any:
    """A value as JSON has it, whatever kinds of text and number Ansible has made of it."""
    if isinstance(value, Mapping):
        return {str(name): HIDDEN if _SECRET.search(str(name)) else plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return _IN_URL.sub(HIDDEN, str(value))


def command(argv: Sequence[str]) -> tuple[str, ...]:
    """A command line of ansible-playbook: extra variables that may not be written have the value ``***``."""
    return tuple(_words(argv))


def _words(argv: Sequence[str]) -> Iterator[str]:
    words = iter(argv)
    for number, word in enumerate(words):
        option, equals, value = word.partition("=")
        if number == 0:
            # Which of several installations it was is said by its version.
            yield word.rpartition("/")[2]
        elif word in _EXTRA:
            yield word
            yield from (_extra(value) for value in _next(words))
        elif option == "--extra-vars" and equals:
            yield f"{option}={_extra(value)}"
        elif word.startswith("-e") and not word.startswith("--"):
            yield f"-e{_extra(word[2:])}"
        elif word in _SSH:
            yield word
            yield from (HIDDEN for _unused in _next(words))
        elif option in _SSH and equals:
            yield f"{option}={HIDDEN}"
        else:
            yield _IN_URL.sub(HIDDEN, word)


def _next(words: Iterator[str]) -> Iterator[str]:
    word = next(words, None)
    if word is not None:
        yield word


def _extra(text: str) -> str:
    """The value of ``-e``: a file, a dictionary, or words ``name=value``."""
    stripped = text.strip()
    if stripped.startswith("@"):
        return text
    if stripped.startswith(("{", "[")):
        try:
            found = _yaml.read(stripped)
        except yaml.YAMLError:
            found = None
        if not isinstance(found, Mapping):
            return HIDDEN
        return json.dumps({str(name): _value(str(name), value) for name, value in found.items()})
    try:
        pairs = [word.partition("=") for word in shlex.split(stripped)]
    except ValueError:
        return HIDDEN
    return " ".join(
        f"{name}={shlex.quote(str(_value(name, value)))}" if equals else HIDDEN for name, equals, value in pairs
    )


def _value(name: str, value: Any) -> Any:
    return plain(value) if may_be_written(name) else HIDDEN
