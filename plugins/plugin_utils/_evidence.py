# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``result.json`` says of a run besides what it proved, so that somebody else can check it and do it again.

``docs/schemas/result.schema.json`` is made of these types and of :class:`~._outcomes.verified.Verified`
(``make format``). Fields are added without a new number of the format; a reader ignores those that it does not know.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional

FORMAT = 1
"""Of ``result.json``. It rises when a field goes away or changes its meaning. Files without it are older."""

UNENDED = "The run was interrupted, or still goes on: it has not come to its end, so nothing was verified"
"""The reason in what a run leaves until it has ended."""


@dataclass(frozen=True)
class Machine:
    """The controller or a server, as it was in this run."""

    host: str = ""
    """The name that it has itself."""
    system: str = ""
    """Such as ``Debian GNU/Linux 12 (bookworm)``."""
    kernel: str = ""
    """Such as ``Linux 6.1.0-18-amd64``."""
    architecture: str = ""
    processors: int = 0
    memory_bytes: int = 0
    python: str = ""
    """The version that the collection's programs run with there."""


@dataclass(frozen=True)
class Versions:
    """What the run was made with."""

    collection: str = ""
    ansible_core: str = ""
    python: str = ""
    """Of the controller."""
    engine: str = ""
    engine_version: str = ""
    """The version of Wallaroo that runs, or that the embedded engine stands in for."""


@dataclass(frozen=True)
class Inventory:
    """The servers as the inventory has them: variables that say where a server is and how the collection uses it.

    A password, a key or a token is never among them.
    """

    sources: tuple[str, ...] = ()
    """Where it was read from."""
    servers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Server -> variables."""


@dataclass(frozen=True)
class KeptFile:
    """Something that was sent or received."""

    name: str = ""
    """Such as ``received.bin``."""
    path: Optional[str] = None
    """In the run's folder; what ends in ``.gz`` is compressed. None when only the digest was kept."""
    bytes: int = 0
    """Of what it holds, not compressed."""
    sha256: str = ""
    """Of what it holds, not compressed; empty when it could not be read."""
    server: str = ""
    """Where it was."""
    server_path: str = ""
    """What it was called there."""
    note: str = ""
    """Why it is not in the folder, when it is not."""


@dataclass(frozen=True)
class Part:
    """One call of ansible-playbook. A run has several when one was interrupted and another one completed it."""

    command: tuple[str, ...] = ()
    """Its command line. What could be a secret is ``***``."""
    directory: str = ""
    """Where it was called."""
    started: str = ""
    finished: str = ""
    """Empty when it was interrupted."""


@dataclass(frozen=True)
class Evidence:
    """All of it."""

    ended: bool = False
    """False for what an interrupted run has left, and for a run that still goes on."""
    cluster: str = ""
    """Its identifier, which differs from start to start."""
    parts: tuple[Part, ...] = ()
    """The calls that made this run, oldest first; the last one repeats it."""
    variables: dict[str, Any] = field(default_factory=dict)
    """The step's variables, with defaults, as the run used them."""
    seed: Optional[int] = None
    """Whatever was left to chance followed from it; None when nothing was."""
    made_with: Versions = field(default_factory=Versions)
    inventory: Inventory = field(default_factory=Inventory)
    controller: Machine = field(default_factory=Machine)
    servers: dict[str, Machine] = field(default_factory=dict)
    """Server -> what it is; a server that did not answer is missing."""
    sent_files: tuple[KeptFile, ...] = ()
    """What was sent. ``sent.json`` has the keys, and the first and the last value that each of them was to get."""
    received_files: tuple[KeptFile, ...] = ()
    """What came out."""
    notes: tuple[str, ...] = ()
    """What could not be kept, in sentences."""
