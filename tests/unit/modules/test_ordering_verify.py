# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``ordering_verify``."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from ansible.module_utils import basic
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import (
    encode_input,
    encode_output,
    expected_window,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frames
from ansible_collections.wallaroo.resilience.plugins.modules import ordering_verify


@mock.patch.object(basic, "_ANSIBLE_PROFILE", "legacy", create=True)
def run(arguments: dict[str, Any], check: bool = False) -> dict[str, Any]:
    """Run the module in this process and return its answer."""
    given = json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check}}).encode()
    printed = io.StringIO()
    arguments_of_module = mock.patch.object(basic, "_ANSIBLE_ARGS", given)
    with arguments_of_module, contextlib.redirect_stdout(printed), pytest.raises(SystemExit):
        ordering_verify.main()
    answer: dict[str, Any] = json.loads(printed.getvalue())
    return answer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "received.bin"


def write(path: Path, **values: list[int]) -> None:
    path.write_bytes(frames(encode_output(key, expected_window(value)) for key in values for value in values[key]))


def test_a_right_file_passes(path: Path) -> None:
    write(path, key_0=[1, 2, 3], key_1=[1, 2, 3])
    result = run({"path": str(path), "key_count": 2, "last": 3})
    assert not result.get("failed")
    assert result["changed"] is False
    assert result["verdict"] == "pass"
    assert result["message"] == "6 of 6 messages of 2 keys, each exactly once and in order"
    assert (result["expected"], result["received"], result["keys"]) == (6, 6, 2)
    assert (result["file"], result["mode"]) == (str(path), "exactly_once")
    assert (result["violations"], result["violation_count"], result["reason"]) == ([], 0, "")
    assert result["last_values"] == {"key_0": 3, "key_1": 3}
    assert (result["validator_passed"], result["validator_verdict"]) == (True, "Validation successful!")


def test_the_recorded_run_of_a_real_engine_passes(shared_data: Path) -> None:
    recorded = shared_data / "wallaroo-0.5.4" / "multi_partition_detector" / "received.txt.gz"
    result = run({"path": str(recorded), "key_count": 11, "last": 2000})
    assert result["message"] == "22,000 of 22,000 messages of 11 keys, each exactly once and in order"


def test_a_wrong_file_fails_the_task_with_the_whole_result(path: Path) -> None:
    write(path, a=[1, 2, 5, 6], b=[2, 3, 4])
    result = run({"path": str(path), "keys": ["a", "b"], "last": 6})
    assert result["failed"] is True
    assert result["verdict"] == "fail"
    assert result["msg"] == result["message"]
    assert result["msg"] == (
        "fail: 3 violations; first: a: 3..4 are missing: at frame 2 (byte 82) came [2,3,4,5]"
        " where [0,1,2,3] was expected"
    )
    assert [violation["kind"] for violation in result["violations"]] == ["gap", "lost_head", "lost_tail"]
    assert all(violation["sentence"] for violation in result["violations"])
    assert result["validator_passed"] is False
    assert result["validator_verdict"].startswith("Sequentiality test failed on key a: 5 after 2")


def test_wallaroo_s_own_validator_may_see_nothing(path: Path) -> None:
    write(path, a=[2, 3], b=[1, 2, 3])
    result = run({"path": str(path), "keys": ["a", "b"], "last": 3, "fail_on": "never"})
    assert (result["verdict"], result["validator_passed"]) == ("fail", True)


@pytest.mark.parametrize(("fail_on", "failed"), [("not_pass", True), ("fail", True), ("never", False)])
def test_whether_a_fail_fails_the_task(path: Path, fail_on: str, failed: bool) -> None:
    write(path, a=[1])
    result = run({"path": str(path), "keys": ["a"], "last": 2, "fail_on": fail_on})
    assert (result["verdict"], bool(result.get("failed"))) == ("fail", failed)


@pytest.mark.parametrize(("fail_on", "failed"), [("not_pass", True), ("fail", False), ("never", False)])
def test_what_could_not_be_checked_is_unknown(path: Path, fail_on: str, failed: bool) -> None:
    result = run({"path": str(path), "keys": ["a"], "last": 2, "fail_on": fail_on})
    assert (result["verdict"], bool(result.get("failed"))) == ("unknown", failed)
    assert result["reason"] == f"{path} could not be read: No such file or directory"


def test_an_empty_list_of_keys_is_unknown(path: Path) -> None:
    write(path)
    assert run({"path": str(path), "keys": [], "last": 2})["verdict"] == "unknown"


def test_an_empty_file_fails(path: Path) -> None:
    write(path)
    result = run({"path": str(path), "key_count": 3, "last": 2})
    assert (result["verdict"], result["violation_count"]) == ("fail", 3)


def test_repeats_are_allowed_at_least_once(path: Path) -> None:
    write(path, a=[1, 2, 3, 2, 3, 4])
    wanted = {"path": str(path), "keys": ["a"], "last": 4}
    assert run(wanted)["verdict"] == "fail"
    result = run({**wanted, "mode": "at_least_once"})
    assert result["verdict"] == "pass"
    assert result["assumed"].startswith("Nothing is known of crashes")
    assert result["message"] == (
        f"4 of 4 messages of 1 key, each at least once and in order (2 repeated). {result['assumed'].rstrip('.')}"
    )
    assert result["validator_passed"] is True


def test_the_first_value_may_be_another_one(path: Path) -> None:
    write(path, a=[501, 502])
    assert run({"path": str(path), "keys": ["a"], "first": 501, "last": 502})["verdict"] == "pass"


def test_a_packed_file(path: Path) -> None:
    write(path, a=[1, 2])
    packed = path.with_name("received.bin.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert run({"path": str(packed), "keys": ["a"], "last": 2})["verdict"] == "pass"


def test_not_more_violations_than_wanted_are_returned(path: Path) -> None:
    write(path, a=list(range(1, 100, 2)))
    result = run({"path": str(path), "keys": ["a"], "last": 99, "violations_limit": 2})
    assert (len(result["violations"]), result["violation_count"]) == (2, 49)


def test_check_mode_does_the_same(path: Path) -> None:
    write(path, a=[1, 2])
    for last in (2, 3):
        wanted = {"path": str(path), "keys": ["a"], "last": last}
        same, checked = run(wanted), run(wanted, check=True)
        for result in (same, checked):
            result.pop("seconds"), result.pop("invocation", None)
        assert same == checked


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"last": 1}, "expectation is detector but any of the following are missing: keys, key_count"),
        ({"last": 1, "keys": ["a"], "key_count": 1}, "parameters are mutually exclusive: keys|key_count"),
        ({"keys": ["a"]}, "expectation is detector but all of the following are missing: last"),
        ({"expectation": "market_spread"}, "expectation is market_spread but all of the following are missing: inputs"),
        ({"expectation": "same_as"}, "expectation is same_as but all of the following are missing: reference"),
        ({"last": 1, "key_count": 0}, "key_count is 0: say how many keys were sent, at least 1"),
        ({"last": 1, "key_count": 1, "mode": "once"}, "value of mode must be one of"),
    ],
)
def test_wrong_arguments_are_refused(path: Path, wanted: dict[str, Any], said: str) -> None:
    result = run({"path": str(path), **wanted})
    assert result["failed"] is True
    assert said in result["msg"]


# -- what a source log knows ----------------------------------------------------------------------------


def source_log(folder: Path, *events: dict[str, Any], last: int = 9) -> str:
    folder.mkdir()
    (folder / "sent.log").write_bytes(frames(encode_input(value, "a") for value in range(1, last + 1)))
    (folder / "sent.events").write_text("".join(json.dumps(event) + "\n" for event in events))
    return str(folder)


def read(at: int, time: float, asked: str = "FROM") -> dict[str, Any]:
    return {"time": time, "event": "from", "reader": 1, "at": at, "asked": asked, "peer": "127.0.0.1:1"}


def ack(at: int, time: float) -> dict[str, Any]:
    return {"time": time, "event": "ack", "reader": 1, "at": at}


def test_a_source_log_tells_to_where_a_key_may_go_back(path: Path, tmp_path: Path) -> None:
    log = source_log(tmp_path / "sent", read(0, 1.0), ack(3, 2.0), read(3, 6.0))
    wanted = {"path": str(path), "keys": ["a"], "last": 9, "mode": "at_least_once", "source_log": log, "moments": [5.0]}
    write(path, a=[1, 2, 3, 4, 5, 6, 4, 5, 6, 7, 8, 9])
    result = run(wanted)
    assert (result["verdict"], result["guarantee"], result["repeated"]) == ("pass", "at_least_once", 3)
    (crash,) = result["crashes"]
    assert (crash["covered"], crash["read_from"], crash["repeated"], crash["replayed"]) == (3, [4], 3, True)
    write(path, a=[1, 2, 3, 4, 5, 6, 3, 4, 5, 6, 7, 8, 9])
    assert [one["kind"] for one in run({**wanted, "fail_on": "never"})["violations"]] == ["early_repeat"]
    assert run({**wanted, "source_log": ""})["verdict"] == "pass"


def test_a_source_log_tells_what_a_crash_may_have_taken(path: Path, tmp_path: Path) -> None:
    log = source_log(tmp_path / "sent", read(0, 1.0, "NOW"), ack(3, 2.0), read(6, 6.0, "NOW"))
    wanted = {"path": str(path), "keys": ["a"], "last": 9, "mode": "none", "source_log": log, "moments": [5.0]}
    write(path, a=[1, 2, 3, 4, 7, 8, 9])
    result = run(wanted)
    assert (result["verdict"], result["lost"], result["crashes"][0]["lost"]) == ("pass", 2, {"a": [[5, 6]]})
    assert not result["validator_passed"]
    write(path, a=[1, 2, 3, 4, 8, 9])
    assert [one["kind"] for one in run({**wanted, "fail_on": "never"})["violations"]] == ["gap"]


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([read(0, 1.0)], "it never came back"),
        ([read(10, 6.0)], "holds 9 whole records, and number 10 was asked for"),
        ([{"event": "strange"}], "is damaged in line 1"),
    ],
)
def test_what_a_source_log_does_not_tell_is_unknown(
    path: Path, tmp_path: Path, events: list[dict[str, Any]], said: str
) -> None:
    log = source_log(tmp_path / "sent", *events)
    write(path, a=[1, 2, 3, 4, 5, 6, 7, 8, 9])
    wanted = {
        "path": str(path),
        "keys": ["a"],
        "last": 9,
        "mode": "at_least_once",
        "moments": [5.0],
        "fail_on": "never",
    }
    result = run({**wanted, "source_log": log})
    assert result["verdict"] == "unknown"
    assert said in result["reason"]
    gone = run({**wanted, "source_log": str(tmp_path)})
    assert gone["reason"] == f"nothing is known of the crashes, for {tmp_path}/sent.events is not there"
    # Where no worker was killed nothing need be known.
    assert run({**wanted, "source_log": str(tmp_path), "moments": []})["verdict"] == "pass"


def test_a_source_log_says_nothing_of_other_expectations(path: Path) -> None:
    result = run({"path": str(path), "expectation": "same_as", "reference": str(path), "source_log": "/sent"})
    assert result["failed"]
    assert "use detector, or counters with first=1, or leave it out" in result["msg"]
