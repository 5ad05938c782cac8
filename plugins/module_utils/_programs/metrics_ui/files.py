# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the page: read once, when the program starts."""

from __future__ import annotations

import hashlib
import importlib.resources
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    if sys.version_info >= (3, 11):
        from importlib.resources.abc import Traversable
    else:
        from importlib.abc import Traversable

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}

NEEDED = ("index.html", "openapi.json")


class PageMissing(ValueError):
    """A file that the page needs is not there; says which."""


@dataclass(frozen=True)
class PageFile:
    """One file."""

    content: bytes
    type: str
    tag: str
    """Its ETag."""


class PageFiles:
    """Files by name."""

    def __init__(self, directory: str = "") -> None:
        """.

        :param directory: where they are; by default, the page in the archive of programs that this is a part of.
        :raises PageMissing: when a file cannot be had.
        """
        place = Path(directory) if directory else packed()
        self._files: dict[str, PageFile] = {}
        try:
            for path in place.iterdir():
                kind = TYPES.get(os.path.splitext(path.name)[1])
                if kind and path.is_file():
                    self._files[path.name] = _made(path.read_bytes(), kind)
        except OSError as error:
            raise PageMissing(f"{error.filename} cannot be read: {error.strerror}") from error
        for name in NEEDED:
            if name not in self._files:
                raise PageMissing(f"{place} has no {name}")

    def get(self, name: str) -> Optional[PageFile]:
        """The file of that name."""
        return self._files.get(name)


def packed() -> Traversable:
    """The folder ``page`` beside the library, where the controller has put it (``plugin_utils/_programs.py``)."""
    return importlib.resources.files(__name__.partition("._programs.")[0]) / "page"


def _made(content: bytes, kind: str) -> PageFile:
    return PageFile(content, kind, f'"{hashlib.sha256(content).hexdigest()[:20]}"')
