# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How one server reaches another by SSH."""

from __future__ import annotations

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.ssh import (
    Access,
    path_problem,
    problem,
    remote_command,
    rsync_argv,
    ssh_argv,
)

ACCESS = Access("10.0.0.12", "wallaroo", 2222, "/w/ssh/id", "/w/ssh/known hosts")


def test_nothing_asks_and_nobody_is_trusted_unseen():
    argv = ssh_argv(ACCESS)
    assert argv[:3] == ["ssh", "-F", "/dev/null"]
    assert argv[-2:] == ["--", "10.0.0.12"]
    for setting in (
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "GlobalKnownHostsFile=/dev/null",
        "IdentitiesOnly=yes",
        'UserKnownHostsFile="/w/ssh/known hosts"',
    ):
        assert argv[argv.index(setting) - 1] == "-o"


def test_rsync_gets_the_same_without_the_server_and_names_are_quoted_for_the_other_side():
    argv = rsync_argv(ACCESS, ["--times"], "/w/a b", "/here")
    assert argv[:2] == ["rsync", "--times"]
    assert argv[2].startswith("--rsh=ssh -F /dev/null -T")
    assert argv[2].endswith("-o LogLevel=ERROR")
    assert argv[3:] == ["--", "10.0.0.12:'/w/a b/'", "/here/"]


def test_a_per_cent_sign_begins_no_token():
    known = Access("h", "u", 22, "/w/100%/id", "/w/%h/known hosts")
    assert "IdentityFile=/w/100%%/id" in ssh_argv(known)
    assert 'UserKnownHostsFile="/w/%%h/known hosts"' in ssh_argv(known)


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "a${HOME}b"])
def test_names_that_ssh_cannot_be_told_are_refused(name):
    assert "choose another wallaroo_base" in path_problem(f"/w/{name}")


@pytest.mark.parametrize("name", ["a b", "a'b", "a$b", "a%hb", "a;b", "ä"])
def test_all_others_can_be_told(name):
    assert not path_problem(f"/w/{name}")


def test_what_the_other_shell_gets_is_quoted():
    assert remote_command(["python", "a b", "$(x)"]) == "python 'a b' '$(x)'"


@pytest.mark.parametrize("wrong", [{"host": "-oProxyCommand=x"}, {"user": ""}, {"port": "ssh"}])
def test_what_could_be_an_option_is_no_server(wrong):
    with pytest.raises(ValueError, match="SSH"):
        Access.from_dict({**ACCESS.to_dict(), **wrong})


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @", "host key"),
        ("No ED25519 host key is known for 10.0.0.12 and you have requested strict checking.", "host key"),
        ("wallaroo@10.0.0.12: Permission denied (publickey).", "refused"),
        ("ssh: connect to host 10.0.0.12 port 2222: Connection refused", "unreachable"),
        ("ssh: connect to host 10.0.0.12 port 2222: Connection timed out", "unreachable"),
        ("something else", "other"),
        ("", "other"),
    ],
)
def test_ssh_s_words_have_a_meaning(said, kind):
    assert problem(ACCESS, said).kind == kind
