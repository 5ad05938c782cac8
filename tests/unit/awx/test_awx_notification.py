# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX tells of a job that has ended: its verdict with the first reason, whatever the job has left."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Optional

import pytest
import yaml
from ansible_collections.wallaroo.resilience.plugins.filter.awx_notification import awx_notification
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _awx_notification, _publishing
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.common import Outcome
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.moves import Moved
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.verified import Verified

from tests.awx_notifying import told

ROLE = Path(__file__).resolve().parents[3] / "roles/awx/meta/argument_specs.yml"
URL = "https://awx.example.com/#/jobs/playbook/7"
GIVEN: dict[str, dict[str, Any]] = {
    "webhook": {"url": "https://chat.example.com/hook"},
    "slack": {"token": "xoxb", "channels": ["#cluster"]},
    "email": {"host": "mail.example.com", "sender": "awx@example.com", "recipients": ["you@example.com"]},
}
LOST = Verified(
    playbook="verify_migration",
    verdict="fail",
    reason='key_3: 498 to 500 are missing\nbehind 497, and "so on" <&>',
    summary="verdict: fail: key_3: 498 to 500 are missing\n  report: runs/1/report.html",
)
PASSED = Verified(playbook="verify", verdict="pass", scope="2 of 2 messages, each exactly once and in order")


def job(result: Optional[Outcome], failed: bool = False, kind: str = "job") -> dict[str, Any]:
    """A job that has ended; a workflow has no artifacts at all."""
    artifacts = {"wallaroo_resilience": _publishing.to_data(result)} if result else {}
    return {
        "id": 7,
        "type": kind,
        "name": "Wallaroo: a run",
        "status": "failed" if failed else "successful",
        "failed": failed,
        "extra_vars": '{"password": "a secret"}',
        **({"artifacts": artifacts} if kind == "job" else {}),
    }


@pytest.mark.parametrize(
    ("ended", "line"),
    [
        (job(PASSED), "verdict: pass: 2 of 2 messages, each exactly once and in order"),
        (job(LOST, failed=True), 'verdict: fail: key_3: 498 to 500 are missing behind 497, and "so on" <&>'),
        (job(Verified(reason="nothing came"), failed=True), "verdict: unknown: nothing came"),
        (job(Moved(outcome="moved", scope="no message was looked at")), "outcome: moved"),
        (job(Moved(outcome="rolled back", reason="no space"), failed=True), "outcome: rolled back: no space"),
        (job(None, failed=True), "failed, and left no result: its last lines say why"),
        ({**job(None), "artifacts": "$hidden due to Ansible no_log flag$"}, "successful"),
        (job(None, failed=True, kind="workflow_job"), "failed"),
        (job(None, kind="workflow_job"), "successful"),
    ],
)
@pytest.mark.parametrize("kind", sorted(GIVEN))
def test_the_verdict_is_told_with_its_first_reason(kind: str, ended: dict[str, Any], line: str) -> None:
    message, body = told(_awx_notification.template(kind, GIVEN[kind]), ended, URL)
    friendly = "Job" if ended["type"] == "job" else "Workflow Job"
    where = f"{friendly} #7, {ended['status']}: {URL}"
    assert message.startswith(f"Wallaroo: a run: {line}")
    assert message.endswith(f" ({where})")
    assert "a secret" not in message + body
    if kind == "webhook":
        assert json.loads(body)["text"] == message
    elif kind == "email":
        assert body.startswith(f"Wallaroo: a run: {line}")
        assert body.endswith(where)


def test_a_message_is_one_line_of_bounded_length() -> None:
    message, _ = told(
        _awx_notification.template("email", GIVEN["email"]),
        job(Verified(verdict="fail", reason="gap\n" * 1000), failed=True),
        URL,
    )
    assert "\n" not in message, "it is the subject of an e-mail"
    assert len(message) < 450


def test_an_email_has_the_summary_and_a_webhook_the_values() -> None:
    _, body = told(_awx_notification.template("email", GIVEN["email"]), job(LOST, failed=True), URL)
    assert LOST.summary in body
    _, body = told(_awx_notification.template("webhook", GIVEN["webhook"]), job(LOST, failed=True), URL)
    values = json.loads(body)
    assert (values["verdict"], values["outcome"], values["reason"]) == ("fail", None, LOST.reason)
    assert (values["job"], values["status"], values["url"]) == (7, "failed", URL)


def test_those_that_leave_a_run_tell() -> None:
    assert _awx_notification.definition()["playbooks"] == sorted(_publishing.WRITES_RUNS)


def test_the_kinds_are_those_of_the_role() -> None:
    options = yaml.safe_load(ROLE.read_text())["argument_specs"]["main"]["options"]
    assert sorted(options["awx_notification_type"]["choices"]) == ["", *sorted(GIVEN)]
    assert sorted(_awx_notification.definition()["configuration"]) == sorted(GIVEN)
    assert options["awx_notification_configuration"]["no_log"] is True


@pytest.mark.parametrize(
    ("kind", "given", "sentence"),
    [
        ("pager", {}, "awx_notification_type is one of webhook, slack, email, and not 'pager'"),
        ("slack", {"token": ""}, "awx_notification_configuration lacks token, channels"),
        ("email", {"host": "mail.example.com"}, "lacks sender, recipients"),
    ],
)
def test_what_is_not_said_is_named(kind: str, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Exception, match=sentence):
        awx_notification(kind, given)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{{ job.nowhere }}", "cannot be filled in: .*nowhere"),
        ("{{ job.artifacts.wallaroo_resilience.verdict }}", "cannot be filled in"),
        ("{{ job.id", "cannot be filled in"),
        ("{{ job.artifacts.update({}) }}", "cannot be filled in"),
        ("two\nlines", "a message is one line"),
    ],
)
def test_what_awx_would_not_accept_is_named(text: str, sentence: str) -> None:
    assert _awx_notification.problems({"message": "fine", "body": "two\nlines"}) == []
    (found,) = _awx_notification.problems({"message": text})
    assert re.search(sentence, found)
