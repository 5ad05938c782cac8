# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The applications, a row each. What lists or tells applications apart derives it from here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import NamedTuple

from .versions import VERSIONS


class InputFile(NamedTuple):
    """A file that is sent to an application, each time as a whole."""

    name: str
    """``NAME_file`` is the variable that names one, ``sender_NAME`` the process that sends it."""
    source: int
    frame: int
    """Bytes of a record with its header (wallaroo.md, D.4)."""
    once: bool = False
    """Whether it is sent in the first round only."""


class Application(NamedTuple):
    """What has to be known of an application, whatever engine runs it."""

    name: str
    prefix: str
    """What its resilience files begin with, where its version of Wallaroo does not say otherwise (wallaroo.md, C.1)."""
    executable: str
    """Its file in a Wallaroo source tree (wallaroo.md, H.2)."""
    also: tuple[str, ...] = ()
    """Other names that people use."""
    sources: int = 1
    """How many ports it listens on for messages."""
    symbols: bool = False
    """Whether it takes a file of symbols."""
    files: tuple[InputFile, ...] = ()
    """What it is sent, in this order. Without files each key is sent the values from 1 on, and its output is verified
    key by key: nothing else has an order that could be verified."""

    @property
    def is_verified(self) -> bool:
        """Whether it can be told of its output that no message was lost, and none came twice or out of its order."""
        return not self.files

    @property
    def target(self) -> str:
        """The target of Wallaroo's Makefile that builds it."""
        return f"build-{'-'.join(PurePosixPath(self.executable).parent.parts)}"

    def prefix_at(self, version: str) -> str:
        """What its resilience files begin with at a version of Wallaroo.

        :raises ValueError: for a version that is not known.
        """
        if version not in VERSIONS:
            raise ValueError(f"{version!r} is no version of Wallaroo: there are {', '.join(VERSIONS)}")
        return VERSIONS[version].prefixes.get(self.name, self.prefix)


DETECTOR, MARKET_SPREAD = "multi_partition_detector", "market_spread"

APPLICATIONS: Mapping[str, Application] = MappingProxyType(
    {
        application.name: application
        for application in (
            Application(
                name=DETECTOR,
                also=("detector",),
                prefix="multi_partition_detector",
                executable="testing/correctness/apps/multi_partition_detector/multi_partition_detector",
            ),
            Application(
                name=MARKET_SPREAD,
                also=("market-spread",),
                prefix="market-spread",
                executable="testing/performance/apps/market-spread/market-spread",
                sources=2,
                symbols=True,
                files=(
                    InputFile("initial_nbbo", source=1, frame=46, once=True),
                    InputFile("orders", source=0, frame=57),
                    InputFile("nbbo", source=1, frame=46),
                ),
            ),
        )
    }
)

DEFAULT = DETECTOR

NAMES: Mapping[str, str] = MappingProxyType(
    {name: one.name for one in APPLICATIONS.values() for name in (one.name, *one.also)}
)
"""Every name that people use -> the application's own."""

VERIFIED = " or ".join(f"app={one.name}" for one in APPLICATIONS.values() if one.is_verified)
"""For sentences: with what a run can be verified."""


def application(name: str) -> Application:
    """An application by its own name.

    :raises ValueError: for one that is not known.
    """
    if name not in APPLICATIONS:
        raise ValueError(f"{name!r} is no application: there are {', '.join(sorted(APPLICATIONS))}")
    return APPLICATIONS[name]
