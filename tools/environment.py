#!/usr/bin/env python3
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a virtual environment from locks, or adds what it lacks of them, also after an interruption.

    PYTHON environment.py [--instead=REQUIREMENT] DIRECTORY LOCK...

A requirement, of which no lock can know, takes the place of the version that the locks have.

What other locks have brought stays. The environment is the same whatever the user's surroundings are: of pip's settings
only those are kept that say how a registry is reached. Besides the tools it gets commands of its own, from
``commands.py``.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import links  # noqa: E402

STARTED_BY = "# Starts tools/commands.py."
REACHING = frozenset(
    (
        *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "proxy"),
        *("cert", "client-cert", "keyring-provider", "timeout", "default-timeout", "retries", "cache-dir"),
    )
)
"""pip's settings that say how a registry is reached. Others change where or what is installed: user, target, prefix,
require-virtualenv, constraint, no-binary and so on."""

WRAPPED = ("ansible-core", "ansible-runner")

INSTALLED = """
import importlib.metadata, json, os, sys
scripts = {}
for distribution in importlib.metadata.distributions():
    names = [entry.name for entry in distribution.entry_points if entry.group == "console_scripts"]
    scripts[distribution.metadata["Name"].lower().replace("_", "-").replace(".", "-")] = names
json.dump(scripts, sys.stdout)
"""


class Environment:
    """The virtual environment in a directory."""

    def __init__(self, directory: Path, *locks: Path, instead: str = "") -> None:
        self.directory = directory.absolute()
        self.instead = instead
        self.locks = locks
        self.programs = self.directory / "bin"
        self.python = self.programs / "python"
        self.version = sys.version.split()[0]
        # Names the locks that are complete. Written last: whatever was interrupted is done again, and so is what was
        # made from another lock, by another Python or in another place, since its programs name their place.
        self.stamp = self.directory / ".complete"
        self.place = hashlib.sha256(Path(__file__).read_bytes() + bytes(self.directory) + instead.encode()).hexdigest()
        self.surroundings = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "PIP_")) and name not in ("VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
        }

    def make(self) -> None:
        """Make it, or add what it lacks, unless it is complete."""
        mine = (
            f"import sys; sys.exit({self.version!r} != sys.version.split()[0] or {str(self.directory)!r} != sys.prefix)"
        )
        usable = self._runs(mine)
        made = self._complete() if usable else {}
        locks = [lock for lock in self.locks if made.get(lock.name) != self._state(lock)]
        if not locks:
            return
        names = " and ".join(lock.stem for lock in locks)
        print(f"Installing {names} into {self.directory.name} (once, less than a minute) ...")
        sys.stdout.flush()
        self.stamp.unlink(missing_ok=True)
        if not usable or not self._runs("import pip._internal.cli.main"):
            made, locks = {}, list(self.locks)
            self._begin()
        self._install(locks)
        self._give_commands()
        self._keep_parsed()
        missing = self._missing()
        if missing:
            sys.exit(f"pip ended well, but {', '.join(missing)} did not come into {self.directory}.")
        self.stamp.write_text(json.dumps(made | {lock.name: self._state(lock) for lock in locks}))
        print("Installed.")

    def _begin(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
        venv.create(self.directory, with_pip=True, symlinks=True)
        if sys.version_info < (3, 12):
            # Brought along with pip; only some tools need it, and they have a newer one in their lock.
            self._pip("uninstall", "--yes", "setuptools")

    def _state(self, lock: Path) -> str:
        return f"{hashlib.sha256(lock.read_bytes()).hexdigest()} {self.place} {self.version}"

    def _complete(self) -> dict[str, str]:
        """The locks from which it is complete, and their state then."""
        try:
            complete: dict[str, str] = json.loads(self.stamp.read_text())
        except (OSError, ValueError):
            complete = {}
        return complete

    def _install(self, locks: Sequence[Path]) -> None:
        named = " and ".join(map(str, locks))
        requirements = (f"--requirement={lock}" for lock in locks)
        settings = registry_settings(self._pip_settings())
        if self._pip("install", "--require-hashes", "--no-deps", "--no-compile", *requirements, **settings):
            sys.exit(f"pip could not install the tools of {named} (above is why); the same command tries it again.")
        if self.instead and self._pip("install", "--no-deps", "--no-compile", "--upgrade", self.instead, **settings):
            sys.exit(
                f"pip could not install the tools of {self.instead} (above is why); the same command tries it again."
            )
        # pip would do it on one core. What cannot be compiled, such as a template, says so where it is imported.
        compile_all = ["-I", "-m", "compileall", "-qq", "-j", "0", str(self.directory / "lib")]
        subprocess.run([str(self.python), *compile_all], env=self.surroundings, check=False)

    def _pip(self, command: str, *words: str, **settings: str) -> int:
        """The exit code of a command of pip, with these settings and no others."""
        ended = subprocess.run(
            [str(self.python), "-I", "-m", "pip", command, "--quiet", *words],
            env={**self.surroundings, **settings, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_CONFIG_FILE": os.devnull},
            check=False,
        )
        return ended.returncode

    def _runs(self, program: str) -> bool:
        """Whether the environment's Python carries out a program and ends with 0."""
        try:
            ended = subprocess.run([str(self.python), "-I", "-c", program], capture_output=True, check=False)
        except OSError:
            return False
        return ended.returncode == 0

    def _pip_settings(self) -> str:
        """What pip is told by the user's files and environment."""
        environment = {**self.surroundings, **{key: os.environ[key] for key in os.environ if key.startswith("PIP_")}}
        # It must say all of it, whatever it was told: with user, site or global it lists that file alone.
        # The environment is stronger than files.
        environment.pop("PIP_LOG", None)
        environment |= {
            f"PIP_{name}": "0" for name in ("USER", "SITE", "GLOBAL", "QUIET", "VERBOSE", "REQUIRE_VIRTUALENV")
        }
        ended = subprocess.run(
            [str(self.python), "-I", "-m", "pip", "config", "list"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            sys.exit(f"pip cannot read its own settings: {ended.stderr.strip()}")
        return ended.stdout

    def _give_commands(self) -> None:
        """Put the commands of this project beside the tools; what they stand for goes to ``libexec``."""
        real = self.directory / "libexec"
        real.mkdir(exist_ok=True)
        # A shell starts it, since the line of a program that is started directly allows no blank and not every length.
        text = (
            f"#!/bin/sh\n'''exec' {shlex.quote(str(self.python))} -I \"$0\" \"$@\"\n' '''\n{STARTED_BY}\n"
            f"import sys\n\nsys.path.insert(0, {str(HERE)!r})\nimport commands\n\nsys.exit(commands.main())\n"
        )
        wrapped = self._wrapped(self._installed())
        for name in (*wrapped, *(["wallaroo-resilience"] if wrapped else [])):
            program = self.programs / name
            if program.exists() and STARTED_BY not in program.read_text(encoding="utf-8", errors="replace"):
                program.replace(real / name)
            program.write_text(text, encoding="utf-8")
            program.chmod(0o755)

    def _keep_parsed(self) -> None:
        """Put what Ansible parses of its own beside its commands, whatever the user has set; they begin without it."""
        real = self.directory / "libexec"
        if not (real / "ansible-playbook").exists():
            return
        environment = {name: value for name, value in self.surroundings.items() if not name.startswith("ANSIBLE_")}
        # Where no ansible.cfg is, and what Ansible leaves in a home goes away.
        with tempfile.TemporaryDirectory() as nowhere:
            ended = subprocess.run(
                [str(self.python), "-I", str(HERE / "parsed.py"), str(real)],
                env={**environment, "HOME": nowhere},
                cwd=nowhere,
                capture_output=True,
                text=True,
                check=False,
            )
        if ended.returncode:
            why = ended.stderr.strip().rpartition("\n")[2]
            print(f"Each playbook begins a tenth of a second later, since its settings could not be kept parsed: {why}")

    def _installed(self) -> dict[str, list[str]]:
        """The distributions in the environment, and the names of their programs."""
        ended = subprocess.run([str(self.python), "-I", "-c", INSTALLED], stdout=subprocess.PIPE, text=True, check=True)
        found: dict[str, list[str]] = json.loads(ended.stdout)
        return found

    @staticmethod
    def _wrapped(installed: dict[str, list[str]]) -> list[str]:
        """The programs that get the surroundings they need from commands.py."""
        return [name for distribution in WRAPPED for name in installed.get(distribution, [])]

    def _missing(self) -> list[str]:
        installed = self._installed()
        text = "".join(lock.read_text() for lock in self.locks)
        found = re.finditer(r"^([A-Za-z0-9._-]+)==([^;\n]*)(;[^\n]*)?\\$", text, re.MULTILINE)
        locked = {re.sub(r"[-_.]+", "-", match[1]).lower(): bool(match[3]) for match in found}
        # What has a condition need not be wanted here.
        missing = [name for name, conditional in locked.items() if not conditional and name not in installed]
        # pip comes with Python, and names programs that it does not bring.
        programs = [name for distribution, names in installed.items() if distribution in locked for name in names]
        missing += [f"bin/{name}" for name in programs if not os.access(self.programs / name, os.X_OK)]
        # That of an engine has none of Ansible.
        real = {*(["ansible-playbook"] if WRAPPED[0] in locked else []), *self._wrapped(installed)}
        missing += [f"libexec/{name}" for name in real if not os.access(self.directory / "libexec" / name, os.X_OK)]
        return sorted(set(missing))


def registry_settings(listed: str) -> dict[str, str]:
    """How a registry is reached, as variables of pip's environment.

    :param listed: what ``pip config list`` says: ``global.index-url='https://…'``, ``install.…`` and ``:env:.…``.
    """
    order = ("global", "install", ":env:")
    found: dict[str, tuple[int, str]] = {}
    for line in listed.splitlines():
        place, _equals, quoted = line.partition("=")
        section, _dot, name = place.rpartition(".")
        if section not in order or name not in REACHING:
            continue
        value, rank = str(ast.literal_eval(quoted)), order.index(section)
        if value.strip() and rank >= found.get(name, (-1, ""))[0]:
            found[name] = (rank, value)
    return {f"PIP_{name.replace('-', '_').upper()}": value for name, (_rank, value) in found.items()}


if __name__ == "__main__":
    try:
        links.restore(HERE.parent)
    except links.CannotBeMade as problem:
        sys.exit(str(problem))
    given = sys.argv[1:]
    replacing = given.pop(0).removeprefix("--instead=") if given[0].startswith("--instead=") else ""
    Environment(*map(Path, given), instead=replacing).make()
