# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/extending.md adds takes as few files as it says, and everything that lists such things follows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.additions import (
    APPLICATION,
    DOCUMENT,
    ENGINE,
    FAULT,
    FAULT_STEP,
    OPTION,
    OPTION_OF_RUNS,
    OWN_STEP,
    STEP,
    VERSION,
    collection,
)

ROOT = Path(__file__).parents[3]

ASK = """
import json, sys, yaml
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.registry import engine, files_at
from ansible_collections.wallaroo.resilience.plugins.module_utils._catalogue.versions import compiler
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.build import EXECUTABLES
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _arguments, _awx, _programs, _variables
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._declarations import step, steps
from ansible_collections.wallaroo.resilience.plugins.plugin_utils.cluster import Cluster
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal

servers = [{"name": "server1", "address": "127.0.0.1", "base": "/w"}]
arguments = {"app": "win", "engine": "second", "wallaroo_version": "0.9.9"}
wanted = lambda **more: _arguments.cluster_record(
    _arguments.typed(step("start_cluster"), {**arguments, **more}), servers, "id", 0.0
)
record = wanted()
files = files_at("/w", record, "worker2")
real = wanted(engine="wallaroo", wallaroo_home="/h")
try:
    refused = wanted(journal="true")
except Refusal as refusal:
    refused = str(refusal)
move = {"worker": "2", "src": "2", "dst": "4"}
_variables.check("migrate", {"hold": "2"}, {**move, "hold": "2"}, (), lambda name: False)
try:
    unknown = _variables.check("migrate", {"hodl": "2"}, {**move, "hodl": "2"}, (), lambda name: False)
except Refusal as refusal:
    unknown = str(refusal)
with open(sys.argv[1]) as template:
    survey = _awx.survey_spec(yaml.safe_load(template))
print(json.dumps({
    "argv": engine("second").command(record, "initializer", record.servers[0], "python").argv,
    "real": engine("wallaroo").command(real, "initializer", real.servers[0], "python").argv,
    "files": [files.path("evlog").name, files_at("/w", real, "worker2").path("evlog").name],
    "compiler": compiler("0.9.9"),
    "target": EXECUTABLES["build-apps-windows"],
    "deployed": sorted(name for name in _programs.contents() if name.endswith("applications/windows.py")),
    "refused": refused,
    "choices": {one["variable"]: one["choices"] for one in survey["spec"]},
    "option": {name: "hold" in steps()[name].arguments for name in ("migrate", "verify_migration", "demo")},
    "method": "hold" in Cluster.migrate.parameters,
    "unknown": unknown,
}))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    tree = collection(ROOT, tmp_path_factory.mktemp("added"), VERSION, APPLICATION, ENGINE, OPTION, OPTION_OF_RUNS)
    command = [sys.executable, "-c", ASK, str(tree / "awx/job_templates/start_cluster.yml")]
    environment = {**os.environ, "PYTHONPATH": str(tree / ".collections")}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


TOLD = {
    "a version of Wallaroo": ([VERSION], 2),
    "an application": ([APPLICATION], 4),
    "an engine": ([ENGINE], 3),
    "an option of a migration": ([OPTION], 5),
    "the same option of the verified runs": ([OPTION, OPTION_OF_RUNS], 7),
    "a fault": ([FAULT], 2),
    "the same fault with a step that injects it": ([FAULT, FAULT_STEP], 11),
    "a step": ([STEP], 4),
    "the same step as one of the collection's own": ([STEP, OWN_STEP], 6),
}
"""What the document's table counts: its samples, and how many files they may take together."""


def test_an_addition_takes_as_few_files_as_the_document_says() -> None:
    rows = re.findall(r"^\| \[(.+?)\]\(#.+?\) \|.*\| (\d+) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    counted = {name: len({file for edits in samples for file in edits}) for name, (samples, _) in TOLD.items()}
    assert {name: int(files) for name, files in rows} == counted
    assert [name for name, (_, most) in TOLD.items() if counted[name] > most] == []


def test_the_document_has_no_sample_that_nobody_makes() -> None:
    titles = re.findall(r"^## (.+)$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert [title.lower() for title in titles] == [name.lower() for name in TOLD]


def test_an_application_is_started_built_and_found_by_its_names(told: dict[str, Any]) -> None:
    assert told["argv"][5] == "windows"
    assert told["real"][0] == "/h/apps/windows/windows"
    assert told["target"] == "apps/windows/windows"
    assert told["files"] == ["windows-worker2.evlog", "W-worker2.evlog"]
    assert len(told["deployed"]) == 1


def test_a_version_brings_its_flags_file_names_and_compiler(told: dict[str, Any]) -> None:
    assert told["real"][-1] == "--as-of-0.9.9"
    assert told["compiler"] == "0.26.0"


def test_the_surveys_offer_what_was_added(told: dict[str, Any]) -> None:
    assert "windows" in told["choices"]["app"]
    assert "second" in told["choices"]["engine"]
    assert "0.9.9" in told["choices"]["wallaroo_version"]


def test_what_an_engine_does_not_offer_is_refused_in_one_sentence(told: dict[str, Any]) -> None:
    assert told["refused"] == (
        "The engine second keeps no journals from which a worker could be restored. "
        "Leave journal=true and via=journal out."
    )


def test_an_option_is_known_wherever_it_may_be_given(told: dict[str, Any]) -> None:
    assert told["option"] == {"migrate": True, "verify_migration": True, "demo": True}
    assert told["method"]
    assert "did you mean hold?" in told["unknown"]
