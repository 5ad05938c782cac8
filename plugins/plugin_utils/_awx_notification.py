# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notifications of AWX: what is told how, made from ``awx/notification.yml`` and held against AWX's rules."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from . import _yaml
from ._declarations import ROOT

EVENTS = ("success", "error")
"""Of those that AWX tells of; what has begun is told of nowhere, and an approval in AWX's own words."""

TRIED: Mapping[str, Any] = {
    "job": {"id": 1, "name": "a", "status": "running", "type": "job", "artifacts": {}},
    "job_friendly_name": "Job",
    "url": "https://awx.example.com/#/jobs/playbook/1",
}
"""AWX tries a message before it takes it, with a job that has left nothing and names that must all be known. Of those
names these are the ones that we use."""


@functools.cache
def definition() -> dict[str, Any]:
    """Who is told of what, and how."""
    found: dict[str, Any] = _yaml.read((ROOT / "awx" / "notification.yml").read_text(encoding="utf-8"))
    return found


def template(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A notification template, as AWX's API takes it.

    :param kind: ``webhook``, ``slack`` or ``email``.
    :param given: the configuration of it; the others have defaults.
    :raises ValueError: with all that AWX would not accept.
    """
    known = definition()
    usual = known["configuration"].get(kind)
    if usual is None:
        raise ValueError(f"awx_notification_type is one of {', '.join(known['configuration'])}, and not {kind!r}")
    # What comes out of Ansible are containers of its own.
    configuration = {**usual, **json.loads(json.dumps(given))}
    missing = [name for name, value in configuration.items() if value in (None, "", []) and usual.get(name, "") is None]
    if missing:
        raise ValueError(f"awx_notification_configuration lacks {', '.join(missing)}")
    message = {name: str(known["read"]) + str(known[name]) for name in ("message", "email", "webhook")}
    told = {"message": message["message"], "body": message.get(kind, "")}
    wrong = problems(told)
    if wrong:
        raise ValueError("; ".join(wrong))
    return {
        "name": str(known["name"]),
        "description": str(known["description"]),
        "notification_type": kind,
        "notification_configuration": configuration,
        # All events, since AWX keeps what is not mentioned.
        "messages": {"started": None, **{event: dict(told) for event in EVENTS}, "workflow_approval": None},
    }


def problems(told: Mapping[str, str]) -> Sequence[str]:
    """What AWX would not accept of a message and its body, a sentence each."""
    found = []
    if "\n" in told["message"]:
        found.append("a message is one line")
    for name, text in told.items():
        try:
            ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(text).render(**TRIED)
        except TemplateError as error:
            found.append(f"the {name} cannot be filled in: {error}")
    return found
