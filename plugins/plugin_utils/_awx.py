# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Surveys of AWX: made from what the steps declare and the questions in ``awx/``, and held against AWX's rules.

The rules are those of AWX's own validation of a survey, which answers a mistake with an error at the time of launch
or of saving, or not at all.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..module_utils._cluster.record import MOST_WORKERS
from . import _yaml
from ._arguments import SERVERS, WORKERS, least, most
from ._declarations import ROOT, Argument
from ._declarations import step as declared_step

TEXTS = ("text", "textarea", "password")
CHOICES = ("multiplechoice", "multiselect")
TYPES = (*TEXTS, "integer", "float", *CHOICES)
"""AWX knows no other, and above all no boolean: yes and no are choices, and arrive as texts."""

APPROVAL = "approval"
"""The step of a workflow at which a person is asked."""

_KEYS = {"type": str, "question_name": str, "variable": str, "required": bool}


def survey_spec(template: Mapping[str, Any]) -> dict[str, Any]:
    """The survey of a template or workflow, as AWX's API takes it; empty without questions.

    :param template: ``name``, ``description``, ``playbook`` (or ``steps``) and ``survey``, a list of variables, each by
        its name alone or with what is asked otherwise than declared. Without a survey all arguments are asked for.
    :raises ValueError: with all that AWX would not accept.
    """
    found = [declared_step(name) for name in _steps_of(template)]
    declared = {name: one for known in reversed(found) if known for name, one in known.options.items()}
    asked = template.get("survey")
    if asked is None:
        asked = [name for known in found if known for name in known.arguments]
    # What comes out of Ansible are kinds of str and int of its own, and AWX's rules are about the exact types.
    questions = [_complete(one, declared) for one in json.loads(json.dumps(asked))]
    if not questions:
        return {}
    spec = {
        "name": str(template["name"]),
        "description": str(template.get("description") or ""),
        "spec": [_question(question) for question in questions],
    }
    wrong = problems(spec)
    if wrong:
        raise ValueError(f"{template['name']}: {'; '.join(wrong)}")
    return spec


def _steps_of(template: Mapping[str, Any]) -> list[str]:
    if "steps" in template:
        return [str(name) for name in template["steps"]]
    return [str(template.get("playbook") or "").rsplit("/", 1)[-1].removesuffix(".yml")]


def _complete(asked: Any, declared: Mapping[str, Argument]) -> dict[str, Any]:
    """A question: what the step declares, over that what is always asked, and over that what this survey says."""
    own = asked if isinstance(asked, Mapping) else {"variable": asked}
    argument = declared.get(str(own.get("variable")))
    written = {**(questions().get(str(own.get("variable"))) or {}), **own}
    if "question" in written:
        # It says what is meant, and the sentence of the declaration would say it again.
        written.setdefault("description", "")
    found = {**(_declared(argument) if argument else {}), **written}
    answered = found.get("default") not in (None, "")
    found.setdefault("required", answered or bool(argument and argument.required))
    if found.get("type") in TEXTS:
        found.setdefault("min", int(found["required"]))
        found.setdefault("max", 4096 if found["type"] == "textarea" else 1024)
    return found


def _declared(argument: Argument) -> dict[str, Any]:
    name, default = argument.name, argument.default
    found: dict[str, Any] = {"question": f"{name}?", "description": argument.sentence, "type": "text"}
    if name in (*WORKERS, *SERVERS):
        # A name would do as well, but a number cannot be misspelt.
        found.update(type="integer", min=1, max=MOST_WORKERS)
        default = int(default) if default else None
    elif argument.choices:
        found.update(type="multiplechoice", choices=list(argument.choices))
    elif argument.type == "bool":
        found.update(type="multiplechoice", choices=["false", "true"])
        default = None if default is None else str(default).lower()
    elif argument.type == "int":
        found.update(type="integer", min=least(name), max=most(name))
    elif argument.type == "float":
        found.update(type="float", min=0, max=10**9 - 1)
    elif argument.type == "list" or isinstance(default, list):
        found["type"] = "textarea"
        default = "\n".join(default or [])
    elif isinstance(default, dict):
        default = json.dumps(default) if default else None
    return found if default is None else {**found, "default": default}


@functools.cache
def questions() -> dict[str, Any]:
    """What is asked for a variable, wherever it is asked for."""
    found: dict[str, Any] = _yaml.read((ROOT / "awx" / "questions.yml").read_text(encoding="utf-8"))
    return found


def _question(short: Mapping[str, Any]) -> dict[str, Any]:
    # All keys, also where they mean nothing: AWX's page reads them.
    return {
        "variable": short.get("variable"),
        "question_name": short.get("question"),
        "question_description": short.get("description", ""),
        "type": short.get("type"),
        "required": short.get("required"),
        "default": short.get("default", "" if short.get("type") in (*TEXTS, *CHOICES) else None),
        "min": short.get("min"),
        "max": short.get("max"),
        "choices": short.get("choices", []),
    }


def problems(spec: Mapping[str, Any]) -> list[str]:
    """What AWX would not accept in a survey, a sentence each."""
    found = [f"it has no {key}" for key in ("name", "description", "spec") if key not in spec]
    questions = spec.get("spec")
    if not isinstance(questions, list) or not questions:
        return [*found, "it has no questions"]
    seen: set[str] = set()
    for number, question in enumerate(questions, 1):
        for key, kind in _KEYS.items():
            if not isinstance(question.get(key), kind):
                found.append(f"question {number}: {key} is {question.get(key)!r}")
        variable = str(question.get("variable"))
        if variable in seen:
            found.append(f"question {number}: {variable} is asked for twice")
        seen.add(variable)
        found += [f"question {number} ({variable}): {sentence}" for sentence in _of_type(question)]
    return found


def _of_type(question: Mapping[str, Any]) -> list[str]:
    kind, default, choices = question.get("type"), question.get("default"), question.get("choices")
    if kind not in TYPES:
        return [f"there is no type {kind!r}"]
    found = [
        f"{key} is {question[key]!r}" for key in ("min", "max") if type(question.get(key)) not in (int, type(None))
    ]
    if kind in CHOICES:
        if not isinstance(choices, list) or not choices or not all(isinstance(one, str) for one in choices):
            return [*found, f"choices are {choices!r}"]
        chosen = str(default).split("\n") if default else []
        if not isinstance(default, str) or not set(chosen) <= set(choices) or (kind == CHOICES[0] and len(chosen) > 1):
            found.append(f"default {default!r} is none of {choices}")
        return found
    if default in (None, "") or found:
        return found
    fitting: dict[str, tuple[type, ...]] = {"integer": (int,), "float": (int, float)}
    if type(default) not in fitting.get(kind, (str,)):
        return [*found, f"default {default!r} is no {kind}"]
    size = len(default) if kind in TEXTS else default
    if question.get("min") is not None and size < question["min"]:
        found.append(f"default {default!r} is below {question['min']}")
    if question.get("max") is not None and size > question["max"]:
        found.append(f"default {default!r} is above {question['max']}")
    return found


def answers(template: Mapping[str, Any]) -> dict[str, Any]:
    """What AWX gives to a job whose operator leaves every answer as it stands, with AWX's types.

    An optional text that nobody answered is an empty text; an optional number is not there at all.
    """
    found = {}
    for question in survey_spec(template).get("spec", []):
        if question["default"] is not None:
            found[question["variable"]] = question["default"]
    return found


def nodes(
    workflow: Mapping[str, Any], templates: Sequence[Mapping[str, Any]], organization: str
) -> list[dict[str, Any]]:
    """The nodes of a workflow, as the module ``workflow_job_template`` takes them.

    Each step follows on the success of the one before. A failure of any goes to a node of its own that collects what is
    known and ends failed: a workflow of which every failure was dealt with would end well.

    :param workflow: ``steps``, ``approval``, ``on_failure``.
    :param templates: all templates; a step is named after its playbook.
    :raises ValueError: when a step has no template.
    """
    names = {str(one["playbook"]).rsplit("/", 1)[-1].removesuffix(".yml"): str(one["name"]) for one in templates}
    steps = [str(step) for step in workflow["steps"]]
    unknown = [step for step in (*steps, str(workflow["on_failure"])) if step != APPROVAL and step not in names]
    if unknown:
        raise ValueError(f"the workflow has a step {unknown[0]}, for which there is no template")
    found = []
    for step, following in zip(steps, [*steps[1:], None]):
        template: dict[str, Any] = {
            "name": names.get(step),
            "type": "job_template",
            "organization": {"name": organization},
        }
        if step == APPROVAL:
            template = {"type": "workflow_approval", **workflow["approval"]}
        failure = f"after {step}"
        found.append(
            {
                "identifier": step,
                "unified_job_template": template,
                "related": {
                    "success_nodes": [{"identifier": following}] if following else [],
                    "failure_nodes": [{"identifier": failure}],
                },
            }
        )
    for step in steps:
        collecting = {
            "identifier": f"after {step}",
            "unified_job_template": {
                "name": names[str(workflow["on_failure"])],
                "type": "job_template",
                "organization": {"name": organization},
            },
            "extra_data": {"then_fail": "true"},
        }
        found.append(collecting)
    return found
