# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every row of what was seen on a real engine (wallaroo.md, "Observed"), in its order.

What hangs there must hang here: an event that does not come within a while in which others do.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import time

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.detector import (
    encode_input,
    expected_window,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.external import MessageType, encode
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.framing import frame
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification.validator_rule import validate

from tests.engines import chosen
from tests.worker_runner import KEYS, LIMIT, READY, RESUMED, Cluster, Receiver, crash_and_restart, fed, wait_for

PATIENCE = chosen(os.environ).patience
"""Seconds of looking that something does not happen: a recovery takes 0.1 to 0.3. Of a real engine it is watched, too,
that a boundary's next try, after 10 seconds, does not change it."""


def verdicts(cluster: Cluster, receiver: Receiver, last: int) -> tuple[str, str]:
    """What the original's validator says, by its own rule: exactly once, and at least once."""
    path = receiver.write(cluster.directory / "received.txt")
    return validate(path, KEYS, last).verdict, validate(path, KEYS, last, at_least_once=True).verdict


def test_a_fresh_start(cluster: Cluster) -> None:
    """Fresh 2-worker start, 1..1000 sent for 11 keys: 11000 records; the validator passes."""
    receiver = cluster.receiver()
    cluster.start_all(2)
    cluster.send(1, 1000)
    receiver.assert_exactly_once(1000)
    assert verdicts(cluster, receiver, 1000) == ("pass", "pass")


def test_a_restart_where_it_was(cluster: Cluster) -> None:
    """Idle, kill -9 worker2, restart with the same host and ports: recovered; the validator passes."""
    receiver = fed(cluster, 2, last=1000)
    crash_and_restart(cluster, "worker2")
    cluster["worker2"].wait_for(READY)
    cluster.send(1001, 2000)
    receiver.assert_exactly_once(2000)
    assert verdicts(cluster, receiver, 2000) == ("pass", "pass")


def test_a_worker_comes_back_on_other_ports_when_its_address_files_say_so(cluster: Cluster) -> None:
    """Same, control/data ports changed, address files rewritten: recovered; the validator passes."""
    receiver = fed(cluster, 2)
    cluster["worker2"].kill()
    cluster.ports["worker2"] = (cluster.port(), cluster.port())
    cluster.write_addresses("worker2")
    cluster.start("worker2").wait_for(RESUMED)
    cluster.send(201, 400)
    receiver.assert_exactly_once(400)
    cluster.wait_for_checkpoints()
    crash_and_restart(cluster, "worker2")
    cluster.send(401, 410)
    receiver.assert_exactly_once(410)


def test_ports_that_the_address_files_do_not_say_hang_in_reconnect(cluster: Cluster) -> None:
    """Same, ports changed, address files not rewritten: hangs in "Recovery Phase: Reconnect"."""
    fed(cluster, 2, last=10)
    cluster["worker2"].kill()
    cluster.ports["worker2"] = (cluster.port(), cluster.port())
    worker = cluster.start("worker2")
    worker.wait_for("Reconnect Phase 1")
    worker.never_says(RESUMED, PATIENCE)
    assert worker.phases()[-2:] == [
        "|~~ - Recovery Phase: Reconnect - ~~|",
        "|~~ -- Reconnect Phase 1: Wait for Boundary Counts -- ~~|",
    ]


def test_another_host_address_on_the_same_machine_hangs(cluster: Cluster) -> None:
    """Host changed to 127.0.0.2 on the same machine, files rewritten: hangs."""
    fed(cluster, 2, last=10)
    cluster["worker2"].kill()
    for suffix, port in zip(("tcp-control", "tcp-data"), cluster.ports["worker2"]):
        cluster.files("worker2").path(suffix).write_text(f"127.0.0.2\n{port}\n")
    worker = cluster.start("worker2", host="127.0.0.2")
    worker.wait_for("worker2 control: listening on 127.0.0.2:")
    worker.wait_for("Reconnect Phase 1")
    worker.never_says(RESUMED, PATIENCE)
    assert "Reconnect" in worker.phases()[-1]


def test_a_cluster_whose_worker_listens_on_another_loopback_address_never_forms(cluster: Cluster) -> None:
    """A first boot on 127.0.0.2 fails for the same reason."""
    cluster.receiver()
    initializer = cluster.start("initializer", 2)
    initializer.wait_for("initializer control: listening on")
    cluster.start("worker2", host="127.0.0.2")
    initializer.wait_for("ControlSenderConnectNotifier (to worker2): connection failed!")
    initializer.never_says("All worker data channels identified", 0.5)


def test_a_kill_while_messages_flow_loses_data_and_the_initializer_aborts(cluster: Cluster) -> None:
    """Kill -9 worker2 while messages are being sent: the initializer aborts, exit 1."""
    cluster.interval = 1.0
    cluster.receiver()
    cluster.start_all(2)
    senders = [cluster.sender([key], batch=5, pause=0.005) for key in KEYS[:10]]
    wait_for("a checkpoint", lambda: cluster.last_checkpoint() >= 1)
    time.sleep(0.2)
    cluster["worker2"].kill()
    time.sleep(0.1)
    cluster.start("worker2").wait_for("Recovery COMPLETE")
    initializer = cluster["initializer"]
    assert initializer.exit_code() == 1
    log = initializer.log()
    assert "Increments test failed" in log
    assert "This should never happen: failure in " in log
    assert cluster.files("initializer").state() == "complete"
    for sender in senders:
        sender.abandon()


def crash_behind_a_checkpoint(cluster: Cluster, receiver: Receiver, last: int) -> int:
    """Send 30 more values, crash worker2 before a checkpoint knows of them, and bring it back.

    :returns: the last value that is in the states. On a machine that is slow at this moment a checkpoint
        comes between; then nothing was lost, and it is tried again.
    """
    for attempt in range(1, 6):
        before = cluster.last_checkpoint()
        wait_for("a checkpoint", lambda: cluster.last_checkpoint() > before)  # noqa: B023
        behind = cluster.last_checkpoint()
        cluster.send(last + 1, last + 30)
        receiver.wait_until_all_have(last + 30)
        crash_and_restart(cluster, "worker2")
        cluster["initializer"].wait_for(RESUMED, times=attempt)
        if re.findall(r"Rolling back to checkpoint (\d+)", cluster["initializer"].log())[-1] == str(behind):
            return last
        last += 30
    raise AssertionError("a checkpoint came between every time")


def test_what_is_sent_again_from_the_last_checkpoint_on_repairs_the_loss(cluster: Cluster) -> None:
    """Killed after the last checkpoint, the sender re-sends from there: duplicates; exactly-once fails, -a passes."""
    cluster.interval = 1.0
    receiver = fed(cluster, 2, last=50)
    last = crash_behind_a_checkpoint(cluster, receiver, 50)
    cluster.send(last + 1, last + 70)
    receiver.wait_until_all_have(last + 70)
    for key in KEYS:
        values = [*range(1, last + 31), *range(last + 1, last + 71)]
        assert receiver.windows(key) == [expected_window(value) for value in values], "output is never taken back"
    assert verdicts(cluster, receiver, last + 70) == ("fail", "pass")


def test_what_came_after_the_checkpoint_and_is_not_sent_again_is_a_gap(cluster: Cluster) -> None:
    """Killed after the last checkpoint, the sender does not re-send: as "killed while sending"."""
    cluster.interval = 1.0
    receiver = fed(cluster, 2, last=50)
    last = crash_behind_a_checkpoint(cluster, receiver, 50)
    cluster.send(last + 31, last + 40)
    initializer = cluster["initializer"]
    assert initializer.exit_code() == 1
    assert "Increments test failed" in initializer.log()


def test_one_worker_after_the_other(cluster: Cluster) -> None:
    """3 workers, kill worker2, recover, kill worker3, recover, idle each time: both recover."""
    receiver = fed(cluster, 3)
    for name, first in (("worker2", 201), ("worker3", 301), ("worker2", 401)):
        crash_and_restart(cluster, name)
        cluster.send(first, first + 99)
        receiver.wait_until_all_have(first + 99)
        cluster.wait_for_checkpoints()
    receiver.assert_exactly_once(500)


def test_an_initializer_without_addresses_of_its_own_is_not_found_any_more(cluster: Cluster) -> None:
    """Kill -9 the initializer alone, no --my-control/--my-data: it comes back on a random port, and never recovers."""
    cluster.receiver()
    cluster.start_all(2, own=False)
    cluster.wait_for_checkpoints()
    cluster["initializer"].kill()
    initializer = cluster.start("initializer", 2, own=False)
    # All boundaries are connected by then: worker2 lives.
    initializer.wait_for("Reconnect Phase 1")
    cluster["worker2"].wait_for("ControlSenderConnectNotifier (to initializer): connection failed!")
    initializer.never_says(RESUMED, PATIENCE)
    assert "Reconnect Phase 1" in initializer.phases()[-1]


def test_the_initializer_alone_never_comes_back(cluster: Cluster) -> None:
    """Kill -9 the initializer alone, with --my-control/--my-data: it stalls in "Rollback Barrier"."""
    fed(cluster, 2, last=10)
    cluster["initializer"].kill()
    initializer = cluster.start("initializer", 2)
    initializer.wait_for("|~~ - Recovery Phase: Rollback Barrier - ~~|")
    initializer.never_says(RESUMED, PATIENCE)
    assert initializer.phases()[-1] == "|~~ - Recovery Phase: Rollback Barrier - ~~|"
    # Killing the others too repairs it.
    crash_and_restart(cluster, "worker2")
    initializer.wait_for(RESUMED)


def test_initializer_and_worker_together(cluster: Cluster) -> None:
    """Kill -9 initializer and worker2, restart both: recovers; worker2 never prints phase III again."""
    receiver = fed(cluster, 2)
    order = ("initializer", "worker2")
    for name in order:
        cluster[name].kill()
    # The initializer waits for worker2 to listen before it begins to recover.
    cluster.start("initializer").wait_for("initializer control: listening on")
    cluster["initializer"].never_says("|~~ INIT PHASE II", 0.3)
    assert cluster["initializer"].phases() == []
    cluster.start("worker2")
    for name in order:
        cluster[name].wait_for(RESUMED)
    cluster.send(201, 300)
    receiver.assert_exactly_once(300)
    cluster["initializer"].wait_for(READY)
    assert READY not in cluster["worker2"].log()
    cluster.wait_for_checkpoints()
    crash_and_restart(cluster, "worker2")
    cluster.send(301, 310)
    receiver.assert_exactly_once(310)


def test_a_signal_to_one_worker_ends_all_and_deletes_all_files(cluster: Cluster) -> None:
    """SIGTERM to worker2: the whole cluster exits 0 and deletes all resilience files of all workers."""
    receiver = cluster.receiver()
    cluster.start_all(3)
    cluster.send(1, 20)
    receiver.wait_until_all_have(20)
    cluster["worker2"].terminate()
    for name, process in cluster.processes.items():
        assert process.exit_code(LIMIT) == 0, process.log()
        assert cluster.files(name).present() == {}
        log = process.log()
        assert f"...Removing {cluster.files(name).path('evlog')}..." in log
        assert log.index("Removing recovery files") < log.index("Recovery files removed.")
        assert "Connections: Finished shutdown procedure." in log


def test_a_clean_shutdown_deletes_all_but_the_journals(cluster: Cluster) -> None:
    """cluster_shutdown: the whole cluster exits 0 and deletes all resilience files; journals stay."""
    cluster.journal = cluster.port()
    cluster.receiver()
    cluster.start_all(2)
    cluster.tell(encode(MessageType.CLEAN_SHUTDOWN))
    for name, process in cluster.processes.items():
        assert process.exit_code(LIMIT) == 0
        assert sorted(cluster.files(name).present()) == ["evlog.journal", "journal"]
    assert "External Clean Shutdown received." in cluster["initializer"].log()


def test_a_worker_that_starts_before_the_initializer_hangs_for_ever(cluster: Cluster) -> None:
    """worker2 started before the initializer: its one connection attempt fails; the cluster never comes up."""
    cluster.receiver()
    worker = cluster.start("worker2")
    worker.wait_for("ControlSenderConnectNotifier (to initializer): connection failed!")
    initializer = cluster.start("initializer", 2)
    initializer.wait_for("initializer control: listening on")
    worker.never_says("connected to initializer", 0.7)
    assert "identified" not in initializer.log()
    assert cluster.files("worker2").state() == "incomplete", "and it has already written files"
    worker.kill()
    again = cluster.start("worker2")
    assert again.exit_code() == 1
    assert "Some resilience/recovery files are missing! Cannot continue!" in again.log()


_FULL = "TCPSourceListener: Already reached connection limit"


@pytest.mark.parametrize("at_once", [False, True])
def test_the_eleventh_sender_waits(cluster: Cluster, at_once: bool) -> None:
    """11 senders: the 11th waits; "Already reached connection limit" when it comes after ten were accepted."""
    receiver = cluster.receiver()
    cluster.start_all(1)
    initializer = cluster["initializer"]
    if at_once:
        initializer.popen.send_signal(signal.SIGSTOP)
    senders = [socket.create_connection(("127.0.0.1", cluster.source)) for _ in KEYS[:10]]
    if not at_once:
        initializer.wait_for("source: accepted a connection", times=10)
    senders.append(socket.create_connection(("127.0.0.1", cluster.source)))
    initializer.popen.send_signal(signal.SIGCONT)
    try:
        for connection, key in zip(senders, KEYS):
            connection.sendall(frame(encode_input(1, key)))
        receiver.wait_until_all_have(1, KEYS[:10])
        if at_once:
            assert _FULL not in initializer.log()
        else:
            initializer.wait_for(_FULL)
        assert receiver.last(KEYS[10]) == 0
        senders[0].close()
        receiver.wait_until_all_have(1)
    finally:
        for connection in senders:
            connection.close()
    wait_for(
        "the end of all connections",
        lambda: cluster["initializer"].log().count("TCPSource connection closed") == 11,
    )


def test_addresses_that_the_others_wrote_down_grow_stale(cluster: Cluster) -> None:
    """worker2 moved, then worker3 killed: hangs, but not with the new address in its file (wallaroo.md, Trap 6)."""
    receiver = fed(cluster, 3, last=20)
    cluster["worker2"].kill()
    old = cluster.ports["worker2"]
    cluster.ports["worker2"] = (cluster.port(), cluster.port())
    cluster.write_addresses("worker2")
    cluster.start("worker2").wait_for(RESUMED)
    cluster.wait_for_checkpoints()
    cluster["worker3"].kill()
    worker = cluster.start("worker3")
    worker.wait_for(f"RE-Connecting OutgoingBoundary to 127.0.0.1:{old[1]}")
    worker.never_says(RESUMED, PATIENCE)
    assert "|~~ INIT PHASE I: Application is created! ~~|" in worker.log()
    assert "|~~ INIT PHASE II: " not in worker.log()
    assert worker.phases() == [], "it hangs before its recovery begins"
    worker.kill()
    # The runbook's repair: the new address in place of the old one, as text.
    path = cluster.files("worker3").path("connection-addresses")
    content = path.read_bytes()
    for before, after in zip(old, cluster.ports["worker2"]):
        assert str(before).encode() in content
        content = content.replace(str(before).encode(), str(after).encode())
    path.write_bytes(content)
    cluster.start("worker3").wait_for(RESUMED)
    cluster.send(21, 40)
    receiver.assert_exactly_once(40)
