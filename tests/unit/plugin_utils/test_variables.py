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
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _variables
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal

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
KINDS = {
    _variables._whole: "whole",
    _variables._number: "number",
    _variables._yes_no: "yes_no",
    _variables._limit: "limit",
    _variables._server: "server",
    _variables._worker: "worker",
    _variables._file: "file",
    _variables._path: "path",
}
OTHERS: dict[str, list[Any]] = {
    "app": ["detectr", "x"],
    "engine": ["x", "Wallaroo!"],
    "mode": ["exactly-once", "once"],
    "via": ["jurnal", "x"],
    "wallaroo_version": ["0.5", "x"],
    "wallaroo_ports": GARBAGE["ports"],
    "metrics_ui_listen": ["0.0.0.0:4000", "a b", "http://x/"],
    "rejecting": ["2", *GARBAGE["number"]],
    "wallaroo_runs": [["a"], {"a": 1}],
}


def garbage() -> list[tuple[str, str, Any]]:
    """Every variable of every playbook, with values that it must not have."""
    found = []
    for playbook in _variables.PLAYBOOKS:
        for name in _variables.wanted(playbook):
            if name == "wallaroo_other_variables":
                continue
            wrong = OTHERS.get(name) or GARBAGE[KINDS[_variables.CHECKS[name]]]
            found += [(playbook, name, value) for value in wrong]
    return found


def check(playbook: str, extra: dict[str, Any], mentioned: tuple[str, ...] = (), **values: Any) -> None:
    _variables.check(playbook, extra, {**extra, **values}, SERVERS, lambda name: name in mentioned)


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


@pytest.mark.parametrize("playbook", sorted(_variables.PLAYBOOKS))
def test_what_a_survey_left_empty_was_not_given(playbook: str) -> None:
    check(playbook, dict.fromkeys([*_variables.PLAYBOOKS[playbook], "take_over", "wallaroo_runs"], ""))
    check(playbook, dict.fromkeys(_variables.PLAYBOOKS[playbook], None))


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


@pytest.mark.parametrize("playbook", sorted(_variables.PLAYBOOKS))
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


def test_the_playbooks_take_what_is_declared(repository: Path) -> None:
    read = {
        path.stem: set(re.findall(r"\{\{ (\w+) \| default", path.read_text(encoding="utf-8")))
        for path in (repository / "playbooks").glob("*.yml")
    }
    assert set(read) == set(_variables.PLAYBOOKS)
    for playbook, taken in read.items():
        # By which the role chooses the compiler.
        own = set(_variables.PLAYBOOKS[playbook]) - ({"wallaroo_version"} if playbook == "setup_dev_env" else set())
        assert taken - set(_variables.EVERYWHERE) == own, playbook


def test_every_playbook_checks_its_variables_first(repository: Path) -> None:
    for path in sorted((repository / "playbooks").glob("*.yml")):
        (play,) = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert play["tasks"][0]["wallaroo.resilience.step_arguments"] == {"playbook": path.stem}
        assert play["tasks"][0]["run_once"] is True


def test_a_playbook_that_writes_runs_is_known_as_one(repository: Path) -> None:
    writing = {"wallaroo.resilience.demonstration", "wallaroo_runs"}
    for path in (repository / "playbooks").glob("*.yml"):
        text = path.read_text(encoding="utf-8")
        assert any(word in text for word in writing) is (path.stem in _variables.WRITES_RUNS), path.stem


def test_every_limit_of_a_role_is_known(repository: Path) -> None:
    files = [path for place in ("tasks", "vars") for path in (repository / "roles").glob(f"*/{place}/*.yml")]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    limits = set(re.findall(r"\bwallaroo_\w+_timeout\b", text)) - set(_variables.role_variables())
    assert limits == set(_variables.LIMITS)


def test_every_variable_of_a_server_is_known(repository: Path) -> None:
    files = [*(repository / "roles").glob("*/tasks/*.yml"), *(repository / "plugins" / "action").glob("*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    read = set(re.findall(r"\bwallaroo_(?:ssh_\w+|base|address)\b", text))
    assert read == set(_variables.SERVERS)


def test_roles_declare_what_has_a_default(repository: Path) -> None:
    for path in (repository / "roles").glob("*/defaults/main.yml"):
        assert set(yaml.safe_load(path.read_text(encoding="utf-8"))) <= set(_variables.role_variables()), path


def test_readme_names_no_variable_that_there_is_not(repository: Path) -> None:
    """What it hands to a playbook with -e, the playbook takes."""
    text = (repository / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    calls = re.findall(r"ansible-playbook .*?playbooks/(\w+)\.yml(.*)", text)
    assert len(calls) > 10
    for playbook, line in calls:
        for given in re.findall(r'-e (?:"([^"]*)"|(\S+))', line):
            names = re.findall(r"(?:^|\s)(\w+)=", " ".join(given))
            for name in names:
                _variables._refuse_unknown(playbook, name, {}, (), lambda _name: False)


def test_the_heads_of_the_playbooks_explain_what_they_take(repository: Path) -> None:
    for playbook, own in _variables.PLAYBOOKS.items():
        head = (repository / "playbooks" / f"{playbook}.yml").read_text(encoding="utf-8").partition("\n- name:")[0]
        text = head + (repository / "README.md").read_text(encoding="utf-8")
        assert [name for name in own if not re.search(rf"\b{name}\b", text)] == [], playbook
