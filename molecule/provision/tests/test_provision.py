# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that had no build tools, and one of them no Python."""

from __future__ import annotations

import pytest


def test_a_python_was_built_where_the_system_has_none_and_nowhere_else(host):
    built = host.file("/usr/local/bin/python3.11")
    if host.backend.get_hostname() != "server1":
        assert host.file("/usr/bin/python3").exists
        assert not built.exists
        return
    assert not host.file("/usr/bin/python3").exists
    python = host.run("/usr/local/bin/python3.11 -c 'import ssl, zlib, sys; print(sys.version.split()[0])'")
    assert python.stdout.strip().startswith("3.11.")


def test_no_name_of_the_system_was_taken(host):
    assert not host.file("/usr/local/bin/python3").exists
    assert not host.file("/usr/local/bin/python").exists


def test_ansible_finds_it_by_itself(host):
    answer = host.ansible("ansible.builtin.ping", check=False)
    assert answer["ping"] == "pong"


@pytest.mark.parametrize("package", ["git", "make", "rsync", "libsnappy-dev", "liblz4-dev", "libpcre2-dev"])
def test_what_a_build_of_wallaroo_needs_is_there(host, package):
    assert host.package(package).is_installed


def test_nothing_is_left_of_the_build(host):
    assert host.run("find /usr/local /var/tmp /tmp -maxdepth 2 -name 'Python-3*'").stdout == ""


MARKET_SPREAD = "/home/wallaroo/wallaroo/testing/performance/apps/market-spread/market-spread"
DETECTOR = "/home/wallaroo/wallaroo/testing/correctness/apps/multi_partition_detector/multi_partition_detector"


def test_every_server_has_the_executables(host):
    for name in (MARKET_SPREAD, DETECTOR):
        assert host.file(name).user == "wallaroo"
        assert "resilience=on" in host.run(name).stdout


def test_the_others_have_a_copy_and_the_first_has_the_clone(host):
    first = host.backend.get_hostname() == "server1"
    assert host.file("/home/wallaroo/wallaroo/.git").exists is first
    assert host.file("/home/wallaroo/wallaroo/.wallaroo-build.json").exists is first
    assert host.file("/home/wallaroo/wallaroo/.wallaroo-tree.json").exists is not first
