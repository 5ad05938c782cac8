# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of docs/awx.md, in order, as written, in a fresh shell: from nothing to the first verdict.

AWX is a stand-in. What it launches is the playbook itself, with the answers of its survey and with AWX's types.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _timeline

from tests import awx_collection
from tests.awx_controller import Controller
from tests.documents import commands
from tests.fresh_shell import FreshShell, fresh_shell

from .conftest import Loopback
from .test_awx_jobs import Jobs

ELSEWHERE = {
    "git": "there is no such repository",
    "ansible-galaxy": "the modules come from a wheel, by its hash",
    "ansible-builder": "test_execution_environment asks it",
    "podman": "there is no such registry",
}
"""Programs that are not called here, and why."""

CHECK = "preflight"
"""What it does to servers is shown by its own tests; here it would mend this machine."""


@pytest.fixture
def shell(repository: Path, project: Path) -> Iterator[FreshShell]:
    with fresh_shell(repository, project) as found:
        yield found


def test_from_an_empty_awx_to_the_first_verdict(repository: Path, shell: FreshShell, loopback: Loopback) -> None:
    jobs = Jobs(loopback, shell.project)
    launched: list[tuple[str, dict[str, Any]]] = []

    def run(template: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        playbook = Path(template["playbook"]).stem
        launched.append((playbook, given))
        if playbook == CHECK:
            return {}
        timeline = loopback.directory / "timeline.jsonl"
        jobs.environment["WALLAROO_TIMELINE"] = str(timeline)
        jobs.launch(playbook, given)
        (published,) = [one["results"] for one in _timeline.read(timeline) if one["record"] == _timeline.RESULTS]
        return {"artifacts": {_timeline.KEY: published}}

    # As in test_awx_configured.
    shell.environment.update(SSL_CERT_DIR=str(loopback.directory), SSL_CERT_FILE=os.devnull)
    home = Path(shell.environment["HOME"])
    (home / ".ssh").mkdir()
    (home / ".ssh" / "id_ed25519").write_text("a key")
    modules = home / ".ansible" / "collections" / "ansible_collections"
    modules.mkdir(parents=True)
    (modules / "awx").symlink_to(awx_collection.collections() / "ansible_collections" / "awx")
    wanted = [one for one in commands(repository / "docs/awx.md") if one.split()[0] not in ELSEWHERE]
    with Controller() as controller:
        controller.run = run
        # One shell, as somebody types them; the first that fails ends it.
        script = "\n".join(wanted).replace("https://awx.example.com", controller.url)
        ended = shell.shell(["sh", "-ec"], script, limit=600)
        assert ended.returncode == 0, ended.stdout
    assert launched == [(CHECK, {"fix": "true"}), ("verify_migration", {})]
    assert "verdict: pass: " in ended.stdout, ended.stdout
    assert "your-password" not in ended.stdout
    ((message, body),) = controller.told
    name = yaml.safe_load((repository / "awx/job_templates/verify_migration.yml").read_text())["name"]
    assert message.startswith(f"{name}: verdict: pass: 22,000 of 22,000 messages")
    assert (json.loads(body)["text"], json.loads(body)["verdict"]) == (message, "pass")
