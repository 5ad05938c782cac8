# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheels of packages that nobody knows, and locks of them."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path


def wheel(directory: Path, name: str, version: str, content: str = "", program: str = "") -> Path:
    """A wheel of a package with one file.

    :param program: the name of a program that calls the function ``main`` in it.
    """
    directory.mkdir(exist_ok=True)
    path = directory / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    information = f"{path.name.partition('-py3')[0]}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name.replace('-', '_')}.py", content)
        archive.writestr(f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        if program:
            entry = f"[console_scripts]\n{program} = {name.replace('-', '_')}:main\n"
            archive.writestr(f"{information}/entry_points.txt", entry)
        archive.writestr(f"{information}/RECORD", "")
    return path


def lock(path: Path, *wheels: Path) -> Path:
    """A lock that names each, with the hash of another file of its package beside its own."""
    lines = ["# what is needed"]
    for one in wheels:
        name, version = one.name.split("-")[:2]
        digest = hashlib.sha256(one.read_bytes()).hexdigest()
        lines += [f"{name.replace('_', '-')}=={version} \\", f"    --hash=sha256:{'0' * 64} \\"]
        lines += [f"    --hash=sha256:{digest}"]
    path.write_text("\n".join(lines) + "\n")
    return path
