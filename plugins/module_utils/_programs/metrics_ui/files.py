# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the page: read once, when the program starts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

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

    def __init__(self, directory: Path, chart: Path) -> None:
        """.

        :param directory: the page.
        :param chart: the chart library, served as ``chart.js``.
        :raises PageMissing: when a file cannot be had.
        """
        self._files: dict[str, PageFile] = {}
        try:
            for path in sorted(directory.iterdir()):
                if path.suffix in TYPES and path.is_file():
                    self._files[path.name] = _read(path)
            self._files["chart.js"] = _read(chart)
        except OSError as error:
            raise PageMissing(f"{error.filename} cannot be read: {error.strerror}") from error
        for name in NEEDED:
            if name not in self._files:
                raise PageMissing(f"{directory} has no {name}")

    def get(self, name: str) -> Optional[PageFile]:
        """The file of that name."""
        return self._files.get(name)


def _read(path: Path) -> PageFile:
    content = path.read_bytes()
    return PageFile(content, TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:20]}"')
