# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``received_wait``."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from ansible.module_utils import basic
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import source_log
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import (
    encode_output,
    expected_window,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frames
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import start
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import online
from ansible_collections.wallaroo.resilience.plugins.modules import received_wait


@mock.patch.object(basic, "_ANSIBLE_PROFILE", "legacy", create=True)
def run(arguments: dict[str, Any], check: bool = False) -> dict[str, Any]:
    """Run the module in this process and return its answer."""
    given = json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check}}).encode()
    printed = io.StringIO()
    arguments_of_module = mock.patch.object(basic, "_ANSIBLE_ARGS", given)
    with arguments_of_module, contextlib.redirect_stdout(printed), pytest.raises(SystemExit):
        received_wait.main()
    answer: dict[str, Any] = json.loads(printed.getvalue())
    return answer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "received.bin"


def messages(**values: list[int]) -> bytes:
    return frames(encode_output(key, expected_window(value)) for key in values for value in values[key])


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[ProcessRecord]:
    """A process that was started by the collection and says something; killed in the end."""
    program = "import sys, time; print('disk full', flush=True); time.sleep(60)"
    known = start.start(str(tmp_path), "receiver", "receiver", [sys.executable, "-c", program])
    wait_for(lambda: Path(known.log).read_bytes() == b"disk full\n")
    yield known
    if is_alive(known.identity):
        os.kill(known.identity.pid, signal.SIGKILL)


def wait_for(event: Any) -> None:
    end = time.monotonic() + 10
    while not event():
        assert time.monotonic() < end
        time.sleep(0.01)


def later(act: Any) -> threading.Thread:
    thread = threading.Timer(0.15, act)
    thread.start()
    return thread


def test_what_is_there_already_ends_the_wait(path: Path) -> None:
    path.write_bytes(messages(key_0=[1, 2, 3], key_1=[1, 2, 3]))
    result = run({"path": str(path), "key_count": 2, "last": 3})
    assert not result.get("failed")
    assert (result["changed"], result["finished"]) == (False, True)
    assert (result["received"], result["expected"], result["missing"]) == (6, 6, {})
    assert result["message"] == "6 of 6 messages"
    assert result["file"] == str(path)
    assert result["seconds"] < 1


def test_it_waits_for_what_comes(path: Path) -> None:
    path.write_bytes(messages(a=[1, 2]))

    def write() -> None:
        with path.open("ab") as stream:
            stream.write(messages(a=[3]))

    thread = later(write)
    result = run({"path": str(path), "keys": ["a"], "last": 3, "wait_timeout": 10})
    thread.join()
    assert result["finished"] is True
    assert 0.1 < result["seconds"] < 5


def test_it_waits_for_the_file(path: Path) -> None:
    thread = later(lambda: path.write_bytes(messages(a=[1])))
    result = run({"path": str(path), "keys": ["a"], "last": 1, "wait_timeout": 10})
    thread.join()
    assert result["finished"] is True


def test_at_the_limit_it_fails_and_says_what_is_missing(path: Path) -> None:
    path.write_bytes(messages(key_0=[1, 2, 3], key_1=[1, 2], key_2=[1], key_3=[1, 2]))
    result = run({"path": str(path), "key_count": 4, "last": 3, "wait_timeout": 0.1})
    assert result["failed"] is True
    assert (result["finished"], result["received"], result["expected"]) == (False, 8, 12)
    assert result["missing"] == {"key_1": 2, "key_2": 1, "key_3": 2}
    assert result["message"] == "8 of 12 messages; waiting for key_2 (1 of 3) and 2 more"
    assert result["msg"] == f"Not everything was received within 0.1 s in {path}: {result['message']}"


def test_a_file_that_never_appears_is_named(path: Path) -> None:
    result = run({"path": str(path), "keys": ["a"], "last": 3, "wait_timeout": 0.1})
    assert result["failed"] is True
    assert result["msg"] == (f"{path} did not appear within 0.1 s: look whether the receiver runs and writes there")
    assert result["missing"] == {"a": 0}


def test_repeats_count_once(path: Path) -> None:
    path.write_bytes(messages(a=[1, 2, 3, 1, 2, 3], b=[1]))
    result = run({"path": str(path), "keys": ["a", "b"], "last": 3}, check=True)
    assert result["message"] == "4 of 6 messages; waiting for b (1 of 3)"


def test_it_can_return_early_to_show_how_far_it_is(path: Path) -> None:
    path.write_bytes(messages(a=[1, 2]))
    result = run({"path": str(path), "keys": ["a"], "last": 3, "wait_timeout": 20, "return_after": 0.1})
    assert not result.get("failed")
    assert (result["finished"], result["missing"]) == (False, {"a": 2})


def test_the_limit_comes_before_a_later_early_return(path: Path) -> None:
    result = run({"path": str(path), "keys": ["a"], "last": 3, "wait_timeout": 0.1, "return_after": 5})
    assert result["failed"] is True


def test_check_mode_does_not_wait(path: Path, tmp_path: Path) -> None:
    wanted = {"path": str(path), "keys": ["a"], "last": 3, "wait_timeout": 20}
    watched = {**wanted, "base": str(tmp_path), "watch": ["receiver"]}
    for arguments in (wanted, watched):
        result = run(arguments, check=True)
        assert not result.get("failed")
        assert (result["finished"], result["missing"]) == (False, {"a": 0})
        assert result["seconds"] < 1


def test_a_watched_process_that_lives_does_not_matter(path: Path, tmp_path: Path, receiver: ProcessRecord) -> None:
    path.write_bytes(messages(a=[1]))
    wanted = {"path": str(path), "keys": ["a"], "base": str(tmp_path), "watch": ["receiver"]}
    assert run({**wanted, "last": 1})["finished"] is True
    assert "within 0.1 s" in run({**wanted, "last": 2, "wait_timeout": 0.1})["msg"]


def test_the_death_of_a_watched_process_ends_the_wait_at_once(
    path: Path, tmp_path: Path, receiver: ProcessRecord
) -> None:
    path.write_bytes(messages(a=[1]))
    thread = later(lambda: os.kill(receiver.identity.pid, signal.SIGKILL))
    wanted = {"path": str(path), "keys": ["a"], "last": 2, "base": str(tmp_path), "watch": ["receiver"]}
    result = run({**wanted, "wait_timeout": 30})
    thread.join()
    assert result["failed"] is True
    assert result["seconds"] < 10
    assert result["msg"] == (
        f"receiver (pid {receiver.identity.pid}) died while its messages were waited for; its log {receiver.log}"
        " ends with: disk full. 1 of 2 messages; waiting for a (1 of 2)"
    )
    assert (result["died"], result["log"], result["log_tail"]) == ("receiver", receiver.log, ["disk full"])
    assert result["missing"] == {"a": 1}


def test_what_came_before_the_death_counts(path: Path, tmp_path: Path, receiver: ProcessRecord) -> None:
    path.write_bytes(messages(a=[1]))
    os.kill(receiver.identity.pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(receiver.identity))
    wanted = {"path": str(path), "keys": ["a"], "last": 1, "base": str(tmp_path), "watch": ["receiver"]}
    assert run(wanted)["finished"] is True


@pytest.mark.parametrize(
    ("asked", "at", "before", "ends"),
    [("NOW", 22, 5.0, True), ("NOW", 22, 0.5, False), ("FROM", 22, 5.0, False), ("NOW", 0, 5.0, False)],
)
def test_what_was_sent_while_nobody_read_a_plain_source_is_not_waited_for(
    path: Path, tmp_path: Path, asked: str, at: int, before: float, ends: bool
) -> None:
    """It is known as soon as the source is read anew, and what had been read has come out."""
    path.write_bytes(messages(a=[1]))
    (tmp_path / "sent").mkdir()
    sent = tmp_path / "sent" / source_log.LOG_FILE
    sent.write_bytes(b"")
    now = time.time()
    os.utime(sent, (now - 9, now - 9))
    event = source_log.Event(now - before, "from", 2, at, asked, "127.0.0.1:9")
    (tmp_path / "sent" / source_log.EVENTS_FILE).write_bytes(event.encode())
    wanted = {"path": str(path), "keys": ["a"], "last": 2, "base": str(tmp_path), "wait_timeout": 0.2}

    said = run(wanted)["msg"]

    assert ("it cannot come out any more. 1 of 2 messages" in said) == ends
    # Who sends on makes the log grow.
    os.utime(sent)
    assert "cannot come" not in run(wanted)["msg"]


def test_a_process_that_was_never_started_cannot_be_watched(path: Path, tmp_path: Path) -> None:
    wanted = {"path": str(path), "keys": ["a"], "last": 1, "base": str(tmp_path), "watch": ["reciever"]}
    result = run(wanted)
    assert result["failed"] is True
    assert result["msg"] == (
        f"Nothing can be waited for: no process reciever is recorded below {tmp_path}; start it, or do not watch it"
    )


def test_a_path_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    result = run({"path": str(tmp_path), "keys": ["a"], "last": 1, "wait_timeout": 20})
    assert result["msg"] == f"{tmp_path} could not be read: Is a directory"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"last": 1}, "one of the following is required: keys, key_count"),
        ({"last": 1, "keys": []}, "Nothing can be waited for: the list of keys is empty"),
        ({"last": 1, "key_count": 0}, "Nothing can be waited for: the list of keys is empty"),
        ({"last": 0, "keys": ["a"]}, "Nothing can be waited for: last is 0"),
        ({"last": 1, "keys": ["a"], "watch": ["receiver"]}, "missing parameter(s) required by 'watch': base"),
    ],
)
def test_wrong_arguments_are_refused(path: Path, wanted: dict[str, Any], said: str) -> None:
    result = run({"path": str(path), **wanted})
    assert result["failed"] is True
    assert said in result["msg"]


def violated(path: Path) -> None:
    """As a receiver notes a violation."""
    note = online.Note(sentence="key_0: 4 is missing", kind="gap", key="key_0", arrived=100.0, known=100.25)
    Path(online.path_of(str(path))).write_text(json.dumps(asdict(note)))


def test_the_wait_ends_at_the_first_violation_where_that_is_wanted(path: Path) -> None:
    path.write_bytes(messages(key_0=[1, 2, 3]))
    later(lambda: violated(path))
    begin = time.monotonic()
    result = run({"path": str(path), "key_count": 1, "last": 9, "on_violation": "stop", "wait_timeout": 30})
    assert time.monotonic() - begin < 10
    assert result["failed"] is True
    assert result["msg"] == (
        "Stopped at the first violation (on_violation=stop), known 0.25 s after it came: key_0: 4 is missing."
    )
    assert result["received"] == 3


def test_otherwise_it_tells_of_the_violation_once_and_goes_on(path: Path) -> None:
    path.write_bytes(messages(key_0=[1, 2, 3]))
    violated(path)
    wanted = {"path": str(path), "key_count": 1, "last": 4, "wait_timeout": 30}
    result = run(wanted)
    assert not result.get("failed")
    assert (result["finished"], result["violation_told"]) == (False, True)
    assert result["message"].endswith("; first violation: key_0: 4 is missing")
    later(lambda: path.write_bytes(messages(key_0=[1, 2, 3, 4])))
    result = run({**wanted, "violation_told": result["violation_told"]})
    assert result["finished"] is True
    assert result["message"] == "4 of 4 messages"
