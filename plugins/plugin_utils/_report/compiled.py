# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates of pages are kept as Python has compiled them, beside the code itself.

To compile one takes longer than to make a page of it. A file that was damaged is no template: it is compiled anew.
"""

from __future__ import annotations

import contextlib
import sys
import zlib
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket

from ...module_utils._formats.whole_file import write_whole

_SUM = 4
"""Bytes of the sum before what is kept."""


class Compiled(jinja2.BytecodeCache):
    """Jinja itself knows whether what is kept is of this very template, and of this Python."""

    def __init__(self, directory: Path, environment: jinja2.Environment) -> None:
        """Keep them in a directory, where this account may write there.

        :param environment: by which they are compiled.
        """
        self._directory = directory
        options = (environment.autoescape, environment.trim_blocks, environment.lstrip_blocks, environment.undefined)
        self._by = f"{jinja2.__version__} {options}".encode()

    def load_bytecode(self, bucket: Bucket) -> None:
        """What is kept of a template, if it is as it was written."""
        with contextlib.suppress(OSError):
            data = self._path(bucket).read_bytes()
            if data[:_SUM] == self._sum(data[_SUM:]):
                bucket.bytecode_from_string(data[_SUM:])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it as a whole or not at all; a page is made without it, too."""
        if sys.dont_write_bytecode:
            return
        data = bucket.bytecode_to_string()
        with contextlib.suppress(OSError):
            write_whole(self._path(bucket), self._sum(data) + data)

    def _path(self, bucket: Bucket) -> Path:
        return self._directory / f"{bucket.key}.{sys.implementation.cache_tag}.template"

    def _sum(self, data: bytes) -> bytes:
        return zlib.crc32(data, zlib.crc32(self._by)).to_bytes(_SUM, "big")
