# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions of Wallaroo, a row each. What lists or compares versions derives it from here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Version(NamedTuple):
    """A version of Wallaroo, as far as it differs from others."""

    name: str
    """Its tag in Wallaroo's repository."""
    compiler: str
    """The ponyc that its own installer had."""
    flags: tuple[str, ...] = ()
    """What every worker of a resilience build must be given (wallaroo.md, section 0)."""
    prefixes: Mapping[str, str] = MappingProxyType({})
    """Application -> what its resilience files begin with, where that is not what they begin with elsewhere."""


_RESILIENCE = ("--run-with-resilience",)

VERSIONS: Mapping[str, Version] = MappingProxyType(
    {
        version.name: version
        for version in (
            Version("0.5.3", compiler="0.24.4"),
            Version("0.5.4", compiler="0.25.0", flags=_RESILIENCE),
            Version("0.6.1", compiler="0.25.0", flags=_RESILIENCE, prefixes={"market_spread": "Market Spread"}),
        )
    }
)

DEFAULT = "0.5.4"


def compiler(version: Any) -> str:
    """The ponyc for a version of Wallaroo; that of the default for one that is not known here.

    :param version: as a user gives it; nothing stands for the default.
    """
    return VERSIONS.get(str(version or DEFAULT), VERSIONS[DEFAULT]).compiler
