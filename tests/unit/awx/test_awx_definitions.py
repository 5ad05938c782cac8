# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Surveys, templates and the workflow in ``awx/``: by AWX's rules, and against the arguments of the playbooks."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.wallaroo.resilience.plugins.filter.awx_nodes import awx_nodes
from ansible_collections.wallaroo.resilience.plugins.filter.collection_installed import collection_installed
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _awx
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._arguments import value_of
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._declarations import steps

REPOSITORY = Path(__file__).resolve().parents[3]
PLAYBOOKS = sorted(path.stem for path in (REPOSITORY / "playbooks").glob("*.yml"))
NOT_FOR_JOBS = {"configure_awx", "report", "compare"}
"""One configures the controller itself, with a token that no job should have; a job keeps no runs for the others."""
SCANNED = re.compile(r"^\s?-?\s?(?:'|\")?(hosts|import_playbook|ansible\.builtin\.import_playbook)(?:'|\")?:\s*.*?$")
"""By what AWX's project scan takes a file for a playbook."""


def templates() -> dict[str, dict[str, Any]]:
    """Playbook -> its template."""
    files = sorted((REPOSITORY / "awx/job_templates").glob("*.yml"))
    found = [(path, yaml.safe_load(path.read_text())) for path in files]
    assert all(template["playbook"] == f"playbooks/{path.stem}.yml" for path, template in found)
    return {path.stem: template for path, template in found}


TEMPLATES = templates()
WORKFLOW = yaml.safe_load((REPOSITORY / "awx/workflow.yml").read_text())


def spec_of(template: dict[str, Any]) -> list[dict[str, Any]]:
    """The questions of a survey."""
    return _awx.survey_spec(template).get("spec", [])


def test_every_playbook_has_a_template_and_no_template_is_without_one():
    assert sorted(TEMPLATES) == sorted(set(PLAYBOOKS) - NOT_FOR_JOBS)


@pytest.mark.parametrize("playbook", sorted(TEMPLATES))
def test_a_survey_is_accepted_by_awx(playbook):
    template = TEMPLATES[playbook]
    spec = _awx.survey_spec(template)
    assert bool(spec) is bool(template.get("survey")) or not steps()[playbook].arguments
    for question in spec.get("spec", []):
        assert question["question_name"].endswith("?")
        if question["required"]:
            assert question["default"] not in (None, ""), "who leaves everything as it stands can launch it"


@pytest.mark.parametrize("playbook", sorted(TEMPLATES))
def test_an_answer_is_what_the_step_takes(playbook):
    """Types, choices and limits are not told again: what an operator may answer is read as it is declared."""
    step = steps()[playbook]
    for asked in TEMPLATES[playbook].get("survey") or []:
        told = asked if isinstance(asked, dict) else {}
        assert set(told) <= {"variable", "question", "description", "default", "min"}, "told again"
    for question in _awx.survey_spec(TEMPLATES[playbook]).get("spec", []):
        argument = step.options[question["variable"]]
        default = question["default"]
        possible = [one for one in [default, *question["choices"]] if one not in (None, "")]
        if question["type"] in ("integer", "float"):
            possible += [question["min"], question["max"]]
        for value in possible:
            assert value_of(argument, value) is not None
        # Where nothing was changed the answer is what the step does by itself, as far as it says that.
        if argument.default is not None:
            assert value_of(argument, default) == value_of(argument, argument.default)


def test_a_question_that_is_written_is_asked():
    asked = {question["variable"] for one in [*TEMPLATES.values(), WORKFLOW] for question in spec_of(one)}
    assert asked == set(_awx.questions())


def test_answers_have_the_types_of_awx():
    answers = _awx.answers(TEMPLATES["verify_migration"])
    assert answers["workers"] == 2
    assert answers["drain"] == "true", "there is no boolean"
    assert answers["wallaroo_home"] == "", "an optional text is empty"
    assert "dst" not in answers, "an optional number is not there"


def test_the_workflow_is_one():
    assert _awx.problems(_awx.survey_spec(WORKFLOW)) == []
    nodes = awx_nodes(WORKFLOW, list(TEMPLATES.values()), "Default")
    assert len({node["identifier"] for node in nodes}) == len(nodes) == 12
    for question in WORKFLOW["survey"]:
        used = [one for one in WORKFLOW["steps"] if one in steps() and question["variable"] in steps()[one].arguments]
        assert used, f"{question['variable']} reaches no step"
    with pytest.raises(Exception, match="a step nowhere, for which there is no template"):
        awx_nodes({**WORKFLOW, "steps": ["nowhere"]}, list(TEMPLATES.values()), "Default")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"type": "boolean"}, "there is no type 'boolean'"),
        ({"default": "2"}, "default '2' is no integer"),
        ({"default": True}, "default True is no integer"),
        ({"default": 0}, "default 0 is below 1"),
        ({"default": 9}, "default 9 is above 5"),
        ({"min": "1"}, "min is '1'"),
        ({"required": "true"}, "required is 'true'"),
        ({"question": None}, "question_name is None"),
        ({"type": "multiplechoice", "choices": ["a", 2], "default": "a"}, r"choices are \['a', 2\]"),
        ({"type": "multiplechoice", "choices": ["a", "b"], "default": "c"}, "default 'c' is none of"),
        ({"type": "text", "default": "longer", "max": 3}, "default 'longer' is above 3"),
    ],
)
def test_what_awx_would_not_accept_is_named(change, sentence):
    question = {
        "variable": "x",
        "question": "X?",
        "type": "integer",
        "default": 2,
        "required": True,
        "min": 1,
        "max": 5,
    }
    with pytest.raises(ValueError, match=sentence):
        _awx.survey_spec({"name": "t", "description": "", "survey": [{**question, **change}]})


def test_a_variable_is_asked_for_once():
    question = {"variable": "x", "question": "X?", "type": "integer", "required": False}
    with pytest.raises(ValueError, match="x is asked for twice"):
        _awx.survey_spec({"name": "t", "description": "", "survey": [question, question]})


def scanned(path: Path) -> bool:
    """Whether AWX takes a file of the project for a playbook."""
    parts = path.relative_to(REPOSITORY).parts
    skipped = {"roles", "tasks", "group_vars", "host_vars"}
    if skipped & set(parts[:-1]) or any(part.startswith(".") for part in parts):
        return False
    if path.suffix not in (".yml", ".yaml"):
        return False
    return any(SCANNED.match(line) for line in path.read_text(errors="replace").splitlines())


def test_awx_finds_every_playbook_and_takes_nothing_of_the_product_for_one():
    left_out = {".git", ".venv", ".venv-2.16", "runs", "dist", "molecule", "tests", "node_modules", "runner"}
    found = []
    for directory, names, files in os.walk(REPOSITORY):
        names[:] = [name for name in names if name not in left_out and not name.startswith(".")]
        found += [Path(directory) / file for file in files if scanned(Path(directory) / file)]
    assert sorted(str(path.relative_to(REPOSITORY)) for path in found) == [
        f"playbooks/{name}.yml" for name in PLAYBOOKS
    ]


def test_the_lock_of_a_collection_tells_whether_it_is_installed():
    assert collection_installed("wallaroo.resilience")
    assert not collection_installed("nobody.nothing")
