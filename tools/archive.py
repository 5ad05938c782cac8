# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive of the collection, the same bytes wherever and whenever it is built from one commit.

``ansible-galaxy`` chooses the files and writes what Galaxy wants to know of them. Its archive has the time of the build
in it, and the files in the order in which the file system lists them; it is written again without both.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any


def build(checkout: Path, commit: str, moment: int, destination: Path) -> Path:
    """Build the archive of a commit; what lies in the checkout besides does not come into it.

    :param moment: seconds since the epoch, which all entries get
    :raises subprocess.CalledProcessError: when git or ansible-galaxy fail
    """
    with tempfile.TemporaryDirectory() as directory:
        tree, built = Path(directory, "tree"), Path(directory, "built")
        tree.mkdir()
        packed = subprocess.run(["git", "-C", checkout, "archive", commit], check=True, stdout=subprocess.PIPE).stdout
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            tar.extractall(tree, filter="data")
        # Neither the settings nor the collections of the checkout are asked.
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHONPATH"))}
        command = ["ansible-galaxy", "collection", "build", str(tree), "--output-path", str(built)]
        subprocess.run(command, env=clean, check=True, stdout=subprocess.DEVNULL)
        (archive,) = built.glob("*.tar.gz")
        destination.mkdir(parents=True, exist_ok=True)
        made = destination / archive.name
        made.write_bytes(normal(archive.read_bytes(), moment))
    return made


def normal(archive: bytes, moment: int) -> bytes:
    """The archive with its entries in order, and without anything of the time and place where it was built."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        entries = {one.name: (one, _content(tar, one)) for one in tar.getmembers()}
    files = json.loads(entries["FILES.json"][1])
    files["files"].sort(key=lambda one: one["name"])
    manifest = json.loads(entries["MANIFEST.json"][1])
    listed = _json(files)
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(listed).hexdigest()
    contents = {"FILES.json": listed, "MANIFEST.json": _json(manifest)}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        # Galaxy reads the first two first.
        for name in ["MANIFEST.json", "FILES.json", *sorted(entries.keys() - contents.keys())]:
            member, content = entries[name]
            content = contents.get(name, content)
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.size, entry.mtime = member.type, member.linkname, len(content), moment
            entry.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            tar.addfile(entry, io.BytesIO(content))
    zipped = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=zipped, mtime=moment) as stream:
        stream.write(packed.getvalue())
    return zipped.getvalue()


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(member) if member.isfile() else None
    return stream.read() if stream else b""


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()
