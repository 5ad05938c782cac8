# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks refuse before they do anything: variables that nobody knows, and values that make no sense."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.wallaroo.resilience.plugins.module_utils._catalogue.applications import APPLICATIONS
from ansible_collections.wallaroo.resilience.plugins.module_utils._catalogue.versions import VERSIONS
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.registry import ENGINES
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _declarations, _variables
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._arguments import value_of
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._declarations import common, role_variables, steps
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal

from tools import declared

SERVERS = ["server1", "server2", "server3", "server4"]

WIDE = "\uff12"
"""The digit two of another script, which Python's own int() takes."""

GARBAGE: dict[str, list[Any]] = {
    "whole": ["x", "1.5", "0x10", "1_0", WIDE, "-1", "1e3", "99999999999999999999", True, "1 2"],
    "number": ["x", "-1", "nan", "inf", "1_0", WIDE, "1e99", "1,5", True],
    "yes_no": ["perhaps", "2", "truee", "nein"],
    "limit": ["x", "", "-1", "nan"],
    "server": ["x", "server5", "0", "5", WIDE],
    "worker": ["x", "0", "server2", WIDE],
    "file": ["relative/path", "./here", "~/there"],
    "path": ["2,x", "2,5", "2;3", "0"],
    "ports": [
        "x",
        "70000",
        "orders=1_0",
        WIDE + "8000",
        "orders=x",
        "oders=17000",
        "[1]",
        [1],
        "{orders",
        "65530",
        True,
    ],
}
KINDS = {"int": "whole", "float": "number", "bool": "yes_no", "path": "file"}
MEANINGS = {"worker": "worker", "server": "server", "src": "server", "dst": "server", "path": "path"}
OTHERS: dict[str, list[Any]] = {
    "app": ["detectr", "x"],
    "engine": ["x", "Wallaroo!"],
    "mode": ["exactly-once", "once"],
    "on_violation": ["halt", "x"],
    "negative": ["fire", "dropped-state"],
    "via": ["jurnal", "x"],
    "wallaroo_version": ["0.5", "x"],
    "wallaroo_ports": GARBAGE["ports"],
    "metrics_ui_listen": ["0.0.0.0:4000", "a b", "http://x/"],
    "rejecting": ["2", *GARBAGE["number"]],
    "wallaroo_runs": [["a"], {"a": 1}],
    "run": [["a"], {"a": 1}],
    "runs": ["a", "a,b,c", ["a"]],
    "source": ["x"],
    "sink": ["x"],
    "bytewax_env_python": [["a"], {"a": 1}],
    "flink_env_java": [["a"], {"a": 1}],
    "flink_env_version": [["a"], {"a": 1}],
}
NEEDED = {
    "worker": "2",
    "src": "2",
    "dst": "4",
    "wallaroo_home": "/wallaroo",
    "flink_home": "/flink",
    "bytewax_home": "/bytewax",
    "runs": "a,b",
}
"""What the steps need that need anything."""


def garbage() -> list[tuple[str, str, Any]]:
    """Every variable of every playbook, with values that it must not have."""
    found = []
    for playbook, step in steps().items():
        for name, argument in {**step.arguments, **common()}.items():
            if name in ("wallaroo_other_variables", *(own for own in step.options if own.startswith("awx_"))):
                continue
            limit = "limit" if name in common() and argument.type == "float" else None
            kind = limit or MEANINGS.get(name) or KINDS.get(argument.type, "")
            assert kind or name in OTHERS, f"{name} of {playbook}: which values must it not have? Say so in OTHERS."
            found += [(playbook, name, value) for value in OTHERS.get(name) or GARBAGE[kind]]
    return found


def check(playbook: str, extra: dict[str, Any], mentioned: tuple[str, ...] = (), **values: Any) -> None:
    step = steps()[playbook]
    needed = {name: value for name, value in NEEDED.items() if name in step.options and step.options[name].required}
    _variables.check(playbook, extra, {**needed, **extra, **values}, SERVERS, lambda name: name in mentioned)


def refusal(playbook: str, extra: dict[str, Any], **others: Any) -> str:
    with pytest.raises(Refusal) as refused:
        check(playbook, extra, **others)
    return str(refused.value)


@pytest.mark.parametrize(("playbook", "name", "value"), garbage())
def test_a_value_that_makes_no_sense_is_refused_by_name(playbook: str, name: str, value: Any) -> None:
    sentence = refusal(playbook, {name: value})
    assert name in sentence


@pytest.mark.parametrize(("playbook", "name", "value"), [one for one in garbage() if one[2] == "x"])
def test_a_value_of_the_inventory_is_looked_at_too(playbook: str, name: str, value: Any) -> None:
    refusal(playbook, {}, **{name: value})


@pytest.mark.parametrize("playbook", sorted(steps()))
@pytest.mark.parametrize("empty", ["", " ", None])
def test_what_a_survey_left_empty_was_not_given(playbook: str, empty: Any) -> None:
    """It has its default, and what must be given is missing."""
    step = steps()[playbook]
    optional = [name for name, one in step.arguments.items() if not one.required]
    check(playbook, dict.fromkeys([*optional, "take_over", "wallaroo_runs"], empty))
    for name, one in step.arguments.items():
        if one.required:
            sentence = refusal(playbook, {name: empty})
            assert sentence.startswith(f"{name} is missing: give it as in -e ")
        else:
            assert value_of(one, empty, SERVERS) == one.default


@pytest.mark.parametrize(
    ("playbook", "given", "meant"),
    [
        ("start_cluster", "wokers", "workers"),
        ("migrate", "settel", "settle"),
        ("migrate", "dest", "dst"),
        ("demo", "paths", "path"),
        ("demo", "drian", "drain"),
        ("start_sender", "until", "last"),
        ("start_cluster", "ports", "wallaroo_ports"),
        ("verify", "mod", "mode"),
        ("verify_migration", "wallaroo_start_timout", "wallaroo_start_timeout"),
        ("status", "wallaroo_port", "wallaroo_ports"),
        ("setup_dev_env", "dev_env_toolchan", "dev_env_toolchain"),
        ("setup_repo", "wallaroo_repo_brnch", "wallaroo_repo_branch"),
        ("configure_awx", "awx_projct_url", "awx_project_url"),
        ("stop_cluster", "keep_file", "keep_files"),
    ],
)
def test_a_misspelt_variable_is_refused_with_what_was_meant(playbook: str, given: str, meant: str) -> None:
    assert refusal(playbook, {given: "1"}).startswith(f"There is no variable {given} (did you mean {meant}?)")


def test_a_variable_that_is_like_none_is_refused_with_all_that_there_are() -> None:
    assert refusal("kill_worker", {"colour": "red"}) == (
        "There is no variable colour: kill_worker.yml takes worker, server. "
        "If colour is for something else, say so with wallaroo_other_variables=colour."
    )


def test_a_variable_of_other_playbooks_is_refused_with_their_names() -> None:
    assert refusal("kill_worker", {"worker": 2, "keep_address": "true"}) == (
        "kill_worker.yml takes no keep_address: it is a variable of migrate.yml. kill_worker.yml takes worker, server."
    )


def test_the_answers_of_a_workflow_go_to_all_its_jobs() -> None:
    check("preflight", {"workers": 3, "src": 2, "dst": 4, "awx_workflow_job_id": 7, "wallaroo_resilience": {}})
    assert "did you mean workers?" in refusal("preflight", {"wokers": 3, "awx_workflow_job_id": 7})


@pytest.mark.parametrize("playbook", sorted(steps()))
def test_one_file_of_settings_serves_all_playbooks(playbook: str) -> None:
    check(playbook, {"workers": 3, "engine": "embedded", "wallaroo_ports": {"orders": 17000}, "wallaroo_runs": "/r"})


def test_variables_of_others_are_left_alone() -> None:
    check("migrate", {"ansible_user": "me", "awx_job_id": 1, "tower_job_id": 1})
    check("migrate", {"my_site": "b"}, mentioned=("my_site",))
    check("migrate", {"colour": "red", "taste": "", "wallaroo_other_variables": "colour, taste"})


def test_the_inventory_mentions_what_its_templates_use() -> None:
    known = {"wallaroo_base": "/srv/{{ my_site | default('a') }}/x", "nested": [{"a": "{% if other %}b{% endif %}"}]}
    assert _variables.mentions("my_site", known)
    assert _variables.mentions("other", known)
    assert not _variables.mentions("site", known)
    assert not _variables.mentions("srv", known)


def test_a_playbook_is_hosts_and_its_step(repository: Path) -> None:
    """What it takes is declared by the entry point that it names, and nothing is handed on."""
    for path in sorted((repository / "playbooks").glob("*.yml")):
        (play,) = yaml.safe_load(path.read_text(encoding="utf-8"))
        (task,) = play["tasks"]
        named = task["vars"]
        assert task["ansible.builtin.import_role"]["name"] == "wallaroo.resilience.step"
        assert named["step_playbook"] == path.stem
        assert (repository / "roles" / named["step_role"] / "tasks" / f"{named['step_entry']}.yml").is_file()
        assert "{{" not in str(task), path.stem


def test_every_step_checks_its_variables_first(repository: Path) -> None:
    for entry in ("main", "unlocked"):
        first, *_ = yaml.safe_load((repository / f"roles/step/tasks/{entry}.yml").read_text(encoding="utf-8"))
        assert first["wallaroo.resilience.step_arguments"] == {"playbook": "{{ step_playbook }}"}
        assert first["run_once"] is True


def test_words_that_mean_the_same_are_declared_the_same(repository: Path) -> None:
    """What several roles take they say in the same words, but for the default: ``make format`` copies them."""
    formation = steps()["start_cluster"].arguments
    for step in steps().values():
        if step.role not in ("demonstration", "preflight"):
            continue
        for name in set(step.arguments) & set(formation):
            if (step.playbook, name) != ("preflight", "workers"):
                assert step.arguments[name] == formation[name], (step.playbook, name)
    assert declared.out_of_date(repository) == []


def test_choices_are_those_that_there_are() -> None:
    for step in steps().values():
        for name, known in (("app", APPLICATIONS), ("engine", ENGINES), ("wallaroo_version", VERSIONS)):
            if name in step.arguments:
                assert step.arguments[name].choices == tuple(known), step.playbook
                assert step.arguments[name].default in known, step.playbook


def test_every_limit_of_a_role_is_known(repository: Path) -> None:
    files = [path for place in ("tasks", "vars") for path in (repository / "roles").glob(f"*/{place}/*.yml")]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    limits = {name: one.default for name, one in common().items() if one.type == "float"}
    read = set(re.findall(r"\b(wallaroo_\w+_timeout) \| default\((\w+)\)", text))
    assert {name for name, _ in read} == set(limits)
    assert {(name, "omit" if limits[name] is None else str(limits[name])) for name in limits} == read


def test_every_variable_of_a_server_is_known(repository: Path) -> None:
    files = [*(repository / "roles").glob("*/tasks/*.yml"), *(repository / "plugins" / "action").glob("*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    read = set(re.findall(r"\bwallaroo_(?:ssh_\w+|base|address)\b", text))
    assert read == set(_variables.SERVERS)


def test_roles_declare_what_has_a_default(repository: Path) -> None:
    for path in (repository / "roles").glob("*/defaults/main.yml"):
        assert set(yaml.safe_load(path.read_text(encoding="utf-8"))) <= role_variables(), path


def test_readme_and_guides_name_no_variable_that_there_is_not(repository: Path) -> None:
    """What they hand to a playbook with -e, the playbook takes."""
    places = [repository / "README.md", *(repository / "docs").glob("*.md")]
    # What is only added there as an example there is not.
    texts = [path.read_text(encoding="utf-8") for path in places if path.name != "extending.md"]
    text = "\n".join(texts).replace("\\\n", " ")
    calls = re.findall(r"ansible-playbook .*?playbooks/(\w+)\.yml(.*)", text)
    assert len(calls) > 10
    for playbook, line in calls:
        for given in re.findall(r'-e (?:"([^"]*)"|(\S+))', line):
            names = re.findall(r"(?:^|\s)(\w+)=", " ".join(given))
            for name in names:
                _variables._refuse_unknown(steps()[playbook], name, {}, (), lambda _name: False)


def test_variables_of_a_role_are_left_until_its_defaults_are_there() -> None:
    """They may refer to those, and some are secrets, which no task says that is not told to be silent."""
    assert not [name for name in _variables.wanted("setup_dev_env") if name.startswith("dev_env_")]
    assert not [name for name in _variables.wanted("configure_awx") if name.startswith("awx_")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- hosts: all\n  tasks:\n    - ansible.builtin.ping:\n",
        "- hosts: all\n  roles: [mine]\n",
        "- hosts: all\n  tasks:\n    - ansible.builtin.debug:\n      vars: {mine: 1}\n",
        "- hosts: all\n- hosts: all\n",
        "- ansible.builtin.import_playbook: migrate.yml\n",
    ],
    ids=["empty", "a task", "roles", "variables", "two plays", "another playbook"],
)
def test_a_playbook_of_somebody_else_beside_those_of_the_collection_is_no_step(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "own.yml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(_declarations, "ROOT", tmp_path)
    assert _declarations.step.__wrapped__("own") is None
