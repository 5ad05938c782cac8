# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The timeline: its records, its reader, and what a real play writes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _timeline
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._timeline import Event, Reader, Writer, read

from tests import preloaded

PLAY = """
- name: What a timeline is for
  hosts: here, there
  gather_facts: false
  tasks:
    - name: Area | Publish
      ansible.builtin.set_stats:
        data: {wallaroo_resilience: {playbook: play, changed: true}, other: 1}
      run_once: true
    - name: Skip
      ansible.builtin.debug:
      when: false
      run_once: true
    - name: Change
      ansible.builtin.debug:
      changed_when: true
      run_once: true
      delegate_to: there
    - name: Ask one
      ansible.builtin.debug:
      loop: [there]
      delegate_to: "{{ item }}"
      run_once: true
    - name: Ask both
      ansible.builtin.debug:
      loop: [there, elsewhere]
      delegate_to: "{{ item }}"
      run_once: true
    - name: Fail and go on
      ansible.builtin.fail:
        msg: expected
      ignore_errors: true
      run_once: true
    - name: Keep a secret
      ansible.builtin.fail:
        msg: the password is swordfish
      no_log: true
      ignore_errors: true
      run_once: true
    - name: Fail in a loop
      ansible.builtin.fail:
        msg: "{{ item }} is broken"
      loop: [pump, valve]
      run_once: true
"""


def play(tmp_path: Path, timeline: Path) -> subprocess.CompletedProcess[str]:
    playbook = tmp_path / "play.yml"
    playbook.write_text(PLAY)
    return preloaded.play(
        ["-i", "here,there,elsewhere", "-c", "local", str(playbook)],
        {
            **os.environ,
            "WALLAROO_TIMELINE": str(timeline),
            "ANSIBLE_CALLBACKS_ENABLED": "wallaroo.resilience.timeline",
            "ANSIBLE_LOCAL_TEMP": str(tmp_path / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_STDOUT_CALLBACK": "default",
        },
        Path.cwd(),
        limit=120,
    )


def test_a_real_play_is_told_step_by_step_and_without_secrets(tmp_path: Path) -> None:
    timeline = tmp_path / "timeline.jsonl"

    ended = play(tmp_path, timeline)

    assert ended.returncode != 0
    records = read(timeline)
    assert records[0]["record"] == "run"
    assert (records[0]["playbook"], records[0]["version"], records[0]["check"]) == ("play.yml", 1, False)
    ends = [Event.from_record(record) for record in records if record["record"] == "end"]
    assert [(end.step, end.outcome, end.server, end.message) for end in ends] == [
        ("Publish", "ok", "here", ""),
        ("Skip", "skipped", "here", ""),
        ("Change", "changed", "there", ""),
        ("Ask one", "ok", "there", ""),
        ("Ask both", "ok", "here", ""),
        ("Fail and go on", "ignored", "here", "expected"),
        ("Keep a secret", "ignored", "here", _timeline.HIDDEN),
        ("Fail in a loop", "failed", "here", "pump is broken; valve is broken"),
    ]
    starts = [record["id"] for record in records if record["record"] == "start"]
    assert starts == [end.id for end in ends]
    assert all(end.seconds is not None and end.seconds >= 0 for end in ends)
    assert [record["results"] for record in records if record["record"] == "results"] == [
        {"playbook": "play", "changed": True}
    ]
    assert records[-1]["record"] == "finish"
    assert records[-1]["outcome"] == "failed"
    assert records[-1]["hosts"]["here"]["failures"] == 1
    moments = [record["at"] for record in records]
    assert moments == sorted(moments)
    assert "swordfish" not in timeline.read_text()
    assert timeline.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("place", ["/dev/full", "/nowhere/at/all"])
def test_a_timeline_that_cannot_be_written_is_one_warning_and_no_more(tmp_path: Path, place: str) -> None:
    ended = play(tmp_path, Path(place))

    said = " ".join((ended.stdout + ended.stderr).split())
    assert said.count("The timeline of this run cannot be written") == 1
    assert "PLAY RECAP" in ended.stdout


def test_a_reader_takes_whole_lines_only_and_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "timeline"
    reader = Reader(path)
    assert list(reader.new()) == []
    path.write_bytes(b'{"record": "run"}\n{"record": "pl')
    assert [record["record"] for record in reader.new()] == ["run"]
    with path.open("ab") as stream:
        stream.write(b'ay"}\nnonsense\n[1]\n{"record": "finish"}\n')
    assert [record["record"] for record in reader.new()] == ["play", "finish"]
    assert list(reader.new()) == []


def test_writers_that_share_a_file_do_not_mix_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "timeline"
    first, second = Writer(str(path)), Writer(str(path))
    for number in range(50):
        first.write("end", step="x" * 5000, number=number)
        second.write("end", step="y" * 5000, number=number)
    first.close()
    second.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 100
    assert {len(line["step"]) for line in lines} == {5000}


@pytest.mark.parametrize("record", [{}, {"record": "end", "seconds": "soon", "step": None, "host": 7, "new": {}}])
def test_an_event_takes_whatever_a_record_holds(record: dict[str, Any]) -> None:
    event = Event.from_record(record)
    assert event.seconds is None
    assert event.step == ""


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("wallaroo.resilience.cluster : Lock | Take the lock", "Take the lock"),
        ("Take the lock", "Take the lock"),
        ("Look | Ask a | b", "b"),
    ],
)
def test_a_step_is_called_as_in_the_output(name: str, shown: str) -> None:
    assert _timeline.step_name(name) == shown
