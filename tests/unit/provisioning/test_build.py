# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds: what make does not notice is noticed, and what is whole is left alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning import build_record
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.build import Wanted, ensure_built
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.command import ProvisioningError, alone

from tests.wallaroo_repository import DETECTOR, MARKET_SPREAD, MPD, MS, VALIDATOR, Repository, git

ON = Wanted((MS, MPD), True)
LIMIT = 60.0


@pytest.fixture
def home(upstream: Repository) -> Path:
    return upstream.directory


def says(home: Path, name: str) -> str:
    return subprocess.run([str(home / name)], check=True, capture_output=True, text=True).stdout.split(" version")[0]


def test_what_comes_out_is_recorded_and_a_second_run_does_nothing(home):
    built = ensure_built(home, ON, LIMIT)
    assert built.changed
    assert built.reason == "it was not built yet"
    assert set(built.executables) == {MARKET_SPREAD, DETECTOR}
    assert says(home, DETECTOR) == "multi_partition_detector resilience=on"
    again = ensure_built(home, ON, LIMIT)
    assert not again.changed
    assert again.executables == built.executables


def test_another_flag_is_cleaned_first_since_make_does_not_notice(home):
    ensure_built(home, ON, LIMIT)
    subprocess.run(["make", "-C", str(home), MS, "resilience=off"], check=True, capture_output=True)
    assert says(home, MARKET_SPREAD) == "market-spread resilience=on", "make alone takes it for up to date"
    built = ensure_built(home, Wanted((MS, MPD), False), LIMIT)
    assert built.cleaned
    assert built.reason == "other flags are wanted than it was built with"
    assert says(home, MARKET_SPREAD) == "market-spread resilience=off"
    assert ensure_built(home, Wanted((MS,), False, ("PONYCFLAGS=-d",)), LIMIT).cleaned
    assert "# -D" not in (home / MARKET_SPREAD).read_text()
    assert "# -d" in (home / MARKET_SPREAD).read_text()


def test_an_executable_of_unknown_flags_is_not_trusted(home):
    subprocess.run(["make", "-C", str(home), MS, "resilience=off"], check=True, capture_output=True)
    assert ensure_built(home, ON, LIMIT).cleaned
    assert says(home, MARKET_SPREAD) == "market-spread resilience=on"


def test_changed_sources_are_built_committed_or_not(upstream, home):
    ensure_built(home, ON, LIMIT)
    upstream.write("lib/other.pony", "read by the compiler, and not known to make\n")
    assert ensure_built(home, ON, LIMIT).reason == "the sources have changed"
    assert not ensure_built(home, ON, LIMIT).changed
    upstream.commit("second")
    assert ensure_built(home, ON, LIMIT).changed
    upstream.write("testing/performance/apps/market-spread/market-spread.pony", "version 2\n")
    assert ensure_built(home, ON, LIMIT).changed
    assert "version 2" in (home / MARKET_SPREAD).read_text()


def test_what_a_build_leaves_is_nobodys_change(upstream, home):
    ensure_built(home, Wanted((MS,), True), LIMIT)
    assert git(home, "status", "--porcelain") == ""
    exclude = (home / ".git/info/exclude").read_text()
    ensure_built(home, Wanted((MS,), False), LIMIT)
    assert (home / ".git/info/exclude").read_text() == exclude


def test_an_executable_that_was_exchanged_is_built_again(home):
    ensure_built(home, ON, LIMIT)
    (home / DETECTOR).write_text("#!/bin/sh\n")
    assert ensure_built(home, ON, LIMIT).changed
    # make itself found it up to date.
    assert says(home, DETECTOR) == "multi_partition_detector resilience=on"
    (home / DETECTOR).chmod(0o644)
    assert ensure_built(home, ON, LIMIT).changed


def test_one_target_more_is_built(home):
    ensure_built(home, Wanted((MS,), True), LIMIT)
    built = ensure_built(home, ON, LIMIT)
    assert built.changed
    assert not built.cleaned
    assert set(built.executables) == {MARKET_SPREAD, DETECTOR}


def test_an_added_target_that_somebody_made_with_other_flags_is_made_again(home):
    ensure_built(home, Wanted((MS,), True), LIMIT)
    subprocess.run(["make", "-C", str(home), str(home / DETECTOR), "resilience=off"], check=True, capture_output=True)
    ensure_built(home, ON, LIMIT)
    assert says(home, DETECTOR) == "multi_partition_detector resilience=on"


def test_only_the_executable_of_a_known_target_is_made(home):
    """The detector's target wants machida too, which wants the headers of Python 2.7, of which Debian 12 has none."""
    ended = subprocess.run(["make", "-C", str(home), MPD], capture_output=True, text=True, check=False)
    assert "python2.7/Python.h" in ended.stderr
    ensure_built(home, ON, LIMIT)
    assert not (home / "machida/build").exists()
    assert not (home / VALIDATOR).exists()


def test_a_tree_behind_a_symbolic_link_is_built(home, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(home)
    assert ensure_built(link, ON, LIMIT).changed
    assert not ensure_built(link, ON, LIMIT).changed


def test_check_mode_tells_and_changes_nothing(home):
    assert ensure_built(home, ON, LIMIT, only_check=True).changed
    assert not (home / build_record.RECORD).exists()
    assert not (home / DETECTOR).exists()
    ensure_built(home, ON, LIMIT)
    assert not ensure_built(home, ON, LIMIT, only_check=True).changed


def test_make_that_fails_is_told_with_its_own_words(home):
    ensure_built(home, ON, LIMIT)
    with pytest.raises(
        ProvisioningError, match=r"(?s)make build-fails resilience=on failed .*exit code 2.*something else"
    ):
        ensure_built(home, Wanted(("build-fails",), True), LIMIT)
    assert build_record.read_record(home)["state"] == "building"
    assert "something else" in (home / build_record.LOG).read_text()
    assert ensure_built(home, ON, LIMIT).reason == "the last build did not come to its end"


def test_an_executable_that_does_not_come_out_is_missed(home):
    with pytest.raises(ProvisioningError, match=r"there is no executable .*/bin/machida"):
        ensure_built(home, Wanted(("build-nothing",), True, (), ("bin/machida",)), LIMIT)


def test_a_build_has_a_limit(home):
    begin = time.monotonic()
    with pytest.raises(ProvisioningError, match=r"make was not ready after 0.5 s and was ended; its output is in "):
        ensure_built(home, Wanted(("build-for-ever",), True), 0.5)
    assert time.monotonic() - begin < 30


def test_whoever_comes_second_waits_for_what_an_interrupted_run_left_working(home):
    code = (
        "import os, pathlib, sys\n"
        "from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning import build, command\n"
        "home = pathlib.Path(sys.argv[1])\n"
        "with command.alone(home, 5, 'x'):\n"
        "    build.ensure_built(home, build.Wanted(('build-for-ever',), True), 3)\n"
    )
    first = subprocess.Popen([sys.executable, "-c", code, str(home)])
    log = home / build_record.LOG
    end = time.monotonic() + 20
    while not (log.exists() and "\nat work\n" in log.read_text()):
        assert time.monotonic() < end
        assert first.poll() is None
        time.sleep(0.01)
    first.kill()
    first.wait()
    with pytest.raises(ProvisioningError, match=r"left working.*raise some_limit"), alone(home, 0.2, "some_limit"):
        pass
    with alone(home, 20, "some_limit"):
        assert ensure_built(home, ON, LIMIT).changed


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (Wanted((), True), "nothing to build"),
        (Wanted(("--eval=x",), True), "neither a target"),
        (Wanted((MS,), True, ("-n",)), "neither a target"),
        (Wanted((MS,), True, ("resilience=off",)), "must not hold resilience=off"),
        (Wanted((MS,), True, (), ("../x",)), "does not lie in the tree"),
    ],
)
def test_nonsense_is_refused_before_anything_is_done(home, wanted, sentence):
    with pytest.raises(ProvisioningError, match=sentence):
        ensure_built(home, wanted, LIMIT)
    assert not (home / build_record.LOG).exists()


def test_a_directory_that_is_no_tree_is_refused(tmp_path):
    with pytest.raises(ProvisioningError, match="has no Makefile"):
        ensure_built(tmp_path, ON, LIMIT)


def test_nothing_is_built_while_it_is_in_use(home):
    ensure_built(home, ON, LIMIT)
    assert not ensure_built(home, ON, LIMIT, in_use="worker2 runs").changed
    with pytest.raises(ProvisioningError, match="worker2 runs"):
        ensure_built(home, Wanted((MS,), False), LIMIT, in_use="worker2 runs")
    assert says(home, DETECTOR) == "multi_partition_detector resilience=on"


def test_a_record_that_cannot_be_read_is_none(home):
    (home / build_record.RECORD).write_text("{")
    assert ensure_built(home, ON, LIMIT).changed
    assert json.loads((home / build_record.RECORD).read_text())["state"] == "built"


def killed_in_the_link(home: Path, by: Callable[[subprocess.Popen[bytes]], None]) -> None:
    """A build of market-spread and then the detector that was killed while the detector was linked."""
    code = (
        "import pathlib, sys\n"
        "from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning import build\n"
        f"build.ensure_built(pathlib.Path(sys.argv[1]), build.Wanted({ON.targets!r}, True), 60)\n"
    )
    waiting = home / f"{DETECTOR}.link-for-ever"
    waiting.write_text("")
    linked = home / f"{DETECTOR}.linked"
    process = subprocess.Popen([sys.executable, "-c", code, str(home)], start_new_session=True)
    end = time.monotonic() + 60
    while not (linked.exists() and (home / DETECTOR).exists() and os.access(home / DETECTOR, os.X_OK)):
        assert time.monotonic() < end, "the link was not reached"
        assert process.poll() is None
        time.sleep(0.01)
    by(process)
    process.wait()
    waiting.unlink()


def everything_of_it(process: subprocess.Popen[bytes]) -> None:
    """A build and what it started: groups of their own, and one session."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            session = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[3])
        except OSError:
            continue
        if session == process.pid:
            os.kill(int(entry.name), signal.SIGKILL)


def test_what_was_killed_in_the_link_is_made_again_and_what_was_finished_stays(home):
    killed_in_the_link(home, everything_of_it)
    assert set((home / DETECTOR).read_bytes()) == {0}, "the full size, and no program"
    finished = (home / MARKET_SPREAD).stat().st_mtime_ns
    assert set(build_record.read_record(home)["executables"]) == {MARKET_SPREAD}
    built = ensure_built(home, ON, LIMIT)
    assert built.reason == "the last build did not come to its end"
    assert not built.cleaned
    assert says(home, DETECTOR) == "multi_partition_detector resilience=on"
    assert (home / MARKET_SPREAD).stat().st_mtime_ns == finished
    assert not ensure_built(home, ON, LIMIT).changed


def test_what_ctrl_c_left_is_completed(home):
    """It reaches Python, and not make, which has a group of its own; make is ended by its limit at the latest."""
    killed_in_the_link(home, lambda process: (process.send_signal(signal.SIGINT), everything_of_it(process)))
    assert ensure_built(home, ON, LIMIT).changed
    assert says(home, DETECTOR) == "multi_partition_detector resilience=on"


@pytest.mark.parametrize("mode", [0o644, 0o755])
@pytest.mark.parametrize("state", ["building", "built", "unreadable", "none"])
def test_an_empty_executable_is_made_again_whatever_is_recorded(home, mode, state):
    ensure_built(home, ON, LIMIT)
    record = build_record.read_record(home)
    (home / DETECTOR).write_bytes(b"")
    (home / DETECTOR).chmod(mode)
    (home / f"{DETECTOR}.d").write_text("half a line without a colon")
    del record["executables"][DETECTOR]
    if state in ("building", "built"):
        (home / build_record.RECORD).write_text(json.dumps({**record, "state": state}))
    elif state == "unreadable":
        (home / build_record.RECORD).write_text("[" * 100_000)
    else:
        (home / build_record.RECORD).unlink()
    ensure_built(home, ON, LIMIT)
    assert says(home, DETECTOR) == "multi_partition_detector resilience=on"


def test_what_comes_out_and_is_no_program_is_not_recorded(home, tmp_path):
    compiler = tmp_path / "ponyc-without-a-linker"
    compiler.write_text('#!/bin/sh\n: > "$(basename "$PWD")"; chmod 755 "$(basename "$PWD")"\n')
    compiler.chmod(0o755)
    with pytest.raises(ProvisioningError, match=r"market-spread is no program"):
        ensure_built(home, Wanted((MS,), True, (f"PONYCC={compiler}",)), LIMIT)
    assert build_record.read_record(home)["executables"] == {}
    assert ensure_built(home, ON, LIMIT).changed


@pytest.mark.parametrize(("program", "variable"), [("stable", "PONYSTABLE"), ("ponyc", "PONYCC")])
def test_a_missing_compiler_is_told_before_anything_is_cleaned(home, tmp_path, program, variable):
    ensure_built(home, ON, LIMIT)
    (tmp_path / "toolchain/bin" / program).unlink()
    assert not ensure_built(home, ON, LIMIT).changed, "nothing is needed where nothing is to be built"
    told = rf"there is no program {program}, .*run setup_dev_env.yml.*wallaroo_repo_make={variable}="
    for only_check in (True, False):
        with pytest.raises(ProvisioningError, match=told):
            ensure_built(home, Wanted((MS, MPD), False), LIMIT, only_check=only_check)
    assert says(home, DETECTOR) == "multi_partition_detector resilience=on"


def test_a_compiler_may_be_elsewhere(home, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "toolchain").rename(elsewhere)
    ensure_built(
        home, Wanted((MS,), True, (f"PONYCC={elsewhere}/bin/ponyc", f"PONYSTABLE={elsewhere}/bin/stable")), LIMIT
    )
    monkeypatch.setenv("PONYCC", f"{elsewhere}/bin/ponyc")
    monkeypatch.setenv("PONYSTABLE", f"{elsewhere}/bin/stable")
    assert ensure_built(home, ON, LIMIT).changed


def test_what_stable_did_not_fetch_is_named(home, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB", str(tmp_path / "github"))
    wanted = Wanted(("build-machida",), True, (f"PYTHON_HEADERS={tmp_path}",), ("machida/build/machida",))
    (tmp_path / "Python.h").write_text("")
    with pytest.raises(ProvisioningError) as told:
        ensure_built(home, wanted, LIMIT)
    assert "stable did not fetch WallarooLabs/pony-kafka 0.5.0, which machida/bundle.json names" in str(told.value)
    assert "pony-kafka' does not exist" in str(told.value), "git's own words"
    kafka = tmp_path / "github/WallarooLabs/pony-kafka"
    kafka.mkdir(parents=True)
    git(kafka, "init", "--quiet")
    (kafka / "kafka.pony").write_text("")
    git(kafka, "add", "--all")
    git(kafka, "commit", "--quiet", "--message", "first")
    git(kafka, "tag", "0.5.0")
    assert set(ensure_built(home, wanted, LIMIT).executables) == {"machida/build/machida"}


def test_another_tag_than_asked_for_is_not_what_was_fetched(home, tmp_path, monkeypatch):
    """The clone of yesterday is there, and today's news of it could not be had."""
    monkeypatch.setenv("GITHUB", str(tmp_path / "github"))
    bundle = Path(MARKET_SPREAD).with_name("bundle.json")
    fetched = home / bundle.parent / ".deps/WallarooLabs/pony-kafka"
    fetched.mkdir(parents=True)
    git(fetched, "init", "--quiet")
    git(fetched, "commit", "--quiet", "--allow-empty", "--message", "first")
    (fetched / "kafka.pony").write_text("")
    (home / bundle).write_text((home / "machida/bundle.json").read_text())
    with pytest.raises(ProvisioningError, match=r"stable did not fetch WallarooLabs/pony-kafka 0.5.0"):
        ensure_built(home, Wanted((MS,), True), LIMIT)
    assert build_record.read_record(home)["state"] == "building"
    git(fetched, "tag", "0.5.0")
    assert ensure_built(home, Wanted((MS,), True), LIMIT).changed
