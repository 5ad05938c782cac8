# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``configure_awx.yml`` with the real modules of awx.awx, against a stand-in that records what they send."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _awx_notification

from tests import awx_collection, preloaded
from tests.awx_controller import Controller

TOKEN = "a-token-of-the-test"  # noqa: S105  # of the stand-in
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nnot a real one\n-----END OPENSSH PRIVATE KEY-----\n"
SECRET = "xoxb-a-secret"  # noqa: S105  # of the stand-in
TOLD = {
    "awx_notification_type": "slack",
    "awx_notification_configuration": {"token": SECRET, "channels": ["#cluster"]},
}


class Awx:
    """A controller, and the playbook against it."""

    def __init__(self, repository: Path, scratch: Path, controller: Controller) -> None:
        self.repository = repository
        self.controller = controller
        self.key = scratch / "key"
        self.key.write_text(KEY)
        self.environment = {
            **os.environ,
            "ANSIBLE_STDOUT_CALLBACK": "default",
            "ANSIBLE_CONFIG": str(repository / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": f"{repository / '.collections'}:{awx_collection.collections()}",
            "ANSIBLE_NOCOLOR": "1",
            "CONTROLLER_HOST": controller.url,
            # Each request would read all certificates of this machine, of which a stand-in without TLS needs none.
            "SSL_CERT_DIR": str(scratch),
            "SSL_CERT_FILE": os.devnull,
            "CONTROLLER_OAUTH_TOKEN": TOKEN,
        }

    def configure(self, *options: str, succeed: bool = True) -> str:
        """Run the playbook; returns its output."""
        words = [str(self.repository / "playbooks/configure_awx.yml"), "-v"]
        words += ["-e", f"awx_machine_key_file={self.key} awx_execution_environment=example.com/wallaroo:1"]
        words += ["-e", json.dumps(TOLD), *options]
        ended = preloaded.play(words, self.environment, Path("/"), limit=300)
        assert (ended.returncode == 0) is succeed, ended.stdout[-4000:] + ended.stderr[-2000:]
        return ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def configured(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Awx, str]]:
    with Controller() as controller:
        awx = Awx(repository, tmp_path_factory.mktemp("awx"), controller)
        yield awx, awx.configure()


@pytest.fixture(scope="module")
def templates(repository: Path) -> dict[str, dict[str, Any]]:
    found = (yaml.safe_load(path.read_text()) for path in sorted((repository / "awx/job_templates").glob("*.yml")))
    return {template["name"]: template for template in found}


def test_everything_is_made(configured, templates):
    controller = configured[0].controller
    project = controller.named("projects", "Wallaroo resilience")
    assert project["scm_type"] == "git"
    assert project["scm_update_on_launch"] is True
    inventory = controller.named("inventories", "Wallaroo servers")
    (source,) = controller.items["inventory_sources"]
    assert source["inventory"] == inventory["id"]
    assert source["source_project"] == project["id"]
    assert source["source_path"] == "inventory/xenial/hosts.yml"
    assert {one["name"] for one in controller.items["job_templates"]} == set(templates)


def test_each_template_has_exactly_what_its_file_says(configured, templates):
    controller = configured[0].controller
    names = {label["id"]: label["name"] for label in controller.items["labels"]}
    for name, template in templates.items():
        made = controller.named("job_templates", name)
        assert made["playbook"] == template["playbook"]
        assert made["description"] == template["description"]
        assert made["timeout"] == template["timeout"]
        assert made["allow_simultaneous"] is False
        assert made["ask_variables_on_launch"] is True
        assert made["survey_enabled"] is bool(template.get("survey"))
        linked = controller.linked("job_templates", made["id"], "labels")
        assert sorted(names[number] for number in linked) == sorted(template["labels"])
        assert len(controller.linked("job_templates", made["id"], "credentials")) == 1
        survey = controller.surveys.get(f"job_templates/{made['id']}/survey_spec", {})
        assert [question["variable"] for question in survey.get("spec", [])] == [
            question["variable"] if isinstance(question, dict) else question for question in template.get("survey", [])
        ]


def test_types_arrive_as_they_are(configured):
    """AWX refuses a survey whose numbers are texts."""
    controller = configured[0].controller
    made = controller.named("job_templates", "Wallaroo: migrate a worker")
    questions = controller.surveys[f"job_templates/{made['id']}/survey_spec"]["spec"]
    worker = next(question for question in questions if question["variable"] == "worker")
    assert worker == {
        "variable": "worker",
        "question_name": "Which worker?",
        "question_description": "Its number. Worker 1, the initializer, can be neither moved nor restarted.",
        "type": "integer",
        "required": True,
        "default": 2,
        "min": 1,
        "max": 1000,
        "choices": [],
    }


def test_the_workflow_asks_before_the_kill_and_ends_failed_after_a_failure(configured):
    controller = configured[0].controller
    (workflow,) = controller.items["workflow_job_templates"]
    nodes = {node["identifier"]: node for node in controller.items["workflow_job_template_nodes"]}
    by_id = {node["id"]: name for name, node in nodes.items()}
    follows = {
        (name, kind): [
            by_id[number] for number in controller.linked("workflow_job_template_nodes", node["id"], f"{kind}_nodes")
        ]
        for name, node in nodes.items()
        for kind in ("success", "failure")
    }
    steps = ["preflight", "start_cluster", "start_sender", "approval", "migrate", "verify"]
    for step, following in zip(steps, steps[1:]):
        assert follows[step, "success"] == [following]
    for step in steps:
        (failed,) = follows[step, "failure"]
        assert nodes[failed]["extra_data"] == {"then_fail": "true"}
        collect = controller.named("job_templates", "Wallaroo: collect status and logs")
        assert nodes[failed]["unified_job_template"] == collect["id"]
    (approval,) = controller.items["workflow_approval_templates"]
    assert approval["name"] == "Wallaroo: crash and move the worker?"
    assert nodes["approval"]["unified_job_template"] == approval["id"]
    assert workflow["allow_simultaneous"] is False
    survey = controller.surveys[f"workflow_job_templates/{workflow['id']}/survey_spec"]
    assert [question["variable"] for question in survey["spec"]] == ["workers", "last", "worker", "src", "dst"]


def test_a_key_goes_to_the_controller_and_nowhere_else(configured):
    awx, output = configured
    assert awx.controller.named("credentials", "Wallaroo servers: SSH")["inputs"]["ssh_key_data"].strip() == KEY.strip()
    assert "not a real one" not in output
    assert SECRET not in output
    assert TOKEN not in output
    assert awx.controller.tokens == {f"Bearer {TOKEN}"}


def test_the_verdict_is_told_by_those_that_leave_a_run_and_by_the_workflow(configured, templates):
    controller = configured[0].controller
    (notification,) = controller.items["notification_templates"]
    assert notification["notification_type"] == "slack"
    (given,) = [body for method, path, body in controller.writes if path == "notification_templates"]
    assert given["notification_configuration"] == {"token": SECRET, "channels": ["#cluster"]}
    # As they are in the file: what is a template for AWX is none for Ansible.
    wanted = _awx_notification.template("slack", given["notification_configuration"])
    assert given["messages"] == wanted["messages"]
    for name, template in templates.items():
        number = controller.named("job_templates", name)["id"]
        tells = Path(template["playbook"]).stem in _awx_notification.definition()["playbooks"]
        for event in ("success", "error"):
            linked = controller.linked("job_templates", number, f"notification_templates_{event}")
            assert linked == ([notification["id"]] if tells else [])
    (workflow,) = controller.items["workflow_job_templates"]
    for event in ("success", "error", "approvals"):
        linked = controller.linked("workflow_job_templates", workflow["id"], f"notification_templates_{event}")
        assert linked == [notification["id"]]


def test_nothing_is_changed_where_it_is_not_known_whom_to_tell(configured):
    awx, _ = configured
    before = len(awx.controller.writes)
    told = awx.configure("-e", json.dumps({"awx_notification_configuration": {"token": SECRET}}), succeed=False)
    assert "awx_notification_configuration lacks channels" in " ".join(told.split())
    assert SECRET not in told
    assert awx.controller.writes[before:] == []


def test_a_second_run_sends_nothing(configured):
    awx, _ = configured
    before = len(awx.controller.writes)
    output = awx.configure()
    assert awx.controller.writes[before:] == []
    assert "changed=0" in output
