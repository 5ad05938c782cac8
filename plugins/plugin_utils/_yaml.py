# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading YAML."""

from __future__ import annotations

from typing import Any

import yaml

# The one in C is ten times as fast, and every PyYAML that was built with it has it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(text: str) -> Any:
    """Plain data.

    :raises yaml.YAMLError: when it is none.
    """
    return yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe one
