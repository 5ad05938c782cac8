# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a server for the folder of a run: compressed where they are small, else their digests alone."""

from __future__ import annotations

import base64
import hashlib
import os
import zlib
from collections.abc import Iterable
from typing import Any, Optional

from .._formats.whole_file import open_file

LIMIT = 8 << 20
"""Bytes of all files together, compressed, up to which they are returned."""

TRIED = 256 << 20
"""Bytes of a file up to which it is compressed at all."""

_BLOCK = 1 << 20
_GZIP = 31
"""For zlib: with the head of a gzip file, which has neither a name nor a time."""


def read(paths: Iterable[str], limit: int = LIMIT) -> list[dict[str, Any]]:
    """Each file that there is, with its size, its SHA-256 and, in base64, its compressed bytes.

    ``data`` is None where that would be too much, and ``problem`` says why a file could not be read.
    """
    found, left = [], limit
    for path in paths:
        one = _read(path, left)
        if one is not None:
            left -= len(one["data"] or "") * 3 // 4
            found.append(one)
    return found


def _read(path: str, limit: int) -> Optional[dict[str, Any]]:
    answer: dict[str, Any] = {"path": path, "bytes": 0, "sha256": "", "data": None, "problem": ""}
    try:
        with open_file(path) as stream:
            known = os.fstat(stream.fileno())
            digest, pieces, size, kept = hashlib.sha256(), [], 0, 0
            press = zlib.compressobj(wbits=_GZIP) if known.st_size <= TRIED else None
            while True:
                block = stream.read(_BLOCK)
                digest.update(block)
                size += len(block)
                if press is not None:
                    pieces.append(press.compress(block) if block else press.flush())
                    kept += len(pieces[-1])
                    if kept > limit or size > TRIED:
                        press, pieces = None, []
                if not block:
                    break
    except FileNotFoundError:
        return None
    except OSError as error:
        return {**answer, "problem": error.strerror or str(error)}
    data = base64.b64encode(b"".join(pieces)).decode("ascii") if press is not None else None
    return {**answer, "bytes": size, "sha256": digest.hexdigest(), "data": data}
