# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stranger's check: it comes to the verdict of the run from what was sent and what came out, with nothing of ours."""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import (
    encode_output,
    expected_window,
    key_name,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import run_files
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.ordering import verify
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _kept, _results, _run_folder
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._evidence import Evidence
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes import Verified

from tests.kept_runs import FIXTURES, KINDS, change
from tests.strangers_check import PROGRAM, agrees, check

KEYS, LAST = 3, 40


def good() -> list[bytes]:
    """Frames of a run in which nothing was lost."""
    return [
        frame(encode_output(key_name(key), expected_window(value)))
        for value in range(1, LAST + 1)
        for key in range(KEYS)
    ]


def run(tmp_path: Path, frames: list[bytes], sure: int | None = LAST, mode: str = "exactly_once") -> Path:
    """The folder of a run, as it is made of what servers have."""
    base = tmp_path / "server1"
    (base / "received").mkdir(parents=True)
    received = base / "received" / "received.bin"
    received.write_bytes(b"".join(frames))
    found = verify(received, [key_name(key) for key in range(KEYS)], LAST, mode)
    result = Verified(playbook="demo", verdict=found.verdict, keys=KEYS, expected=KEYS * LAST, received=found.received)
    folder = _run_folder.begin(tmp_path / "runs", result, Evidence(), time.time())
    cluster = {"application": "multi_partition_detector", "keys": KEYS, "servers": [{"name": "server1", "base": base}]}
    state = {"processes": {}, "sent": {"sender": {"sure": sure}} if sure is not None else {}}
    evidence = _kept.messages(
        lambda asked: {"files": run_files.read(asked["paths"])},
        folder,
        Evidence(ended=True),
        cluster,
        {"server1": state},
        {"last": LAST, "mode": mode},
        [],
    )
    _results.write_json(folder / "result.json", _results.written(result, evidence))
    return folder


def test_a_strangers_check_is_short_and_uses_nothing_of_the_collection() -> None:
    lines = PROGRAM.read_text().splitlines()
    assert len(lines) <= 60
    imported = {line.split()[1] for line in lines if line.startswith(("import ", "from "))}
    assert imported <= sys.stdlib_module_names


def test_a_stranger_comes_to_the_same_verdict_of_a_good_run(tmp_path: Path) -> None:
    assert "pass (all came); result.json says pass" in agrees(run(tmp_path, good()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_stranger_comes_to_the_same_verdict_of_runs_that_were_recorded(kind: str) -> None:
    said = agrees(FIXTURES / kind)
    verdict = {"passing": "pass (all came)", "lossy": "fail (key_0: all up to 518 was sent, and 504 came last)"}
    assert verdict.get(kind, "unknown (" if kind == "interrupted" else "None (a move alone") in said


DAMAGES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "gap": lambda frames: frames[:30] + frames[31:],
    "lost head": lambda frames: frames[3:],
    "lost tail": lambda frames: frames[:-2],
    "twice": lambda frames: [*frames[:30], frames[29], *frames[30:]],
    "order": lambda frames: [*frames[:30], frames[33], *frames[31:33], frames[30], *frames[34:]],
    "unknown key": lambda frames: [*frames, frame(encode_output("key_77", (0, 0, 0, 1)))],
    "another key's": lambda frames: [*frames[:30], frame(encode_output("key_1", expected_window(11))), *frames[31:]],
    "fresh state": lambda frames: [*frames[:30], frame(encode_output("key_0", (0, 0, 0, 11))), *frames[31:]],
    "zero": lambda frames: [*frames[:30], frame(frames[30][4:].replace(b",11]", b",011]")), *frames[31:]],
    "no value": lambda frames: [*frames[:30], frame(frames[30][4:].replace(b",11]", b",xi]")), *frames[31:]],
    "no number": lambda frames: [*frames[:30], frame(frames[30][4:].replace(b",11]", b",1" + b"1" * 5000 + b"]"))],
    "torn": lambda frames: [*frames[:-1], frames[-1][:-3]],
    "garbage": lambda frames: [*frames[:30], Random(7).randbytes(50), *frames[30:]],
    "beyond": lambda frames: [*frames, frame(encode_output("key_0", expected_window(LAST + 1)))],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_stranger_comes_to_the_same_verdict_of_a_bad_run(tmp_path: Path, damage: str) -> None:
    said = agrees(run(tmp_path, DAMAGES[damage](good())))
    assert "result.json says fail" in said
    assert ("is torn" in said) == (damage in ("torn", "garbage")), said


def test_a_stranger_knows_what_may_come_again(tmp_path: Path) -> None:
    frames = good()
    again = [*frames[:60], *frames[30:]]
    assert "pass" in agrees(run(tmp_path, again, mode="at_least_once"))
    assert "fail" in agrees(run(tmp_path / "once", again))
    lost_again = [*frames[:60], *frames[30:45], *frames[51:]]
    assert "fail" in agrees(run(tmp_path / "lost", lost_again, mode="at_least_once"))
    assert "fail" in agrees(run(tmp_path / "torn", [*again[:-1], again[-1][:2]], mode="at_least_once"))


def test_a_stranger_does_not_take_for_lost_what_was_never_sent(tmp_path: Path) -> None:
    _code, said = check(run(tmp_path, good()[: KEYS * 30], sure=30))
    assert "unknown (not all was sent" in said
    _code, said = check(run(tmp_path / "nothing", [], sure=None))
    assert "unknown" in said


@pytest.mark.parametrize("verdict", ["pass", "unknown", None])
def test_a_result_that_says_something_else_is_found_out(tmp_path: Path, verdict: str | None) -> None:
    folder = run(tmp_path, good()[3:])
    change(folder, verdict=verdict)
    code, said = check(folder)
    assert (code, f"fail (key_0: 2 came after 0); result.json says {verdict}" in said) == (1, True), said


def test_a_file_that_was_touched_afterwards_is_found_out(tmp_path: Path) -> None:
    folder = run(tmp_path, good())
    kept = folder / "received" / "received.bin.gz"
    whole = kept.read_bytes()
    for touched in (gzip.compress(b"".join(good()[1:])), whole[:-10], b"", b"no archive"):
        kept.write_bytes(touched)
        code, said = check(folder)
        assert (code, "cannot be checked" in said, "Traceback" in said) == (1, True, False), said
    kept.unlink()
    assert f"No such file or directory: '{kept}'" in check(folder)[1]


def test_a_stranger_reads_what_else_a_folder_may_be(tmp_path: Path) -> None:
    folder = run(tmp_path, good())
    change(folder, name="migrate", verdict=None)
    assert "None (a move alone looks at no message); result.json says None" in agrees(folder)
    change(folder, name="demo", verdict="unknown", received_files=[])
    assert "unknown (the run did not end, or nothing is here" in agrees(folder)
    unread = {"name": "received.bin", "path": None, "sha256": ""}
    change(folder, received_files=[unread])
    assert "unknown (the run did not end, or nothing is here" in agrees(folder)
    change(folder, ended=False, name="migrate")
    assert "unknown (the run did not end, or nothing is here" in agrees(folder)
    (tmp_path / "empty").mkdir()
    assert check(tmp_path / "empty")[0] == 1
    sent = json.loads((folder / "sent" / "sent.json").read_text())
    of_market_spread = "what comes out of market_spread (exactly_once) is not known here"
    for name, said in (("market_spread", of_market_spread), ("", "not known here")):
        other = run(tmp_path / f"of-{name}", good())
        change(other, verdict="unknown")
        (other / "sent" / "sent.json").write_text(json.dumps({**sent, "application": name}))
        assert said in agrees(other)


def test_of_a_large_file_only_the_digest_is_kept_and_the_file_is_recognized(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_files.read, "__defaults__", (100,))
    folder = run(tmp_path, good())
    (kept, *_) = _results.read(folder)["received_files"]
    assert (kept["path"], len(kept["sha256"]), kept["bytes"]) == (None, 64, sum(map(len, good())))
    assert "only its digest" in kept["note"]
    file = tmp_path / "server1/received/received.bin"
    assert check(folder, str(file))[0] == 0
    file.write_bytes(file.read_bytes() + b"x")
    code, said = check(folder, str(file))
    assert (code, "its SHA-256 differs" in said) == (1, True)
