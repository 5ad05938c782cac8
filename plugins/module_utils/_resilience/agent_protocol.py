# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the two ends of a standing connection say to each other while a worker is moved.

The target's module asks, the agent on the source server answers; both are the same library. A request is a frame
with a JSON object, an answer is one too, and the bytes of a ``read`` follow their answer unframed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .._formats.framing import frame

LAYOUT = ("--engine", "--application", "--version")
"""The agent's options that say what the files of a worker are called, in the order of ``Layout.made_of``."""

MOST_BYTES = 1 << 20
"""Of one ``read``."""

LIMIT = 16 << 20
"""Bytes of a request or an answer: manifests of many files are small, and whatever is larger is no answer."""


class ProtocolError(ValueError):
    """The other end speaks something else."""


def encode(message: Mapping[str, Any]) -> bytes:
    """A request or an answer."""
    return frame(json.dumps(message, separators=(",", ":")).encode())


def decode(payload: bytes) -> dict[str, Any]:
    """The reverse of :func:`encode`, without the header.

    :raises ProtocolError: when it is none.
    """
    try:
        message = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"{payload[:80]!r} is no message of an agent") from error
    if not isinstance(message, dict):
        raise ProtocolError(f"{payload[:80]!r} is no message of an agent")
    return message
