# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module says of what went wrong."""

from __future__ import annotations

import errno
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device where /srv/w is: make room there"),
        (OSError(errno.ENOSPC, "No space left on device", "/srv/w/run/x"), "device where /srv/w/run/x is: make room"),
        (OSError(errno.EACCES, "Permission denied", "/srv/w"), "[Errno 13] Permission denied: '/srv/w'"),
        (ValueError("a damaged record"), "a damaged record"),
    ],
)
def test_a_full_disk_is_told_with_its_place_and_what_to_do(error: Exception, sentence: str) -> None:
    said: list[str] = []

    def fail_json(msg: str) -> None:
        said.append(msg)

    module: Any = SimpleNamespace(params={"base": "/srv/w"}, fail_json=fail_json)
    with _edge.failing(module, "server1 could not be prepared"):
        raise error
    assert said[0].startswith("server1 could not be prepared: ")
    assert sentence in said[0]
