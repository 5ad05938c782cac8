# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single steps while the server that has the worker does not answer: none of them makes a second owner."""

from __future__ import annotations

import random

from tests.integration.conftest import Loopback
from tests.integration.trust.watching import living, never_two, owners


def test_a_step_without_the_server_that_has_the_worker(shared: Loopback, seed: int) -> None:
    chance = random.Random(seed)
    here = owners(shared)[-1][1]
    if seed % 10 == 1:
        # The others have held it too: their older files and records are what tempts a step.
        shared.play("migrate", f"worker=2 src={here} dst={_other(chance, here)} settle=false")
        here = owners(shared)[-1][1]
    before = (living(shared), owners(shared))
    src, dst = chance.sample([name for name in ("server2", "server3", "server4") if name != here], 2)
    step, arguments = chance.choice(
        [
            ("copy_resilience", f"worker=2 src={src} dst={dst}"),
            ("copy_resilience", f"worker=2 src={here} dst={dst}"),
            ("restart_worker", f"worker=2 server={dst}"),
            ("restart_worker", "worker=2"),
            ("kill_worker", f"worker=2 server={src}"),
            ("kill_worker", "worker=2"),
            ("migrate", f"worker=2 src={src} dst={dst} settle=false"),
        ]
    )

    run = shared.play(step, arguments, *shared.without(here), succeed=False)

    assert f"{here} did not answer" in run.message, run.output[-3000:]
    assert (living(shared), owners(shared)) == before
    never_two(shared)


def _other(chance: random.Random, here: str) -> str:
    return chance.choice([name for name in ("server2", "server3", "server4") if name != here])
