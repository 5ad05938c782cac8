# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of a Flink home on a server: with a real pip, a stand-in of Java, and jars that are none."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.flink.job import ARCHIVE, JAR, JAVA, LOGGING
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.build_record import executable_problem
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.command import ProvisioningError
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.flink import (
    jar,
    libraries,
    ready,
    rehearsal,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.flink.home import STAGING, distribution

from tests.module_runner import contents

LIMIT = 60.0
LIBRARIES = ["flink-dist-2.3.0.jar", "log4j-api-2.25.3.jar", "log4j-core-2.25.3.jar", "log4j-slf4j-impl-2.25.3.jar"]

JAVA_SAYS = """#!/bin/sh
case "$*" in
    *-XshowSettings*) printf '    java.home = {home}\\n    java.specification.version = {version}\\n' >&2;;
    *-Xshare:on*) exit {unfit};;
    *Coordinator*) echo 'Caused by: there is no room'; exit 1;;
esac
"""


@pytest.fixture
def java(tmp_path: Path) -> Path:
    """A Java 17 that takes every archive of classes."""
    return java_of(tmp_path / "jdk", "17")


def java_of(home: Path, version: str, unfit: int = 0) -> Path:
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(JAVA_SAYS.format(home=home, version=version, unfit=unfit))
    program.chmod(0o755)
    return program


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A distribution as somebody unpacked it."""
    return unpacked(tmp_path / "flink")


def unpacked(home: Path, names: list[str] = LIBRARIES) -> Path:
    for path in [home / "lib" / name for name in names] + [home / "bin" / "flink", home / "lib" / "flink-csv.jar"]:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("flink-rpc-akka.jar", "calls")
    return home


def job_for(home: Path) -> bytes:
    """A jar that is for the Flink of a home."""
    flink = distribution(home)
    assert flink is not None
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", jar._manifest(flink))
    return made.getvalue()


def wanted(home: Path, java: Path, **others: object) -> ready.Wanted:
    return ready.Wanted(home, str(java), **{"logging": "level = INFO", **others})  # type: ignore[arg-type]


def test_a_distribution_that_is_there_is_used_as_it_is(home: Path, java: Path) -> None:
    before = contents(home)
    (home / "usrlib").mkdir()
    (home / "usrlib" / ARCHIVE).write_bytes(b"classes")
    asked = wanted(home, java, job=job_for(home))

    assert ready.ensure(asked, LIMIT, only_check=True).done == ["java", "logging", "job"]
    assert sorted(os.listdir(home / "usrlib")) == [ARCHIVE]
    assert ready.ensure(asked, LIMIT).done == ["java", "logging", "job"]

    after = contents(home)
    assert {name: after[name] for name in before} == before
    own = ["wallaroo-resilience-calls-2.3.0.jar", JAR, ARCHIVE, LOGGING, JAVA]
    assert set(after) - set(before) == {"usrlib", *(f"usrlib/{name}" for name in own)}
    assert os.readlink(home / "usrlib" / JAVA) == str(java)
    assert os.access(home / "usrlib" / JAR, os.X_OK)
    assert after["usrlib/wallaroo-resilience-calls-2.3.0.jar"] == b"calls"
    assert ready.ensure(asked, LIMIT).done == []


def test_what_earlier_versions_left_goes_unless_a_worker_runs_with_it(home: Path, java: Path) -> None:
    own = home / "usrlib"
    own.mkdir()
    names = [f"wallaroo-resilience-{digest * 12}.{kind}" for digest in "ab" for kind in ("jar", "jsa")]
    for name in (ARCHIVE, *names, "of-a-user.jar", "wallaroo-resilience-mine.jar"):
        (own / name).write_bytes(b"")
    asked = wanted(home, java, job=job_for(home))
    running = subprocess.Popen([sys.executable, "-c", "input()", "-cp", str(own / names[0])], stdin=subprocess.PIPE)
    try:
        assert ready.ensure(asked, LIMIT, only_check=True).done[-1] == "older"
        assert set(names) <= set(os.listdir(own))
        made = ready.ensure(asked, LIMIT)
    finally:
        running.communicate()
    assert made.done[-1] == "older"
    assert made.warnings == [
        f"{own / names[0]} stays: process {running.pid} runs with it. Once its cluster is stopped, setup_flink.yml "
        "removes it"
    ]
    # The archive of a job that is used is used too.
    assert set(names) & set(os.listdir(own)) == set(names[:2])
    assert ready.ensure(asked, LIMIT).warnings == []
    assert not set(names) & set(os.listdir(own))
    assert {"of-a-user.jar", "wallaroo-resilience-mine.jar"} <= set(os.listdir(own))


def test_where_flink_does_not_run_what_it_said_is_told(home: Path, tmp_path: Path) -> None:
    asked = wanted(home, java_of(tmp_path / "other", "17", unfit=1), job=job_for(home))
    with pytest.raises(ProvisioningError, match=r"its initializer ended\. It said: Caused by: there is no room"):
        ready.ensure(asked, LIMIT)
    assert STAGING not in os.listdir(home)
    assert ARCHIVE not in os.listdir(home / "usrlib")


def test_a_java_that_was_removed_since_is_missed_before_a_worker_is_killed(home: Path, java: Path) -> None:
    (home / "usrlib").mkdir()
    (home / "usrlib" / ARCHIVE).write_bytes(b"classes")
    ready.ensure(wanted(home, java, job=job_for(home)), LIMIT)
    job = str(home / "usrlib" / JAR)
    assert executable_problem(job, "set it up") == ""
    java.unlink()
    assert executable_problem(job, "set it up").startswith(f"there is no Java any more where {home}/usrlib/java leads")


def test_a_job_that_is_for_other_jars_is_not_laid_beside_these(home: Path, java: Path, tmp_path: Path) -> None:
    others = unpacked(tmp_path / "others", [name.replace("2.25.3", "2.25.4") for name in LIBRARIES])
    with pytest.raises(ProvisioningError, match="give all servers the same distribution"):
        ready.ensure(wanted(home, java, job=job_for(others)), LIMIT)
    assert not (home / "usrlib" / JAR).exists()


def test_a_job_that_is_there_for_another_flink_counts_as_none(home: Path, java: Path) -> None:
    (home / "usrlib").mkdir()
    (home / "usrlib" / JAR).write_bytes(job_for(home))
    assert ready.look(wanted(home, java)).compiled
    (home / "lib" / "flink-dist-2.3.0.jar").rename(home / "lib" / "flink-dist-2.3.1.jar")
    assert not ready.look(wanted(home, java)).compiled
    (home / "usrlib" / JAR).write_bytes(b"half a jar")
    assert not ready.look(wanted(home, java)).compiled


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            [*LIBRARIES, "flink-dist-2.2.0.jar"],
            "flink-dist-2.2.0.jar and flink-dist-2.3.0.jar: leave one of them there",
        ),
        (LIBRARIES[:-1], "has not one log4j-api, log4j-core and log4j-slf4j-impl each"),
        (["flink-dist-1.19.1.jar", *LIBRARIES[1:]], "Flink 1.19.1 is not supported"),
        (LIBRARIES[1:], "is there and is no Flink"),
    ],
)
def test_what_is_no_home_that_serves_is_refused_and_left_alone(
    tmp_path: Path, java: Path, names: list[str], said: str
) -> None:
    home = unpacked(tmp_path / "flink", names)
    before = contents(home)
    with pytest.raises(ProvisioningError, match=said):
        ready.look(wanted(home, java))
    with pytest.raises(ProvisioningError, match=said):
        ready.ensure(wanted(home, java), LIMIT)
    assert contents(home) == before


def test_another_version_than_is_wanted_is_refused(home: Path, java: Path) -> None:
    assert ready.look(wanted(home, java, version="2.3.0")).version == "2.3.0"
    with pytest.raises(ProvisioningError, match=r"has Flink 2\.3\.0, and flink_env_version=1\.20\.5 is wanted"):
        ready.look(wanted(home, java, version="1.20.5"))


@pytest.mark.parametrize(
    ("flink", "version", "said"),
    [
        ("2.3.0", "11", "is Java 11, and Flink 2.3.0 needs 17: install one .openjdk-17-jre-headless"),
        ("2.3.0", "1.8", "is Java 8, and"),
        ("2.3.0", "x", "does not say which Java it is"),
        ("2.3.0", "", "there is no .*/java, and Flink 2.3.0 needs Java 17 or newer"),
        ("1.20.5", "1.8", "is Java 8, and Flink 1.20.5 needs 11"),
        ("1.20.5", "11", ""),
        ("2.3.0", "21", ""),
    ],
)
def test_a_java_that_does_not_serve_is_named_with_what_to_install(
    tmp_path: Path, flink: str, version: str, said: str
) -> None:
    home = unpacked(tmp_path / "flink", [f"flink-dist-{flink}.jar", *LIBRARIES[1:]])
    program = java_of(tmp_path / "jdk", version) if version else tmp_path / "java"
    if said:
        with pytest.raises(ProvisioningError, match=said):
            ready.look(wanted(home, program))
    else:
        assert ready.look(wanted(home, program)).java == int(version)


def test_the_libraries_come_from_the_package_that_the_lock_names(tmp_path: Path, java: Path, registry: Path) -> None:
    home = tmp_path / "not" / "there"
    # An earlier run was killed.
    (home / STAGING).mkdir(parents=True)
    (home / STAGING / "half.whl").write_text("half")
    asked = wanted(home, java, lock=locked(registry))

    assert ready.look(asked).version == "2.3.0"
    assert ready.ensure(asked, LIMIT, only_check=True).done == ["libraries", "java", "logging", "job", "archive"]
    assert "libraries" in ready.ensure(asked, LIMIT).done

    assert sorted(os.listdir(home)) == ["lib", "licenses", "usrlib"]
    assert sorted(os.listdir(home / "lib")) == LIBRARIES
    assert sorted(os.listdir(home / "licenses")) == ["LICENSE.slf4j", "NOTICE"]


def test_another_package_than_the_lock_names_is_not_taken(tmp_path: Path, java: Path, registry: Path) -> None:
    lock = locked(registry)
    with zipfile.ZipFile(registry, "a") as archive:
        archive.writestr("pyflink/more.txt", "something else")
    home = tmp_path / "flink"
    with pytest.raises(ProvisioningError, match=r"pip did not bring Flink: (?s:.*)DO NOT MATCH"):
        ready.ensure(wanted(home, java, lock=lock), LIMIT)
    assert contents(home) == {}
    assert ready.look(wanted(home, java)).version == "2.3.0", "the next run begins anew"


def test_the_package_of_the_older_line_is_an_archive_of_sources(
    tmp_path: Path, java: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "apache_flink_libraries-1.20.5.tar.gz"
    with tarfile.open(package, "w:gz") as archive:
        for name in ("deps/lib/flink-dist-1.20.5.jar", *(f"deps/lib/{name}" for name in LIBRARIES[1:]), "LICENSE"):
            archive.addfile(tarfile.TarInfo(f"apache_flink_libraries-1.20.5/{name}"))
    monkeypatch.setattr(libraries, "_downloaded", lambda *_arguments: package)
    libraries.bring(tmp_path / "flink", "", LIMIT)
    assert ready.look(wanted(tmp_path / "flink", java)).version == "1.20.5"


def test_what_two_processes_loaded_is_one_list_in_which_no_number_means_two_classes() -> None:
    first = "# made by Java\njava/lang/Object id: 0\na/B id: 7\nx/Y id: 8 super: 0 source: file:/x.jar\n"
    second = "# made by Java\njava/lang/Object id: 0\nc/D id: 7\n@lambda-proxy a/B run ()V\n"
    assert rehearsal.merged([first, second]) == [
        *("# made by Java", "java/lang/Object", "a/B", "c/D", "@lambda-proxy a/B run ()V"),
    ]


def test_a_place_that_is_too_small_is_refused_before_the_download(
    tmp_path: Path, java: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libraries.shutil, "disk_usage", lambda _place: SimpleNamespace(free=100 << 20))
    with pytest.raises(ProvisioningError, match="has 100 MB left, and bringing Flink needs 800 MB"):
        ready.look(wanted(tmp_path / "flink", java))


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel with what Flink's has, in the only place where pip looks."""
    path = tmp_path / "wheels" / "apache_flink_libraries-2.3.0-py3-none-any.whl"
    path.parent.mkdir()
    information = "apache_flink_libraries-2.3.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for name in [*LIBRARIES, "flink-table-planner-loader-2.3.0.jar", "log4j-1.2-api-2.25.3.jar"]:
            archive.writestr(f"pyflink/lib/{name}", name)
        archive.writestr("pyflink/opt/flink-python-2.3.0.jar", "")
        archive.writestr("pyflink/licenses/LICENSE.slf4j", "")
        archive.writestr(f"{information}/licenses/NOTICE", "")
        archive.writestr(
            f"{information}/METADATA", "Metadata-Version: 2.1\nName: apache-flink-libraries\nVersion: 2.3.0\n"
        )
        archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{information}/RECORD", "")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    return path


def locked(wheel: Path) -> str:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"apache-flink-libraries==2.3.0 \\\n    --hash=sha256:{digest}\n"
