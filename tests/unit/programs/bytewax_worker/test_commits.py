# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that looks which epochs are committed, beside one that writes them."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.bytewax_worker import commits

from tests.program_runner import LIBRARY

LIMIT = 20


def test_each_commit_is_said_and_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    database = tmp_path / "part-0.sqlite3"
    writer = sqlite3.connect(database, isolation_level=None)
    writer.execute("pragma journal_mode = wal")
    code = f"import sys; from {LIBRARY}.bytewax_worker.main import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, commits.WATCH, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        # It is there before bytewax has set its database up.
        writer.execute("create table commits (part_index integer primary key not null, commit_epoch integer not null)")
        for epoch in (1, 2, 7):
            writer.execute("replace into commits values (0, ?)", (epoch,))
            assert process.stdout.readline() == f"{epoch}\n"
        process.stdin.close()
        assert process.wait(LIMIT) == 0
        assert process.stdout.read() == "", "nothing is said twice"
    finally:
        process.kill()
        process.wait(LIMIT)
        process.stdout.close()
        writer.close()
