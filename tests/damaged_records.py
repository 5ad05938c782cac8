# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may stand where a record was: a disk that was full, an editor, a restore, a stranger."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(b'{"name": "wor'),
    "no UTF-8": lambda path: path.write_bytes(b"\xff\xfe{}"),
    "zeros": lambda path: path.write_bytes(bytes(512)),
    "a list": lambda path: path.write_bytes(b"[]"),
    "a number": lambda path: path.write_bytes(b"7"),
    "a number too long": lambda path: path.write_bytes(b"7" * 100_000),
    "null": lambda path: path.write_bytes(b"null"),
    "no keys": lambda path: path.write_bytes(b"{}"),
    "other JSON": lambda path: path.write_bytes(b'{"identity": {"pid": "x"}, "worker": 7, "servers": {"a": 1}}'),
    "nested deeply": lambda path: path.write_bytes(b'{"a":' * 100_000),
    "huge": lambda path: os.truncate(_touched(path), 1 << 30),
    "a directory": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a link to itself": lambda path: path.symlink_to(path),
}


def damage(path: Path, how: str) -> Path:
    """Put damage in the place of a record."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    DAMAGE[how](path)
    return path


def _touched(path: Path) -> Path:
    path.touch()
    return path
