# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An address that moves: real interfaces and routes, in a network namespace of the test's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.json_record import Damaged
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.moved_address import (
    AddressProblem,
    ServerAddresses,
    arp,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.moved_record import RECORD, moved_here, read

SETUP = """
ip link set lo up
ip link add eth7 type veth peer name eth8
ip link set eth8 up
ip addr add 10.9.8.4/24 dev eth7
ip link set eth7 up
ip route add default via 10.9.8.1 dev eth7
"""


def alone(tmp_path: Path, code: str) -> str:
    """Run Python in a network of its own, in which the server has 10.9.8.4."""
    tools = [shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin") for name in ("unshare", "ip")]
    possible = os.geteuid() == 0 and all(tools)
    possible = (
        possible and not subprocess.run([str(tools[0]), "-n", "true"], capture_output=True, check=False).returncode
    )
    if not possible:
        pytest.skip("network namespaces need root, unshare and ip")
    program = f"""
import subprocess, sys
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.moved_address import *
for line in {SETUP!r}.strip().splitlines():
    ended = subprocess.run(line.split(), capture_output=True, text=True)
    if ended.returncode:
        sys.exit("cannot: " + ended.stderr)
def show():
    addresses = subprocess.run(["ip", "-4", "-o", "addr", "show", "dev", "eth7"], capture_output=True, text=True).stdout
    routes = subprocess.run(["ip", "-4", "route"], capture_output=True, text=True).stdout
    return sorted(line.split()[3] for line in addresses.splitlines()), sorted(routes.splitlines())
base = {str(tmp_path)!r}
here = ServerAddresses(base)
{textwrap.dedent(code)}
"""
    ended = subprocess.run(
        [str(tools[0]), "-n", sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    if "cannot: " in ended.stderr:
        pytest.skip(f"no interface can be made here: {ended.stderr.strip()[-200:]}")
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_an_address_is_taken_sent_from_and_given_away_again(tmp_path):
    alone(
        tmp_path,
        """
        before = show()
        assert here.present("10.9.8.2", "10.9.8.4")
        addresses, routes = show()
        assert addresses == ["10.9.8.2/32", "10.9.8.4/24"], addresses
        assert len(routes) == 2 and all("src 10.9.8.2" in route for route in routes), routes
        assert not here.present("10.9.8.2", "10.9.8.4")
        assert here.absent("10.9.8.2")
        assert show() == before
        assert not here.absent("10.9.8.2")
        """,
    )
    assert not (tmp_path / RECORD).exists()


def test_its_owner_gives_it_away_and_takes_it_back_as_it_was(tmp_path):
    alone(
        tmp_path,
        """
        subprocess.run("ip addr add 10.9.8.44/24 dev eth7".split(), check=True)
        subprocess.run("ip route add 10.7.0.0/16 via 10.9.8.9 dev eth7 src 10.9.8.44".split(), check=True)
        before = show()
        assert here.absent("10.9.8.44")
        assert show()[0] == ["10.9.8.4/24"]
        assert here.present("10.9.8.44", "10.9.8.4")
        assert show() == before
        """,
    )
    assert moved_here(str(tmp_path)) == {}


def test_a_server_that_sent_with_it_goes_on_with_another(tmp_path):
    alone(
        tmp_path,
        """
        subprocess.run("ip addr add 10.9.8.44/24 dev eth7".split(), check=True)
        subprocess.run("ip route replace 10.9.8.0/24 dev eth7 scope link src 10.9.8.44".split(), check=True)
        before = show()
        assert here.absent("10.9.8.44")
        assert any("10.9.8.0/24" in route and "src 10.9.8.4 " in route + " " for route in show()[1]), show()
        assert here.present("10.9.8.44", "10.9.8.4")
        assert show() == before
        """,
    )


def test_the_network_is_told_and_asked(tmp_path):
    alone(
        tmp_path,
        """
        import socket
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806)) as other:
            other.bind(("eth8", 0x0806))
            other.settimeout(5)
            here.present("10.9.8.2", "10.9.8.4")
            words = subprocess.run(["ip", "-o", "link", "show", "eth7"], capture_output=True, text=True).stdout.split()
            mac = bytes.fromhex(words[words.index("link/ether") + 1].replace(":", ""))
            frame = other.recv(128)
            assert frame[6:12] == mac and frame[28:32] == frame[38:42] == bytes([10, 9, 8, 2]), frame
        assert not answers("eth7", "10.9.8.3")
        subprocess.run("ip addr add 10.9.8.3/32 dev eth8".split(), check=True)
        assert answers("eth7", "10.9.8.3")
        """,
    )


def test_everything_is_undone_at_once(tmp_path):
    alone(
        tmp_path,
        """
        subprocess.run("ip addr add 10.9.8.44/24 dev eth7".split(), check=True)
        before = show()
        here.absent("10.9.8.44")
        here.present("10.9.8.2", "10.9.8.4")
        assert here.original() == ["10.9.8.2", "10.9.8.44"]
        assert show() == before
        assert here.original() == []
        """,
    )


def test_another_address_of_the_network_is_not_lost_with_it(tmp_path):
    alone(
        tmp_path,
        """
        subprocess.run("ip addr add 10.9.8.44/24 dev eth7".split(), check=True)
        for name in ("all", "eth7"):
            with open(f"/proc/sys/net/ipv4/conf/{name}/promote_secondaries", "w") as stream:
                stream.write("0")
        before = show()
        try:
            here.absent("10.9.8.4")
        except AddressProblem as problem:
            assert "would remove 10.9.8.44 too; run: sysctl" in str(problem), problem
        else:
            raise AssertionError("not refused")
        assert show() == before
        """,
    )


def test_check_mode_changes_nothing(tmp_path):
    alone(
        tmp_path,
        """
        before = show()
        looking = ServerAddresses(base, only_check=True)
        assert looking.present("10.9.8.2", "10.9.8.4")
        assert looking.absent("10.9.8.4")
        assert show() == before
        """,
    )
    assert not (tmp_path / RECORD).exists()


def test_a_gratuitous_arp_is_one_of_rfc_826():
    frame = arp(2, bytes(range(6)), "10.0.0.12", "10.0.0.12")
    assert frame[:6] == b"\xff" * 6
    assert frame[6:12] == bytes(range(6))
    assert frame[12:22] == bytes.fromhex("0806 0001 0800 06 04 0002")
    assert frame[28:32] == frame[38:42] == bytes([10, 0, 0, 12])
    assert len(frame) == 42


def test_names_cannot_be_moved(tmp_path):
    with pytest.raises(AddressProblem, match="is no IPv4 address"):
        ServerAddresses(str(tmp_path)).present("server2", "10.0.0.1")


def test_a_record_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / RECORD
    path.write_text(json.dumps({"10.0.0.1": {"kind": "taken"}}))
    with pytest.raises(Damaged, match=r"interface is missing.*; look with ip addr"):
        read(path)
    with pytest.raises(Damaged):
        moved_here(str(tmp_path))
