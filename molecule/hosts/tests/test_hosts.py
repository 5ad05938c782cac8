# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the servers are like after worker 2 has moved from server 2 to server 4."""

from __future__ import annotations

import json
import urllib.request

import pytest

BASE = "/home/wallaroo/resilience"
PREFIX = "multi_partition_detector"


def process(host, worker):
    """The recorded process of a worker on a server."""
    return json.loads(host.file(f"{BASE}/run/{worker}/process.json").content_string)["identity"]


def server(host, number):
    return host.check_output("hostname") == f"server{number}"


def only_on(host, number):
    if not server(host, number):
        pytest.skip(f"this is about server {number}")


def test_every_worker_runs_where_it_should(host):
    expected = {"server1": "initializer", "server3": "worker3", "server4": "worker2"}
    worker = expected.get(host.check_output("hostname"))
    if worker is None:
        assert not host.process.filter(user="wallaroo", comm="python3")
    else:
        pid = process(host, worker)["pid"]
        assert worker in host.process.get(pid=pid).args or worker == "initializer"


def test_the_moved_worker_listens_on_its_new_server(host):
    only_on(host, 4)
    address = host.check_output("hostname -I").split()[0]
    for port in (13104, 13105):
        assert host.socket(f"tcp://{address}:{port}").is_listening


def test_its_address_files_name_the_new_server(host):
    only_on(host, 4)
    address = host.check_output("hostname -I").split()[0]
    content = host.file(f"{BASE}/resilience/worker2/{PREFIX}-worker2.tcp-control").content_string
    assert content == f"{address}\n13104\n"


def test_the_old_server_is_fenced(host):
    only_on(host, 2)
    ownership = json.loads(host.file(f"{BASE}/run/worker2/ownership.json").content_string)
    assert (ownership["state"], ownership["moved_to"], ownership["epoch"]) == ("moved", "server4", 2)


def test_worker_3_looks_for_it_on_the_new_server(host):
    only_on(host, 3)
    file = host.file(f"{BASE}/resilience/worker3/{PREFIX}-worker3.connection-addresses")
    assert b"10.89.77.14" in file.content
    assert b"10.89.77.12" not in file.content
    backup = host.file(f"{BASE}/resilience/worker3/.before-{PREFIX}-worker3.connection-addresses")
    assert b"10.89.77.12" in backup.content


def test_the_metrics_ui_is_on_the_internal_address_alone(host):
    only_on(host, 1)
    assert host.socket("tcp://10.89.77.11:4000").is_listening
    assert host.socket("tcp://10.89.77.11:5001").is_listening
    assert not host.socket("tcp://127.0.0.1:4000").is_listening
    assert not host.socket("tcp://0.0.0.0:4000").is_listening


def test_it_came_without_pip_or_internet_and_keeps_its_token_to_itself(host):
    only_on(host, 1)
    assert not host.exists("pip")
    assert host.run("python3 -c 'import ensurepip'").rc != 0
    assert not host.file(f"{BASE}/metrics_ui").exists
    with urllib.request.urlopen("http://10.89.77.11:4000/static/figure.js", timeout=10) as answer:
        assert b"export class Figure" in answer.read()
    assert host.file(f"{BASE}/run/metrics_ui/token").mode == 0o600


def test_the_metrics_ui_tells_of_the_move(host):
    only_on(host, 1)
    with urllib.request.urlopen("http://10.89.77.11:4000/api/marks", timeout=10) as answer:
        marks = json.load(answer)["marks"]
    assert [(mark["kind"], mark["server"]) for mark in marks] == [
        ("crash", "server2"),
        ("copy", "server4"),
        ("start", "server4"),
        ("resumed", "server4"),
    ]
    assert marks[-1]["time"] - marks[0]["time"] < 10


def test_everything_is_for_this_account_alone(host):
    for path in (BASE, f"{BASE}/run", f"{BASE}/resilience", f"{BASE}/ssh"):
        assert host.file(path).mode == 0o700
    assert host.file(f"{BASE}/ssh/id_ed25519").mode == 0o600


def test_the_private_keys_are_restricted_and_stay_where_they_were_made(host):
    keys = [
        line for line in host.file("/home/wallaroo/.ssh/authorized_keys").content_string.splitlines() if "from=" in line
    ]
    assert len(keys) == 4
    assert all(
        f'/ssh/gate.py {BASE}",restrict,from="10.89.77.11,10.89.77.12,10.89.77.13,10.89.77.14" ' in line
        for line in keys
    )


def test_a_key_opens_nothing_but_what_a_move_needs(host):
    known = f"-o UserKnownHostsFile={BASE}/ssh/known_hosts -o IdentitiesOnly=yes -o BatchMode=yes"
    key = f"ssh -i {BASE}/ssh/id_ed25519 {known} wallaroo@10.89.77.12"
    allowed = host.run(f"{key} true")
    assert allowed.rc == 0, allowed.stderr
    refused = host.run(f"{key} id")
    assert (refused.rc, refused.stdout) == (1, "")
    assert "does not open 'id' here" in refused.stderr
