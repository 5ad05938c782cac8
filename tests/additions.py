# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application, an engine and a version that the collection does not have, as edits of its files.

Each stands for what somebody adds; how many files that takes is what is proved.
"""

from __future__ import annotations

import shutil
from pathlib import Path

LIBRARY = "plugins/module_utils"
PARTS = ("plugins", "roles", "playbooks", "meta", "inventory", "awx", "galaxy.yml", "ansible.cfg")

HEADER = """# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""

Edits = dict[str, list[tuple[str, str]]]
"""File -> what is replaced in it; an empty text stands for a file that is not there yet."""

APPLICATION: Edits = {
    f"{LIBRARY}/_catalogue/applications.py": [
        (
            "        for application in (\n",
            "        for application in (\n"
            '            Application("windows", "windows", "apps/windows/windows", also=("win",)),\n',
        )
    ],
    f"{LIBRARY}/_programs/engine/applications/windows.py": [
        (
            "",
            HEADER
            + '"""An application."""\n\nfrom .detector import Detector\n\n\nclass Windows(Detector):\n'
            + '    prefix = "windows"\n    display_name = "Windows"\n',
        )
    ],
    f"{LIBRARY}/_programs/engine/main.py": [
        ("from .command_line", "from .applications.windows import Windows\nfrom .command_line"),
        ('    "market_spread": MarketSpread,\n', '    "market_spread": MarketSpread,\n    "windows": Windows,\n'),
    ],
}

ENGINE: Edits = {
    f"{LIBRARY}/_engines/second.py": [
        (
            "",
            HEADER
            + '"""An engine that keeps no journals, and whose files may not be copied while it runs."""\n\n'
            + "from .embedded import Embedded\n\n\nclass Second(Embedded):\n"
            + '    name = "second"\n    copies_alive = False\n    journalled = None\n    restore = None\n',
        )
    ],
    f"{LIBRARY}/_engines/registry.py": [
        ("from .embedded import", "from .second import Second\nfrom .embedded import"),
        ("(Embedded(), Wallaroo())", "(Embedded(), Wallaroo(), Second())"),
    ],
}

VERSION: Edits = {
    f"{LIBRARY}/_catalogue/versions.py": [
        (
            "        for version in (\n",
            "        for version in (\n"
            '            Version("0.9.9", compiler="0.26.0", flags=("--as-of-0.9.9",), prefixes={"windows": "W"}),\n',
        )
    ],
}


def collection(repository: Path, place: Path, *additions: Edits) -> Path:
    """A copy of the collection with these additions."""
    tree = place / "tree"
    tree.mkdir()
    for part in PARTS:
        source = repository / part
        if source.is_dir():
            shutil.copytree(source, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / part)
    for edits in additions:
        for name, changes in edits.items():
            path = tree / name
            text = path.read_text() if path.exists() else ""
            for old, new in changes:
                assert (old in text) if old else not text, f"{name}: {old!r}"
                text = text.replace(old, new, 1) if old else new
            path.write_text(text)
    within = tree / ".collections" / "ansible_collections" / "wallaroo"
    within.mkdir(parents=True)
    (within / "resilience").symlink_to(tree)
    return tree
