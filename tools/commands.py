#!/usr/bin/env python3
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands in the checkout's environment; environment.py puts a program there for each, which calls ``main``.

``wallaroo-resilience``
    The verbs of the Python API.
``ansible-playbook`` and the other commands of ansible-core, and ``ansible-runner``
    The same command in ``libexec``, with a UTF-8 locale, which Ansible refuses to work without, and with the commands
    of this environment first on ``PATH``, since they start each other. A playbook of this checkout gets its
    ``ansible.cfg`` in every working directory. Besides, ``ansible-playbook -e worker=2 src=2 dst=4`` takes the words
    after the first variable for variables, too.
"""

from __future__ import annotations

import locale
import os
import re
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import links
import playbook

ASSIGNMENT = re.compile(r"([^\W\d]\w*)=(.*)", re.DOTALL)

LONG, SHORT = "--extra-vars", "-e"


def with_variables(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words of a command line in which name=value directly after ``-e name=value`` is a variable as well.

    For ansible-playbook itself it would be the name of a playbook.

    :returns: the words for ansible-playbook, and the names of the variables that were found.
    """
    made: list[str] = []
    names: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        made.append(word)
        if word == "--":
            return made + rest, names
        value = None
        if word in (SHORT, LONG):
            if rest:
                value = rest.pop(0)
                made.append(value)
        elif word.startswith(f"{LONG}="):
            value = word.partition("=")[2]
        elif word.startswith(SHORT):
            value = word.removeprefix(SHORT).removeprefix("=")
        if value is None or not ASSIGNMENT.match(value):
            # A file (@), JSON or YAML, or another option.
            continue
        while rest and (found := ASSIGNMENT.fullmatch(rest[0])) and not os.path.exists(rest[0]):
            made += [SHORT, _variable(*found.groups())]
            names.append(found[1])
            rest.pop(0)
    return made, names


def _variable(name: str, value: str) -> str:
    if re.search(r"[\s'\"\\]", value):
        # Loaded here, since every command waits for this program, and few need it.
        import json

        # As key=value Ansible would split it, or read quotes that the shell has left to the value.
        return json.dumps({name: value})
    return f"{name}={value}"


def with_utf8(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment whose locale is one of UTF-8; every other one stays as it is."""
    try:
        locale.setlocale(locale.LC_ALL, "")
        encoding = locale.nl_langinfo(locale.CODESET)
    except locale.Error:
        # It names a locale that this machine does not have.
        encoding = ""
    if encoding.upper().replace("-", "") == "UTF8":
        return dict(environment)
    return {**environment, "LC_ALL": "C.UTF-8"}


def with_configuration(
    words: Sequence[str], environment: Mapping[str, str], here: Path, checkout: Path
) -> dict[str, str]:
    """An environment that names the checkout's ``ansible.cfg`` when a playbook of the checkout is run.

    Ansible itself looks for one in the working directory, and passes over it when everybody may write there.

    :param here: the working directory.
    """
    own = checkout / "ansible.cfg"
    paths = [(here / word).resolve() for word in words if word.endswith((".yml", ".yaml"))]
    ours = any(path.is_file() and checkout.resolve() in path.parents for path in paths)
    found = (here / own.name).is_file() and not here.stat().st_mode & stat.S_IWOTH
    if environment.get("ANSIBLE_CONFIG") or not ours or found or not own.is_file():
        return dict(environment)
    return {**environment, "ANSIBLE_CONFIG": str(own)}


def cannot_be_sent(words: Sequence[str]) -> str:
    """Why a directory cannot be transmitted by ansible-runner; empty when it can."""
    projects = [Path(word) / "project" for word in words if not word.startswith("-")] if "transmit" in words else []
    for project in projects:
        if project.is_symlink() and project.parent.resolve() not in project.resolve().parents:
            return (
                f"ansible-runner transmit sends {project} as the link that it is, and the other side has no checkout "
                "where it leads: transmit a directory in which project is a clone of the checkout (see "
                "runner/README.md)."
            )
    return ""


def as_called(
    name: str, words: Sequence[str], environment: Mapping[str, str], here: Path, directory: Path
) -> tuple[list[str], dict[str, str], list[str]]:
    """With which words and in which environment the command in ``libexec`` is started.

    :param here: the working directory.
    :param directory: of the virtual environment.
    :returns: besides, the names of the variables that were found among the words.
    """
    search = os.pathsep.join(filter(None, (str(directory / "bin"), environment.get("PATH", os.defpath))))
    made = {**with_utf8(environment), "PATH": search}
    if name != "ansible-playbook":
        return list(words), made, []
    given, names = with_variables(words)
    return given, with_configuration(given, made, here, directory.parent), names


def needs_another_python(given: Mapping[str, str], made: Mapping[str, str]) -> bool:
    """Whether Python itself would be another one with this environment; this one has not read any of it."""
    # What is shown is written at once by Ansible itself.
    read = [name for name in made if name.startswith("PYTHON") and name != "PYTHONUNBUFFERED"]
    return bool(read) or made.get("LC_ALL") != given.get("LC_ALL")


def main() -> int:
    """Become the command under whose name this was started."""
    called, directory = Path(sys.argv[0]), Path(sys.prefix)
    words = sys.argv[1:]
    try:
        links.restore(directory.parent)
    except links.CannotBeMade as error:
        sys.exit(str(error))
    if called.name == "wallaroo-resilience":
        sys.path.insert(0, str(directory.parent / ".collections"))
        from ansible_collections.wallaroo.resilience.plugins.plugin_utils._api import console

        return console.main(words)
    if called.name == "ansible-runner" and (why := cannot_be_sent(words)):
        sys.exit(why)
    words, environment, names = as_called(called.name, words, os.environ, Path.cwd(), directory)
    if names:
        # Their names only: a value may be a password.
        listed = ", ".join(names)
        print(f"ansible-playbook: taken as variables, as if -e stood before each: {listed}", file=sys.stderr)
        sys.stderr.flush()
    real = str(directory / "libexec" / called.name)
    if called.name != "ansible-playbook":
        return os.execve(sys.executable, [sys.executable, real, *words], environment)
    if needs_another_python(os.environ, environment):
        return os.execve(sys.executable, [sys.executable, playbook.__file__, real, *words], environment)
    os.environ.update(environment)
    playbook.become(real, words)
    return 0
