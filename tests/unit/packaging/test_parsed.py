# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of Ansible's own YAML says the same, and is taken for nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools import parsed

PROGRAM = """
import json, sys
from pathlib import Path
import yaml
load, count = yaml.load, [0]
def counted(stream, Loader):
    count[0] += 1
    return load(stream, Loader)
yaml.load = counted
sys.path.insert(0, sys.argv[1])
import parsed
if sys.argv[2]:
    parsed.use(Path(sys.argv[2]))
import ansible.cli.playbook
if sys.argv[2]:
    parsed.use_options(Path(sys.argv[2]))
from ansible import constants
from ansible.plugins import loader
loader.init_plugin_loader([])
import ansible_collections.ansible.builtin as builtin
for kind in parsed.KINDS:
    list(getattr(loader, f"{kind}_loader").all(class_only=True))
print(json.dumps({
    "settings": {name: repr(one) for name, one in constants.config.get_configuration_definitions().items()},
    "options": {kind: constants.config.get_configuration_definitions(kind) for kind in parsed.KINDS},
    "routes": builtin._collection_meta,
    "parsed": count[0],
}))
"""


def loaded(tools: Path, kept: str) -> dict[str, Any]:
    """What Ansible knows of its settings, of its plugins' options, and of where its modules are."""
    command = [sys.executable, "-I", "-c", PROGRAM, str(tools), kept]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def keep(directory: Path) -> None:
    """In a process of its own, as an environment does: Ansible changes how Python finds modules."""
    subprocess.run([sys.executable, "-I", str(parsed.__file__), str(directory)], check=True)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("kept")
    keep(directory)
    return directory


@pytest.fixture(scope="module")
def ever(repository: Path) -> dict[str, Any]:
    return loaded(repository / "tools", "")


def test_ansible_knows_the_same_from_what_is_kept(repository: Path, kept: Path, ever: dict[str, Any]) -> None:
    assert len(list(kept.iterdir())) == len(parsed.LOADERS) + 1
    quick = loaded(repository / "tools", str(kept))
    assert len(ever["settings"]) > 100
    assert len(ever["routes"]["plugin_routing"]["modules"]) > 100
    assert {"host", "port", "private_key_file"} <= set(ever["options"]["connection"]["ssh"])
    for name in ("settings", "options", "routes"):
        assert quick[name] == ever[name]
    assert quick["parsed"] <= ever["parsed"] - len(parsed.LOADERS)


def test_ansible_parses_as_ever_where_nothing_is_kept(repository: Path, ever: dict[str, Any], tmp_path: Path) -> None:
    assert loaded(repository / "tools", str(tmp_path)) == ever


def test_plugins_that_are_others_by_now_are_asked_themselves(
    repository: Path, kept: Path, ever: dict[str, Any], tmp_path: Path
) -> None:
    known = parsed._read(kept / parsed.OPTIONS)
    assert any(path.endswith("/ssh.py") for path in known)
    another = {"of": {"another": "version"}}
    older = {path: [kind, [time - 1, size], another] for path, (kind, (time, size), _is) in known.items()}
    parsed._write(tmp_path / parsed.OPTIONS, json.dumps(older))
    assert loaded(repository / "tools", str(tmp_path)) == ever


def test_options_that_are_not_what_was_written_are_parsed_as_ever(
    repository: Path, kept: Path, ever: dict[str, Any], tmp_path: Path
) -> None:
    damaged = (kept / parsed.OPTIONS).read_text().replace('"default"', '"fault"', 1)
    (tmp_path / parsed.OPTIONS).write_text(damaged)
    assert loaded(repository / "tools", str(tmp_path)) == ever


def test_what_ansible_must_trust_is_not_kept(kept: Path) -> None:
    said = (kept / parsed.OPTIONS).read_text()
    assert not [sign for sign in ("{{", "{%", "{#") if sign in said]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_text(path.read_text()[:-5]),
        lambda path: path.write_bytes(b"\xff"),
        lambda path: path.write_text("[]"),
        lambda path: path.write_text(path.read_text().replace("something", "anything")),
        lambda path: path.unlink(),
    ],
)
def test_what_is_damaged_or_lost_is_parsed_as_ever(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    said = b"a: 1\n"
    place = parsed._place(tmp_path, said)
    parsed._write(place, '{"b": "something else"}')
    damage(place)
    assert parsed._kept(tmp_path, lambda data: data + b"!")(said) == said + b"!"


def test_only_what_says_the_same_is_taken_for_it(tmp_path: Path) -> None:
    parsed._write(parsed._place(tmp_path, b"a: 1\n"), '{"a": "kept"}')
    parse = parsed._kept(tmp_path, lambda data, where: (data, where))
    assert parse(b"a: 1\n", "here") == {"a": "kept"}
    assert parse(b"a: 1 \n", "here") == (b"a: 1 \n", "here")
    # A text, as callers of a later Ansible may have it.
    assert parse("a: 1\n", "here") == ("a: 1\n", "here")


def test_a_stream_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "some.yml"
    path.write_bytes(b"b: 2\n")
    with path.open("rb") as stream:
        assert parsed._kept(tmp_path, lambda data: data)(stream) == b"b: 2\n"


def test_what_another_version_has_left_is_put_away(tmp_path: Path) -> None:
    old = parsed._place(tmp_path, b"of another version")
    old.write_text("{}")
    other = tmp_path / "ansible-playbook"
    other.write_text("a program")
    keep(tmp_path)
    assert not old.exists()
    assert other.exists()
