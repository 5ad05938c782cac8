# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server said of itself before it had a Python, and each sentence that refuses one."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.filter.server_probe import FilterModule, server_probe

HASH = "0123456789abcdef" * 4
XENIAL = ["ID=ubuntu", "VERSION_ID=16.04", "PRETTY_NAME=Ubuntu 16.04.7 LTS", "UID=0", "SUDO=", "LLVM="]
BOOKWORM = ["ID=debian", "VERSION_ID=12", "PRETTY_NAME=Debian GNU/Linux 12 (bookworm)", "UID=0", "SUDO=", "LLVM="]
PYTHON = [
    "CANDIDATE=/usr/bin/python3",
    "CANDIDATE=/usr/bin/python3",
    "PYTHON=/usr/bin/python3",
    "PYTHON_VERSION=3.11.2",
    "PYTHON_ON_PATH=true",
]


def said(lines: list[str], end: str = "\n") -> dict[str, Any]:
    return {"rc": 0, "stdout": end.join([*lines, "PROBE=complete", ""])}


def settings(**changes: Any) -> dict[str, Any]:
    archive = {"version": "1.0", "url": "https://x/a.tar.gz", "sha256": HASH}
    return {
        "any_release": False,
        "become": True,
        "become_method": "sudo",
        "toolchain": True,
        "python": {**archive, "version": "3.9.25"},
        "ponyc": {**archive, "from_source": False},
        "stable": archive,
        **changes,
    }


def problem(lines: list[str], **changes: Any) -> str:
    return str(server_probe(said(lines), "server1", settings(**changes))["problem"])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_server_with_a_python(end: str) -> None:
    assert server_probe(said(BOOKWORM + PYTHON, end), "server1", settings()) == {
        "release": "debian 12",
        "name": "Debian GNU/Linux 12 (bookworm)",
        "python": "/usr/bin/python3",
        "python_version": "3.11.2",
        "python_on_path": True,
        "candidates": ["/usr/bin/python3"],
        "uid": 0,
        "sudo": "",
        "sudo_works": False,
        "sudo_said": "",
        "named": "",
        "named_problem": "",
        "llvm": "",
        "problem": "",
    }


def test_a_server_without_one_is_no_problem() -> None:
    known = server_probe(said([*XENIAL, "CANDIDATE=/usr/bin/python3"]), "server1", settings())
    assert (known["python"], known["candidates"], known["problem"]) == ("", ["/usr/bin/python3"], "")


def test_the_filter_has_its_name() -> None:
    assert FilterModule().filters() == {"server_probe": server_probe}


@pytest.mark.parametrize(
    ("probed", "sentence"),
    [
        ({"unreachable": True, "msg": "no route to host\nand more"}, "server1 does not answer: no route to host."),
        ({"rc": 127, "stdout": "", "stderr": "sh: not found"}, "server1 could not be looked at: sh: not found."),
        ({"rc": 1, "stdout": "ID=debian\n"}, "server1 could not be looked at: it said nothing."),
        ({"msg": "the file is gone"}, "server1 could not be looked at: the file is gone."),
    ],
)
def test_a_server_that_does_not_answer_is_named(probed: dict[str, Any], sentence: str) -> None:
    assert server_probe(probed, "server1", settings())["problem"] == sentence


def test_other_releases_are_refused_unless_they_are_asked_for() -> None:
    bionic = ["ID=ubuntu", "VERSION_ID=18.04", "PRETTY_NAME=Ubuntu 18.04.6 LTS", "UID=0", "SUDO=", "LLVM="]
    assert problem(bionic) == (
        "server1 is Ubuntu 18.04.6 LTS, and this step knows Ubuntu 16.04, Debian 11, Debian 12: "
        "set dev_env_any_release=true to try anyway."
    )
    assert problem(bionic, any_release=True) == ""
    assert problem(["UID=0"]).startswith("server1 is an unknown system, ")


def test_who_can_become_root() -> None:
    user = [line.replace("UID=0", "UID=1000") for line in BOOKWORM + PYTHON]
    with_sudo = [line.replace("SUDO=", "SUDO=/usr/bin/sudo") for line in user]
    assert "server1 has no sudo" in problem(user)
    assert "dev_env_become is false" in problem(with_sudo, become=False)
    assert problem(with_sudo) == problem(user, become_method="su") == problem(BOOKWORM, become=False) == ""


@pytest.mark.parametrize(
    ("lines", "version", "sentence"),
    [
        (XENIAL, "3.9.25", ""),
        (BOOKWORM, "3.12.1", ""),
        (XENIAL, "3.10.0", "carries no Python newer than 3.9: dev_env_python_version=3.10.0 cannot be built there."),
        (BOOKWORM, "3.8.20", "dev_env_python_version=3.8.20 is too old"),
        (BOOKWORM, "3.9", "dev_env_python_version=3.9 is no version of Python"),
        # Where a Python serves, none is built.
        (XENIAL + PYTHON, "3.10.0", ""),
    ],
)
def test_which_python_can_be_built_where(lines: list[str], version: str, sentence: str) -> None:
    python = {"version": version, "url": "https://x/p.tgz", "sha256": HASH}
    found = problem(lines, python=python)
    assert sentence in found
    assert bool(found) == bool(sentence)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sha256": ""}, "_sha256 is empty: set it to the SHA-256 of https://x/a.tar.gz"),
        ({"sha256": "abc"}, "_sha256=abc is no SHA-256"),
        ({"url": ""}, "_url is empty"),
    ],
)
@pytest.mark.parametrize("name", ["python", "ponyc", "stable"])
def test_no_archive_without_its_hash(name: str, change: dict[str, str], sentence: str) -> None:
    archive = {"version": "3.9.25", "url": "https://x/a.tar.gz", "sha256": HASH, **change}
    assert problem(XENIAL, **{name: archive}).startswith(f"dev_env_{name}{sentence}")
    if name != "python":
        assert problem(XENIAL, toolchain=False, **{name: archive}) == ""


def test_ponyc_is_built_where_there_is_llvm() -> None:
    ponyc = {"version": "0.25.0", "url": "https://x/a.tar.gz", "sha256": HASH, "from_source": True}
    with_llvm = [line.replace("LLVM=", "LLVM=/usr/bin/llvm-config-3.9") for line in BOOKWORM]
    assert problem(BOOKWORM, ponyc=ponyc) == (
        "server1 (Debian GNU/Linux 12 (bookworm)) has no LLVM 3.9, with which ponyc 0.25.0 is built: set "
        "dev_env_ponyc_url and dev_env_ponyc_sha256 to a .deb or a built archive, or dev_env_toolchain=false."
    )
    assert problem(XENIAL, ponyc=ponyc) == problem(with_llvm, ponyc=ponyc) == ""


@pytest.mark.parametrize(
    ("lines", "named", "wrong", "expected"),
    [
        (BOOKWORM + PYTHON, "/usr/local/bin/python3.9", "is not there", "/usr/bin/python3 (Python 3.11.2) is there"),
        (BOOKWORM + PYTHON, "/opt/p", "is Python 3.5.2, and 3.9 is the oldest that serves", "/usr/bin/python3 (Python"),
        # Nothing serves: the one that is built is the one that is named, or it is told which one that will be.
        (XENIAL, "/usr/local/bin/python3.9", "is not there", ""),
        (
            XENIAL,
            "/usr/bin/python3",
            "is Python 3.5.2, and",
            "/usr/local/bin/python3.9 (Python 3.9.25) is what is built",
        ),
    ],
)
def test_the_interpreter_that_the_inventory_names_must_serve(
    lines: list[str], named: str, wrong: str, expected: str
) -> None:
    told = problem([*lines, f"NAMED={named}", f"NAMED_PROBLEM={wrong}"])
    if not expected:
        assert told == ""
        return
    assert told.startswith(f"server1: the inventory names ansible_python_interpreter={named}, which {wrong}")
    assert expected in told
    python = expected.split(maxsplit=1)[0]
    assert told.endswith(f"write ansible_python_interpreter: {python} for server1.")
