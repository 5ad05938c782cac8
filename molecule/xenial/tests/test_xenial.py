# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ubuntu 16.04: provisioned, and a worker moved between two of them."""

from __future__ import annotations


def test_a_python_that_ansible_takes_is_there_and_the_systems_own_is_untouched(host):
    assert host.run("/usr/local/bin/python3.9 -c 'import ssl, zlib'").rc == 0
    assert not host.file("/usr/local/bin/python3").exists
    assert host.package("libpcre2-dev").is_installed


def test_no_message_is_lost_repeated_or_reordered(servers):
    servers.play("verify_migration", "workers=3 dst=4 values=300")
    assert servers.result()["verdict"] == "pass"
