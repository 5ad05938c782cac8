# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The external channel of a real cluster, before and after a recovery."""

from __future__ import annotations

from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo.external_client import (
    ExternalClient,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.external import MessageType

from tests.worker_runner import KEYS, LIMIT, RESUMED, Cluster

OWN = ["key_2", "key_3", "key_5", "key_7", "key_8"]


def test_queries_before_and_after_a_recovery(cluster: Cluster) -> None:
    receiver = cluster.receiver()
    cluster.start_all()
    client = ExternalClient("127.0.0.1", cluster.external, LIMIT)
    assert client.query("state_entities") == {"state1": []}
    cluster.send(1, 10)
    receiver.wait_until_all_have(10)
    assert sorted(client.query("state_entities")["state1"]) == OWN
    assert client.query("state_entity_counts") == {"state1": len(OWN)}
    sources, partitions = client.query("source_ids"), client.query("partitions")
    assert len(sources) == 10
    assert list(partitions["state"]["state1"]) == ["initializer"]
    client.tell(MessageType.PRINT, b"before the crash")
    cluster["initializer"].wait_for("$$$ ExternalPrint: before the crash $$$")
    client.tell(MessageType.ROTATE_LOG, b"worker2")
    cluster["worker2"].wait_for("WARNING: LogRotation requested")

    cluster.wait_for_checkpoints()
    cluster["worker2"].kill()
    cluster.start("worker2").wait_for(RESUMED)
    cluster["initializer"].wait_for(RESUMED)
    # The keys of before are still there, but nobody tells of them any more (wallaroo.md, Trap 37).
    assert client.query("state_entities") == {"state1": []}
    assert (client.query("source_ids"), client.query("partitions")) == (sources, partitions)
    cluster.send(11, 12)
    receiver.assert_exactly_once(12, KEYS)
    assert client.query("state_entity_counts") == {"state1": 0}
    cluster.send(1, 1, ["key_12"])
    receiver.wait_until_all_have(1, ["key_12"])
    assert client.query("state_entities") == {"state1": ["key_12"]}
