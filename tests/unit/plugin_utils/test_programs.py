# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive of programs that servers run."""

from __future__ import annotations

import ast
import http.client
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _programs

PROGRAMS = _programs.LIBRARY / "_programs"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "programs.pyz"
    _programs.pack(path)
    return path


def run(archive: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Without the collection, and from another directory."""
    argv = [sys.executable, "-E", "-s", str(archive), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False, env={}, cwd="/", timeout=60)


def test_the_same_sources_give_the_same_archive(archive: Path, tmp_path: Path) -> None:
    _programs.pack(tmp_path / "again.pyz")
    assert archive.read_bytes() == (tmp_path / "again.pyz").read_bytes()
    with zipfile.ZipFile(archive) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == _programs.contents()


def test_every_program_runs_from_it(archive: Path) -> None:
    programs = sorted(path.parent.name for path in PROGRAMS.glob("*/main.py"))
    assert {"engine", "journal_server", "metrics_ui", "receiver", "sender", "source_agent"} <= set(programs)
    for program in programs:
        words = ["multi_partition_detector"] if program == "engine" else [program, "--no-such-option"]
        ended = run(archive, *words)
        assert "Traceback" not in ended.stderr, ended.stderr
        assert "PROGRAM" not in ended.stderr, ended.stderr


def test_the_page_of_the_metrics_ui_is_in_it_and_is_served_from_it(archive: Path, tmp_path: Path) -> None:
    token = tmp_path / "token"
    where = ["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--token-file", str(token)]
    argv = [sys.executable, "-E", "-s", str(archive), "metrics_ui", *where]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env={}, cwd="/") as process:
        try:
            assert process.stdout
            said = process.stdout.readline() + process.stdout.readline()
            found = re.search(r"open http://127\.0\.0\.1:(\d+)/", said)
            assert found, said
            for page in _programs.PAGE.iterdir():
                connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=20)
                connection.request("GET", f"/static/{page.name}")
                answer = connection.getresponse()
                assert (answer.status, answer.read()) == (200, page.read_bytes()), page
                connection.close()
        finally:
            process.terminate()


@pytest.mark.parametrize("words", [[], ["sendr"], ["../sender"], ["shared"], ["engine"]])
def test_what_is_no_program_is_told_which_there_are(archive: Path, words: list[str]) -> None:
    ended = run(archive, *words)
    assert ended.returncode == 2
    assert "PROGRAM is one of bytewax_worker, file_sender, " in ended.stderr
    assert "multi_partition_detector" in ended.stderr


FOR_MODULES = ("_called.py", "_edge.py", "_edge_cluster.py", "_provisioning", "_server")
"""What of the library is for modules alone, and for no other program than the one that calls them."""


def test_no_program_needs_what_only_modules_have() -> None:
    forbidden = {name.removesuffix(".py") for name in FOR_MODULES}
    for path in sorted(_programs.LIBRARY.rglob("*.py")):
        place = path.relative_to(_programs.LIBRARY).parts
        if place[0] in FOR_MODULES or place[:2] == ("_programs", "module"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                rooms = {*(node.module or "").split("."), *(alias.name for alias in node.names)}
                assert not rooms & forbidden, f"{path} imports {rooms}"
