# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``setup_flink.yml`` is going to do, and what it refuses."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.flink.job import DIGEST
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.flink.home import (
    BROUGHT,
    LINES,
    line_of,
)
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _flink_home
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal, Servers

ARGUMENTS = {"flink_home": "/opt/flink", "flink_env_version": "", "flink_env_java": "java", "flink_env_timeout": 60.0}
SERVERS = ("server1", "server2", "server3")
HAS = {"version": "2.3.0", "java_version": 17, "compiled": False, "compiles": False}


@pytest.fixture
def servers() -> Servers:
    return Servers(list(SERVERS), {name: {"machine": name, "processes": {}} for name in SERVERS}, {})


def compiler(servers: Servers, **looked: dict[str, Any]) -> str:
    found = {name: {**HAS, **looked.get(name, {})} for name in SERVERS}
    chosen: str = _flink_home.flink_compiler({"looked": found}, servers)["server"]
    return chosen


def test_the_sources_are_those_by_which_the_job_is_named() -> None:
    found = _flink_home.digest(_flink_home.sources())
    assert found == DIGEST, f"write DIGEST = {found!r} into plugins/module_utils/_engines/flink/job.py"


def test_another_name_or_content_of_any_source_is_another_job() -> None:
    one = {"a.java": b"1", "b.java": b"2"}
    assert _flink_home.digest(dict(reversed(one.items()))) == _flink_home.digest(one)
    others = [{"a.java": b"1"}, {"a.java": b"1", "c.java": b"2"}, {"a.java": b"12", "b.java": b""}]
    assert len({_flink_home.digest(other) for other in [one, *others]}) == 4


def test_sources_that_were_changed_are_not_taken_for_those_of_before(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_flink_home, "sources", lambda: {"resilience/Detector.java": b"class Detector {}"})
    with pytest.raises(Refusal, match=r"write DIGEST = '[0-9a-f]{12}' into"):
        _flink_home.flink_home(ARGUMENTS, servers)


def test_every_line_has_its_own_sources_and_a_lock() -> None:
    locks = {path.stem.partition("-")[2]: path.read_text() for path in _flink_home.FILES.glob("flink-*.txt")}
    assert BROUGHT in locks
    assert {line_of(version) for version in locks} == set(LINES)
    for version, lock in locks.items():
        assert re.fullmatch(rf"apache-flink-libraries=={version} \\\n    --hash=sha256:[0-9a-f]{{64}}\n", lock)
    for line in LINES:
        assert any(name.startswith(f"{line.sources}/resilience/") for name in _flink_home.sources())


def test_the_plan_brings_along_what_every_server_needs(servers: Servers) -> None:
    plan = _flink_home.flink_home({**ARGUMENTS, "flink_env_version": "1.20.5"}, servers)
    assert plan["home"] == "/opt/flink"
    assert plan["lock"].startswith("apache-flink-libraries==1.20.5 ")
    assert "rootLogger" in plan["logging"]
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(plan["sources"]))) as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == _flink_home.sources()
    assert _flink_home.flink_home(ARGUMENTS, servers)["lock"].startswith(f"apache-flink-libraries=={BROUGHT} ")


def test_a_version_that_nobody_locked_is_refused(servers: Servers) -> None:
    with pytest.raises(Refusal, match=r"flink_env_version=2\.9\.0: 1\.20\.5 and 2\.3\.0 can be brought"):
        _flink_home.flink_home({**ARGUMENTS, "flink_env_version": "2.9.0"}, servers)


def test_who_has_the_job_gives_it_to_the_others_and_else_the_first_that_can_compiles_it(servers: Servers) -> None:
    can, has = {"compiles": True}, {"compiled": True}
    assert compiler(servers, server2=can, server3=can) == "server2"
    assert compiler(servers, server2=can, server3=has) == "server3"


def test_servers_of_which_none_can_compile_are_told_what_to_install(servers: Servers) -> None:
    with pytest.raises(Refusal, match="install openjdk-17-jdk-headless on server1"):
        compiler(servers)


def test_servers_with_different_flinks_are_named(servers: Servers) -> None:
    with pytest.raises(Refusal, match=r"2\.3\.0 on server1, server3, and 2\.2\.1 on server2\. Nothing was changed"):
        compiler(servers, server1={"compiles": True}, server2={"version": "2.2.1"})
