# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds: what make does not notice is noticed, and what is whole is left alone."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning import build
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.build import Wanted, ensure_built
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.command import ProvisioningError, alone

from tests.wallaroo_repository import DETECTOR, MARKET_SPREAD, MPD, MS, Repository, git

ON = Wanted((MS, MPD), True)
LIMIT = 60.0


@pytest.fixture
def home(upstream: Repository) -> Path:
    return upstream.directory


def says(home: Path, name: str) -> str:
    return subprocess.run([str(home / name)], check=True, capture_output=True, text=True).stdout.strip()


def test_what_comes_out_is_recorded_and_a_second_run_does_nothing(home):
    built = ensure_built(home, ON, LIMIT)
    assert built.changed
    assert built.reason == "it was not built yet"
    assert set(built.executables) == {MARKET_SPREAD, DETECTOR}
    assert says(home, DETECTOR) == "detector resilience=on"
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
    assert ensure_built(home, Wanted((MS,), False, ("words=more",)), LIMIT).cleaned
    assert says(home, MARKET_SPREAD) == "market-spread resilience=off more"


def test_an_executable_of_unknown_flags_is_not_trusted(home):
    subprocess.run(["make", "-C", str(home), MS, "resilience=off"], check=True, capture_output=True)
    assert ensure_built(home, ON, LIMIT).cleaned
    assert says(home, MARKET_SPREAD) == "market-spread resilience=on"


def test_changed_sources_are_built_committed_or_not(upstream, home):
    ensure_built(home, ON, LIMIT)
    upstream.write("lib/other.pony", "# read by the compiler, and not known to make\n")
    assert ensure_built(home, ON, LIMIT).reason == "the sources have changed"
    assert not ensure_built(home, ON, LIMIT).changed
    upstream.commit("second")
    assert ensure_built(home, ON, LIMIT).changed
    upstream.write("testing/performance/apps/market-spread/market-spread.pony", "# version 2\n")
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
    assert says(home, DETECTOR) == "detector resilience=on"
    (home / DETECTOR).chmod(0o644)
    assert ensure_built(home, ON, LIMIT).changed


def test_one_target_more_is_built(home):
    ensure_built(home, Wanted((MS,), True), LIMIT)
    built = ensure_built(home, ON, LIMIT)
    assert built.changed
    assert not built.cleaned


def test_check_mode_tells_and_changes_nothing(home):
    assert ensure_built(home, ON, LIMIT, only_check=True).changed
    assert not (home / build.RECORD).exists()
    assert not (home / DETECTOR).exists()
    ensure_built(home, ON, LIMIT)
    assert not ensure_built(home, ON, LIMIT, only_check=True).changed


def test_make_that_fails_is_told_with_its_own_words(home):
    ensure_built(home, ON, LIMIT)
    with pytest.raises(ProvisioningError, match=r"(?s)make build-fails resilience=on failed .*exit code 2.*find ponyc"):
        ensure_built(home, Wanted(("build-fails",), True), LIMIT)
    assert build.read_record(home)["state"] == "building"
    assert "could not find ponyc" in (home / build.LOG).read_text()
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
    log = home / build.LOG
    end = time.monotonic() + 20
    while not (log.exists() and "build-for-ever" in log.read_text()):
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
    assert not (home / build.LOG).exists()


def test_a_directory_that_is_no_tree_is_refused(tmp_path):
    with pytest.raises(ProvisioningError, match="has no Makefile"):
        ensure_built(tmp_path, ON, LIMIT)


def test_nothing_is_built_while_it_is_in_use(home):
    ensure_built(home, ON, LIMIT)
    assert not ensure_built(home, ON, LIMIT, in_use="worker2 runs").changed
    with pytest.raises(ProvisioningError, match="worker2 runs"):
        ensure_built(home, Wanted((MS,), False), LIMIT, in_use="worker2 runs")
    assert says(home, DETECTOR) == "detector resilience=on"


def test_a_record_that_cannot_be_read_is_none(home):
    (home / build.RECORD).write_text("{")
    assert ensure_built(home, ON, LIMIT).changed
    assert json.loads((home / build.RECORD).read_text())["state"] == "built"
