# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``preflight.yml`` on servers that have faults."""

from __future__ import annotations

import json
import re

KNOWN_HOSTS = "/home/wallaroo/resilience/ssh/known_hosts"
ANOTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdnGT1PZvu4O5NcMFsLNBRkWlzF2dRFZC7aWwcMFcXy"
FAKED = 'SetEnv LD_PRELOAD="$(find /usr/lib -name libfaketime.so.1)" FAKETIME=+30s'


def test_every_fault_is_named_and_what_can_be_repaired_is(servers):
    small = servers.scratch / "small.yml"
    small.write_text(json.dumps({"all": {"hosts": {"server3": {"wallaroo_base": "/var/small/resilience"}}}}))
    try:
        servers.on(2, "iptables -A INPUT -p tcp --dport 13104 -j DROP")
        servers.on(2, f"cp /etc/ssh/sshd_config /root/; echo {FAKED} >> /etc/ssh/sshd_config; systemctl restart ssh")
        servers.on(3, "mv /usr/bin/rsync /usr/bin/rsync.away")
        servers.on(1, f"sed -i 's|^10.89.77.13 .*|10.89.77.13 {ANOTHER_KEY}|' {KNOWN_HOSTS}")
        servers.switch(4, on=False)

        found = servers.play("preflight", succeed=False, more=("-i", str(small)), fresh=True)

        assert "FAIL server1: port 13104 of server2 does not answer: a firewall drops it" in found
        assert "FAIL server1: server3 cannot be reached by SSH from here: the host key that it presents is not" in found
        assert "FAIL server3: there is no rsync" in found
        # What it takes to ask over SSH is part of what is seen.
        assert re.search(r"FAIL server2: its clock is (29\.[5-9]|30\.[0-5]) s ahead of the others", found)
        assert "MB are free for wallaroo_base" in found
        assert "FAIL server4: server4 does not answer" in found
    finally:
        servers.on(2, "iptables -F INPUT; cp /root/sshd_config /etc/ssh/sshd_config; systemctl restart ssh")
        servers.switch(4, on=True)
        # Of a package that is installed dpkg does not know that a file of it is gone.
        servers.on(3, "mv /usr/bin/rsync.away /usr/bin/rsync")

    servers.on(3, "dpkg --purge --force-depends rsync >/dev/null 2>&1")
    again = servers.play("preflight", succeed=False, fresh=True)
    assert "FAIL server3: there is no rsync" in again
    assert "port 13104" not in again

    servers.play("preflight", "fix=true", fresh=True)
    servers.play("preflight", fresh=True)
    assert servers.on(3, "command -v rsync") == "/usr/bin/rsync"


def test_what_an_earlier_run_left_is_named(servers):
    servers.play("start_cluster", "workers=2")
    found = servers.play("preflight", succeed=False)
    assert "server2: worker2 runs" in found
    servers.play("stop_cluster", "keep_files=true")
    assert "resilience files of multi_partition_detector" in servers.play("preflight", succeed=False)
