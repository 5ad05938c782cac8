# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of the tools is the same whatever Python and pip are told, and it is complete or not there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests import wheels
from tools.environment import Environment, registry_settings

SAYS = """
import sys
def main():
    print("ansible-playbook", *sys.argv[1:])
"""

OF_THE_USER = """
[global]
index-url = https://user:secret@registry.example/simple
user = true
quiet = 1
target = {elsewhere}
constraint = {elsewhere}/constraints.txt
[install]
prefix = {elsewhere}
no-binary = :all:
ignore-installed = true
no-index = true
find-links = {wheels}
"""


class Making:
    """An environment below a path that nobody expects, made from wheels that nobody knows."""

    def __init__(self, repository: Path, tmp_path: Path) -> None:
        self.program = repository / "tools" / "environment.py"
        self.elsewhere = tmp_path / "elsewhere"
        self.directory = tmp_path / "a blank and an \u00fc" / "environment"
        self.directory.parent.mkdir()
        self.lock = tmp_path / "lock.txt"
        self.more = tmp_path / "more.txt"
        self.wheels = tmp_path / "wheels"
        settings = tmp_path / "pip.conf"
        settings.write_text(OF_THE_USER.format(elsewhere=self.elsewhere, wheels=self.wheels))
        self.environment = {
            **os.environ,
            "PIP_CONFIG_FILE": str(settings),
            "PIP_USER": "1",
            "PIP_TARGET": str(self.elsewhere),
            "PIP_PREFIX": str(self.elsewhere),
            "PIP_REQUIRE_VIRTUALENV": "true",
            "PIP_FIND_LINKS": str(self.wheels),
            "PYTHONPATH": str(self.elsewhere),
            "PYTHONUSERBASE": str(self.elsewhere),
        }

    def make(self, *more: Path) -> tuple[int, str]:
        ended = subprocess.run(
            [sys.executable, "-I", str(self.program), str(self.directory), str(self.lock), *map(str, more)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return ended.returncode, ended.stdout + ended.stderr


@pytest.fixture
def making(repository: Path, tmp_path: Path) -> Making:
    return Making(repository, tmp_path)


def installing(names: str) -> str:
    return f"Installing {names} into environment (once, less than a minute) ...\nInstalled.\n"


def test_it_is_made_in_isolation_and_complete_or_not_at_all(making: Making) -> None:
    wheels.lock(making.lock, wheels.wheel(making.wheels, "ansible-core", "1.0", SAYS))
    code, said = making.make()
    assert code == 1
    assert f"pip ended well, but libexec/ansible-playbook did not come into {making.directory}." in said
    assert not (making.directory / ".complete").exists()

    core = wheels.wheel(making.wheels, "ansible-core", "2.0", SAYS, program="ansible-playbook")
    tool = wheels.wheel(making.wheels, "tool", "1.0", SAYS, program="tool")
    wheels.lock(making.lock, core, tool)
    tool.rename(tool.with_suffix(".away"))

    code, said = making.make()

    assert code == 1
    assert "pip could not install the tools of" in said
    assert not (making.directory / ".complete").exists()

    tool.with_suffix(".away").rename(tool)
    # As the pip that comes with some Pythons names programs of another version.
    (packages,) = making.directory.glob("lib/python*/site-packages")
    odd = packages / "odd-1.0.dist-info"
    odd.mkdir()
    (odd / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
    (odd / "entry_points.txt").write_text("[console_scripts]\nodd = odd:main\n")
    assert making.make() == (0, installing("lock"))
    assert making.make() == (0, "")
    assert not making.elsewhere.exists()
    for name, words in (("tool", ["x"]), ("ansible-playbook", ["-e", "worker=2", "dst=4"])):
        program = making.directory / "bin" / name
        ended = subprocess.run([str(program), *words], capture_output=True, text=True, check=False, timeout=60)
        wanted = words if name == "tool" else ["-e", "worker=2", "-e", "dst=4"]
        assert ended.stdout.split() == ["ansible-playbook", *wanted], ended.stderr
    assert (making.directory / "bin" / "wallaroo-resilience").exists()


def test_tools_are_added_and_stay(making: Making) -> None:
    core = wheels.wheel(making.wheels, "ansible-core", "1.0", SAYS, program="ansible-playbook")
    tool = wheels.wheel(making.wheels, "tool", "1.0", SAYS, program="tool")
    wheels.lock(making.lock, core)
    # A package may be in both, under other conditions.
    wheels.lock(making.more, core, tool)
    # An interruption may leave a Python that runs, and no pip.
    venv.create(making.directory, with_pip=False)
    assert making.make() == (0, installing("lock"))
    assert not (making.directory / "bin" / "tool").exists()
    tool.rename(tool.with_suffix(".away"))

    assert making.make(making.more)[0] == 1

    # What was complete before is not taken for it after an interruption.
    assert making.make() == (0, installing("lock"))
    tool.with_suffix(".away").rename(tool)
    assert making.make(making.more) == (0, installing("more"))
    assert making.make(making.more) == making.make() == (0, "")
    newer = wheels.wheel(making.wheels, "ansible-core", "2.0", SAYS, program="ansible-playbook")
    wheels.lock(making.lock, newer)
    assert making.make() == (0, installing("lock"))
    assert (making.directory / "bin" / "tool").exists()
    assert making.make(making.more) == (0, "")
    assert not list(making.directory.glob("lib/python*/site-packages/setuptools"))


def test_the_locks_agree(repository: Path) -> None:
    """What is in both locks has the same version, with and without the tools."""
    pins = {}
    for name in ("controller", "core-2.16", "tools"):
        text = (repository / "requirements" / f"{name}.txt").read_text()
        pins[name] = set(re.findall(r"^([a-z0-9][\w.-]*)==([^ ;]+)", text, re.MULTILINE))
    for name in ("controller", "core-2.16"):
        common = {package for package, _version in pins[name]} & {package for package, _version in pins["tools"]}
        assert {pin for pin in pins["tools"] if pin[0] in common} <= pins[name]
    assert {package for package, _version in pins["controller"]} == {package for package, _version in pins["core-2.16"]}


def test_only_what_reaches_a_registry_is_kept_of_the_settings_of_pip() -> None:
    listed = (
        ":env:.target='/elsewhere'\nglobal.user='true'\nglobal.index-url='https://one'\n:env:.cert='/its/cert.pem'\n"
        "install.index-url='https://two'\ndownload.proxy='http://three'\nglobal.extra-index-url='\\nhttps://4\\nhttps://5'\n"
    )
    assert registry_settings(listed) == {
        "PIP_INDEX_URL": "https://two",
        "PIP_CERT": "/its/cert.pem",
        "PIP_EXTRA_INDEX_URL": "\nhttps://4\nhttps://5",
    }


def test_what_ansible_parses_is_kept_whatever_the_user_has_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANSIBLE_FORKS", "many")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ansible.cfg").write_text("nonsense")
    made = Environment(tmp_path / "environment")
    made.python = Path(sys.executable)
    real = made.directory / "libexec"
    real.mkdir(parents=True)
    made._keep_parsed()
    assert list(real.iterdir()) == [], "an environment without Ansible"

    (real / "ansible-playbook").touch()
    made._keep_parsed()
    assert capsys.readouterr().out == ""
    kept = {path.name for path in real.iterdir()}
    assert "parsed-options.json" in kept
    assert all(name.startswith(("parsed-", "ansible-playbook")) for name in kept), "and nothing else"

    (real / "parsed-options.json").unlink()
    (real / "parsed-options.json").mkdir()
    made._keep_parsed()
    assert "its settings could not be kept parsed: IsADirectoryError" in capsys.readouterr().out
