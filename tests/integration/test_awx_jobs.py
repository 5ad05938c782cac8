# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every job template, run as AWX runs it, with the answers of its survey as they stand and with AWX's types."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Optional

import pytest
import yaml
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _awx

from tests import needed, preloaded, ssh_server

from .conftest import LIMIT, Loopback


class Jobs:
    """A copy of the project, in which jobs are run."""

    def __init__(self, loopback: Loopback, project: Path) -> None:
        self.loopback = loopback
        self.project = project
        self.run: set[str] = set()
        paths = "/runner/requirements_collections:.collections:~/.ansible/collections:/usr/share/ansible/collections"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        kept = {name: value for name, value in kept.items() if name not in ("PYTHONPATH", "TERM")}
        self.environment = {
            **kept,
            "WALLAROO_LOOPBACK": str(loopback.directory / "servers"),
            "ANSIBLE_COLLECTIONS_PATH": paths,
            "ANSIBLE_FORCE_COLOR": "True",
        }

    def launch(
        self, playbook: str, answers: Optional[dict[str, Any]] = None, check: bool = False, succeed: bool = True
    ) -> str:
        """Run a template; ``answers`` replace those of the survey, as the nodes of a workflow do."""
        if playbook == "preflight":
            ssh_server.passes_preflight()
        template = yaml.safe_load((self.project / "awx/job_templates" / f"{playbook}.yml").read_text())
        given = {**_awx.answers(template), **(answers or {})}
        # Of the machine, not of the operator; an inventory says these.
        given.update(wallaroo_ports=self.loopback.ports, wallaroo_runs=str(self.loopback.runs))
        variables = self.loopback.directory / "extravars.json"
        variables.write_text(json.dumps(given))
        words = ["-i", "inventory/loopback/hosts.yml", "-e", f"@{variables}", *(["--check"] if check else [])]
        ended = preloaded.play([*words, template["playbook"]], self.environment, self.project, LIMIT)
        self.run.add(playbook)
        assert (ended.returncode == 0) is succeed, ended.stdout[-6000:] + ended.stderr
        return " ".join((ended.stdout + ended.stderr).split())


@pytest.fixture
def jobs(loopback: Loopback, project: Path) -> Jobs:
    return Jobs(loopback, project)


def test_step_by_step(jobs: Jobs) -> None:
    """In the order in which their defaults fit one another: worker 2 goes from server 2 to server 4."""
    for playbook in ("start_cluster", "start_sender", "status", "kill_worker", "copy_resilience", "restart_worker"):
        jobs.launch(playbook)
    jobs.launch("verify")
    jobs.launch("collect_logs")
    jobs.launch("stop_cluster")


def test_the_steps_of_the_workflow(jobs: Jobs) -> None:
    jobs.loopback.bring_programs()
    workflow = yaml.safe_load((jobs.project / "awx/workflow.yml").read_text())
    answers = {**_awx.answers(workflow), "last": 200}
    for playbook in workflow["steps"]:
        if playbook != _awx.APPROVAL:
            # What comes from the workflow reaches the jobs that ask for it.
            template = yaml.safe_load((jobs.project / "awx/job_templates" / f"{playbook}.yml").read_text())
            asked = {question["variable"] for question in _awx.survey_spec(template)["spec"]}
            jobs.launch(playbook, {name: value for name, value in answers.items() if name in asked})
    told = jobs.launch(workflow["on_failure"], {"then_fail": "true"}, succeed=False)
    assert re.search(r"worker2 +server[0-9] +running", told), told
    assert "A step before this one failed; status and logs are above." in told


@pytest.mark.sampled(1)
@pytest.mark.parametrize("playbook", ["verify_restart", "verify_migration", "demo"])
def test_verified_runs(jobs: Jobs, playbook: str) -> None:
    jobs.loopback.bring_programs()
    assert "pass" in jobs.launch(playbook)


def test_those_for_real_machines_say_what_they_would_do(jobs: Jobs) -> None:
    needed.program("git")
    nowhere = {
        "wallaroo_repo_url": str(jobs.project / "nowhere"),
        "wallaroo_home": str(jobs.loopback.directory / "home"),
    }
    told = jobs.launch("setup_repo", nowhere, succeed=False)
    assert "nowhere could not be cloned" in told
    assert "preflight" not in jobs.run
    assert "server4" in jobs.launch("preflight")
    jobs.launch("setup_dev_env", {"dev_env_toolchain": "false", "dev_env_any_release": True}, check=True)
