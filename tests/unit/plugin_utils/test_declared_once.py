# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A step that is added to a copy of the collection as docs/extending.md says: all else knows it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import preloaded
from tests.additions import STEP

SURVEY = {
    "worker": ("integer", True, None, []),
    "steps": ("integer", True, 8, []),
    "tempo": ("float", True, 1.5, []),
    "music": ("multiplechoice", True, "true", ["false", "true"]),
    "style": ("multiplechoice", True, "waltz", ["waltz", "tango"]),
    "hall": ("text", False, "", []),
    "guests": ("textarea", False, "", []),
    "menu": ("text", False, "", []),
    "wish": ("text", False, "", []),
}
ARGUMENTS = list(SURVEY)


class Copy:
    """A copy of the collection with one step more."""

    def __init__(self, repository: Path, place: Path) -> None:
        self.root = place / "ansible_collections/wallaroo/resilience"
        for name in ("plugins", "roles", "playbooks", "meta", "awx", "inventory", "galaxy.yml"):
            source, target = repository / name, self.root / name
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        for name, ((_, text),) in STEP.items():
            self._add(name, text)
        self.place = place
        self.told = place / "told.json"

    def _add(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def environment(self) -> dict[str, str]:
        own = {"ANSIBLE_COLLECTIONS_PATH": str(self.place), "PYTHONPATH": str(self.place), "TOLD": str(self.told)}
        # As the ansible.cfg of a checkout has it: JSON would put a backslash before each quotation mark.
        own["ANSIBLE_CALLBACK_RESULT_FORMAT"] = "yaml"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        return {**kept, **own, "WALLAROO_LOOPBACK": str(self.place / "servers"), "ANSIBLE_NOCOLOR": "1"}

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.place,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def python(self, program: str) -> Any:
        ended = self.run(sys.executable, "-c", f"import json\n{program}")
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    def play(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        book, servers = self.root / "playbooks/rehearse_dance.yml", self.root / "inventory/loopback"
        return preloaded.play([str(book), "-i", str(servers), *arguments], self.environment(), self.place, limit=120)


@pytest.fixture(scope="module")
def copy(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(repository, tmp_path_factory.mktemp("copy"))


IMPORT = "from ansible_collections.wallaroo.resilience.plugins.plugin_utils"


def test_ansible_doc_shows_every_argument(copy: Copy) -> None:
    program = Path(sys.executable).parent / "ansible-doc"
    ended = copy.run(str(program), "-t", "role", "wallaroo.resilience.dance", "--json")
    options = json.loads(ended.stdout)["wallaroo.resilience.dance"]["entry_points"]["rehearse"]["options"]
    assert set(options) == {*ARGUMENTS, "dance_colour"}
    assert options["style"]["choices"] == ["waltz", "tango"]


def test_a_survey_asks_for_every_argument(copy: Copy) -> None:
    survey = copy.python(
        f"{IMPORT} import _awx\nimport yaml, pathlib\n"
        f"t = yaml.safe_load(pathlib.Path({str(copy.root)!r}, 'awx/job_templates/rehearse_dance.yml').read_text())\n"
        "print(json.dumps(_awx.survey_spec(t)))"
    )
    asked = {one["variable"]: (one["type"], one["required"], one["default"], one["choices"]) for one in survey["spec"]}
    # How a worker is asked for is written once for all templates, with what the answer begins with.
    assert asked == {**SURVEY, "worker": ("integer", True, 2, [])}


def test_python_has_a_method_with_every_argument(copy: Copy) -> None:
    found = copy.python(
        f"{IMPORT}.cluster import Cluster\nimport inspect\nmethod = Cluster().rehearse_dance\n"
        "known = inspect.signature(method).parameters.values()\n"
        "print(json.dumps([[(one.name, one.default is inspect.Parameter.empty) for one in known], method.__doc__]))"
    )
    assert found[0] == [[name, name == "worker"] for name in ARGUMENTS]
    assert found[1].startswith("``rehearse_dance.yml``: rehearse a dance.")
    assert ":param tempo: how fast (1.5)." in found[1]


def test_the_command_line_has_its_verb(copy: Copy) -> None:
    understood = copy.python(
        f"{IMPORT}._api.console import understood\n"
        "print(json.dumps(understood('rehearse-dance', ['worker=2', 'style=tango', 'workers=3'])))"
    )
    assert understood == ["rehearse_dance", {"worker": "2", "style": "tango"}, {"workers": "3"}]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("worker=2 stile=tango", "There is no variable stile (did you mean style?)"),
        ("worker=2 style=polka", "style=polka is not known: choose one of waltz, tango."),
        ("worker=2 steps=0", "steps=0 is too small"),
        ("worker=2 hall=here", "hall=here is no absolute path on the servers."),
        ("worker=2 menu=soup", "menu=soup is no dictionary"),
        ("style=tango", 'worker is missing: give it as in -e "worker=2". Who dances.'),
        ("worker=2 keep_files=true", "rehearse_dance.yml takes no keep_files: it is a variable of stop_cluster.yml."),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_done(copy: Copy, arguments: str, sentence: str) -> None:
    ended = copy.play("-e", arguments)
    assert ended.returncode != 0
    assert sentence in " ".join(ended.stdout.split())
    assert not copy.told.exists()


def test_what_was_written_reaches_the_step_typed_and_with_its_defaults(copy: Copy) -> None:
    given = {
        "worker": "2",
        "steps": "3",
        "tempo": "",
        "music": "no",
        "guests": "a, b",
        "menu": '{"soup": 1}',
        "hall": "",
    }
    ended = copy.play("-e", json.dumps({**given, "hall": ""}))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert json.loads(copy.told.read_text()) == {
        "worker": "2",
        "steps": 3,
        "tempo": 1.5,
        "music": False,
        "style": "waltz",
        "hall": None,
        "guests": ["a", "b"],
        "menu": {"soup": 1},
        "wish": None,
        "dance_colour": "red",
    }
    copy.told.unlink()
