# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``program``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import online

from tests.module_runner import refuse, run_module, succeed

READY = [sys.executable, "-u", "-c", "import os, time; print('listening', os.environ['VALUE']); time.sleep(600)"]
RESULT = "import json, sys; open(sys.argv[1], 'w').write(json.dumps({'exit_code': 0, 'message': 'over'}))"


def wanted(server: Path, **options: Any) -> dict[str, Any]:
    given = {"base": str(server), "server": "server1", "name": "receiver", "argv": READY, "environment": {"VALUE": 7}}
    return {**given, "ready_pattern": "^listening 7$", "wait_timeout": 20, **options}


def test_a_program_is_started_and_stopped_once(server: Path) -> None:
    foreseen = succeed("program", wanted(server), check=True)
    assert (foreseen["changed"], foreseen["pid"]) == (True, None)
    assert foreseen["diff"] == {"before": {"state": "stopped"}, "after": {"state": "started"}}
    assert not server.exists()
    first = succeed("program", wanted(server))
    assert (first["changed"], first["state"], first["finished"]) == (True, "started", True)
    again = succeed("program", wanted(server))
    assert (again["changed"], again["pid"]) == (False, first["pid"])
    stop = wanted(server, state="stopped")
    assert succeed("program", stop, check=True)["changed"] is True
    stopped = succeed("program", stop)
    assert (stopped["changed"], stopped["state"], stopped["pid"]) == (True, "stopped", first["pid"])
    assert succeed("program", stop)["changed"] is False


def test_a_program_that_ends_by_itself_is_run_once(server: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "result.json")
    given = wanted(server, argv=[sys.executable, "-c", RESULT, path], result_file=path, ready_pattern="")
    first = succeed("program", given)
    assert (first["changed"], first["result"]) == (True, {"exit_code": 0, "message": "over"})
    again = succeed("program", given)
    assert (again["changed"], again["result"]) == (False, first["result"])


def test_a_wait_may_return_early(server: Path) -> None:
    answer = succeed("program", wanted(server, ready_pattern="never", return_after=0.5))
    assert (answer["finished"], answer["message"]) == (False, "listening 7")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"name": "../x"}, "server1: '../x' cannot be the name of a process: it names a folder"),
        ({"argv": ["/no/such"]}, "server1: receiver could not be started: /no/such: No such file or directory"),
        ({"argv": []}, "server1: receiver has an empty command line; give argv or program."),
        ({"ready_pattern": "("}, "server1: ready_pattern '(' is no regular expression"),
        ({"ready_address": "x"}, "server1: 'x' is no address: write it as host:port"),
        ({"argv": None}, "server1: receiver has an empty command line; give argv or program."),
        ({"argv": [sys.executable, "-c", "print('no port')"]}, "server1: receiver (pid "),
    ],
)
def test_refusals_are_sentences(server: Path, options: dict[str, Any], sentence: str) -> None:
    assert refuse("program", wanted(server, **options)).startswith(sentence)


def test_a_program_of_the_runtime_gets_its_launcher(server: Path) -> None:
    answer = run_module("program", wanted(server, program="receiver", argv=["--help"], ready_pattern="nothing"))
    assert answer["failed"] is True
    assert "programs.pyz" in answer["msg"], "there is no runtime on this server yet, which its log says"


def test_a_program_is_ended_at_the_first_violation_of_what_comes_out(server: Path, tmp_path: Path) -> None:
    received, result = tmp_path / "received.bin", str(tmp_path / "result.json")
    note = {"sentence": "key_0: 4 is missing", "arrived": 100.0, "known": 100.25}
    Path(online.path_of(str(received))).write_text(json.dumps(note))
    given = wanted(server, name="sender", result_file=result, ready_pattern="", received=str(received))
    assert refuse("program", given) == (
        "server1: Stopped at the first violation (on_violation=stop), known 0.25 s after it came: key_0: 4 is missing."
        " sender was ended."
    )
    assert succeed("program", wanted(server, name="sender", state="stopped"))["changed"] is False
