# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stranger's check: it comes to the verdict of the run from what was sent and what came out, with nothing of ours."""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import (
    encode_output,
    expected_window,
    key_name,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import run_files
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.guarantees import Crash
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.ordering import verify
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _judging, _kept, _results, _run_folder
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._evidence import Evidence
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._outcomes.verified import Verified

from tests.crashing import crashed_run
from tests.kept_runs import FIXTURES, KINDS, change
from tests.strangers_check import PROGRAM, agrees, check

KEYS, LAST = 3, 40
PLANTINGS = 40
KEY_NAMES = [key_name(key) for key in range(KEYS)]


def good() -> list[bytes]:
    """Frames of a run in which nothing was lost."""
    return [
        frame(encode_output(key_name(key), expected_window(value)))
        for value in range(1, LAST + 1)
        for key in range(KEYS)
    ]


def run(
    tmp_path: Path,
    frames: list[bytes],
    sure: int | None = LAST,
    mode: str = "exactly_once",
    crashes: list[Crash] | None = None,
    keys: list[str] = KEY_NAMES,
    last: int = LAST,
) -> Path:
    """The folder of a run, as it is made of what servers have."""
    base = tmp_path / "server1"
    (base / "received").mkdir(parents=True)
    received = base / "received" / "received.bin"
    received.write_bytes(b"".join(frames))
    found = verify(received, keys, last, mode, crashes=crashes)
    result = Verified(playbook="demo", verdict=found.verdict, keys=len(keys), received=found.received)
    folder = _run_folder.begin(tmp_path / "runs", result, Evidence(), time.time())
    cluster = {
        "application": "multi_partition_detector",
        "keys": len(keys),
        "servers": [{"name": "server1", "base": base}],
    }
    state = {"processes": {}, "sent": {"sender": {"sure": sure}} if sure is not None else {}}
    evidence = _kept.messages(
        lambda asked: {"files": run_files.read(asked["paths"])},
        folder,
        Evidence(ended=True),
        cluster,
        {"server1": state},
        {"last": last, "mode": mode, "crashes": _judging.noted(found.to_dict())},
        [],
    )
    _results.write_json(folder / "result.json", _results.written(result, evidence))
    return folder


def test_a_strangers_check_is_short_and_uses_nothing_of_the_collection() -> None:
    lines = PROGRAM.read_text().splitlines()
    assert len(lines) <= 100
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


@pytest.mark.parametrize("mode", ["at_least_once", "none"])
def test_a_stranger_judges_crashes_as_the_verifier_does(tmp_path: Path, mode: str) -> None:
    """Of engines that keep the guarantee, of those that keep another one, and of what was damaged afterwards."""
    source, _called = PROGRAM.read_text().split("\n\ntry:")
    check_messages: dict[str, Any] = {}
    exec(source, check_messages)  # noqa: S102 - a call for each stream of messages would take long
    path, verdicts = tmp_path / "received.bin", Counter[str]()
    for seed in range(PLANTINGS):
        made, random = crashed_run(seed, replays=(mode == "at_least_once") != (seed % 7 == 0)), Random(seed)
        cut = random.randrange(len(made.out) or 1)
        moved = [
            replace(one, froms=[one.covered, *one.froms[1:]], from_records=[one.covered_records, *one.from_records[1:]])
            for one in made.crashes
        ]
        covered = [(one, one.covered_records + 1) for one in made.crashes]
        early = [replace(one, covered=made.values(count), covered_records=count) for one, count in covered]
        silent = [*made.crashes[:-1], replace(made.crashes[-1], froms=[])] if made.crashes else []
        for number, (frames, crashes) in enumerate(
            [
                *((made.out, known) for known in (made.crashes, [], None, made.crashes[1:], moved, early, silent)),
                (made.out[:cut] + made.out[cut + 1 :], made.crashes),
                (made.out[:cut] + made.out[cut : cut + 1] + made.out[cut:], made.crashes),
                (made.out[:cut] + made.out[max(0, cut - 5) :], made.crashes),
                (made.out[:cut], made.crashes),
            ]
        ):
            path.write_bytes(b"".join(frames))
            found = verify(path, made.keys, made.last, mode, crashes=crashes)
            if seed % 7 == 0 and found.verdict == "fail" and crashes is None:
                continue
            asked = {key: {"first": 1, "last": made.last, "sure": made.last} for key in made.keys}
            noted = _judging.noted(found.to_dict())
            sent = {"application": "multi_partition_detector", "mode": mode, "keys": asked, "crashes": noted}
            assert check_messages["check"](path.read_bytes(), sent)[0] == found.verdict, (seed, number, found.message())
            verdicts[found.verdict] += 1
    assert min(verdicts[one] for one in ("pass", "fail", "unknown")) > PLANTINGS // 2, verdicts


def test_what_is_known_of_crashes_comes_to_a_stranger(tmp_path: Path) -> None:
    seed = next(seed for seed in range(99) if crashed_run(seed, replays=True).repeated)
    made = crashed_run(seed, replays=True)
    known = {"keys": made.keys, "last": made.last, "sure": made.last, "mode": "at_least_once"}
    assert "pass (all came)" in agrees(run(tmp_path, made.out, crashes=made.crashes, **known))
    assert "fail (" in agrees(run(tmp_path / "unexplained", made.out, crashes=[], **known))


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
    assert (
        code,
        f"fail (key_0: 2 came after 0, with the window [0, 0, 1, 2]); result.json says {verdict}" in said,
    ) == (1, True), said


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
