# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof that a verifier can fail, on a copy of what it has just passed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import ordering, proof, report
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.damaged_crashes import CRASH_PLANTS
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.proof import CLASSES, copied, prove
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.violations import KINDS

Stream = Callable[..., list[bytes]]


@pytest.fixture
def good(keys: list[str], good_stream: Stream, received: Callable[..., Path]) -> str:
    return str(received(b"".join(good_stream(keys, 100))))


@pytest.mark.parametrize("mode", ordering.MODES)
def test_every_class_is_planted_caught_and_named_whatever_the_seed(keys: list[str], good: str, mode: str) -> None:
    forms = set()
    for seed in range(40):
        said = prove(good, keys, mode, seed, ordering.verify)
        assert (said["proved"], said["reason"], said["not_planted"]) == (True, "", []), said
        # A key that goes back may do so where repeats are allowed; only one that leaves something out may not.
        kinds = [one["kind"] for one in said["planted"]]
        assert kinds[: len(KINDS)] == list(CLASSES) == list(KINDS)
        # And what the guarantee does not allow a crash.
        beyond = [form.name for form in CRASH_PLANTS.values() if form.guarantee == mode]
        assert [one["form"] for one in said["planted"][len(KINDS) :]] == beyond
        assert all(one["caught"] for one in said["planted"])
        forms |= {one["form"] for one in said["planted"]}
    assert len(forms) > 25, "a seed decides the form, too"
    assert prove(good, keys, mode, 7, ordering.verify) == prove(good, keys, mode, 7, ordering.verify)


@pytest.mark.parametrize("kind", KINDS)
def test_a_verifier_that_does_not_see_a_class_is_found_out(keys: list[str], good: str, kind: str) -> None:
    def blind(*arguments: Any) -> Any:
        result = ordering.verify(*arguments)
        result.violations = [one for one in result.violations if one.kind != kind]
        result.verdict = "fail" if result.violations else "pass"
        return result

    said = prove(good, keys, "exactly_once", 1, blind)
    assert not said["proved"]
    assert f"is {kind} and was not found" in said["reason"]


@pytest.mark.parametrize("form", CRASH_PLANTS)
def test_a_verifier_that_does_not_see_what_a_crash_may_not_do_is_found_out(
    keys: list[str], good: str, form: str
) -> None:
    planted = CRASH_PLANTS[form]

    def blind(*arguments: Any, **others: Any) -> Any:
        result = ordering.verify(*arguments, **others)
        if others.get("crashes") and [one.kind for one in result.violations] == [planted.kind]:
            result.violations, result.verdict = [], "pass"
        return result

    said = prove(good, keys, planted.guarantee, 1, blind)
    assert not said["proved"]
    assert f"{form} is {planted.kind} and was not found" in said["reason"]


@pytest.mark.parametrize("mode", ["at_least_once", "none"])
def test_a_verifier_that_allows_a_crash_nothing_is_found_out(keys: list[str], good: str, mode: str) -> None:
    def deaf(path: str, keys: list[str], last: int, mode: str, **_others: Any) -> Any:
        return ordering.verify(path, keys, last, mode, crashes=[])

    said = prove(good, keys, mode, 1, deaf)
    assert (said["proved"], said["reason"]) == (False, f"a crash that does what {mode} allows was called a fault")


def test_a_verifier_that_gives_another_name_is_found_out(keys: list[str], good: str) -> None:
    def confused(*arguments: Any) -> Any:
        result = ordering.verify(*arguments)
        result.violations = [replace(one, kind="gap") for one in result.violations]
        return result

    said = prove(good, keys, "exactly_once", 1, confused)
    assert "is duplicate and was gap" in said["reason"]


def test_a_verifier_that_gives_other_names_besides_is_found_out(keys: list[str], good: str) -> None:
    def talkative(*arguments: Any) -> Any:
        result = ordering.verify(*arguments)
        result.violations += [replace(one, kind="garbage") for one in result.violations[:1]]
        return result

    said = prove(good, keys, "exactly_once", 1, talkative)
    assert not said["proved"]
    assert "is duplicate and was duplicate and garbage" in said["reason"]


def test_where_nothing_can_be_planted_nothing_is_proved(
    keys: list[str], good: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_arguments: Any) -> bytes:
        raise ValueError("there is no room")

    monkeypatch.setattr(proof, "plant", cannot)
    said = prove(good, keys, "exactly_once", 1, ordering.verify)
    assert (said["proved"], said["reason"]) == (False, "nothing could be planted: there is no room")


def test_a_class_that_can_be_shown_in_another_form_is_shown(
    keys: list[str], good: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forms = [one for one in proof.PLANTS.values() if one.kind == "gap"]
    assert len(forms) > 1
    planting, asked = proof.plant, []

    def only_the_last(name: str, data: bytes, seed: int) -> bytes:
        asked.append(name)
        if len(asked) < len(forms):
            raise ValueError("no room")
        return planting(name, data, seed)

    monkeypatch.setattr(proof, "PLANTS", {one.name: one for one in forms})
    monkeypatch.setattr(proof, "plant", only_the_last)
    said = prove(good, keys, "exactly_once", 1, ordering.verify)
    assert (said["proved"], said["not_planted"]) == (True, [])
    assert [one["form"] for one in said["planted"]] == asked[-1:]


def test_a_copy_ends_for_all_keys_at_the_same_value(good_stream: Stream, received: Callable[..., Path]) -> None:
    ends = [one for one in good_stream(["a", "b"], 9) if b"(a." not in one or b",9])" not in one]
    copy = copied(str(received(b"".join(ends))), ["a", "b"], 1)
    assert (copy.last, len(_frames(copy.data))) == (8, 16)


def test_a_verifier_that_finds_fault_with_everything_proves_nothing(keys: list[str], good: str) -> None:
    def angry(*arguments: Any) -> Any:
        result = ordering.verify(*arguments)
        result.verdict = "fail"
        return result

    assert prove(good, keys, "exactly_once", 1, angry)["reason"] == "the copy that was to be damaged is no good one"


def test_what_one_key_cannot_show_is_told_and_the_rest_is_proved(
    good_stream: Stream, received: Callable[..., Path]
) -> None:
    said = prove(str(received(b"".join(good_stream(["a"], 50)))), ["a"], "exactly_once", 1, ordering.verify)
    assert said["proved"]
    assert said["not_planted"] == ["cross_key: the stream has one key only, so no two can be mixed up"]
    assert len(said["planted"]) == len(KINDS) - 1


def test_an_output_that_is_too_short_for_all_but_a_few_says_so(
    good_stream: Stream, received: Callable[..., Path]
) -> None:
    said = prove(str(received(b"".join(good_stream(["a", "b"], 3)))), ["a", "b"], "exactly_once", 1, ordering.verify)
    assert {one["kind"] for one in said["planted"]} <= {"missing_key", "beyond_last", "torn_frame"}
    assert any(one.startswith("gap: a.TraceID-1.TraceWindow-1 has 3 messages, too few") for one in said["not_planted"])


def test_a_copy_is_small_has_no_repeats_and_keeps_the_order(good_stream: Stream, received: Callable[..., Path]) -> None:
    names = [f"key_{number}" for number in range(30)]
    frames = good_stream(names, 300)
    path = str(received(b"".join([*frames[:2000], *frames[1000:2000], *frames[2000:]])))
    copy = copied(path, names, 3)
    assert (len(copy.keys), copy.last) == (6, 48)
    wanted = [one for one in frames if one in set(_frames(copy.data))]
    assert _frames(copy.data) == wanted
    assert len(wanted) == 6 * 48


def _frames(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        size = 4 + int.from_bytes(data[at : at + 4], "big")
        found.append(data[at : at + size])
        at += size
    return found


def test_a_file_that_is_gone_is_no_proof(keys: list[str], tmp_path: Path) -> None:
    said = prove(str(tmp_path / "gone"), keys, "exactly_once", 1, ordering.verify)
    assert (said["proved"], said["reason"]) == (
        False,
        f"no copy could be made of {tmp_path}/gone: No such file or directory",
    )


def wanted(path: str, keys: list[str], **others: Any) -> dict[str, Any]:
    plain = {
        "last": 100,
        "mode": "exactly_once",
        "first": 1,
        "violations_limit": 20,
        "moments": [],
        "expectation": "detector",
    }
    return {"path": path, "keys": keys, "key_count": None, **plain, **others}


def test_a_report_is_unknown_when_its_verifier_is_not_proved(
    keys: list[str], good: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert report.of(wanted(good, keys))["detector"] is None
    proved = report.of(wanted(good, keys, prove_seed=5))
    assert (proved["verdict"], proved["detector"]["proved"], proved["detector"]["seed"]) == ("pass", True, 5)
    # What failed has shown that the verifier can fail.
    assert report.of(wanted(good, keys, last=101, prove_seed=5))["detector"] is None

    monkeypatch.setattr(ordering, "verify", _always(ordering.verify(good, keys, 100)))
    unproved = report.of(wanted(good, keys, prove_seed=5))
    assert unproved["verdict"] == "unknown"
    assert unproved["reason"].startswith("The verifier is not known to find what is wrong: ")


def _always(result: Any) -> Callable[..., Any]:
    return lambda *_arguments, **_others: result
