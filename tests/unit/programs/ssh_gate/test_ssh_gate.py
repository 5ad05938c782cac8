# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server's key opens on another server: what a move needs, and nothing else."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.command_line import runtime_argv
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.ssh_gate import main as ssh_gate
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning import build_record
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "base" / "resilience" / "worker2").mkdir(parents=True)
    (tmp_path / "base" / "ssh").mkdir()
    (tmp_path / "base" / "resilience" / "out").symlink_to(tmp_path)
    return tmp_path / "base"


def agent(there: Path, **other: str) -> list[str]:
    given = {"base": str(there), "server": "server2", "worker": "worker2"}
    given["directory"] = f"{there}/resilience/worker2"
    given.update({"engine": "embedded", "application": "multi_partition_detector", "version": "0.5.4", **other})
    words = [word for name, value in given.items() for word in (f"--{name}", value)]
    return [*runtime_argv("/usr/bin/python3", str(there), "source_agent"), *words]


def through(words: list[str], *bases: Path) -> list[str]:
    return ssh_gate.allowed(shlex.join(words), [str(base) for base in bases])


def test_the_agent_of_a_worker_runs_with_the_python_of_the_gate(base: Path) -> None:
    assert through(agent(base), base) == [sys.executable, *agent(base)[1:]]
    assert through(agent(base), base.parent / "other", base)[0] == sys.executable


@pytest.mark.parametrize(
    "other",
    [
        {"base": "/elsewhere"},
        {"directory": "/etc"},
        {"directory": "{base}/resilience/../ssh"},
        {"directory": "{base}/resilience/out"},
        {"directory": "{base}/resilience"},
        {"application": "../ssh/x"},
        {"engine": "../x"},
        {"version": ""},
        {"worker": "../x"},
        {"worker": ""},
    ],
)
def test_an_agent_of_anything_else_does_not(base: Path, other: dict[str, str]) -> None:
    with pytest.raises(ssh_gate.Refused):
        through(agent(base, **{name: value.format(base=base) for name, value in other.items()}), base)


def test_another_program_with_the_agent_s_arguments_does_not(base: Path, tmp_path: Path) -> None:
    words = agent(base)
    for changed in (
        [words[0], "-c", "import os", *words[3:]],
        [*words[:4], str(tmp_path / "programs.pyz"), *words[5:]],
        [*words[:5], "receiver", *words[6:]],
        [*words, "--more"],
        words[:-1],
        words[:-2],
    ):
        with pytest.raises(ssh_gate.Refused):
            through(changed, base)


@pytest.mark.parametrize(
    "options",
    [
        ["-ltpre.LsfxCIvu", "--timeout=60"],
        ["-nltprce.LsfxCIvu"],
        ["-WRe.LsfxCIvu", "--timeout=60", "--from0", "--files-from=-"],
    ],
)
def test_rsync_reads_resilience_files(base: Path, options: list[str]) -> None:
    place = base / "resilience" / "worker2"
    asked = ["rsync", "--server", "--sender", *options, ".", f"{place}/"]
    assert through(asked, base) == [*asked[:-1], f"{place.resolve()}/"]


def test_rsync_reads_a_tree_that_was_built_here(base: Path, tmp_path: Path) -> None:
    assert build_record.RECORD == ssh_gate.BUILD_RECORD
    asked = ["rsync", "--server", "--sender", "-ltpre.LsfxCIvu", ".", f"{tmp_path}/"]
    with pytest.raises(ssh_gate.Refused):
        through(asked, base)
    (tmp_path / build_record.RECORD).write_text("{}")
    assert through(asked, base)[-1] == f"{tmp_path.resolve()}/"


def test_a_list_of_names_leads_through_no_link(base: Path, tmp_path: Path) -> None:
    place = base / "resilience" / "worker2"
    asked = ["rsync", "--server", "--sender", "-WRe.LsfxCIvu", "--from0", "--files-from=-", ".", f"{place}/"]
    (place / "inner").mkdir()
    assert through(asked, base)[-1] == f"{place.resolve()}/"
    (place / "inner" / "link").symlink_to(tmp_path)
    with pytest.raises(ssh_gate.Refused, match="a list of names"):
        through(asked, base)


def test_a_list_of_names_is_for_resilience_files_alone(base: Path, tmp_path: Path) -> None:
    (tmp_path / build_record.RECORD).write_text("{}")
    asked = ["rsync", "--server", "--sender", "-lRre.LsfxCIvu", "--files-from=-", ".", f"{tmp_path}/"]
    with pytest.raises(ssh_gate.Refused, match="a list of names"):
        through(asked, base)


@pytest.mark.parametrize("place", ["", "/ssh", "/resilience/..", "/resilience/out", "/resilience", "/../etc", "x"])
def test_rsync_reads_nothing_else(base: Path, place: str) -> None:
    with pytest.raises(ssh_gate.Refused):
        through(["rsync", "--server", "--sender", "-re.LsfxCIvu", ".", f"{base}{place}"], base)


@pytest.mark.parametrize(
    "options",
    [
        ["-Lre.LsfxCIvu"],
        ["-kre.LsfxCIvu"],
        ["-se.LsfxCIvu"],
        ["--remove-source-files"],
        ["--rsh=id"],
        ["-e", "id"],
        ["--files-from=/etc/passwd"],
        ["--log-file=/tmp/x"],
        ["--daemon"],
        ["--write-batch=x"],
        ["--backup-dir=x"],
        ["-re.LsfxCIvu", "--copy-unsafe-links"],
        ["-re.LsfxCIvu", "/etc/passwd"],
    ],
)
def test_rsync_with_other_options_does_not_run(base: Path, options: list[str]) -> None:
    with pytest.raises(ssh_gate.Refused):
        through(["rsync", "--server", "--sender", *options, ".", f"{base}/resilience/worker2"], base)


@pytest.mark.parametrize(
    "command",
    [
        "",
        "id",
        "true; id",
        "true\nid",
        "'",
        "rsync",
        "rsync --server . /tmp",
        "rsync --server --sender",
        "rsync --server --sender .",
        "scp -f /etc/passwd",
        "/usr/lib/openssh/sftp-server",
        "$(id)",
        "env true",
    ],
)
def test_no_other_command_runs(base: Path, command: str) -> None:
    with pytest.raises(ssh_gate.Refused):
        ssh_gate.allowed(command, [str(base)])


def test_preflight_may_ask_whether_it_is_let_in() -> None:
    assert ssh_gate.allowed("true", []) == []


@given(st.text())
def test_whatever_is_asked_for_is_refused_in_a_sentence(text: str) -> None:
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    if words != ["true"]:
        with pytest.raises(ssh_gate.Refused):
            ssh_gate.allowed(text, ["/nowhere"])
