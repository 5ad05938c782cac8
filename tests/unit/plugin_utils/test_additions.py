# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application, an engine or a version is added in a few files, and everything that lists them follows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.additions import APPLICATION, ENGINE, VERSION, Edits, collection

ROOT = Path(__file__).parents[3]

ASK = """
import json, sys, yaml
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.registry import engine, files_at
from ansible_collections.wallaroo.resilience.plugins.module_utils._catalogue.versions import compiler
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.build import EXECUTABLES
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import runtime
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _arguments, _awx, _variables
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal

servers = [{"name": "server1", "address": "127.0.0.1", "base": "/w"}]
arguments = {"app": "win", "engine": "second", "wallaroo_version": "0.9.9"}
record = _arguments.cluster_record(arguments, servers, "id", 0.0)
files = files_at("/w", record, "worker2")
real = _arguments.cluster_record({**arguments, "engine": "wallaroo", "wallaroo_home": "/h"}, servers, "id", 0.0)
try:
    refused = _arguments.cluster_record({**arguments, "journal": "true"}, servers, "id", 0.0)
except Refusal as refusal:
    refused = str(refusal)
with open(sys.argv[1]) as template:
    survey = _awx.survey_spec(yaml.safe_load(template))
print(json.dumps({
    "argv": engine("second").command(record, "initializer", record.servers[0], "python").argv,
    "real": engine("wallaroo").command(real, "initializer", real.servers[0], "python").argv,
    "files": [files.path("evlog").name, files_at("/w", real, "worker2").path("evlog").name],
    "compiler": compiler("0.9.9"),
    "target": EXECUTABLES["build-apps-windows"],
    "deployed": sorted(name for name in runtime.files() if name.endswith("applications/windows.py")),
    "refused": refused,
    "choices": {one["variable"]: one["choices"] for one in survey["spec"]},
}))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    tree = collection(ROOT, tmp_path_factory.mktemp("added"), APPLICATION, ENGINE, VERSION)
    command = [sys.executable, "-c", ASK, str(tree / "awx/job_templates/start_cluster.yml")]
    environment = {**os.environ, "PYTHONPATH": str(tree / ".collections")}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


@pytest.mark.parametrize(("edits", "most"), [(APPLICATION, 4), (ENGINE, 3), (VERSION, 2)])
def test_an_addition_takes_few_files(edits: Edits, most: int) -> None:
    assert len(edits) <= most


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
