# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other Debians: where they come from, and what of this machine their pip needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import debian_root, pythons

TARGETS = """\
thirdparty main https://packages.example/apt
bookworm contrib http://mirror.example/debian/
bookworm main http://mirror.example/debian/
bookworm-security main http://mirror.example/debian-security/
"""


@pytest.mark.parametrize(
    ("system", "found"),
    [
        ({"ID": "debian", "VERSION_CODENAME": "bookworm"}, "http://mirror.example/debian/"),
        ({"ID": "debian", "VERSION_CODENAME": "trixie"}, ""),
        ({"ID": "ubuntu", "VERSION_CODENAME": "bookworm"}, ""),
        ({"ID": "debian"}, ""),
    ],
)
def test_the_mirror_is_the_one_of_the_machine_s_own_apt(
    monkeypatch: pytest.MonkeyPatch, system: dict[str, str], found: str
) -> None:
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: system)
    monkeypatch.setattr(debian_root, "_ask", lambda *_command: TARGETS)
    assert debian_root.mirror() == found


def test_what_pip_is_told_by_path_is_there_inside(tmp_path: Path) -> None:
    simple, wheels, certificate = tmp_path / "a%b" / "simple", tmp_path / "wheels", tmp_path / "ca.pem"
    simple.mkdir(parents=True)
    wheels.mkdir()
    certificate.touch()
    reaching = {
        "PIP_INDEX_URL": "https://pypi.example/simple",
        "PIP_EXTRA_INDEX_URL": f"\nfile://{tmp_path}/a%25b/simple\n/no/such/index",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_CERT": str(certificate),
        "PIP_CACHE_DIR": str(tmp_path),
        "PIP_DEFAULT_TIMEOUT": "15",
    }
    # The pages of an index lead to files beside it.
    assert list(pythons._paths(reaching))[2:] == [simple.parent, wheels, certificate]


def test_each_python_that_readme_names_is_tested(repository: Path) -> None:
    assert "Python 3.10 to 3.14" in (repository / "README.md").read_text(encoding="utf-8")
    assert max(tuple(map(int, version.split("."))) for version in pythons.RELEASES) == (3, 14)


def test_what_readme_and_the_guide_tell_is_done_and_only_what_installs_has_a_network() -> None:
    network, alone = pythons.steps(pythons.TESTS)
    assert [command.split()[-1] for command in network] == ["tools", "requirements/controller.txt"]
    tests, demo, mine, archive = (command.splitlines() for command in alone)
    assert (tests, demo) == (["make --silent test-unit"], ["make --silent demo"])
    assert [line.split()[1] for line in mine[1:]] == [
        f"playbooks/{name}.yml" for name in ("start_cluster", "start_sender", "migrate", "verify", "stop_cluster")
    ]
    assert archive[0] == ". ~/wallaroo/bin/activate", "each of them is a shell of its own"
    assert archive[-1].endswith(" wallaroo.resilience.verify_restart")
    assert pythons.steps(pythons.WHOLE) == (network, ["make --silent test-all", *alone[1:]])


@pytest.mark.parametrize(
    ("words", "tests"),
    [
        ([], "make --silent test-unit"),
        (["--share=3"], "make --silent test-unit ARGS=--share=3"),
        (["--whole"], "make --silent test-all"),
    ],
)
def test_it_is_chosen_which_tests_run(monkeypatch: pytest.MonkeyPatch, words: list[str], tests: str) -> None:
    ran: list[tuple[str, str]] = []

    class Root:
        def __init__(self, version: str) -> None:
            self.version = version

        def check(self, command: str) -> int:
            ran.append((self.version, command))
            return 0

    monkeypatch.setattr(pythons, "Root", Root)
    monkeypatch.setattr(pythons, "NEEDED", ())
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("sys.argv", ["pythons.py", *words, "3.13", "3.14"])
    assert pythons.main() == 0
    assert ran == [("3.13", tests), ("3.14", tests)]
