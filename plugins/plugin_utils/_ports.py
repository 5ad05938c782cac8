# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``wallaroo_ports`` as a user wrote it: ports by name, or one number that moves them all.

With ``-e name=value`` everything is text, and newer versions of ansible-core leave it one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from ..module_utils._cluster.ports import Ports
from ._servers import Refusal

EXAMPLES = "-e wallaroo_ports=28000 for all of them, or -e wallaroo_ports=orders=17000,sink=15555"


def ports_of(value: Any) -> Ports:
    """The ports that are meant; those of the demo when nothing was given.

    :raises Refusal: when they cannot be understood, or are no ports.
    """
    given = _read(value) if isinstance(value, str) else value
    if given is None or given == {}:
        return Ports()
    try:
        if isinstance(given, Mapping):
            return Ports.from_mapping(given)
        if isinstance(given, int) and not isinstance(given, bool):
            return Ports.from_first(given)
    except ValueError as error:
        raise Refusal(str(error)) from error
    raise Refusal(f"wallaroo_ports={value} names no ports: write {EXAMPLES}.")


def _read(text: str) -> Any:
    """A number, YAML (and so JSON), or ``name=number`` with commas or blanks between them."""
    text = text.strip()
    if not text:
        return None
    if text.isdecimal():
        try:
            return Ports.from_first(text).orders
        except ValueError as error:
            raise Refusal(str(error)) from error
    if text[0] in "{[":
        try:
            # All values stay texts: YAML itself would take 1_0 for ten.
            return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  it makes texts, lists and mappings only
        except (yaml.YAMLError, RecursionError) as error:
            raise Refusal(f"wallaroo_ports={text} cannot be read: write {EXAMPLES}.") from error
    found: dict[str, str] = {}
    for word in text.replace(",", " ").split():
        name, equals, number = word.partition("=")
        if not equals or not name or name in found:
            why = f"{name} comes twice" if name in found else f"{word!r} is no name=number"
            raise Refusal(f"wallaroo_ports={text} cannot be read, since {why}: write {EXAMPLES}.")
        found[name] = number
    return found
