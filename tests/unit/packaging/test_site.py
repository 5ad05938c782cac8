# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation site is put together from; that Sphinx makes it without a warning is seen by ``make docs``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.site import checking, guides, pages


@pytest.fixture(scope="module")
def sources(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sources")
    (directory / "reference").mkdir()
    guides.write(repository, directory)
    pages.write(repository, directory)
    return directory


def test_every_guide_is_in_the_contents_once(repository: Path, sources: Path) -> None:
    written = "".join((sources / page).read_text() for page in ("index.md", *guides.BELOW))
    trees = re.findall(r"```\{toctree\}\n(?::[^\n]*\n)*\n(.*?)\n```", written, flags=re.S)
    listed = [Path(line).name for tree in trees for line in tree.splitlines()]
    for guide in [*(repository / "docs").rglob("*.md"), *(repository / f"{name}.md" for name in guides.OF_THE_PROJECT)]:
        assert listed.count(guide.stem) == 1, guide


def test_links_lead_to_pages_or_to_the_repository(repository: Path, sources: Path) -> None:
    first = (sources / "index.md").read_text()
    assert "](docs/installing.md)" in first
    assert f"]({guides.galaxy(repository)['repository']}/blob/main/inventory/xenial/hosts.yml)" in first
    assert "](docs/images/report-pass.png)" in first
    assert "](../index.md#step-by-step)" in (sources / "docs" / "steps.md").read_text()
    assert "](../index.md" not in (sources / "docs" / "extending.md").read_text().split("```diff")[1].split("```")[0]


def test_every_step_is_a_method_of_the_api_page(repository: Path, sources: Path) -> None:
    page = (sources / "reference" / "python.rst").read_text()
    assert ".. py:method:: migrate(worker, src=None, dst=None" in page
    assert ":param dst: " in page
    assert ".. autoclass:: NotProved" in page


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.html").write_text('<p id="here">')
    good = '<a href="other.html#here">a</a><a href="#top">b</a><a href="https://elsewhere.example/x#y">c</a>'
    (tmp_path / "index.html").write_text(good)
    assert list(checking.dead_links(tmp_path)) == []
    (tmp_path / "index.html").write_text(f'{good}<img src="gone.png"><a href="other.html#there">d</a>')
    assert list(checking.dead_links(tmp_path)) == [
        "index.html: gone.png leads nowhere",
        "index.html: other.html#there names no place in other.html",
    ]
