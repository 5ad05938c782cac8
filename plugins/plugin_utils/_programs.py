# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive of programs that servers run: the collection's own library and the page of the metrics UI, packed by the
controller.

The same sources give the same archive, so that a server is brought one only when it has another.
"""

from __future__ import annotations

import functools
import zipfile
from collections.abc import Mapping
from pathlib import Path

from ..module_utils._server.runtime import digest_of

LIBRARY = Path(__file__).parents[1] / "module_utils"

PAGE = Path(__file__).parents[2] / "roles" / "metrics_ui" / "files" / "page"

MODULES = Path(__file__).parents[1] / "modules"

PACKAGES = __name__.split(".")[:-2]
"""Under which names modules import the library, in the archive as elsewhere."""

PACKAGE = ".".join((*PACKAGES, "module_utils"))

_MAIN = f"""\
import os
import sys

# The archive itself instead of the link to it, which may come to mean another one while this runs.
sys.path[0] = os.path.realpath(sys.path[0])
from {PACKAGE}._programs.start import main

sys.exit(main(sys.argv[1:]))
"""


@functools.cache
def contents() -> Mapping[str, bytes]:
    """Everything that is in the archive: name -> bytes."""
    top = "/".join(PACKAGES)
    packages = ["/".join(PACKAGES[:count]) for count in range(1, len(PACKAGES) + 1)]
    found = {"__main__.py": _MAIN.encode(), **{f"{one}/__init__.py": b"" for one in [*packages, f"{top}/modules"]}}
    for path in sorted([*LIBRARY.rglob("*.py"), *MODULES.glob("*.py")]):
        found[f"{top}/{path.relative_to(LIBRARY.parent).as_posix()}"] = path.read_bytes()
    for path in sorted(PAGE.iterdir()):
        found[f"{top}/module_utils/page/{path.name}"] = path.read_bytes()
    return found


@functools.cache
def digest() -> str:
    """What the archive is known by."""
    return digest_of(contents())


def pack(path: Path) -> None:
    """Write the archive.

    :raises OSError: when it cannot be written.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents().items():
            # Without the moment of now, which would make every archive another one.
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
