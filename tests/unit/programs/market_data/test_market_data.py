# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Market data that was made up: the same for the same seed, and with a known number of results."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import iterate_file
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.applications.market_spread import (
    MarketSpread,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.engine.applications.symbols import (
    BUILT_IN,
    read_symbols,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.market_data.main import (
    main,
    symbol_names,
    write_files,
)

from tests.decoders import decode_order, decode_quote

ARGUMENTS = {"seed": 7, "symbols": 40, "orders": 500, "quotes": 300, "rejecting": 0.25}


def payloads(path: Path) -> list[bytes]:
    return [payload for _offset, payload in iterate_file(path)]


def test_the_files_are_what_was_asked_for(tmp_path: Path) -> None:
    found, made = write_files(tmp_path / "data", ARGUMENTS)
    assert made
    initial = [decode_quote(payload) for payload in payloads(tmp_path / "data" / "initial-nbbo.msg")]
    assert [quote.symbol for quote in initial] == list(BUILT_IN[:40])
    assert len({quote.symbol for quote in initial} & set(found["rejecting_symbols"])) == 10
    orders = [decode_order(payload) for payload in payloads(tmp_path / "data" / "orders.msg")]
    assert len(orders) == 500
    assert {order.symbol for order in orders} <= set(BUILT_IN[:40])
    assert len(payloads(tmp_path / "data" / "nbbo.msg")) == 300


def test_as_many_results_come_out_as_were_foretold(tmp_path: Path) -> None:
    found, _made = write_files(tmp_path, ARGUMENTS)
    application, states = MarketSpread(), {}
    counts = []
    for source, name in ((1, "initial-nbbo.msg"), (0, "orders.msg"), (1, "nbbo.msg"), (0, "orders.msg")):
        counts.append(len(application.process(source, payloads(tmp_path / name), states)) // 2)
    assert counts == [0, found["results"], 0, found["results"]]
    assert 0 < found["results"] < 500


def test_the_same_seed_gives_the_same_bytes_for_ever(tmp_path: Path) -> None:
    write_files(tmp_path, ARGUMENTS)
    # Of a run with Python 3.9; all others must give the same.
    assert hashlib.sha256((tmp_path / "orders.msg").read_bytes()).hexdigest() == (
        "fcea8f6a2dd5e701d0d53ec71b3c8d9e5b6ef2ba5da66a0f38ecbf1dd513ba41"
    )
    write_files(tmp_path / "other", {**ARGUMENTS, "seed": 8})
    assert (tmp_path / "other" / "orders.msg").read_bytes() != (tmp_path / "orders.msg").read_bytes()


def test_what_is_there_is_kept_and_what_was_changed_is_made_anew(tmp_path: Path) -> None:
    write_files(tmp_path, ARGUMENTS)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert write_files(tmp_path, ARGUMENTS)[1] is False
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    (tmp_path / "orders.msg").write_bytes(b"")
    assert write_files(tmp_path, ARGUMENTS)[1] is True
    assert write_files(tmp_path, {**ARGUMENTS, "orders": 1})[1] is True
    (tmp_path / "market_data.json").write_text("[]")
    assert write_files(tmp_path, ARGUMENTS)[1] is True


def test_more_symbols_than_are_built_in_are_made_up(tmp_path: Path) -> None:
    names = symbol_names(3000)
    assert len(set(names)) == 3000
    assert {len(name) for name in names} == {4}
    path = tmp_path / "symbols"
    path.write_text("".join(f"{name},5\n" for name in names))
    assert read_symbols(str(path)) == names


@pytest.mark.parametrize(
    "arguments", [("--rejecting", "2"), ("--symbols", "0"), ("--symbols", "1000000"), ("--seed", "x")]
)
def test_wrong_use_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    try:
        code = main(["--directory", str(tmp_path / "data"), *arguments])
    except SystemExit as end:
        code = int(str(end.code))
    assert code == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    result = tmp_path / "result.json"
    assert main(["--directory", str(tmp_path / "file"), "--result", str(result)]) == 1
    assert f"market_data: {tmp_path / 'file'} cannot be written" in capsys.readouterr().err
    assert json.loads(result.read_text())["exit_code"] == 1
