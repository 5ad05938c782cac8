# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all modules have in common: their documentation is true, and their group knows them."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from ansible.module_utils import basic

from tests.module_runner import MODULES, REPOSITORY

NAMES = sorted(path.stem for path in MODULES.glob("*.py") if path.stem != "__init__")
ON_SERVERS = [name for name in NAMES if "SPEC" in (MODULES / f"{name}.py").read_text(encoding="utf-8")]
"""Those that run on a server; of the others the action plugin on the controller is all there is."""

COLLECTION = "wallaroo.resilience"


class Specified(Exception):
    """What a module tells Ansible of its arguments."""

    def __init__(self, **given: Any) -> None:
        super().__init__()
        self.given = given


@pytest.fixture(scope="module")
def documentation() -> dict[str, Any]:
    """What ``ansible-doc`` understands of all modules, with their shared fragments put in."""
    ansible_doc = Path(sys.executable).with_name("ansible-doc")
    if not ansible_doc.exists():
        pytest.skip("ansible-doc is not installed beside this Python")
    ended = subprocess.run(
        [str(ansible_doc), "--json", "-t", "module", *(f"{COLLECTION}.{name}" for name in NAMES)],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / ".collections")},
    )
    found: dict[str, Any] = json.loads(ended.stdout)
    return {name: found[f"{COLLECTION}.{name}"] for name in NAMES}


def specification(name: str) -> dict[str, Any]:
    """The arguments of ``AnsibleModule`` in a module."""
    module = importlib.import_module(f"ansible_collections.{COLLECTION}.plugins.modules.{name}")
    with mock.patch.object(basic, "AnsibleModule", _stand_in), pytest.raises(Specified) as caught:
        module.main()
    return caught.value.given


def _stand_in(**given: Any) -> None:
    raise Specified(**given)


def normal(options: dict[str, Any], inner: str) -> dict[str, Any]:
    """Options as both sides can be compared."""
    return {
        name: {
            "type": option.get("type", "str"),
            "elements": option.get("elements"),
            "required": bool(option.get("required", False)),
            "choices": sorted(option["choices"]) if option.get("choices") else None,
            "default": option.get("default"),
            "aliases": sorted(option.get("aliases") or []),
            "options": normal(option[inner], inner) if option.get(inner) else None,
        }
        for name, option in options.items()
    }


@pytest.mark.xdist_group("documentation")
@pytest.mark.parametrize("name", ON_SERVERS)
def test_the_documented_options_are_those_the_module_takes(documentation: dict[str, Any], name: str) -> None:
    documented = normal(documentation[name]["doc"]["options"], "suboptions")
    assert documented == normal(specification(name)["argument_spec"], "options")


@pytest.mark.xdist_group("documentation")
@pytest.mark.parametrize("name", NAMES)
def test_check_mode_is_documented_as_it_is(documentation: dict[str, Any], name: str) -> None:
    doc = documentation[name]["doc"]
    if name in ON_SERVERS:
        support = doc["attributes"]["check_mode"]["support"]
        assert (support == "full") == specification(name).get("supports_check_mode", False)
    assert doc["module"] == name
    assert doc["version_added"]
    assert doc["attributes"]["action_group"]["membership"] == [f"{COLLECTION}.resilience"]


@pytest.mark.xdist_group("documentation")
@pytest.mark.parametrize("name", NAMES)
def test_the_examples_are_tasks_with_options_that_exist(documentation: dict[str, Any], name: str) -> None:
    tasks = yaml.safe_load(documentation[name]["examples"])
    assert tasks
    full = f"{COLLECTION}.{name}"
    assert any(full in task for task in tasks)
    for task in tasks:
        assert task["name"]
        if full in task:
            assert set(task[full]) <= set(documentation[name]["doc"]["options"])


@pytest.mark.xdist_group("documentation")
@pytest.mark.parametrize("name", NAMES)
def test_every_returned_value_is_described_with_a_sample_or_its_parts(documentation: dict[str, Any], name: str) -> None:
    for key, value in (documentation[name]["return"] or {}).items():
        assert set(value) >= {"description", "returned", "type"}, key
        assert "sample" in value or "contains" in value, key


def test_the_action_group_names_every_module_and_nothing_else() -> None:
    runtime = yaml.safe_load((REPOSITORY / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    group = runtime["action_groups"]["resilience"]
    assert sorted(group) == group == NAMES


def test_every_action_plugin_belongs_to_a_module() -> None:
    actions = {path.stem for path in (REPOSITORY / "plugins" / "action").glob("*.py")} - {"__init__"}
    runtime = yaml.safe_load((REPOSITORY / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    shared = {
        name: routed["action_plugin"].removeprefix(f"{COLLECTION}.")
        for name, routed in runtime["plugin_routing"]["modules"].items()
        if "action_plugin" in routed
    }
    assert set(shared) <= set(NAMES) - actions
    assert set(shared.values()) <= actions
    assert actions <= {*NAMES, *shared.values()}
    assert set(NAMES) - set(ON_SERVERS) <= actions


def test_a_module_that_is_sent_brings_all_that_it_imports() -> None:
    """Ansible finds what it needs by import statements, and nothing that is imported by a name in a string."""
    library = REPOSITORY / "plugins" / "module_utils"
    # The programs are started in their archive, which has everything.
    sent = [path for path in library.rglob("*.py") if "_programs" not in path.parts]
    assert sent
    assert [path.name for path in sent if "import_module(" in path.read_text(encoding="utf-8")] == []
