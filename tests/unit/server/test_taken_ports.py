# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds a port: enough to find the program, and nothing that it keeps to itself."""

from __future__ import annotations

import json
import subprocess
import sys

from ansible_collections.wallaroo.resilience.plugins.module_utils._server import port_check

LISTEN = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1]); sys.stdin.read()"


def test_the_program_and_its_process_are_told_and_not_what_stands_on_its_command_line() -> None:
    words = [sys.executable, "-u", "-c", LISTEN, "--password=swordfish"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        port = int(process.stdout.readline())
        (found,) = port_check.taken("127.0.0.1", [port])
        process.stdin.close()
    assert (found.port, found.pid) == (port, process.pid)
    assert found.program.startswith("python")
    assert "swordfish" not in json.dumps(found.to_dict())
    assert port_check.taken("127.0.0.1", [port]) == []
