# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One method for each playbook, which takes what the playbook takes."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import cluster as api
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._api import place
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._api.console import settings, verbs
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._api.steps import Steps
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._arguments import SERVERS, WORKERS
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._declarations import Step, common, steps
from ansible_collections.wallaroo.resilience.plugins.plugin_utils.cluster import Cluster, UsageError

TYPES = {
    "int": "Name",
    "float": "Number",
    "bool": "Flag",
    "str": "str",
    "path": "str",
    "list": "Sequence",
    "dict": "Mapping",
    "raw": "Any",
}
"""A declared type, and what an argument of it is called in a signature; workers and servers are names, too."""

SETTINGS: dict[str, Any] = {
    "workers": 3,
    "app": "market_spread",
    "engine": "wallaroo",
    "keys": 5,
    "checkpoint_interval": 2,
    "journal": True,
    "metrics_ui": True,
    "metrics_ui_listen": "0.0.0.0",
    "symbols_file": "/symbols",
    "wallaroo_home": "/wallaroo",
    "wallaroo_version": "0.5.4",
    "flink_home": "/flink",
    "bytewax_home": "/bytewax",
    "source": "plain",
    "sink": "plain",
    "spare": True,
    "flink_checkpoints": "/mnt/checkpoints",
    "ports": {"orders": 17000},
}


def handed_over(verb: str) -> dict[str, Any]:
    """The variables of a call with all settings and all arguments given."""
    step = verbs()[verb]
    named = [name for name, known in step.parameters.items() if known.kind is not inspect.Parameter.VAR_KEYWORD]
    call = step.call(Cluster(**SETTINGS), **{name: f"the {name}" for name in named})
    return dict(call.wanted.variables)


def named_as_here(declared: Step, renamed: dict[str, str]) -> dict[str, Any]:
    """What a playbook takes, by the names of the method."""
    return {renamed.get(name, name): one for name, one in declared.arguments.items()}


def test_every_playbook_for_servers_has_a_written_method() -> None:
    written = {step.playbook for step in vars(Steps).values() if isinstance(step, api.Step)}
    assert written == {name for name, step in steps().items() if step.hosts == "servers"}


@pytest.mark.parametrize("verb", sorted(verbs()))
def test_a_written_signature_is_what_is_declared(verb: str) -> None:
    """Names, which of them must be given, and types; what a cluster is made with is no argument of a method."""
    step = verbs()[verb]
    declared = named_as_here(step.declared, step.renamed)
    own = {name: one for name, one in step.parameters.items() if one.kind is not inspect.Parameter.VAR_KEYWORD}
    assert set(own) <= set(declared)
    assert set(declared) - set(own) <= set(steps()["start_cluster"].arguments)
    for name, parameter in own.items():
        argument = declared[name]
        needed = name in step.missing(())
        assert needed is argument.required
        # What must be given has no default, unless it stands behind what may be left out.
        assert needed or parameter.default is not inspect.Parameter.empty
        expected = "Name" if name in (*WORKERS, *SERVERS) else TYPES[argument.type]
        assert expected in str(parameter.annotation), name


@pytest.mark.parametrize("verb", sorted(set(verbs()) - {"setup_dev_env", "setup_repo"}))
def test_a_method_hands_over_exactly_what_its_playbook_takes(verb: str) -> None:
    assert set(handed_over(verb)) - set(common()) == set(verbs()[verb].declared.arguments)


def test_a_cluster_is_made_with_what_it_can_be_started_with() -> None:
    called = {"ports": "wallaroo_ports"}
    assert {called.get(name, name) for name in settings()} >= set(steps()["start_cluster"].arguments)
    assert set(Cluster().settings) == set(steps()["start_cluster"].arguments)


@pytest.mark.parametrize("verb", sorted(verbs()))
def test_every_method_says_what_its_arguments_mean(verb: str) -> None:
    step = verbs()[verb]
    assert f"``{step.playbook}.yml``: " in step.__doc__
    for name in step.parameters:
        assert f":param {name}:" in step.__doc__
    assert (":raises NotProved:" in step.__doc__) is issubclass(step.kind, api.Verified)


def test_what_is_not_given_is_left_to_the_playbook() -> None:
    call = verbs()["migrate"].call(Cluster(runs="/somewhere"), worker=2, src="server2", dst="4")
    assert dict(call.wanted.variables) == {
        "worker": 2,
        "src": "server2",
        "dst": "4",
        "wallaroo_runs": "/somewhere",
    }


def test_a_server_may_be_left_out_before_one_that_is_needed() -> None:
    assert dict(verbs()["migrate"].call(Cluster(runs="/somewhere"), 2, dst=4).wanted.variables) == {
        "worker": 2,
        "dst": 4,
        "wallaroo_runs": "/somewhere",
    }
    for given in ({"worker": 2}, {"worker": 2, "dst": None}):
        with pytest.raises(TypeError, match=r"migrate\(\) needs dst"):
            verbs()["migrate"].call(Cluster(), **given)


def test_a_path_of_servers_may_be_a_list() -> None:
    call = verbs()["demo"].call(Cluster(), path=[2, "server4", 2])
    assert call.wanted.variables["path"] == "2,server4,2"


def test_runs_are_where_the_caller_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cluster = Cluster()
    monkeypatch.chdir("/")
    assert cluster.runs == tmp_path / "runs"


def test_a_method_shows_its_own_signature() -> None:
    assert list(inspect.signature(Cluster().migrate).parameters)[:3] == ["worker", "src", "dst"]
    assert "migrate.yml" in (Cluster().migrate.__doc__ or "")


def test_an_inventory_is_looked_for_here_and_in_the_collection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert place.inventory_path("inventory/loopback") == str(place.ROOT / "inventory/loopback")
    (tmp_path / "inventory" / "loopback").mkdir(parents=True)
    assert place.inventory_path("inventory/loopback") == str(tmp_path / "inventory/loopback")
    assert place.inventory_path("a,b") == "a,b"
    assert Path(place.inventory_path("")).is_file()
    with pytest.raises(UsageError, match="There is no inventory elsewhere"):
        place.inventory_path("elsewhere")


def test_a_copy_of_the_sources_is_found_as_a_collection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "ROOT", tmp_path / "copy")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "galaxy.yml").touch()

    found = place.collections_path(tmp_path / "scratch")

    assert (found / "ansible_collections" / "wallaroo" / "resilience" / "galaxy.yml").exists()


def test_the_environment_keeps_what_the_caller_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_CALLBACKS_ENABLED", "profile_tasks")
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", "/mine")
    found = place.environment(tmp_path, tmp_path / "timeline", {"WALLAROO_LOOPBACK": "/w"})
    assert found["ANSIBLE_CALLBACKS_ENABLED"] == "profile_tasks,wallaroo.resilience.timeline"
    assert found["ANSIBLE_COLLECTIONS_PATH"].split(":")[1:] == ["/mine"]
    assert found["WALLAROO_LOOPBACK"] == "/w"


class WithoutNotes(Exception):
    """As all exceptions are on Python 3.10."""

    add_note = None


def test_a_stop_that_fails_behind_another_error_is_never_lost() -> None:
    first = ValueError("first")
    with pytest.raises(UsageError, match="second"):
        api._after(None, UsageError("second"))
    api._after(first, UsageError("second"))
    old = WithoutNotes("first")
    with pytest.warns(RuntimeWarning, match="could not be stopped afterwards: second"):
        api._after(old, UsageError("second"))
    expected = ["The cluster could not be stopped afterwards: second"]
    assert getattr(first, "__notes__", None) in (expected, None)
    assert old.__notes__ == expected  # type: ignore[attr-defined]
