# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``setup_flink.yml`` with a real Java and the jars of a real Flink, as somebody has them who has unpacked one."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.flink.job import ARCHIVE, JAR, JAVA, LOGGING

from tests.integration.conftest import Loopback
from tests.integration.living.conftest import FLINK


def test_a_home_that_is_there_is_made_ready_once(loopback: Loopback, repository: Path) -> None:
    home = loopback.directory / "flink"
    home.mkdir()
    (home / "lib").symlink_to(FLINK.home(repository) / "lib")
    arguments = f"flink_home={home}"

    refused = loopback.play("setup_flink", f"{arguments} flink_env_java=/no/java", succeed=False).message
    assert "server1, server2, server3, server4: there is no /no/java, and Flink " in refused
    assert "Nothing was changed on any server." in refused
    assert loopback.play("setup_flink", arguments, "--check").changed == 5, "the one that compiles, and all four"
    assert os.listdir(home) == ["lib"]

    assert loopback.play("setup_flink", arguments).changed == 1, "the servers have the very same directory"
    made = sorted(os.listdir(home / "usrlib"))
    assert [name for name in made if "calls" not in name] == sorted([JAR, ARCHIVE, LOGGING, JAVA])
    with zipfile.ZipFile(home / "usrlib" / JAR) as job:
        assert "resilience/Detector.class" in job.namelist()
    assert loopback.play("setup_flink", arguments).changed == 0
