# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``cluster_message``."""

from __future__ import annotations

import socket

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.external import MessageType, encode

from tests.module_runner import refuse, succeed


def test_a_text_is_handed_to_the_worker_and_in_check_mode_it_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wanted = {"host": "127.0.0.1", "port": listener.getsockname()[1], "text": "hello"}
        assert succeed("cluster_message", wanted, check=True)["changed"] is True
        assert succeed("cluster_message", wanted)["changed"] is True
        listener.settimeout(15)
        connection, _address = listener.accept()
        with connection:
            assert connection.recv(100) == encode(MessageType.PRINT, b"hello")
            assert connection.recv(100) == b""
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize("text", ["two\nlines", "x" * 1001, "bell\a"])
def test_a_text_that_could_pass_for_lines_of_the_worker_is_refused(text: str) -> None:
    assert "one line" in refuse("cluster_message", {"host": "127.0.0.1", "text": text})


def test_nobody_there_is_a_sentence() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        wanted = {"host": "127.0.0.1", "port": probe.getsockname()[1], "text": "hello"}
        assert "Nobody answers" in refuse("cluster_message", wanted)
