# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Page and libraries of the metrics UI: in one file on the controller, and installed on a server."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning import metrics_ui

from tests.module_runner import contents, refuse, succeed
from tests.wheels import lock, wheel


@pytest.fixture
def page(tmp_path: Path) -> Path:
    directory = tmp_path / "page"
    directory.mkdir()
    (directory / "index.html").write_text("<!DOCTYPE html>")
    return directory


@pytest.fixture
def arguments(tmp_path: Path, page: Path) -> dict[str, Any]:
    given = tmp_path / "given"
    wanted = lock(tmp_path / "lock", wheel(given, "other", "2.1"))
    return {"page": str(page), "lock": str(wanted), "cache": str(tmp_path / "cache"), "wheels": str(given)}


class TestBundle:
    def test_it_is_made_once_and_again_when_the_page_changes(self, arguments: dict[str, Any], page: Path) -> None:
        foreseen = succeed("metrics_ui_bundle", arguments, check=True)
        assert foreseen["changed"] is True
        assert not Path(arguments["cache"]).exists()
        made = succeed("metrics_ui_bundle", arguments)
        assert (made["changed"], made["bundle"]) == (True, foreseen["bundle"])
        with zipfile.ZipFile(made["bundle"]) as archive:
            assert archive.namelist() == ["fingerprint", "page/index.html", "wheels/other-2.1-py3-none-any.whl"]
        # Once it is there, the wheels are not looked for.
        shutil.rmtree(arguments["wheels"])
        assert succeed("metrics_ui_bundle", arguments)["changed"] is False
        (page / "index.html").write_text("<!DOCTYPE html><p>")
        assert "is no directory" in refuse("metrics_ui_bundle", arguments)

    def test_the_same_content_makes_the_same_file(self, arguments: dict[str, Any], tmp_path: Path) -> None:
        first = Path(succeed("metrics_ui_bundle", arguments)["bundle"]).read_bytes()
        other = {**arguments, "cache": str(tmp_path / "elsewhere")}
        assert Path(succeed("metrics_ui_bundle", other)["bundle"]).read_bytes() == first

    def test_only_the_newest_are_kept(self, arguments: dict[str, Any], page: Path) -> None:
        for number in range(5):
            (page / "index.html").write_text(str(number))
            newest = Path(succeed("metrics_ui_bundle", arguments)["bundle"])
            os.utime(newest, (time.time() - 100 + number,) * 2)
        left = sorted(path.name for path in Path(arguments["cache"]).glob("*.zip"))
        assert len(left) == 3
        assert newest.name in left


class TestInstall:
    @pytest.fixture
    def wanted(self, metrics_ui_bundle: Path, tmp_path: Path) -> dict[str, Any]:
        return {"base": str(tmp_path / "server1"), "server": "server1", "bundle": str(metrics_ui_bundle)}

    def test_the_libraries_have_an_environment_of_their_own(self, wanted: dict[str, Any]) -> None:
        assert succeed("metrics_ui_install", wanted, check=True)["changed"] is True
        assert not Path(wanted["base"]).exists()
        made = succeed("metrics_ui_install", wanted)
        assert made["changed"] is True
        asked = "import os, sys, starlette, uvicorn, unfold; print(*sys.path, starlette.__file__, unfold.__path__[0])"
        ended = subprocess.run([made["python"], "-E", "-s", "-c", asked], capture_output=True, text=True, check=True)
        environment = str(Path(made["python"]).parents[1])
        *_path, starlette, unfold = ended.stdout.split()
        assert starlette.startswith(environment)
        assert unfold.startswith(environment)
        assert (Path(made["page"]) / "index.html").is_file()
        assert succeed("metrics_ui_install", wanted)["changed"] is False

    def test_what_was_interrupted_is_made_anew(self, wanted: dict[str, Any]) -> None:
        base = Path(wanted["base"])
        (base / "metrics_ui" / "environment" / "bin").mkdir(parents=True)
        (base / "metrics_ui" / "page").mkdir()
        made = succeed("metrics_ui_install", wanted)
        assert made["changed"] is True
        Path(made["python"]).unlink()
        assert succeed("metrics_ui_install", wanted)["changed"] is True
        assert Path(made["python"]).exists()

    def test_a_library_that_cannot_be_installed_leaves_nothing_behind(
        self, wanted: dict[str, Any], metrics_ui_bundle: Path, tmp_path: Path
    ) -> None:
        torn = tmp_path / "torn.zip"
        with zipfile.ZipFile(metrics_ui_bundle) as whole, zipfile.ZipFile(torn, "w") as archive:
            for name in whole.namelist():
                archive.writestr(name, b"torn" if name.startswith("wheels/h11") else whole.read(name))
        sentence = refuse("metrics_ui_install", {**wanted, "bundle": str(torn)})
        assert sentence.startswith(
            "server1: the metrics UI could not be installed: pip could not install the libraries"
        )
        assert contents(Path(wanted["base"]) / "metrics_ui") == {}

    def test_what_is_no_bundle_is_named(self, wanted: dict[str, Any], tmp_path: Path) -> None:
        other = tmp_path / "other.zip"
        other.write_text("PK no")
        assert f"{other} is no bundle of the metrics UI" in refuse(
            "metrics_ui_install", {**wanted, "bundle": str(other)}
        )
        assert "No such file" in refuse("metrics_ui_install", {**wanted, "bundle": str(tmp_path / "none.zip")})


def test_the_bundle_of_the_role_has_the_page_and_chart_js(metrics_ui_bundle: Path, repository: Path) -> None:
    with zipfile.ZipFile(metrics_ui_bundle) as archive:
        names = archive.namelist()
    page = {f"page/{path.name}" for path in (repository / "roles/metrics_ui/files/page").iterdir()}
    assert page == {name for name in names if name.startswith("page/")}
    assert [name for name in names if name.startswith("wheels/django_unfold-")]
    assert metrics_ui.DIRECTORY == "metrics_ui"
