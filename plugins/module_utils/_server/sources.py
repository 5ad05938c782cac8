# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The library's own sources, which Python's import system is asked for: inside a module they lie in an archive."""

from __future__ import annotations

import importlib.util


def source_of(name: str) -> str:
    """The text of an imported file of the library.

    :raises ImportError: when it cannot be read.
    """
    specification = importlib.util.find_spec(name)
    # Not every loader that knows its sources is registered as one that inspects, the one for archives is not.
    get_source = getattr(specification.loader if specification else None, "get_source", None)
    source = get_source(name) if get_source else None
    if source is None:
        raise ImportError(f"the source of {name} cannot be read, so it cannot be deployed")
    return str(source)
