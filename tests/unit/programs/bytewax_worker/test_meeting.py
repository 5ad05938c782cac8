# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where workers of bytewax wait until all are there: all in one process, with real sockets, and no bytewax."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.waiting import wait_until
from ansible_collections.wallaroo.resilience.plugins.module_utils._programs.bytewax_worker.meeting import (
    Meeting,
    Member,
    Refused,
)

LIMIT = 10


class Worker:
    """A worker at the meeting, and a socket that stands for its dataflow."""

    def __init__(self, members: list[Member], index: int, epoch: int = 5, host: str = "") -> None:
        me = members[index]._replace(host=host or members[index].host)
        self.known: dict[str, str] = {}
        self.lost: list[str] = []
        self.refused = ""
        self.meeting = Meeting(me, [*members[:index], me, *members[index + 1 :]], epoch, self.known.__setitem__)
        self.data = socket.create_server((me.host, me.data))
        self.inside = threading.Event()
        threading.Thread(target=self._enter, daemon=True).start()

    def _enter(self) -> None:
        try:
            self.meeting.enter(self.lost.append)
            self.inside.set()
        except Refused as refused:
            self.refused = str(refused)

    def die(self) -> None:
        """As a process does: its sockets are closed."""
        self.meeting.close()
        self.data.close()


@pytest.fixture
def members(free_ports: Sequence[int]) -> list[Member]:
    names = ("initializer", "worker2", "worker3")
    return [Member(name, "127.0.0.1", free_ports[2 * i], free_ports[2 * i + 1]) for i, name in enumerate(names)]


@pytest.fixture
def workers() -> Iterator[list[Worker]]:
    started: list[Worker] = []
    yield started
    for one in started:
        one.die()


def begin(workers: list[Worker], *more: Worker) -> None:
    workers.extend(more)


def test_nobody_goes_in_before_all_are_there_in_whatever_order_they_come(
    members: list[Member], workers: list[Worker]
) -> None:
    begin(workers, Worker(members, 2), Worker(members, 1))
    assert not any(one.inside.wait(0.3) for one in workers)
    begin(workers, Worker(members, 0))
    for one in workers:
        assert one.inside.wait(LIMIT)
        assert one.meeting.addresses() == [f"127.0.0.1:{member.data}" for member in members]


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_whoever_is_left_hears_of_a_loss(members: list[Member], workers: list[Worker], lost: int) -> None:
    begin(workers, *(Worker(members, index) for index in range(3)))
    for one in workers:
        assert one.inside.wait(LIMIT)
    workers[lost].die()
    # The first worker hears of all, and all hear of it.
    hears = [one for number, one in enumerate(workers) if number != lost and (lost == 0 or number == 0)]
    wait_until(lambda: all(one.lost for one in hears), LIMIT, "the news of the loss")
    assert members[lost].name in hears[0].lost[0]


def test_one_that_was_brought_back_elsewhere_is_found_there(members: list[Member], workers: list[Worker]) -> None:
    begin(workers, Worker(members, 0), Worker(members, 2))
    begin(workers, Worker(members, 1, host="127.0.0.2"))
    for one in workers:
        assert one.inside.wait(LIMIT)
        assert one.meeting.addresses()[1] == f"127.0.0.2:{members[1].data}"
    assert workers[0].known == {"worker2": "127.0.0.2"}
    assert workers[1].known == {"worker2": "127.0.0.2"}


def test_also_the_first_worker_may_be_elsewhere(members: list[Member], workers: list[Worker]) -> None:
    begin(workers, Worker(members, 1), Worker(members, 2), Worker(members, 0, host="127.0.0.3"))
    for one in workers:
        assert one.inside.wait(LIMIT)
    assert workers[0].known == {"initializer": "127.0.0.3"}


def test_one_that_leaves_before_all_are_there_makes_room_for_another(
    members: list[Member], workers: list[Worker]
) -> None:
    first, gone = Worker(members, 0), Worker(members, 1)
    begin(workers, first)
    wait_until(lambda: "worker2" in first.meeting._joined, LIMIT, "worker2")
    gone.die()
    wait_until(lambda: "worker2" not in first.meeting._joined, LIMIT, "its leaving")
    begin(workers, Worker(members, 1, host="127.0.0.2"), Worker(members, 2))
    for one in workers:
        assert one.inside.wait(LIMIT)


def test_who_has_an_older_copy_of_its_partition_is_sent_away_and_the_others_go_on_waiting(
    members: list[Member], workers: list[Worker]
) -> None:
    begin(workers, Worker(members, 0, epoch=40), Worker(members, 1, epoch=12), Worker(members, 2, epoch=41))
    wait_until(lambda: workers[1].refused, LIMIT, "the refusal")
    assert "the recovery partition of worker2 ends with epoch 12, and others are at 41" in workers[1].refused
    assert not any(one.inside.is_set() or one.refused for one in (workers[0], workers[2]))
    workers.pop(1).die()
    begin(workers, Worker(members, 1, epoch=41))
    for one in workers:
        assert one.inside.wait(LIMIT)


def test_also_the_first_worker_may_have_one(members: list[Member], workers: list[Worker]) -> None:
    begin(workers, Worker(members, 0, epoch=3), Worker(members, 1, epoch=40), Worker(members, 2, epoch=41))
    wait_until(lambda: workers[0].refused, LIMIT, "the refusal")
    assert "the recovery partition of initializer ends with epoch 3" in workers[0].refused
    assert not any(one.inside.is_set() or one.refused for one in workers[1:])


def test_a_few_epochs_of_one_crash_do_not_matter(members: list[Member], workers: list[Worker]) -> None:
    begin(workers, Worker(members, 0, epoch=40), Worker(members, 1, epoch=41), Worker(members, 2, epoch=39))
    for one in workers:
        assert one.inside.wait(LIMIT)


def test_nobody_looks_for_ever_whether_the_last_worker_takes_data(members: list[Member], workers: list[Worker]) -> None:
    """A worker stops listening when all have connected, and to the last one connects nobody."""
    begin(workers, *(Worker(members, index) for index in (0, 1)))
    last = Worker(members, 2)
    last.data.close()
    begin(workers, last)
    wait_until(lambda: "worker3" in workers[0].meeting._through, LIMIT, "the last one, which never listened")
