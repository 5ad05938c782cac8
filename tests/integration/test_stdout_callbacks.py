# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever prints for the user: playbooks run with every callback, and what is for programs stays parsable."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from .conftest import LIMIT, QUICK, Loopback

AS_IN_ANSIBLE_POSIX = """
import json
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = "{name: json, type: stdout, short_description: JSON, description: [JSON]}"


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "json"

    def v2_playbook_on_stats(self, stats):
        self._display.display(json.dumps({"stats": {host: stats.summarize(host) for host in stats.processed}}))
"""

SILENT = """
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = "{name: silent, type: stdout, short_description: Nothing, description: [Nothing]}"


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "silent"
"""

OF_A_FAILURE = ("Callback dispatch", "Failed to load callback", "in callback plugin")
"""What ansible-core from 2.16 on says of a callback that fails, and goes on."""


def played(loopback: Loopback, playbook: str, callback: str, plugins: Path) -> subprocess.CompletedProcess[str]:
    """A playbook with a callback, and what it prints where."""
    return subprocess.run(
        loopback.command(playbook),
        env={**loopback.environment, "ANSIBLE_STDOUT_CALLBACK": callback, "ANSIBLE_CALLBACK_PLUGINS": str(plugins)},
        cwd=loopback.repository,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT,
        text=True,
        check=False,
    )


def installed(loopback: Loopback) -> list[str]:
    """The callbacks of ansible-core, and of the collections that are installed, that print for the user."""
    command = ["ansible-doc", "-t", "callback", "--json"]

    def asked(*words: str) -> str:
        return subprocess.run(
            [*command, *words],
            env=loopback.environment,
            cwd=loopback.repository,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    described = json.loads(asked(*json.loads(asked("--list"))))
    return sorted(name for name, found in described.items() if found["doc"].get("type") == "stdout")


def test_playbooks_run_with_every_callback(loopback: Loopback, tmp_path: Path) -> None:
    known = installed(loopback)
    assert {"ansible.builtin.default", "ansible.builtin.minimal", "wallaroo.resilience.steps"} <= set(known)
    for callback in known:
        ended = played(loopback, "status", callback, tmp_path)
        assert ended.returncode == 0, f"{callback}: {ended.stdout}{ended.stderr}"
        assert not any(words in ended.stderr for words in OF_A_FAILURE), f"{callback}: {ended.stderr}"


def test_what_is_for_programs_stays_parsable_and_people_read_the_rest_elsewhere(
    loopback: Loopback, tmp_path: Path
) -> None:
    (tmp_path / "json.py").write_text(AS_IN_ANSIBLE_POSIX)
    # It prints a table of its own, whatever it finds on this machine.
    ended = played(loopback, "preflight", "json", tmp_path)
    assert set(json.loads(ended.stdout)["stats"]) == {"server1", "server2", "server3", "server4"}
    assert "leftovers" in ended.stderr


def test_stdout_holds_nothing_that_the_callback_did_not_write(loopback: Loopback, tmp_path: Path) -> None:
    (tmp_path / "silent.py").write_text(SILENT)
    loopback.bring_programs()
    # A step that waits, tells what it did, and leaves a run.
    for playbook, said in (("preflight", "leftovers"), ("verify_restart", "verdict: ")):
        command = loopback.command(playbook, QUICK if playbook != "preflight" else "")
        environment = {"ANSIBLE_STDOUT_CALLBACK": "silent", "ANSIBLE_CALLBACK_PLUGINS": str(tmp_path)}
        ended = subprocess.run(
            command,
            env={**loopback.environment, **environment},
            cwd=loopback.repository,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT,
            text=True,
            check=False,
        )
        assert ended.stdout == ""
        assert said in ended.stderr
