# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive of a release is the same bytes wherever and whenever it was built."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

from tools import archive


def built(names: list[str], moment: int, mode: int) -> bytes:
    """As ``ansible-galaxy`` builds it, in the order of a file system, at a moment."""
    files = json.dumps({"files": [{"name": name, "chksum_sha256": "0"} for name in names], "format": 1}).encode()
    digest = hashlib.sha256(files).hexdigest()
    manifest = json.dumps({"collection_info": {}, "file_manifest_file": {"chksum_sha256": digest}}).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        contents = {"MANIFEST.json": manifest, "FILES.json": files} | {name: name.encode() for name in names}
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(content), moment, mode
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def test_order_time_and_umask_make_no_difference() -> None:
    one, two = built(["b", "a", "c"], 1_000, 0o644), built(["c", "b", "a"], 2_000, 0o600)
    assert one != two
    assert archive.normal(one, 5) == archive.normal(two, 5) != archive.normal(two, 6)


def test_its_manifest_names_the_list_that_is_in_it() -> None:
    with tarfile.open(fileobj=io.BytesIO(archive.normal(built(["b", "a"], 1, 0o644), 5))) as tar:
        assert tar.getnames() == ["MANIFEST.json", "FILES.json", "a", "b"]
        assert {member.mtime for member in tar.getmembers()} == {5}
        manifest, files = (tar.extractfile(name).read() for name in tar.getnames()[:2])  # type: ignore[union-attr]  # both are files
    assert json.loads(manifest)["file_manifest_file"]["chksum_sha256"] == hashlib.sha256(files).hexdigest()
    assert [one["name"] for one in json.loads(files)["files"]] == ["a", "b"]
