# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of what is slow a run takes a sample, which its seed chooses.

* Of the tests in folders that start clusters and browsers (``ONE_IN``) it runs one in some, evenly over all files.
* A test that is marked ``sampled(2)`` runs with two of its cases.

``make test-all`` runs all of them, and so does who names a file, a test or a case. Where all tests are run again on
another Python, ``--share=4`` runs those of a fourth of the files.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

ONE_IN = {
    "tests/integration": 5,
    "tests/integration/engine": 1,
    "tests/integration/library": 1,
    "tests/integration/living": 5,
    "tests/integration/trust": 4,
    "tests/browser": 4,
}
"""Of so many tests of a folder one is run; the folder that is nearest counts, and elsewhere all are run. Tests of these
folders take ten seconds of a processor each, where those of the others take a tenth of one.
"""

SEED = "sample"
"""What a process of xdist is told."""
LEFT_OUT = pytest.StashKey[bool]()
"""Whether this run is a sample of what there is."""
_OF_A_PROCESS = "left_out"


def is_wanted(config: pytest.Config) -> bool:
    """Whether a sample is run: not where all is asked for, or a file, a test or a case by its name."""
    named = config.option.keyword or not all(Path(config.invocation_params.dir, word).is_dir() for word in config.args)
    return not (config.option.whole or named)


def sample(items: Sequence[pytest.Item], seed: int) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """The items that run, in their order, and those that are left out.

    :param seed: of the run. What it chooses of one test does not depend on which other tests there are.
    """
    tests = _tests(items, seed)
    matrices = defaultdict(list)
    for item in items:
        if item.get_closest_marker("sampled"):
            matrices[_test(item)].append(item)
    cases = set()
    for name, of_it in matrices.items():
        marker = of_it[0].get_closest_marker("sampled")
        assert marker is not None
        count = min(marker.args[0], len(of_it))
        cases.update(random.Random(f"{seed} {name}").sample(sorted(item.nodeid for item in of_it), count))
    kept, left = [], []
    for item in items:
        runs = _test(item) in tests and (_test(item) not in matrices or item.nodeid in cases)
        (kept if runs else left).append(item)
    return kept, left


def _tests(items: Sequence[pytest.Item], seed: int) -> set[str]:
    """Those that run, with all of their cases or a sample of them."""
    folders = defaultdict(set)
    for item in items:
        folders[_folder(item)].add(_test(item))
    chosen = set()
    for folder, tests in folders.items():
        step = ONE_IN.get(folder, 1)
        # Tests of a file are neighbours, so that a file with as many has one of them in each run.
        chosen.update(sorted(tests)[random.Random(f"{seed} {folder}").randrange(step) :: step])
    return chosen


def _test(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


def _folder(item: pytest.Item) -> str:
    """The nearest one of which something is said."""
    name = item.nodeid.partition("::")[0]
    while name and name not in ONE_IN:
        name = name.rpartition("/")[0]
    return name


def share(items: Sequence[pytest.Item], seed: int, parts: int) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """The items that run, in their order, and those that are left out.

    :param parts: of so many files the tests of one are run.
    """
    files = sorted({str(item.path) for item in items})
    chosen = set(random.Random(f"{seed} files").sample(files, math.ceil(len(files) / parts)))
    kept = [item for item in items if str(item.path) in chosen]
    return kept, [item for item in items if str(item.path) not in chosen]


def told(config: pytest.Config, left: bool) -> None:
    """Keep whether something was left out; a process of xdist lets the one that started it know."""
    config.stash[LEFT_OUT] = left
    if hasattr(config, "workeroutput"):
        config.workeroutput[_OF_A_PROCESS] = left


def heard(node: Any) -> None:
    """Keep what a process of xdist said."""
    left = getattr(node, "workeroutput", {}).get(_OF_A_PROCESS, False)
    node.config.stash[LEFT_OUT] = node.config.stash.get(LEFT_OUT, False) or left
