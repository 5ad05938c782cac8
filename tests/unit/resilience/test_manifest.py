# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests: size and SHA-256 of every resilience file."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience import manifest
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.manifest import (
    FileDigest,
    Manifest,
    ManifestError,
)
from hypothesis import given, settings
from hypothesis import strategies as st

FEW = settings(max_examples=50, deadline=None, database=None)
SHA = "0" * 64


def test_a_manifest_names_every_file_with_size_and_digest(source):
    found = manifest.of_directory(source)
    assert found.worker == "worker2"
    assert [file.name for file in found.files] == sorted(path.name for path in source.present().values())
    for file in found.files:
        data = (source.directory / file.name).read_bytes()
        assert (file.size, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert found.size == sum(path.stat().st_size for path in source.directory.iterdir())


def test_a_manifest_leaves_a_neighbour_out(source, make_set):
    before = manifest.of_directory(source)
    make_set("source", worker="worker20")
    assert manifest.of_directory(source) == before


def test_the_beginning_of_a_file_has_a_digest_of_its_own(source):
    path = source.path("evlog")
    assert manifest.digest(path, 100) == (100, hashlib.sha256(path.read_bytes()[:100]).hexdigest())
    assert manifest.digest(path, 10**9) == manifest.digest(path)


def test_a_manifest_travels_as_json(source):
    found = manifest.of_directory(source)
    assert Manifest.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_equal_manifests_do_not_differ(source):
    assert manifest.compare(manifest.of_directory(source), manifest.of_directory(source)) == []


def test_every_difference_is_a_sentence():
    expected = Manifest("worker2", tuple(FileDigest(name, 1, SHA) for name in ("gone", "longer", "other")))
    found = Manifest(
        "worker2", (FileDigest("longer", 2, SHA), FileDigest("new", 1, SHA), FileDigest("other", 1, "1" * 64))
    )
    assert manifest.compare(expected, found) == [
        "gone is missing",
        "new should not be there",
        "longer has 2 bytes instead of 1",
        "other has the right size and other bytes",
    ]


@pytest.mark.parametrize(
    "file",
    [
        {"name": "../evlog", "size": 1, "sha256": SHA},
        {"name": "/etc/passwd", "size": 1, "sha256": SHA},
        {"name": "..", "size": 1, "sha256": SHA},
        {"name": "", "size": 1, "sha256": SHA},
        {"name": "a\0b", "size": 1, "sha256": SHA},
        {"name": 1, "size": 1, "sha256": SHA},
        {"name": "a", "size": -1, "sha256": SHA},
        {"name": "a", "size": "1", "sha256": SHA},
        {"name": "a", "size": True, "sha256": SHA},
        {"name": "a", "size": 1, "sha256": "abc"},
        {"name": "a", "size": 1},
        {"name": "a", "size": 1, "sha256": SHA, "mode": 0},
        [],
        None,
    ],
)
def test_a_manifest_of_another_machine_is_not_believed(file):
    with pytest.raises(ManifestError):
        Manifest.from_dict({"worker": "worker2", "files": [file]})


def test_a_manifest_that_names_a_file_twice_is_refused():
    file = {"name": "a", "size": 1, "sha256": SHA}
    with pytest.raises(ManifestError, match="twice"):
        Manifest.from_dict({"worker": "worker2", "files": [file, file]})


@FEW
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["worker", "files", "name", "size", "sha256"]), inner, max_size=4)
        ),
        max_leaves=8,
    )
)
def test_arbitrary_json_gives_a_manifest_or_a_manifest_error(data):
    with suppress(ManifestError):
        assert isinstance(Manifest.from_dict(data), Manifest)
