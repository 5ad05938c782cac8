# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mending where a worker looks for the others when it restarts (wallaroo.md, Trap 6 and "Observed").

A worker keeps the addresses of all others in ``.connection-addresses`` as they were when the cluster was formed. After
another worker has moved it hangs at a restart, since nobody is at the old address. So the file is mended before.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from contextlib import suppress

from ..._formats import connection_addresses
from ..._formats.connection_addresses import AddressesError
from ..._formats.whole_file import write_whole
from ..._resilience.files import ResilienceSet
from ..contract import Mending
from .files import PEERS


def hosts(files: ResilienceSet) -> dict[str, str]:
    """Where a worker would look for the others; empty when that cannot be read."""
    try:
        return connection_addresses.hosts(files.path(PEERS).read_bytes())
    except (OSError, AddressesError):
        return {}


def problem(files: ResilienceSet) -> str:
    """Why nobody in a worker's file could be given another address; empty when that is possible."""
    try:
        mend(files, hosts(files), only_check=True)
    except (OSError, AddressesError) as error:
        return str(error)
    return ""


def mend(files: ResilienceSet, peers: Mapping[str, str], only_check: bool = False, base: str = "") -> Mending:
    """Make the file name the servers where the other workers are now. Their ports never change (wallaroo.md, B.1).

    The file is replaced as a whole, or not at all. As it was it is kept beside it, under a name that Wallaroo does not
    look for.

    :param peers: worker -> the address of its server; the worker itself is left alone.
    :param base: the server's directory, where it keeps what a copy was proved to hold; that goes along.
    :raises OSError: when the file cannot be read or written.
    :raises AddressesError: when not everybody can be found in it.
    """
    path = files.path(PEERS)
    wanted = {worker: _numeric(host) for worker, host in peers.items() if worker != files.worker}
    if not path.is_file() or not (wanted or only_check):
        return Mending()
    data = path.read_bytes()
    try:
        mended = connection_addresses.mend(data, wanted, files.worker)
    except AddressesError as error:
        raise AddressesError(f"{path}: {error}") from error
    if not mended.changes:
        return Mending()
    backup = path.with_name(f".before-{path.name}")
    if not only_check:
        write_whole(backup, data)
        write_whole(path, mended.data)
        if base:
            # Each look at a server would wait for it.
            from ..._resilience import kept_manifest

            kept_manifest.follow(base, files, path.name, data, mended.data)
    return Mending(mended.changes, str(backup))


def stuck(server: str, worker: str, why: object) -> str:
    """Why a worker cannot be restarted after others have moved, and what can be done."""
    return (
        f"{worker} on {server} would hang after a restart: it would look for the other workers where they were when "
        f"the cluster was formed, and that cannot be mended ({why}). Move the others back to where they were, or start "
        "the cluster afresh; keep_address=true keeps a worker that moves at its address."
    )


def _numeric(host: str) -> str:
    """An IPv4 address, as workers announce it."""
    with suppress(ValueError):
        return str(ipaddress.IPv4Address(host))
    # Only of a name: each look at a server would wait for it.
    import socket

    try:
        return socket.gethostbyname(host)
    except OSError:
        return host
