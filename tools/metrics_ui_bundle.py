#!/usr/bin/env python3
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has page and libraries of the metrics UI ready where start_cluster looks for them, so that it needs no internet.

Part of ``make venv``. Without internet it only says so, since everything else works without the metrics UI.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.command import ProvisioningError
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.metrics_ui import bundle

LIMIT = 300.0


def bundle_of(repository: Path) -> Path:
    """The bundle of a checkout; the places are the defaults of the role ``metrics_ui``."""
    files = repository / "roles" / "metrics_ui" / "files"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "wallaroo-resilience"
    given = os.environ.get("WALLAROO_WHEELS")
    return bundle(
        files / "page", files / "wheels.txt", cache, Path(given) if given else None, sys.executable, LIMIT
    ).path


if __name__ == "__main__":
    try:
        bundle_of(Path(__file__).resolve().parent.parent)
    except (ProvisioningError, OSError) as error:
        print(f"The metrics UI will not be shown: {error}", file=sys.stderr)
