# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API from an installed collection, on the command line, and ansible-runner without it, as AWX starts playbooks."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import ansible_runner
import pytest

from .conftest import LIMIT, Loopback

CONSOLE = "ansible_collections.wallaroo.resilience.plugins.plugin_utils.cluster"


def clean(loopback: Loopback, **more: str) -> dict[str, str]:
    """An environment in which nothing tells where the collection is, and without a terminal."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("ANSIBLE_") and key not in ("PYTHONPATH", "TERM")
    }
    return {**kept, "WALLAROO_LOOPBACK": str(loopback.directory / "servers"), **more}


@pytest.fixture(scope="module")
def installed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the collection, built and installed."""
    directory = tmp_path_factory.mktemp("installed")
    # With PYTHONPATH ansible-galaxy finds the checkout and has nothing to do.
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_") and key != "PYTHONPATH"
    }
    for command in (
        ["build", str(repository), "--output-path", str(directory)],
        ["install", "{archive}", "-p", str(directory / "collections"), "--offline"],
    ):
        (archive,) = directory.glob("*.tar.gz") if command[0] == "install" else (None,)
        words = [word.replace("{archive}", str(archive)) for word in command]
        subprocess.run(
            ["ansible-galaxy", "collection", *words], cwd=directory, env=environment, check=True, capture_output=True
        )
    return directory / "collections"


def test_the_example_of_the_guide_from_the_installed_collection(
    loopback: Loopback, repository: Path, installed: Path, temporary: Path
) -> None:
    where = loopback.directory / "elsewhere"
    where.mkdir()
    section = (repository / "docs" / "python.md").read_text(encoding="utf-8")
    example = section.partition("<<'END'\n")[2].partition("\nEND\n")[0]
    # Ports of this test's own; everything else is as the reader pastes it.
    more = {"ports": loopback.ports, "checkpoint_interval": 0.2}
    example = example.replace("workers=3)", f"workers=3, **{more})")

    ended = subprocess.run(
        [sys.executable, "-c", example],
        cwd=where,
        env=clean(loopback, PYTHONPATH=str(installed)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stderr == ""
    assert ended.stdout.startswith("11000 messages, verdict pass, worker2 was away for 0.")
    assert loopback.alive() == {}
    assert (where / "runs" / "latest").is_symlink()
    runs = {path.name.split("-", 1)[1]: path for path in (where / "runs").iterdir() if not path.is_symlink()}
    assert set(runs) == {"migrate", "verify"}
    assert (runs["migrate"] / "timeline.jsonl").exists()
    assert [path.name for path in where.iterdir()] == ["runs"]
    assert list(temporary.iterdir()) == []


def console(loopback: Loopback, installed: Path, *words: str) -> tuple[list[str], dict[str, Any]]:
    command = [sys.executable, "-m", CONSOLE, *words, f"runs={loopback.runs}"]
    return command, {
        "cwd": loopback.directory,
        "env": clean(loopback, PYTHONPATH=str(installed)),
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }


def test_a_migration_on_the_command_line_as_it_is_written(cluster: Loopback, installed: Path) -> None:
    command, options = console(cluster, installed, "migrate", "worker=2", "src=2", "dst=4", "--json")

    ended = subprocess.run(command, timeout=LIMIT, check=False, **options)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert json.loads(ended.stdout)["dst"] == "server4"
    assert "server4: Move the worker to server4" in ended.stderr
    assert cluster.alive()["worker2"] == "server4"

    command, options = console(cluster, installed, "kill", "worker=2", "server=2")
    ended = subprocess.run(command, timeout=LIMIT, check=False, **options)

    assert ended.returncode == 1
    assert "worker2 is not on server2: it runs on server4" in ended.stderr
    assert ended.stdout == ""


def test_ctrl_c_on_the_command_line_cancels_and_the_same_command_goes_on(
    cluster: Loopback, installed: Path, temporary: Path
) -> None:
    words = ("send", "until=300", "batch=1", "interval=0.05")
    command, options = console(cluster, installed, *words)
    lock = cluster.base(1) / "run.lock"
    with subprocess.Popen(command, **options) as run:
        assert run.stderr is not None
        while not (cluster.alive().get("sender") or run.poll() is not None):
            pass
        assert lock.exists()
        run.send_signal(signal.SIGINT)
        _out, said = run.communicate(timeout=60)

    assert run.returncode == 130
    assert said.strip().endswith("send was cancelled; the same command again completes it.")
    assert cluster.alive()["sender"] == "server1"
    # The module that waits on the server goes on there; of the controller nothing is left.
    assert list(temporary.glob("wallaroo-*")) == []

    command, options = console(cluster, installed, *words)
    ended = subprocess.run(command, timeout=LIMIT, check=False, **options)

    assert ended.returncode == 0, ended.stderr
    assert "last: 300" in ended.stdout
    assert not lock.exists()


def test_plain_ansible_runner_with_a_copy_of_the_project(cluster: Loopback, project: Path, tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir()
    environment = {"WALLAROO_LOOPBACK": str(cluster.directory / "servers")}

    # What a survey sends is text.
    run = ansible_runner.run(
        private_data_dir=str(private),
        project_dir=str(project),
        inventory=str(project / "inventory" / "loopback"),
        playbook="playbooks/migrate.yml",
        extravars={"worker": "2", "src": "2", "dst": "4", "via": "", "wallaroo_runs": str(cluster.runs)},
        envvars=environment,
        quiet=True,
    )

    assert (run.status, run.rc) == ("successful", 0)
    (stats,) = [event for event in run.events if event["event"] == "playbook_on_stats"]
    (published,) = stats["event_data"]["artifact_data"].values()
    assert list(stats["event_data"]["artifact_data"]) == ["wallaroo_resilience"]
    assert published["playbook"] == "migrate"
    assert (published["worker"], published["dst"], published["outcome"]) == ("worker2", "server4", "moved")
    assert cluster.alive()["worker2"] == "server4"


def test_the_private_data_dir_of_the_project_on_the_command_line(cluster: Loopback, project: Path) -> None:
    runner = shutil.which("ansible-runner")
    assert runner
    for playbook, words in (("migrate", "worker=2 src=2 dst=4"), ("status", "")):
        arguments = ["--cmdline", f"-e '{words} wallaroo_runs={cluster.runs}'"]
        ended = subprocess.run(
            [runner, "run", str(project / "runner"), "-p", f"playbooks/{playbook}.yml", *arguments],
            cwd=cluster.directory,
            env=clean(cluster),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"worker2 +server4 +running +[0-9-]+ [0-9:]+ +2 ", ended.stdout), ended.stdout
    assert cluster.alive()["worker2"] == "server4"
    # The arguments of one run must not become those of the next.
    assert (project / "runner" / "env" / "cmdline").read_text() == ""
