# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs on the command line: what is understood, and what is said of what is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._api.console import (
    PASSED,
    USAGE,
    lines,
    main,
    understood,
)
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.clusters import Started
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.moves import Migration
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.verified import Verified, Violation
from ansible_collections.wallaroo.resilience.plugins.plugin_utils.cluster import UsageError


@pytest.mark.parametrize("verb", ["migrate", "migrate.yml"])
def test_a_migration_as_it_is_written_for_the_playbook(verb: str) -> None:
    assert understood(verb, ["worker=2", "src=2", "dst=4"]) == ("migrate", {"worker": "2", "src": "2", "dst": "4"}, {})


@pytest.mark.parametrize("verb", ["send", "start_sender", "start-sender.yml"])
def test_the_names_of_playbooks_and_of_their_variables_are_understood(verb: str) -> None:
    assert understood(verb, ["last=1000"]) == ("send", {"until": "1000"}, {})


def test_settings_of_the_cluster_go_with_every_verb() -> None:
    verb, own, of_cluster = understood("demo", ["workers=3", "path=2,4", 'ports={"orders": 17000}', "limit=60"])
    assert (verb, own) == ("demo", {"path": "2,4"})
    assert of_cluster == {"workers": "3", "ports": '{"orders": 17000}', "limit": 60.0}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("migrte", "there is no verb migrte .did you mean migrate"),
        ("dance", "there is no verb dance; choose one of clean_runs, collect_logs, compare, copy, demo"),
        ("clean_run", "there is no verb clean_run .did you mean clean_runs"),
        ("migrate worker=2 src=2 dts=4", "migrate has no argument dts .did you mean dst"),
        ("migrate worker=2", "migrate needs dst=; e.g. migrate worker=2 dst=4"),
        ("migrate 2 2 4", "'2' is no argument: write them as name=value"),
        ("status ports=70000", "wallaroo_ports: '70000' is no port"),
        ("status limit=soon", "limit=soon is no number of seconds"),
        ("status take_over=maybe", "take_over=maybe is neither true nor false"),
    ],
)
def test_wrong_use_is_answered_with_a_sentence(line: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    verb, *arguments = line.split()
    with pytest.raises(UsageError, match=sentence):
        understood(verb, arguments)
    assert main(line.split()) == USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err


def test_runs_that_are_not_there_are_not_cleaned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clean_runs", f"runs={tmp_path / 'rnus'}"]) == USAGE
    assert f"There is no folder {tmp_path / 'rnus'}: name that of the runs with runs=PATH." in capsys.readouterr().err
    assert main(["clean_runs", f"runs={tmp_path}"]) == PASSED
    assert f"0 runs removed, 0 are left in {tmp_path}" in capsys.readouterr().out


def test_each_verb_is_told_in_words_as_they_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert "kill_worker.yml: SIGKILL to exactly one worker" in text
    assert not re.search(r"[.]yml: (?!SIGKILL)[A-Z]", text)


def test_an_inventory_that_is_not_there_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "inventory=/nowhere/at/all"]) == USAGE
    assert "There is no inventory /nowhere/at/all" in capsys.readouterr().err


def test_a_result_is_readable() -> None:
    result = Verified(
        "verify",
        verdict="fail",
        report="/runs/x/report.html",
        summary="verdict: fail\n  report: /runs/x/report.html",
        expected=22000,
        violations=(Violation("key_0: 3 is missing", "gap"),),
        migrations=(Migration("worker2", "server2", "server4", 0.1),),
    )
    text = "\n".join(lines(result))
    assert "expected: 22,000" in text
    assert text.count("verdict: fail") == text.count("/runs/x/report.html") == 1, "nothing is said twice"
    assert "  - sentence: key_0: 3 is missing\n    kind: gap" in text
    assert "downtime_seconds: 0.1" in text
    assert "None" not in "\n".join(lines(Started("start_cluster")))
