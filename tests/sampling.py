# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of a slow matrix a run takes a sample.

A test that is marked ``sampled(2)`` runs with two of its cases, which the seed of the run chooses; ``make test-all``
runs it with all of them. Where all tests are run again on another Python, ``--share=4`` runs those of a fourth of the
files.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest

SEED = "sample"
"""What a process of xdist is told."""
LEFT_OUT = pytest.StashKey[bool]()
"""Whether this run is a sample of what there is."""
_OF_A_PROCESS = "left_out"


def is_wanted(config: pytest.Config) -> bool:
    """Whether a sample is run: not where all is asked for, or a case by its name."""
    named = config.option.keyword or any("[" in argument for argument in config.args)
    return not (config.option.whole or named)


def sample(items: Sequence[pytest.Item], seed: int) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """The items that run, in their order, and those that are left out.

    :param seed: of the run. What it chooses of one test does not depend on which other tests there are.
    """
    matrices = defaultdict(list)
    for item in items:
        if item.get_closest_marker("sampled"):
            matrices[item.nodeid.partition("[")[0]].append(item.nodeid)
    chosen = set()
    for name, cases in matrices.items():
        marker = next(item.get_closest_marker("sampled") for item in items if item.nodeid == cases[0])
        assert marker is not None
        count = min(marker.args[0], len(cases))
        chosen.update(random.Random(f"{seed} {name}").sample(sorted(cases), count))
    kept, left = [], []
    for item in items:
        runs = item.nodeid in chosen or not item.get_closest_marker("sampled")
        (kept if runs else left).append(item)
    return kept, left


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
