# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process of Ansible begins with when it loads a plugin of this collection."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _startup

COLLECTIONS = Path(_startup.__file__).parents[5]

PROGRAM = """
import atexit, gc, json, sys
found = {"threshold": gc.get_threshold()}
# What is registered first is called last.
atexit.register(lambda: print(json.dumps({**found, "frozen": gc.get_freeze_count()})))
from ansible.plugins.loader import init_plugin_loader
init_plugin_loader([sys.argv[1]])
class Watching:
    def find_spec(self, *unused): pass
if sys.argv[2:]:
    sys.meta_path.insert(0, Watching)
before = list(sys.meta_path)
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _timeline
from ansible_collections.wallaroo.resilience.plugins.module_utils import _problem
from ansible_collections.wallaroo.resilience.plugins.modules import run_lock
found["seldom"], found["loaded"] = gc.get_threshold(), gc.get_freeze_count()
found["added"] = len(sys.meta_path) - len(before)
found["loaders"] = [type(one.__spec__.loader).__name__ for one in (_timeline, _problem, run_lock)]
found["whole"] = all(sys.modules[one.__name__] is one for one in (_timeline, _problem, run_lock))
try:
    from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _nobody
except ImportError as error:
    found["missing"] = str(error)
"""


def loaded_by_ansible(*watched: str) -> dict[str, Any]:
    ended = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM, str(COLLECTIONS), *watched], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_what_ansible_loads_is_kept_as_python_has_compiled_it() -> None:
    found = loaded_by_ansible()
    # Python's own, which reads and writes __pycache__.
    assert found["loaders"] == ["SourceFileLoader"] * 3
    assert found["whole"]
    assert "_nobody" in found["missing"]


def test_only_the_shared_modules_of_this_collection_are_found() -> None:
    finder = _startup.Compiled("ours.plugins")
    plugins = COLLECTIONS / "ansible_collections/wallaroo/resilience/plugins"
    for package, name, there in (
        ("ours.plugins.plugin_utils", "_startup", True),
        ("ours.plugins.module_utils", "_problem", True),
        ("ours.plugins.modules", "run_lock", True),
        # What Ansible loads as a plugin, and what belongs to another collection, is left to Ansible.
        ("ours.plugins.action", "in_turn", False),
        ("others.plugins.modules", "run_lock", False),
        ("ours.plugins.modules", "_nobody", False),
    ):
        directory = str(plugins / package.rpartition(".")[2])
        assert (finder.find_spec(f"{package}.{name}", [directory]) is not None) is there, f"{package}.{name}"
    assert finder.find_spec("ours.plugins.modules.run_lock", None) is None


def test_nothing_is_put_before_what_watches_imports() -> None:
    assert loaded_by_ansible()["added"] == 1
    found = loaded_by_ansible("watched")
    assert found["added"] == 0
    assert "SourceFileLoader" not in found["loaders"]


def test_what_is_loaded_is_not_looked_through_and_the_rest_seldom() -> None:
    found = loaded_by_ansible()
    assert found["seldom"][0] == _startup.SELDOM > found["threshold"][0]
    assert found["seldom"][1:] == found["threshold"][1:]
    assert found["loaded"] > 10_000


def test_at_its_end_nothing_is_looked_through() -> None:
    assert loaded_by_ansible()["frozen"] > 10_000


def test_outside_of_ansible_nothing_is_done() -> None:
    program = (
        "import sys; before = list(sys.meta_path); import ansible_collections.wallaroo.resilience.plugins.plugin_utils"
    )
    subprocess.run(
        [sys.executable, "-c", f"{program}; assert sys.meta_path == before"],
        env={"PYTHONPATH": str(COLLECTIONS)},
        check=True,
    )
