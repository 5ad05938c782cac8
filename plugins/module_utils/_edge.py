# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge of the library: what its modules share. The only file of it that imports Ansible, once it is needed.

A module has its documentation, ``SPEC`` (the arguments of ``AnsibleModule``), and ``run``, which takes one and calls
the library. The groups of arguments here have the fragment of documentation of the same name beside them
(``plugins/doc_fragments/common.py``); that both agree is a test. A group has what its arguments need beside. Those
that need more of the library to be loaded are in ``_edge_cluster.py``.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, fields
from typing import Any, NoReturn, Protocol, get_type_hints

from ._problem import Problem

Arguments = dict[str, dict[str, Any]]
Specification = dict[str, Any]

SERVER: Arguments = {"base": {"type": "path", "required": True}, "server": {"type": "str", "required": True}}
ACTING: Arguments = {**SERVER, "run": {"type": "str", "default": ""}}
WORKER: Arguments = {**SERVER, "worker": {"type": "str", "required": True}}
WAITING: Arguments = {"wait_timeout": {"type": "float", "default": 60}, "return_after": {"type": "float"}}
ACTS: Arguments = {"acts_timeout": {"type": "float", "default": 120}}
ENGINE: Arguments = {"engine": {"type": "str", "default": "embedded"}}
CHANNEL: Arguments = {"host": {"type": "str", "required": True}, "port": {"type": "int", "default": 5050}, **ENGINE}
LAYOUT: Arguments = {
    **WORKER,
    **ENGINE,
    "application": {"type": "str", "required": True},
    "version": {"type": "str", "default": "0.5.4"},
}
RECEIVED: Arguments = {
    "path": {"type": "path", "required": True},
    "last": {"type": "int", "required": True},
    "keys": {"type": "list", "elements": "str", "no_log": False},
    "key_count": {"type": "int", "no_log": False},
}
TARGET: Arguments = {
    "source_server": {"type": "str", "required": True},
    "journal_server": {"type": "str"},
    "epoch": {"type": "int", "required": True},
}
TREE: Arguments = {
    "server": SERVER["server"],
    "in_use": {"type": "str"},
    "home": {"type": "path", "required": True},
}


def options_of(kind: type, **others: dict[str, Any]) -> Arguments:
    """The sub-options of an argument that becomes a dataclass of plain fields, and what it takes beside.

    :param others: options that it has not, or that are of another type than its fields are.
    """
    hints = get_type_hints(kind)
    found: Arguments = {}
    for one in fields(kind):
        given = {"required": True} if one.default is MISSING else {"default": one.default}
        found[one.name] = {"type": hints[one.name].__name__, **given}
    return {**found, **others}


class Module(Protocol):
    """What a module's code needs of ``AnsibleModule``."""

    params: dict[str, Any]
    check_mode: bool

    def warn(self, warning: str) -> None:
        """Tell of something that kept nobody from anything."""

    def exit_json(self, **result: Any) -> NoReturn:
        """End well."""

    def fail_json(self, msg: str, **result: Any) -> NoReturn:
        """End failed."""


def main(specification: Specification, run: Callable[[Module], None]) -> Callable[[], None]:
    """What a module does as a process of its own, sent by Ansible."""

    def called() -> None:
        # Only here: in the archive of programs (``_programs/module``) there is no Ansible.
        from ansible.module_utils.basic import AnsibleModule

        run(AnsibleModule(**specification, supports_check_mode=True))

    return called


def done(module: Module, result: Mapping[str, Any]) -> NoReturn:
    """End well, with what an act returned; its ``warnings`` are said first."""
    for sentence in result.get("warnings", ()):
        module.warn(sentence)
    module.exit_json(**{name: value for name, value in result.items() if name != "warnings"})


@contextmanager
def failing(module: Module, begin: str = "", end: str = "", **told: Any) -> Iterator[None]:
    """What goes wrong in the block is the module's failure: how it begins, and then the sentence of the error.

    :param end: a full stop, for errors that have none.
    :param told: what the module returns all the same.
    """
    try:
        yield
    except (Problem, ValueError, OSError) as error:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        sentence = _full(error, module.params.get("base")) if full else str(error)
        module.fail_json(msg=f"{begin}: {sentence}{end}" if begin else sentence, **told)


def _full(error: Any, base: Any) -> str:
    """Where a disk is full, which the system says of few writes, and what to do."""
    return f"{error.strerror} where {error.filename or base or 'it writes'} is: make room there, and run this again"
