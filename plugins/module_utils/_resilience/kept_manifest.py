# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a copy was proved to hold, kept until a worker is started from it.

Days may pass between a copy and the start. So each server keeps ``<base>/run/<worker>/manifest.json``, by which the
files are proved again before the start. From the start on the worker writes them, and the manifest is gone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Optional

from .._formats.whole_file import make_private_directory, write_whole
from . import manifest as manifests
from .files import ResilienceSet
from .manifest import Manifest


class NotProved(Exception):
    """Files that are no longer what was copied; the sentence names them and says what to do."""


def path_of(base: str, worker: str) -> Path:
    """Where a server keeps it."""
    return Path(base) / "run" / worker / "manifest.json"


def keep(base: str, manifest: Manifest) -> None:
    """Keep what was proved, as a whole or not at all.

    :raises OSError: when it cannot be written.
    """
    path = path_of(base, manifest.worker)
    make_private_directory(path.parent)
    write_whole(path, json.dumps(manifest.to_dict()).encode())


def read(base: str, worker: str) -> Optional[Manifest]:
    """What was proved last; None when nothing was, or when the worker was started since.

    :raises NotProved: when it cannot be read; the sentence names it.
    """
    path = path_of(base, worker)
    try:
        found = Manifest.from_dict(json.loads(path.read_text(encoding="utf-8")))
        if found.worker != worker:
            raise ValueError(f"it is the one of {found.worker}")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise NotProved(
            f"{path} cannot be read ({error}), so whether the files of {worker} are what was copied is not known; "
            "copy them again with copy_resilience.yml"
        ) from error
    return found


def prove(base: str, files: ResilienceSet) -> None:
    """Compare the files with what the copy was proved to hold; nothing is compared where no copy was kept.

    :raises NotProved: with every file that changed.
    """
    kept = read(base, files.worker)
    if kept is None:
        return
    try:
        changes = manifests.compare(kept, manifests.of_directory(files))
    except OSError as error:
        raise NotProved(f"{error.filename or files.directory} cannot be read ({error.strerror})") from error
    if changes:
        raise NotProved(
            f"the files of {files.worker} in {files.directory} are not those whose copy was proved: "
            f"{'; '.join(changes)}. Copy them again with copy_resilience.yml, which mends what differs"
        )


def follow(base: str, files: ResilienceSet, name: str, before: bytes, after: bytes) -> None:
    """A file was changed on purpose: the manifest goes along, if the file was as proved before.

    :raises OSError: when it cannot be written.
    """
    try:
        kept = read(base, files.worker)
    except NotProved:
        # Whoever starts the worker is told.
        return
    was = manifests.digest_of_bytes(name, before)
    if kept is not None and was in kept.files:
        now = manifests.digest_of_bytes(name, after)
        keep(base, Manifest(kept.worker, tuple(now if file == was else file for file in kept.files)))
