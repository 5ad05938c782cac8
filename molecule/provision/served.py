#!/usr/bin/env python3
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the servers download, served to them: a source archive of CPython out of Debian's source package, and a small
git repository whose Makefile has the names of Wallaroo's targets.

served.py start DIRECTORY    fetch, make and serve; writes DIRECTORY/provision.json, the variables of the playbooks
served.py stop DIRECTORY     serve no longer
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.wallaroo_repository import Repository, git, toolchain

SERVER = "wallaroo-resilience-bare-1"
ADDRESS, PORT = "10.89.78.1", 8077
FETCH = """
sed 's/^deb /deb-src /' /etc/apt/sources.list > /etc/apt/sources.list.d/source.list
apt-get update --quiet >&2
mkdir -p /var/cache/source
cd /var/cache/source
apt-get install --quiet --yes --no-install-recommends dpkg-dev >&2
apt-get source --quiet --download-only python3.11 >&2
rm /etc/apt/sources.list.d/source.list
cat ./*.dsc
"""


def start(directory: Path) -> None:
    """Fetch and make what is served once, and serve it until it is stopped."""
    served = directory / "served"
    served.mkdir(parents=True, exist_ok=True)
    variables = directory / "provision.json"
    if not variables.exists():
        variables.write_text(json.dumps({**archive(directory, served), **repository(directory, served)}))
    stop(directory)
    process = subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", ADDRESS, "--directory", str(served), str(PORT)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(directory / "served.log").open("ab"),
        start_new_session=True,
    )
    (directory / "served.pid").write_text(str(process.pid))


def archive(directory: Path, served: Path) -> dict[str, object]:
    """The archive of CPython; returns the variables of setup_dev_env.yml."""
    description = run(directory, "podman", "exec", SERVER, "/bin/sh", "-ec", FETCH)
    found = re.search(r"^ ([0-9a-f]{64}) [0-9]+ (python3\.11_([0-9.]+)\.orig\.tar\.[a-z0-9]+)$", description, re.M)
    if not found:
        sys.exit(f"Debian's source package of Python names no archive with a SHA-256:\n{description}")
    digest, name, version = found.groups()
    run(directory, "podman", "cp", f"{SERVER}:/var/cache/source/{name}", str(served / name))
    return {
        "dev_env_python_version": version,
        "dev_env_python_url": f"http://{ADDRESS}:{PORT}/{name}",
        "dev_env_python_sha256": digest,
        # There is no Pony that could be downloaded here.
        "dev_env_toolchain": False,
        # Without the headers of Debian's own Python, which bring that Python along: the one that was built must do.
        "dev_env_release_packages": {},
    }


def repository(directory: Path, served: Path) -> dict[str, object]:
    """The repository, as a file server can serve it; returns the variables of setup_repo.yml."""
    Repository(directory / "repository")
    for program in toolchain(directory / "toolchain").iterdir():
        # No Pony can be downloaded here: its stand-ins stand where setup_dev_env.yml would have built it, on server 1.
        run(directory, "podman", "cp", str(program), f"{SERVER}:/usr/local/bin/{program.name}")
    git(served, "clone", "--quiet", "--bare", str(directory / "repository"), "wallaroo.git")
    git(served / "wallaroo.git", "update-server-info")
    return {
        "wallaroo_repo_url": f"http://{ADDRESS}:{PORT}/wallaroo.git",
        "wallaroo_home": "/home/wallaroo/wallaroo",
    }


def stop(directory: Path) -> None:
    """End the server of the archive."""
    path = directory / "served.pid"
    if path.exists():
        pid = int(path.read_text())
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if str(directory).encode() in command:
                os.kill(pid, signal.SIGTERM)
        except (FileNotFoundError, ProcessLookupError):
            pass
        path.unlink()


def run(directory: Path, *command: str) -> str:
    """Run podman as the containers were made with it."""
    environment = {**os.environ, "CONTAINERS_CONF": str(directory / "containers.conf")}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{' '.join(command[:3])} failed: {ended.stderr.strip()[-2000:]}")
    return ended.stdout


if __name__ == "__main__":
    {"start": start, "stop": stop}[sys.argv[1]](Path(sys.argv[2]).resolve())
