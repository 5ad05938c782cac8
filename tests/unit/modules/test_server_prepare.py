# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``server_prepare``."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.wallaroo.resilience.plugins.module_utils._process.identity import is_alive
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.record import ProcessRecord
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.stop import kill
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import runtime
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.server_state import DIRECTORIES

from tests.deploying import archive, deploy, digest
from tests.module_runner import contents, refuse, succeed


def test_a_server_is_prepared_once(server: Path, cluster: dict[str, Any], tmp_path: Path) -> None:
    asked = {"base": str(server), "server": "server1", "cluster": cluster, "programs": digest()}
    assert succeed("server_prepare", asked)["wants_archive"] is True
    assert not server.exists(), "before its programs are there nothing is done"
    given = {**asked, "archive": str(archive(tmp_path))}
    assert succeed("server_prepare", given, check=True)["changed"] is True
    assert not server.exists()
    first = succeed("server_prepare", given)
    assert (first["changed"], first["runtime"], first["removed"]) == (True, str(server / "runtime"), [])
    before = contents(server)
    assert succeed("server_prepare", asked)["changed"] is False
    assert contents(server) == before
    assert oct(server.stat().st_mode & 0o777) == "0o700"
    # What was deployed runs without the collection.
    launcher = [sys.executable, "-E", "-s", str(server / "runtime" / "programs.pyz"), "sender", "--last", "0"]
    ended = subprocess.run(launcher, capture_output=True, text=True, check=False, env={})
    assert (ended.returncode, ended.stderr[:8]) == (2, "sender: ")


def test_programs_that_did_not_arrive_whole_are_not_deployed(server: Path, tmp_path: Path) -> None:
    asked = {"base": str(server), "server": "server1", "programs": digest()}
    whole = archive(tmp_path)
    for wrong in (whole.read_bytes()[:-1000], b"", _with_a_module_more(whole)):
        (tmp_path / "wrong.pyz").write_bytes(wrong)
        sentence = refuse("server_prepare", {**asked, "archive": str(tmp_path / "wrong.pyz")})
        assert "wrong.pyz is" in sentence
        assert "run it again" in sentence
    assert succeed("server_prepare", asked)["wants_archive"] is True


def test_what_runs_may_read_its_own_programs_after_an_update(server: Path, tmp_path: Path) -> None:
    deploy(server)
    older = (server / "runtime" / "programs.pyz").resolve()
    for number in range(3):
        packed = tmp_path / f"{number}.pyz"
        with zipfile.ZipFile(packed, "w") as opened:
            opened.writestr("__main__.py", f"print({number})")
        newer = runtime.digest_of({"__main__.py": f"print({number})".encode()})
        runtime.install(str(server), newer, str(packed))
        assert older.exists() is (number == 0)
        link = [sys.executable, str(server / "runtime" / "programs.pyz")]
        assert subprocess.run(link, capture_output=True, text=True, check=True).stdout == f"{number}\n"
        assert runtime.is_installed(str(server), newer)
    assert len(list((server / "runtime").iterdir())) == 5, "the link, the newest, the one before it, and their sums"


def test_a_directory_in_the_place_of_a_file_of_the_programs_is_taken_away(server: Path) -> None:
    deploy(server)
    archive = (server / "runtime" / "programs.pyz").resolve()
    for place in (archive, archive.with_suffix(".crc32")):
        place.unlink()
        place.mkdir()
        deploy(server)
        assert place.is_file()


def test_what_runs_keeps_its_programs_through_any_number_of_updates(
    server: Path, tmp_path: Path, start_process: Callable[..., ProcessRecord]
) -> None:
    deploy(server)
    own = (server / "runtime" / "programs.pyz").resolve()
    running = start_process(server, "receiver", "receiver")
    for number in range(4):
        packed = tmp_path / f"{number}.pyz"
        with zipfile.ZipFile(packed, "w") as opened:
            opened.writestr("__main__.py", f"print({number})")
        digest_now = runtime.digest_of({"__main__.py": f"print({number})".encode()})
        if number == 3:
            kill(running.identity)
        runtime.install(str(server), digest_now, str(packed))
        assert own.exists() is (number < 3)


def test_an_archive_that_a_disk_has_damaged_is_brought_again(server: Path, tmp_path: Path) -> None:
    deploy(server)
    own = (server / "runtime" / "programs.pyz").resolve()
    data = bytearray(own.read_bytes())
    data[len(data) // 2] ^= 0xFF
    own.write_bytes(data)
    asked = {"base": str(server), "server": "server1", "programs": digest()}
    assert succeed("server_prepare", asked)["wants_archive"] is True
    assert succeed("server_prepare", {**asked, "archive": str(archive(tmp_path))})["changed"] is True
    assert "wants_archive" not in succeed("server_prepare", asked)


def _with_a_module_more(archive: Path) -> bytes:
    copy = archive.with_name("copy.pyz")
    shutil.copyfile(archive, copy)
    with zipfile.ZipFile(copy, "a") as opened:
        opened.writestr("more.py", "")
    return copy.read_bytes()


def test_what_an_earlier_cluster_left_is_removed(
    server: Path, cluster: dict[str, Any], start_process: Callable[..., ProcessRecord]
) -> None:
    given = {"base": str(server), "server": "server1", "cluster": cluster}
    succeed("server_prepare", given)
    kept = [name for name in DIRECTORIES if name != "run"]
    for name in kept:
        (server / name / "left").touch()
    (server / "received" / "received.bin").touch()
    later = {**given, "cluster": {**cluster, "identifier": "cluster-2"}}
    assert "received" in succeed("server_prepare", later, check=True)["removed"]
    assert (server / "received" / "received.bin").exists()
    start_process(server, "worker2")
    assert "worker2 still runs; stop it first" in refuse("server_prepare", later)
    succeed("server_stop", {"base": str(server), "server": "server1"})
    # The others were emptied as it was stopped.
    assert {"received", "sent"} <= set(succeed("server_prepare", later)["removed"])
    # Each worker has a directory of its own again.
    assert [path for name in kept for path in (server / name).rglob("*") if path.is_file()] == []


def test_what_an_interrupted_start_left_running_is_stopped(
    server: Path, cluster: dict[str, Any], start_process: Callable[..., ProcessRecord]
) -> None:
    given = {"base": str(server), "server": "server1", "cluster": cluster}
    succeed("server_prepare", given)
    left = start_process(server, "receiver", "receiver")
    again = {**given, "cluster": {**cluster, "identifier": "cluster-2"}}
    assert succeed("server_prepare", again, check=True)["stopped"] == ["receiver"]
    assert is_alive(left.identity)
    assert succeed("server_prepare", given)["stopped"] == [], "of the same cluster it is none that was left"
    assert is_alive(left.identity)
    assert succeed("server_prepare", again)["stopped"] == ["receiver"]
    assert not is_alive(left.identity)


def test_refusals_are_sentences(server: Path, tmp_path: Path, cluster: dict[str, Any]) -> None:
    server.touch()
    given = {"base": str(server), "server": "server1", "programs": digest(), "archive": str(archive(tmp_path))}
    assert refuse("server_prepare", given).startswith("server1 could not be prepared: ")
    wrong = {"base": str(server), "server": "server1", "cluster": {**cluster, "workers": 0}}
    assert "this is no record of a cluster: 0 workers" in refuse("server_prepare", wrong)
