# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key pairs and host keys for SSH between servers."""

from __future__ import annotations

import shlex
import stat
import sys
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._server import ssh_keys

from tests.ssh_server import program

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdnGT1PZvu4O5NcMFsLNBRkWlzF2dRFZC7aWwcMFcXy"
OTHER = KEY.replace("FcXy", "FcXz")


def test_the_private_key_is_for_this_account_alone(tmp_path):
    program("ssh-keygen")
    identity = tmp_path / "ssh" / "id"
    assert ssh_keys.public_key(str(identity)) is None
    public = ssh_keys.make_pair(str(identity), "server2")
    assert ssh_keys.public_key(str(identity)) == public
    assert stat.S_IMODE(identity.stat().st_mode) == 0o600
    assert stat.S_IMODE(identity.parent.stat().st_mode) == 0o700


def test_exactly_these_host_keys_are_trusted(tmp_path):
    path = tmp_path / "known_hosts"
    path.write_text("10.0.0.12 ssh-ed25519 of-somebody-else\n")
    servers = [ssh_keys.HostKeys("10.0.0.12", 22, (KEY,)), ssh_keys.HostKeys("10.0.0.13", 2222, (KEY,))]
    assert ssh_keys.trust(str(path), servers, only_check=True)
    assert "somebody" in path.read_text()
    assert ssh_keys.trust(str(path), servers)
    assert path.read_text() == f"10.0.0.12 {KEY}\n[10.0.0.13]:2222 {KEY}\n"
    assert not ssh_keys.trust(str(path), servers)


@pytest.fixture
def authorized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / ".ssh" / "authorized_keys"
    monkeypatch.setattr(ssh_keys, "_authorized_keys", lambda: path)
    return path


def test_other_keys_stay_and_ours_open_the_gate_alone(authorized, tmp_path):
    authorized.parent.mkdir(mode=0o700)
    authorized.write_text("ssh-rsa AAAA somebody\n")
    keys = {"server2": KEY, "server1": OTHER}
    base = tmp_path / "it's mine $x"

    assert ssh_keys.let_in(str(base), keys, ["10.0.0.12", "10.0.0.11"], only_check=True)
    assert not base.exists()
    assert ssh_keys.let_in(str(base), keys, ["10.0.0.12", "10.0.0.11"])

    lines = authorized.read_text().splitlines()
    assert lines[0] == "ssh-rsa AAAA somebody"
    assert lines[2].endswith(f'",restrict,from="10.0.0.11,10.0.0.12" {KEY} wallaroo.resilience server2')
    assert gate_of(lines[2]) == [sys.executable, "-I", f"{base}/ssh/gate.py", str(base)]
    assert "def allowed" in (base / "ssh" / "gate.py").read_text()
    assert stat.S_IMODE(authorized.stat().st_mode) == 0o600
    assert not ssh_keys.let_in(str(base), keys, ["10.0.0.11", "10.0.0.12"])


def test_a_key_that_was_replaced_opens_nothing_any_more(authorized, tmp_path):
    ssh_keys.let_in(str(tmp_path), {"server2": KEY}, ["10.0.0.12"])
    ssh_keys.let_in(str(tmp_path), {"server2": OTHER}, ["10.0.0.12"])
    assert len(authorized.read_text().splitlines()) == 1
    assert KEY not in authorized.read_text()


def test_a_second_base_of_an_account_leaves_the_keys_of_the_first_one(authorized, tmp_path):
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    ssh_keys.let_in(first, {"server2": KEY}, ["10.0.0.12"])
    before = authorized.read_text()
    ssh_keys.let_in(second, {"server2": OTHER}, ["10.0.0.13"])
    assert authorized.read_text().startswith(before)
    both = authorized.read_text().splitlines()
    ssh_keys.let_in(first, {"server2": KEY}, ["10.0.0.12"])
    assert sorted(authorized.read_text().splitlines()) == sorted(both)


def test_a_key_of_two_bases_opens_both(authorized, tmp_path):
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    for base, address in ((first, "10.0.0.12"), (second, "10.0.0.13")):
        ssh_keys.let_in(base, {"server2": KEY}, [address])
    (line,) = authorized.read_text().splitlines()
    assert gate_of(line)[3:] == [second, first]
    assert not ssh_keys.let_in(second, {"server2": KEY}, ["10.0.0.13"])
    assert not ssh_keys.let_in(first, {"server2": KEY}, ["10.0.0.12"])
    assert 'from="10.0.0.12,10.0.0.13"' in line


def test_what_an_earlier_version_let_in_to_everything_is_found_and_mended(authorized, tmp_path):
    authorized.parent.mkdir(mode=0o700)
    old = f'restrict,from="10.0.0.12" {KEY} wallaroo.resilience server2'
    authorized.write_text(f"{old}\n{old.replace(KEY, OTHER)}\n")
    assert ssh_keys.open_lines() == 2
    assert ssh_keys.let_in(str(tmp_path), {"server2": KEY}, ["10.0.0.12"])
    assert ssh_keys.open_lines() == 1, "the other key may belong to another base, whose preflight mends it"
    assert gate_of(authorized.read_text().splitlines()[1])[3:] == [str(tmp_path)]


def gate_of(line: str) -> list[str]:
    """The forced command of a line, as sshd and a shell read it."""
    text = line[len('command="') : line.index('",restrict,')]
    return shlex.split(text.replace('\\"', '"'))
