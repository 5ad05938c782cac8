# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``preflight.yml`` on servers that are one machine; molecule's ``hosts`` runs it on four."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import ssh_server
from tests.integration.conftest import Loopback

DETECTOR = "testing/correctness/apps/multi_partition_detector/multi_partition_detector"
RECORD = ".wallaroo-build.json"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree that was built without resilience, as its record says."""
    home = tmp_path / "wallaroo"
    program = home / DETECTOR
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    # Of the two lines above.
    digest = "a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf"
    record = {"state": "built", "flags": {"resilience": "off", "make": []}, "executables": {DETECTOR: digest}}
    (home / RECORD).write_text(json.dumps(record))
    return home


def test_what_is_wrong_with_the_executables_of_a_real_engine_is_told(loopback: Loopback, tree: Path) -> None:
    ssh_server.passes_preflight()
    assert "leftovers" in loopback.play("preflight").output

    missing = loopback.play("preflight", "engine=wallaroo wallaroo_home=/no/such/tree", succeed=False)
    assert f"there is no executable /no/such/tree/{DETECTOR}: build it with setup_repo.yml" in missing.message

    off = loopback.play("preflight", f"engine=wallaroo wallaroo_home={tree}", succeed=False)
    assert f"{tree / DETECTOR} was built with resilience=false" in off.message
    assert "run setup_repo.yml -e resilience=true" in off.message

    start = loopback.play("start_cluster", f"engine=wallaroo wallaroo_home={tree}", succeed=False)
    assert "run setup_repo.yml -e resilience=true" in start.message
    assert loopback.alive() == {}

    (tree / DETECTOR).write_text("#!/bin/sh\n# made by somebody, nobody knows how\n")
    loopback.play("preflight", f"engine=wallaroo wallaroo_home={tree}")


def test_a_python_that_does_not_serve_is_named_and_ansible_is_quoted(loopback: Loopback, tmp_path: Path) -> None:
    """The one that the inventory names, and not a healthy one beside it."""
    old = tmp_path / "python3.5"
    old.write_text(
        "#!/bin/sh\n"
        'case "$1 $2" in "-c "*"sys.version_info < "*) echo "is Python 3.5.2, and 3.9 is the oldest that serves" ;;\n'
        '*) echo "SyntaxError: invalid syntax" >&2; exit 1 ;; esac\n'
    )
    old.chmod(0o755)
    hosts = tmp_path / "hosts.yml"
    base = tmp_path / "servers"
    server = {"ansible_connection": "local", "ansible_python_interpreter": str(old), "wallaroo_base": str(base)}
    hosts.write_text(json.dumps({"servers": {"hosts": {"server1": server}}}))
    told = loopback.play("preflight", "workers=1", "-i", str(hosts), succeed=False).message
    assert f"server1: the inventory names ansible_python_interpreter={old}, which is Python 3.5.2, and 3.9" in told
    assert "SyntaxError: invalid syntax" in told
