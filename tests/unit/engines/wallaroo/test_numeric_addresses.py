# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers announce IPv4 addresses: that is what a worker's file of the others is given, whatever the inventory has."""

from __future__ import annotations

import socket

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.wallaroo import peer_addresses


@pytest.mark.parametrize("address", ["10.1.2.3", "127.0.0.1", "255.255.255.255"])
def test_an_address_is_not_looked_up(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostbyname", lambda host: pytest.fail(f"{host} was looked up"))
    assert peer_addresses._numeric(address) == address


def test_a_name_becomes_its_address() -> None:
    assert peer_addresses._numeric("localhost") == "127.0.0.1"
    # As the system reads it: no name, and no complete address.
    assert peer_addresses._numeric("127.1") == "127.0.0.1"


def test_a_name_that_nobody_knows_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(host: str) -> str:
        raise socket.gaierror(host)

    monkeypatch.setattr(socket, "gethostbyname", unknown)
    assert peer_addresses._numeric("server9") == "server9"
