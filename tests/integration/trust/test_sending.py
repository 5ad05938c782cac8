# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has been sent into a cluster stays known: a sender that is killed, and tries that are refused."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._formats import sending_progress
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import living
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.stop import kill
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until

from tests.integration.conftest import Loopback


def come_to(progress: Path) -> int:
    found = sending_progress.read(progress)
    return found.to_dict()["sure"] if found is not None else 0


def test_a_killed_sender_and_refused_ones_leave_what_was_sent_known(cluster: Loopback) -> None:
    refused = cluster.play("start_sender", "last=99999999999999999999", succeed=False)
    assert "last=99999999999999999999 is too large" in refused.message
    assert cluster.results() == []
    cluster.play("verify", "")

    # A batch a minute: it is killed between two of them, so it is known of each key how far it came.
    cluster.play("start_sender", "last=1000 batch=50 interval=60 wait=false")
    progress = cluster.base(1) / "run" / "sender" / "progress"
    wait_until(lambda: come_to(progress) == 250, 30, "the first batch")
    sender = living.alive(str(cluster.base(1)), "sender")
    assert sender is not None
    kill(sender.identity)

    shown = cluster.play("verify").message
    assert (
        "The last sender (201 to 1000) was interrupted: it was killed, or its server went down. Values up to 250 of "
        "each key were sent, and up to there it is verified."
    ) in shown
    assert cluster.results()[-1]["verdict"] == "pass"
    assert cluster.results()[-1]["expected"] == 250 * 11

    # It goes on there: the detector would stop a worker at a value that is missing or comes twice.
    again = cluster.play("start_sender", "last=1000 interval=0").message
    assert "Values up to 250 of each key were sent; what follows is sent." in again
    cluster.play("verify")
    assert cluster.results()[-1]["expected"] == 1000 * 11
    assert cluster.results()[-1]["verdict"] == "pass"
