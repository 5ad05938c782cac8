# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resilience files of an engine that keeps them in trees of directories, whose names nobody knows beforehand."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.whole_file import reserve_partial
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience import manifest as manifests
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.copying import IncompleteSource, copy
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.files import Layout, ResilienceSet
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.manifest import Manifest, ManifestError
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.source import CopyError, LocalSource

LAYOUT = Layout(stem="config", required=("yaml",), key="yaml", trees=("tm_worker2/state", "tm_worker2/slots"))
CHECKPOINT = "tm_worker2/state/job/chk_7"

Names = Callable[[ResilienceSet], list[str]]


@pytest.fixture
def source(tmp_path: Path) -> ResilienceSet:
    files = ResilienceSet(tmp_path / "source", LAYOUT, "worker2")
    write(files, "config.yaml", "here: yes")
    write(files, f"{CHECKPOINT}/a", "windows of a")
    write(files, f"{CHECKPOINT}/b", "windows of b")
    write(files, "tm_worker2/slots/0.bin", "slot")
    return files


@pytest.fixture
def target(tmp_path: Path) -> ResilienceSet:
    return ResilienceSet(tmp_path / "target", LAYOUT, "worker2")


def write(files: ResilienceSet, name: str, text: str) -> Path:
    path = files.directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_file_of_a_tree_is_called_by_its_path_and_belongs_to_the_worker(source: ResilienceSet) -> None:
    assert sorted(source.names()) == [
        "config.yaml",
        "tm_worker2/slots/0.bin",
        f"{CHECKPOINT}/a",
        f"{CHECKPOINT}/b",
    ]
    assert source.owns(f"{CHECKPOINT}/c")
    assert source.kind_of(f"{CHECKPOINT}/c") == "tm_worker2/state"
    assert source.state() == "complete"
    assert source.size() == len("here: yes" + "windows of a" + "windows of b" + "slot")


@pytest.mark.parametrize(
    "name",
    [
        "tm_worker2/state",
        "tm_worker2/state/",
        "tm_worker2/state/../../elsewhere",
        "tm_worker2/state//a",
        "tm_worker2/state/./a",
        "tm_worker2/states/a",
        "tm_worker20/state/a",
        "tm_worker2/tmp/a",
        "/tm_worker2/state/a",
        "config.yaml/a",
    ],
)
def test_what_lies_outside_of_the_trees_or_leads_out_of_them_is_nobodys(name: str, source: ResilienceSet) -> None:
    assert not source.owns(name)
    with pytest.raises(CopyError, match="is no resilience file of worker2"):
        LocalSource(source).open(name)


@pytest.mark.parametrize("tree", ["", "..", "a/../b", "/etc", "a/"])
def test_a_tree_cannot_lead_out_of_the_directory(tree: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no name of a worker with files"):
        ResilienceSet(tmp_path, LAYOUT._replace(trees=(tree,)), "worker2")


@pytest.mark.parametrize("name", ["a/../../b", "../b", "/b", "a//b", "a/", ".", "a\0"])
def test_a_manifest_of_another_machine_names_nothing_outside(name: str, source: ResilienceSet) -> None:
    file = {"name": name, "size": 1, "sha256": "0" * 64}
    with pytest.raises(ManifestError, match="holds what is no file"):
        Manifest.from_dict({"worker": "worker2", "files": [file]})


def test_a_link_in_a_tree_is_no_file_of_the_worker(source: ResilienceSet, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("not yours")
    (source.directory / CHECKPOINT / "link").symlink_to(tmp_path / "secret")
    (source.directory / "tm_worker2/state/away").symlink_to(tmp_path)
    assert len(source.names()) == 4


def test_trees_are_copied_and_proved_and_a_second_copy_does_nothing(
    source: ResilienceSet, target: ResilienceSet
) -> None:
    done = copy(LocalSource(source), target)
    assert done.manifest == manifests.of_directory(source)
    assert (target.directory / CHECKPOINT / "a").read_text() == "windows of a"
    assert (target.directory / CHECKPOINT).stat().st_mode & 0o777 == 0o700
    assert not copy(LocalSource(source), target).changed


def test_what_is_stale_goes_with_its_directories(source: ResilienceSet, target: ResilienceSet) -> None:
    write(target, "tm_worker2/state/job/chk_6/a", "older windows")
    write(target, f"{CHECKPOINT}/a", "others of the same length"[:12])
    done = copy(LocalSource(source), target)
    assert done.removed == ["tm_worker2/state/job/chk_6/a"]
    assert f"{CHECKPOINT}/a" in done.copied
    assert not (target.directory / "tm_worker2/state/job/chk_6").exists()


def test_a_tree_that_went_away_at_the_source_goes_at_the_target(source: ResilienceSet, target: ResilienceSet) -> None:
    copy(LocalSource(source), target)
    shutil.rmtree(source.directory / "tm_worker2")
    assert len(copy(LocalSource(source), target).removed) == 3
    assert not (target.directory / "tm_worker2/state").exists()


def test_trees_without_the_key_file_are_no_set(source: ResilienceSet, target: ResilienceSet) -> None:
    source.fence()
    assert source.is_fenced()
    with pytest.raises(IncompleteSource, match=r"missing: config\.yaml"):
        copy(LocalSource(source), target)
    assert not target.directory.exists()


def test_half_files_in_a_tree_are_left_over_and_removed(source: ResilienceSet) -> None:
    half = reserve_partial(source.directory / CHECKPOINT / "a")
    assert source.leftovers() == [half]
    assert len(source.names()) == 4
    write(source, "tm_worker2/tmp/kept", "of nobody")
    source.remove()
    assert source.state() == "none"
    assert [path.name for path in source.directory.rglob("*")] == ["tm_worker2", "tmp", "kept"]


def test_a_directory_that_cannot_be_read_is_no_empty_one(
    source: ResilienceSet, target: ResilienceSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> object:
        if str(path).endswith("chk_7"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CopyError, match=r"chk_7 cannot be read \(Permission denied\)"):
        copy(LocalSource(source), target)
