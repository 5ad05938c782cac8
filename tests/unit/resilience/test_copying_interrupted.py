# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy that is killed, at every point at which it changes something, is completed by the next one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.address_file import Address
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.whole_file import reserve_partial
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience import copying, manifest
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.plan import Addresses
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.source import LocalSource

ADDRESSES = Addresses(Address("10.0.0.4", 3131), Address("10.0.0.4", 3132))
KILLED, DONE, FAILED = 9, 0, 1


def copy_and_die(source, target, step: int) -> int:
    """Copy in a process that dies, as by SIGKILL, right before or after its step-th change of the disk."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    left = [step]

    def dying(function):
        def call(*arguments, **options):
            for moment in ("before", "after"):
                if moment == "after":
                    result = function(*arguments, **options)
                left[0] -= 1
                if left[0] == 0:
                    os._exit(KILLED)
            return result

        return call

    code = FAILED
    try:
        os.replace, os.fsync, os.mkdir = dying(os.replace), dying(os.fsync), dying(os.mkdir)
        Path.unlink = dying(Path.unlink)
        copying.copy(LocalSource(source), target, ADDRESSES)
        code = DONE
    finally:
        os._exit(code)


@pytest.fixture(params=["nothing there", "an older set", "a longer set"])
def prepared(request, target, make_set):
    """Brings the target into the state in which the copy finds it; returns what it holds then."""

    def prepare():
        for path in target.directory.iterdir() if target.directory.exists() else ():
            path.unlink()
        if request.param != "nothing there":
            make_set("target", moment="resilience-before-kill")
            (target.directory / "multi_partition_detector-worker2-00000000000003E8.evlog").write_bytes(b"stale")
            reserve_partial(target.path("evlog")).write_bytes(b"left by an earlier copy")
        if request.param == "a longer set":
            for path in target.present().values():
                path.write_bytes(path.read_bytes() + b"x" * 20_000)
        return manifest.of_directory(target)

    return prepare


def test_whatever_a_kill_leaves_is_the_old_set_or_no_set_or_the_new_set_and_the_next_copy_completes_it(
    source, target, prepared, monkeypatch
):
    # A killed process, other than a power failure, loses nothing that was not synced.
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    reference = copying.copy(LocalSource(source), target.at(target.directory.parent / "other"), ADDRESSES)
    step, code = 0, KILLED
    while code == KILLED:
        step += 1
        old = prepared()
        code = copy_and_die(source, target, step)
        found = manifest.of_directory(target)
        if target.state() == "complete":
            assert found in (old, reference.manifest), f"a mixture could be started from after step {step}"
        result = copying.copy(LocalSource(source), target, ADDRESSES)
        assert result.manifest == reference.manifest
        assert manifest.of_directory(target) == reference.manifest
        assert target.leftovers() == []
        assert not copying.copy(LocalSource(source), target, ADDRESSES).changed
    assert code == DONE
    assert step > 20
