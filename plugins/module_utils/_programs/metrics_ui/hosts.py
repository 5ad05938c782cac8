# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Under which names the page may be asked for.

A page of somebody else in the same browser may let its own name lead to this server (DNS rebinding), and would then
read everything here as its own. It cannot choose the name that the browser sends, and it has no number for a name: so
numbers are answered, and names that belong to this server.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from ipaddress import ip_address

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::\d*)?")


class Names:
    """The names of this server."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        """:param more: names beside ``localhost`` and what the machine calls itself."""
        self._known = {_plain(name) for name in ("localhost", socket.gethostname(), *more) if name}

    def includes(self, host: str) -> bool:
        """Whether what a browser sent as ``Host`` means this server."""
        found = _HOST.fullmatch(host.strip())
        if found is None:
            return False
        name = _plain(found[1])
        return name in self._known or _is_number(name.strip("[]"))


def _plain(name: str) -> str:
    return name.strip().lower().rstrip(".")


def _is_number(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
