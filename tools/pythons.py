#!/usr/bin/env python3
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does what README and docs/installing.md tell on Pythons that this machine does not have: those of other Debians.

    pythons.py [--whole | --share=4] 3.13 3.14

Those are README's two commands, though of the tests only those that start no cluster, or of these those of one file in
four, unless all are asked for; its commands for one's own cluster, on four servers on this machine; and the
installed archive, in an environment of its own.

Needs root and debootstrap. Each Python has a root with nothing but itself, its venv and make, which is what README asks
for. In it an ordinary user without a locale works on a copy of this checkout, below a directory with a blank in its
name; once the tools are installed there is no network but the loopback. Roots are kept, with their tools, in
``~/.cache/wallaroo-resilience/pythons``; they can be removed at any time.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import debian_root  # noqa: E402
import environment  # noqa: E402

from tests import documents  # noqa: E402  # found through the line above

RELEASES = {"3.13": "trixie", "3.14": "sid"}
"""Where a Python is the default one."""

PACKAGES = ("make", "python3", "python3-venv")
NEEDED = ("debootstrap", "unshare", "mount")

USER, NUMBER = "somebody", 1000
HOME = Path("/home") / USER
CHECKOUT = HOME / "a checkout"
LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", ".*_cache", ".hypothesis", ".ansible", "__pycache__", "dist")


def _left_out(folder: str, names: list[str]) -> set[str]:
    """What a checkout has made. Tests have folders of runs, too, which are no runs of this checkout."""
    return LEFT_OUT(folder, names) | ({"runs"} if Path(folder) == HERE.parent else set())


TESTS = "make --silent test-unit"
WHOLE = "make --silent test-all"


def steps(tests: str) -> tuple[list[str], list[str]]:
    """Commands for a shell: those that install, which need a network, and those that need none any more.

    :param tests: the command that runs them.
    """
    readme, installing = HERE.parent / "README.md", HERE.parent / "docs" / "installing.md"
    # Without -i it is on four servers on this machine, as README says.
    mine = [command.replace("-i inventory/xenial ", "") for command in documents.own_cluster(readme)]
    archive = documents.commands(installing)
    environment_of_it, rest = archive[:2], archive[2:]
    network = ["make --silent tools", "\n".join(environment_of_it)]
    activated = environment_of_it[0].rpartition("&& ")[2]
    alone = [tests, "make --silent demo", "\n".join(mine), "\n".join([activated, *rest])]
    return network, alone


KEPT = (CHECKOUT.name, ".cache", ".venv", "wallaroo")
"""What stays from one time to the next: the tools, and the environment of the archive."""

PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
NETWORK_UP = 0x8914
"""SIOCSIFFLAGS of ioctl."""


class Root:
    """The root with one Python."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.release = RELEASES[version]
        cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "wallaroo-resilience" / "pythons"
        cache.mkdir(parents=True, exist_ok=True)
        self.place = cache / f"{self.release}-{debian_root.digest(self.release, PACKAGES)}"
        self.lock = (cache / f"{self.release}.lock").open("w")

    def check(self, tests: str) -> int:
        """Make what is missing and run everything; returns an exit code."""
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        if not (self.place / ".complete").exists():
            self._make()
        self._copy_checkout()
        print(f"Python {self.version} of Debian {self.release}:", flush=True)
        network, alone = steps(tests)
        all_of_them = ((command, commands is network) for commands in (network, alone) for command in commands)
        return next((code for command, reach in all_of_them if (code := self._run(command, reach))), 0)

    def _make(self) -> None:
        """Written last is a stamp: what was interrupted is made anew."""
        print(f"Making a root with the Python of Debian {self.release} (once, some minutes) ...", flush=True)
        for old in self.place.parent.glob(f"{self.release}-*"):
            shutil.rmtree(old)
        debian_root.make(self.release, PACKAGES, self.place)
        command = ["useradd", "--root", str(self.place), "--create-home", "--uid", str(NUMBER), USER]
        subprocess.run(command, check=True)
        (self.place / ".complete").touch()

    def _copy_checkout(self) -> None:
        """Everything anew, but for the tools."""
        home, checkout = (self.place / path.relative_to("/") for path in (HOME, CHECKOUT))
        for known in (home, checkout):
            for path in known.iterdir() if known.is_dir() else ():
                if path.name in KEPT:
                    continue
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        shutil.copytree(HERE.parent, checkout, symlinks=True, ignore=_left_out, dirs_exist_ok=True)
        for folder, _folders, files in os.walk(home):
            for name in (".", *files):
                os.chown(Path(folder) / name, NUMBER, NUMBER, follow_symlinks=False)

    def _run(self, command: str, network: bool) -> int:
        """A fresh shell, which ends with the first command that fails."""
        reaching = _reaching()
        wanted = {
            "root": str(self.place),
            "command": ["sh", "-ec", command],
            "environment": {"HOME": str(HOME), "USER": USER, "PATH": "/usr/bin:/bin", **(reaching if network else {})},
            "paths": [str(path) for path in dict.fromkeys(_paths(reaching))] if network else [],
            "network": network,
        }
        apart = ["--mount", "--pid", "--fork", "--kill-child", *([] if network else ["--net"])]
        program = [sys.executable, __file__, "--within", json.dumps(wanted)]
        begin = time.monotonic()
        # What an installation says is of interest when it fails.
        ended = subprocess.run(
            ["unshare", *apart, *program],
            stdout=subprocess.PIPE if network else None,
            stderr=subprocess.STDOUT if network else None,
            text=True,
            check=False,
        )
        if ended.returncode and network:
            print(ended.stdout, end="")
        took = time.monotonic() - begin
        told = command.replace("\n", "\n  ")
        print(f"  {told}: exit code {ended.returncode} after {took:.0f} s", flush=True)
        return ended.returncode


def _reaching() -> dict[str, str]:
    """How this machine reaches packages, as variables of the environment."""
    python = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(python, capture_output=True, text=True, check=False).stdout
    proxies = {name: os.environ[name] for name in PROXIES if name in os.environ}
    return {**proxies, **environment.registry_settings(listed)}


def _paths(reaching: Mapping[str, str]) -> Iterator[Path]:
    """What of it are files of this machine."""
    yield Path("/etc/resolv.conf")
    yield Path("/etc/hosts")
    for name, value in reaching.items():
        if name in ("PIP_CACHE_DIR", "PIP_KEYRING_PROVIDER"):
            continue
        for word in value.split():
            path = Path(unquote(urlsplit(word).path) if word.startswith("file:") else word)
            if path.is_absolute() and path.exists():
                # The pages of an index lead to files beside it.
                yield path.parent if name.endswith("INDEX_URL") else path


def within(root: str, command: list[str], environment: dict[str, str], paths: list[str], network: bool) -> int:
    """Run a command in a root, as the first process of namespaces of its own; returns its exit code."""
    place = Path(root)
    for kind, target, options in (
        ("proc", "proc", ""),
        ("tmpfs", "tmp", "mode=1777"),
        ("tmpfs", "dev/shm", "mode=1777"),
        ("devpts", "dev/pts", "newinstance,ptmxmode=0666,mode=0620"),
    ):
        (place / target).mkdir(exist_ok=True)
        _mount("-t", kind, *(["-o", options] if options else []), kind, str(place / target))
    for path in paths:
        target = place / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.mkdir(exist_ok=True) if Path(path).is_dir() else target.touch()
        _mount("--bind", "-o", "ro", path, str(target))
    if not network:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, NETWORK_UP, struct.pack("16sh14x", b"lo", 1))
    child = os.fork()
    if child == 0:
        os.chroot(place)
        os.chdir(CHECKOUT)
        os.setgroups([])
        os.setgid(NUMBER)
        os.setuid(NUMBER)
        os.execvpe(command[0], command, environment)
    # Whose parent has died comes to the first process, and only it can bury them.
    while True:
        ended, status = os.wait()
        if ended == child:
            return os.waitstatus_to_exitcode(status)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def main() -> int:
    """Run the program."""
    if sys.argv[1:2] == ["--within"]:
        return within(**json.loads(sys.argv[2]))
    parser = argparse.ArgumentParser(description="Do what README tells on Pythons of other Debians.")
    parser.add_argument("--whole", action="store_true", help="run all tests")
    parser.add_argument("--share", type=int, default=1, metavar="N", help="run the unit tests of one file in so many")
    parser.add_argument("versions", nargs="+", choices=RELEASES)
    wanted = parser.parse_args()
    tests = WHOLE if wanted.whole else f"{TESTS} ARGS=--share={wanted.share}" if wanted.share > 1 else TESTS
    missing = [program for program in NEEDED if not shutil.which(program)]
    if missing or os.geteuid() != 0:
        sys.exit(f"Other Pythons need root and {', '.join(missing or NEEDED)}.")
    # As an interrupt does, it ends what runs in the root.
    signal.signal(signal.SIGTERM, lambda *_unused: sys.exit(128 + signal.SIGTERM))
    try:
        return next((code for version in wanted.versions if (code := Root(version).check(tests))), 0)
    except debian_root.NotMade as error:
        sys.exit(str(error))


if __name__ == "__main__":
    sys.exit(main())
