# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How AWX fills in the messages of a notification: by the rules of its sources, and of a job what it lets them see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import ChainableUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

SEEN = ("id", "type", "url", "name", "description", "job_type", "playbook", "status", "failed", "finished", "artifacts")
"""Of a job's fields those that a message of AWX may name, as far as the stand-in has them; never its variables."""

FRIENDLY = {"job": "Job", "workflow_job": "Workflow Job"}


def told(template: Mapping[str, Any], job: Mapping[str, Any], url: str) -> tuple[str, str]:
    """The message and the body with which AWX tells of a job that has ended."""
    messages = template["messages"]["error" if job["failed"] else "success"]
    # What is not there is nothing, at any depth: only a template that is saved is held to what is known.
    environment = ImmutableSandboxedEnvironment(undefined=ChainableUndefined)
    context = {
        "job": {name: job[name] for name in SEEN if name in job},
        "job_friendly_name": FRIENDLY[str(job["type"])],
        "url": url,
        "job_metadata": str(job),
    }
    return (
        environment.from_string(messages["message"]).render(**context),
        environment.from_string(messages["body"]).render(**context),
    )
