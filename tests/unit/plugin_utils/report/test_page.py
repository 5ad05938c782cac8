# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a run that was kept, and two runs beside each other."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._report import (
    charts,
    comparison,
    keeping,
    page,
    plots,
    stored,
    story,
)

from tests.kept_runs import KINDS, change, keep

LARGEST = 2 << 20
"""Bytes of a page at most, whatever the run's size."""


class Text(HTMLParser):
    """What a page says, and what it would ask somebody for."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.asks: list[str] = []
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.asks += [value or "" for name, value in attrs if name in ("src", "href", "style") or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def __str__(self) -> str:
        return " ".join(" ".join(self.words).split())


def made(folder: Path) -> Text:
    return Text(page.html(stored.read(folder)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_asks_nobody_for_anything_and_runs_nothing(kind: str, tmp_path: Path) -> None:
    html = page.html(stored.read(keep(kind, tmp_path)))
    text = Text(html)
    assert all(one.startswith("#") for one in text.asks), text.asks
    assert not text.tags & {"script", "img", "iframe", "object", "link", "form", "input"}
    assert "default-src 'none'; style-src 'sha256-" in unescape(html)
    assert len(html.encode()) < LARGEST
    identities = re.findall(r'\bid="([^"]+)"', html)
    assert len(identities) == len(set(identities))
    assert all(f'id="{one}"' in html for one in re.findall(r'(?:href="#|url\(#)([^")]+)', html))


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("passing", ["pass", "22,000 of 22,000 messages of 11 keys, each exactly once and in order, through 1 crash"]),
        (
            "lossy",
            [
                "fail",
                "5,630 of 9,900 messages",
                "505..518 of key_0, key_6, key_9",
                "What is missing, by key",
                "lost_tail",
            ],
        ),
        (
            "rolled-back",
            ["rolled back", "the program is broken", "to try it on server4, and start it on server2 again"],
        ),
        ("interrupted", ["unknown", "was interrupted", "killed (SIGKILL)", "worker=2 src=2 dst=4"]),
        (
            "completed",
            ["moved", "One call was interrupted, and another completed it", "was interrupted", "take_over=true"],
        ),
    ],
)
def test_what_a_page_says(kind: str, says: list[str], tmp_path: Path) -> None:
    text = str(made(keep(kind, tmp_path)))
    assert [one for one in says if one not in text] == []


def test_a_page_tells_what_was_never_sent(tmp_path: Path) -> None:
    folder = keep("passing", tmp_path)
    result = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps({**result, "unsent": "456..500 of each key were never sent."}))
    assert story.headline(stored.read(folder)).reason == "456..500 of each key were never sent."


@pytest.mark.parametrize("content", [None, '{"verdict": "pa', '{"verdict": "unknown", "name": "demo", "scope": ""}'])
def test_of_a_run_that_did_not_end_nothing_is_known_of_messages(content: str | None, tmp_path: Path) -> None:
    folder = keep("interrupted", tmp_path)
    (folder / "result.json").unlink()
    if content is not None:
        (folder / "result.json").write_text(content)
    headline = story.headline(stored.read(folder))
    assert (headline.word, headline.scope) == ("unknown", "Nothing is known of messages.")


def test_what_a_run_says_is_text_and_nothing_else(tmp_path: Path) -> None:
    folder = keep("lossy", tmp_path)
    evil = "</style><script>alert(1)</script><b onclick='x'>"
    violation = {"kind": evil, "sentence": evil, "found": evil, "around": [evil], "position": 1, "offset": 2}
    change(folder, reason=evil, app=evil, name=evil, violations=[violation], variables={evil: evil})
    keys = {evil: {"sent": 1, "received": 1, "longest": 0.1, "longest_at": 1.0, "delay": [0.1]}}
    change(folder, "flow.json", keys=keys, notes=[evil])
    html = page.html(stored.read(folder))
    assert "<script" not in html
    assert "<b " not in html
    assert evil in str(Text(html))


def test_the_numbers_behind_a_rate_are_a_rate(tmp_path: Path) -> None:
    folder = keep("passing", tmp_path)
    change(folder, "flow.json", step=0.2, arrivals=[0, 88, 22], sent=[110, 0, 0])
    total = charts.Charts(stored.read(folder)).all()[0]
    assert total.title == "Messages a second"
    assert total.rows[1:] == [["0.2 s", "440", "0"], ["0.4 s", "110", "0"]]
    assert "440 a second at most" in total.summary


def test_messages_came_out_until_the_last_of_them(tmp_path: Path) -> None:
    folder = keep("passing", tmp_path)
    begin = json.loads((folder / "flow.json").read_text())["begin"]
    lull = {"kind": "outage", "begin": begin + 0.2, "end": begin + 35.2, "came": False}
    change(folder, "flow.json", step=0.1, arrivals=[9, 1, *[0] * 30], sent=[11, *[0] * 31], lulls=[lull])
    summary = charts.Charts(stored.read(folder)).all()[0].summary
    assert summary.startswith("10 messages came out in 0.20 s, 90 a second at most. For 35.0 s nothing came out")
    assert summary.endswith("It went on after what is shown, until somebody looked for the last time.")
    change(folder, "flow.json", lulls=[{**lull, "end": begin + 3.2}])
    assert "went on" not in charts.Charts(stored.read(folder)).all()[0].summary


def test_without_the_library_of_plots_their_sentences_and_numbers_are_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ziaplot", None)
    text = made(keep("lossy", tmp_path))
    assert "This plot is missing: the Python package ziaplot is not installed" in str(text)
    assert "The longest was 2.44 s, of key_0" in str(text)
    assert "What did not come" not in str(text)


def test_a_plot_that_fails_is_missing_and_nothing_else_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> str:
        raise ZeroDivisionError("no room")

    monkeypatch.setattr(plots, "_svg", fail)
    text = str(made(keep("passing", tmp_path)))
    assert "This plot is missing: ziaplot failed: ZeroDivisionError('no room')" in text
    assert "22,000" in text


def test_plots_are_drawn_as_the_library_draws_them_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = stored.read(keep("lossy", tmp_path))
    shallow = page.html(run)
    monkeypatch.setattr(plots, "shallow_styles", contextlib.nullcontext)
    assert page.html(run) == shallow
    assert shallow.count("<svg") > 2


def test_a_page_is_the_same_whatever_became_of_its_compiled_templates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stored.read(keep("passing", tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    for path in page.HERE.iterdir():
        if path.suffix in (".css", ".j2"):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(page, "HERE", tmp_path)
    # Nothing can be kept where there is no directory.
    page_of = page.html(run)
    (tmp_path / "__pycache__").mkdir()
    assert page.html(run) == page_of
    kept = list((tmp_path / "__pycache__").iterdir())
    assert len(kept) == 2, "the page, and its parts"
    assert page.html(run) == page_of
    for damage in (lambda data: data[:-9], lambda data: data[:200] + b"\0" + data[201:], lambda _data: b""):
        for path in kept:
            path.write_bytes(damage(path.read_bytes()))
        assert page.html(run) == page_of
        assert all(len(path.read_bytes()) > 1000 for path in kept), "compiled anew"

    before = {path: path.read_bytes() for path in kept}
    with monkeypatch.context() as patch:
        patch.setattr(jinja2, "__version__", "another one")
        assert page.html(run) == page_of
    assert all(path.read_bytes() != before[path] for path in kept), "of another Jinja nothing is taken"

    (tmp_path / "report.html.j2").write_text("{{ name }}, of another version")
    assert page.html(run) == f"{run.name}, of another version"


@pytest.mark.parametrize("name", ["result.json", "flow.json"])
@pytest.mark.parametrize("content", [None, "", "[]", "{", '{"keys": 3, "lulls": null}', "\0" * 9])
def test_a_file_that_is_damaged_or_missing_is_told(name: str, content: str | None, tmp_path: Path) -> None:
    folder = keep("passing", tmp_path)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    found, problems = keeping.keep(folder, None)
    if found is None:
        assert "could not be made" in problems[0], "what is understood in part is told"
    elif content is None or not content.startswith('{"'):
        assert name in found.read_text()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e308", "-1e999", "9" * 400])
@pytest.mark.parametrize("field", ["begin", "step", "arrivals", "lulls"])
def test_numbers_that_no_run_writes_keep_nobody_from_the_rest(field: str, number: str, tmp_path: Path) -> None:
    folder = keep("passing", tmp_path)
    value = f"[1, {number}]" if field == "arrivals" else number
    if field == "lulls":
        value = f'[{{"kind": "outage", "begin": 0, "end": {number}}}]'
    flow = json.loads((folder / "flow.json").read_text())
    (folder / "flow.json").write_text(json.dumps({**flow, field: "HERE"}).replace('"HERE"', value))
    run = stored.read(folder)
    text = str(made(folder))
    assert "22,000 of 22,000 messages of 11 keys" in text
    assert f"flow.json could not be read: {number[:20]} in it is no moment, duration or count." in text
    assert str(Text(comparison.html(run, run))).count("could not be read") == 2


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"flow.json": {"lulls": 3}}, "worker2"),
        ({"flow.json": {"arrivals": ["a"]}}, "worker2"),
        ({"result.json": {"migrations": 7}}, "messages came out in"),
        ({"result.json": {"violations": ["a"], "seconds": "long"}}, "messages came out in"),
        ({"flow.json": {"lulls": 3}, "result.json": {"migrations": 7}}, "exactly once"),
    ],
)
def test_what_cannot_be_shown_is_left_out_and_told(
    changes: dict[str, dict[str, object]], left: str, tmp_path: Path
) -> None:
    folder = keep("passing", tmp_path)
    for file, values in changes.items():
        change(folder, file, **values)
    text = str(made(folder))
    assert "22,000 of 22,000 messages of 11 keys, each exactly once" in text
    assert left in text
    assert f"{' and '.join(changes)} could not be shown as a whole" in text


def test_what_came_out_when_is_kept_beside_the_result(tmp_path: Path) -> None:
    folder = keep("passing", tmp_path)
    flow = json.loads((folder / "flow.json").read_text())
    (folder / "flow.json").unlink()
    found, problems = keeping.keep(folder, flow)
    assert (found, problems) == (folder / "report.html", [])
    assert json.loads((folder / "flow.json").read_text()) == flow
    assert found is not None
    assert found.stat().st_mode & 0o077 == 0


def test_a_page_that_cannot_be_made_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_run: stored.Stored) -> str:
        raise RuntimeError("out of paper")

    monkeypatch.setattr(page, "html", fail)
    found, problems = keeping.keep(keep("passing", tmp_path), {"notes": []})
    assert found is None
    assert problems == [
        "report.html of this run could not be made: RuntimeError('out of paper'). report.yml makes it again."
    ]


def test_a_page_stays_small_whatever_the_run_has(tmp_path: Path) -> None:
    folder = keep("lossy", tmp_path)
    result = json.loads((folder / "result.json").read_text())
    change(folder, migrations=result["migrations"] * 200, violations=result["violations"] * 10)
    flow = json.loads((folder / "flow.json").read_text())
    noise = [((number * 7919) % 1000) / 100 for number in range(241)]
    keys = {f"key_{number}": {**flow["keys"]["key_0"], "delay": noise} for number in range(40)}
    change(
        folder,
        "flow.json",
        arrivals=[number * 1000 + 1 for number in range(241)],
        sent=[number * 999 for number in range(241)],
        latency={"50": noise, "99": noise, "all": flow["latency"]["all"]},
        keys=keys,
    )
    html = page.html(stored.read(folder))
    assert len(html.encode()) < LARGEST
    drawn = "".join(re.findall(r"<svg.*?</svg>", html, re.DOTALL))
    assert ">60</" in drawn
    assert ">61</" not in drawn, "nobody could read more of them"


def test_the_downtime_goes_where_its_moments_say(tmp_path: Path) -> None:
    (move,) = story.moves(stored.read(keep("passing", tmp_path)))
    assert [part.what for part in move.parts] == [
        "to die",
        "to copy and prove its files",
        "to write the addresses and start it",
        "to recover, until it processed messages again",
    ]
    assert sum(part.seconds for part in move.parts) == pytest.approx(move.data["downtime_seconds"], abs=0.002)


def test_clocks_that_do_not_agree_give_no_parts(tmp_path: Path) -> None:
    folder = keep("passing", tmp_path)
    migration = json.loads((folder / "result.json").read_text())["migrations"][0]
    change(folder, migrations=[{**migration, "copied": migration["killed"]}])
    (move,) = story.moves(stored.read(folder))
    assert move.parts == []
    assert charts.downtime(move) is None


@pytest.mark.parametrize(
    ("unknown", "says"), [("killed", None), ("died", "in all"), ("resumed", "until the last moment that is known")]
)
def test_a_downtime_of_which_the_end_or_the_beginning_is_not_known(
    unknown: str, says: str | None, tmp_path: Path
) -> None:
    folder = keep("passing", tmp_path)
    migration = json.loads((folder / "result.json").read_text())["migrations"][0]
    change(folder, migrations=[{**migration, unknown: None, "downtime_seconds": None}])
    (move,) = story.moves(stored.read(folder))
    figure = charts.downtime(move)
    assert (figure and says in figure.summary) if says else figure is None


def test_what_the_cluster_was_doing_when_something_wrong_came(tmp_path: Path) -> None:
    folder = keep("passing", tmp_path)
    (move,) = story.moves(stored.read(folder))
    assert move.killed is not None
    assert move.resumed is not None
    times = [move.killed - 1, move.killed + 0.01, move.resumed + 2]
    change(folder, violations=[{"position": 1, "offset": number} for number in range(4)])
    change(folder, "flow.json", moments={str(number): at for number, at in enumerate(times)})
    assert [one.meanwhile for one in story.witnesses(stored.read(folder))] == [
        "before anything was done to a worker",
        "while worker2 was down (crash 1)",
        "2.00 s after worker2 on server3: processes messages again",
        "",
    ]


def test_of_a_run_that_did_nothing_itself_the_marks_of_the_metrics_ui_are_told(tmp_path: Path) -> None:
    folder = keep("passing", tmp_path)
    change(folder, migrations=[])
    assert [(one.kind, one.worker) for one in story.happenings(stored.read(folder))] == [
        (kind, "worker2") for kind in ("crash", "copy", "start", "resumed")
    ]


def test_a_run_is_found_by_its_name_its_path_and_as_the_latest(tmp_path: Path) -> None:
    first = keep("passing", tmp_path)
    second = tmp_path / "20261129T000000-demo"
    first.rename(tmp_path / "20261127T000000-demo")
    first = tmp_path / "20261127T000000-demo"
    keep("lossy", tmp_path).rename(second)
    assert stored.find(tmp_path, "latest") == second
    assert stored.find(tmp_path, first.name) == first
    assert stored.find(tmp_path / "elsewhere", str(first)) == first
    (tmp_path / "latest").symlink_to(first.name)
    assert stored.find(tmp_path, "latest") == first
    assert stored.wanted(None, str(tmp_path)).folder == first
    assert stored.wanted(second.name, tmp_path).folder == second
    with pytest.raises(stored.NoRun, match="There is no run splendid"):
        stored.find(tmp_path, "splendid")
    with pytest.raises(stored.NoRun, match="holds no run"):
        stored.find(tmp_path / "elsewhere", "latest")


def test_another_folder_is_none_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(stored.NoRun, match=r"photos is no folder of a run: it has neither result.json nor timeline"):
        stored.wanted("photos", tmp_path)
    (tmp_path / "photos" / "timeline.jsonl").touch()
    assert stored.wanted("photos", tmp_path).result == {}, "a run that was interrupted at once"


def test_two_runs_beside_each_other(tmp_path: Path) -> None:
    first, second = (stored.read(keep(kind, tmp_path)) for kind in ("passing", "lossy"))
    table = comparison.table(first, second)
    assert table[0].split() == [first.name, second.name, "difference"]
    assert "messages received" in table[3]
    assert "22,000" in table[3]
    assert "-74%" in table[3]
    assert any(line.split() == ["workers", "2", "3"] for line in table)
    text = Text(comparison.write(tmp_path, (first, second)).read_text())
    assert all(one.startswith("#") for one in text.asks)
    for word in ("pass", "fail", "longest downtime", "Messages a second", "Longest delay"):
        assert word in str(text)


@pytest.mark.parametrize("kind", ["rolled-back", "interrupted"])
def test_a_run_that_looked_at_no_message_is_not_one_of_no_messages(kind: str, tmp_path: Path) -> None:
    first, second = stored.read(keep("passing", tmp_path)), stored.read(keep(kind, tmp_path))
    rows = {row.name: row for row in comparison.rows(first, second)}
    for name, value in (("messages expected", "22,000"), ("messages received", "22,000"), ("violations", "0")):
        assert (rows[name].values, rows[name].difference) == ((value, "\N{EN DASH}"), "")


def test_beside_a_run_that_cannot_be_read_its_variables_are_not_told_one_by_one(tmp_path: Path) -> None:
    first, folder = stored.read(keep("passing", tmp_path)), keep("lossy", tmp_path)
    (folder / "result.json").write_text("{")
    second = stored.read(folder)
    lines = comparison.table(first, second)
    assert not [line for line in lines if line.startswith("variable")]
    assert lines[-1].startswith(f"{folder.name}: result.json could not be read")
    text = str(Text(comparison.html(first, second)))
    assert "That is not known." in text
    assert "Nothing: same" not in text


def test_runs_without_anything_over_time_are_compared_by_their_results(tmp_path: Path) -> None:
    first, second = keep("passing", tmp_path), keep("interrupted", tmp_path)
    (first / "flow.json").unlink()
    text = str(Text(comparison.html(stored.read(first), stored.read(second))))
    assert "pass" in text
    assert "unknown" in text


@pytest.mark.parametrize("most", [0.0, 0.004, 1.0, 999.0, 12_345.0, 1e9])
def test_axes_end_above_what_is_shown(most: float) -> None:
    axis = plots.value_axis(most)
    assert axis.most > most
    assert 2 <= len(axis.ticks) <= 7
    assert axis.ticks[0][1] == "0"
    time = plots.time_axis(0.0, max(most, 0.1), 9)
    assert 2 <= len(time.ticks) <= 11


def test_stairs_have_a_corner_where_something_changes_and_end_where_nothing_is_known() -> None:
    assert plots.stairs(0, 1, [1, 1, 2, None, 2]) == [
        *((0, 1), (2, 1), (2, 2), (3, 2)),
        *((3, None), (4, None), (4, 2), (5, 2)),
    ]


def test_what_was_never_sent_is_not_missing(tmp_path: Path) -> None:
    folder = keep("lossy", tmp_path)
    tail = {"kind": "lost_tail", "position": -1, "missing": [373, 900]}
    change(folder, violations=[{**tail, "key": "key_0", "lost": [373, 374]}, {**tail, "key": "key_1", "lost": None}])
    keys = {"key_0": {"sent": 376}, "key_1": {"sent": 376}}
    change(folder, "flow.json", keys=keys)
    assert story.losses(stored.read(folder)) == [("key_0", "373 to 374", 2), ("key_1", "373 to 376", 4)]
    change(folder, "flow.json", keys={"key_1": {"sent": 372}})
    assert [key for key, _, _ in story.losses(stored.read(folder))] == ["key_0"]


def test_a_page_of_a_negative_run_says_first_whether_it_was_caught(tmp_path: Path) -> None:
    folder, sentence = keep("lossy", tmp_path), "negative run: old_copy was caught: 1 violation"
    change(folder, negative={"damage": "old_copy", "caught": True, "sentence": sentence}, reason="An old copy.")
    assert story.headline(stored.read(folder)).reason == "Negative run: old_copy was caught: 1 violation. An old copy."
    change(folder, reason="Negative run: old_copy was caught: 1 violation.")
    assert story.headline(stored.read(folder)).reason == "Negative run: old_copy was caught: 1 violation."
