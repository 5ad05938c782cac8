# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive of the collection: what it holds, and that it works far from the checkout."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

from tests.documents import dead_links


def run(command: list[str], directory: Path, **environment: str) -> str:
    # Nothing of the checkout may help: neither its settings nor its collections.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_") and key != "PYTHONPATH"}
    ended = subprocess.run(
        command, cwd=directory, env={**clean, **environment}, capture_output=True, text=True, check=False, timeout=120
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def archive(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive, built from the checkout."""
    directory = tmp_path_factory.mktemp("archive")
    run(["ansible-galaxy", "collection", "build", str(repository), "--output-path", str(directory)], directory)
    (built,) = directory.glob("wallaroo-resilience-*.tar.gz")
    return built


def test_it_holds_the_product_and_nothing_else(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        names = tar.getnames()
    tops = {name.split("/")[0] for name in names}
    assert {
        "awx",
        "plugins",
        "playbooks",
        "roles",
        "meta",
        "inventory",
        "docs",
        "README.md",
        "LICENSE",
        "CHANGELOG.rst",
    } <= tops
    assert tops <= {
        "FILES.json", "MANIFEST.json", "plugins", "playbooks", "roles", "meta", "inventory", "docs", "changelogs",
        "awx", "README.md", "LICENSE", "CHANGELOG.rst", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md",
    }  # fmt: skip
    assert {
        "meta/runtime.yml",
        "docs/design.md",
        "docs/wallaroo.md",
        "docs/decisions/README.md",
        "docs/schemas/result.schema.json",
    } <= set(names)
    assert [name for name in names if "__pycache__" in name or name.endswith(".pyc")] == []


def test_it_works_where_it_is_installed(archive: Path, tmp_path: Path) -> None:
    where = tmp_path / "collections"
    run(["ansible-galaxy", "collection", "install", str(archive), "-p", str(where), "--offline"], tmp_path)
    installed = where / "ansible_collections" / "wallaroo" / "resilience"
    environment = {"ANSIBLE_COLLECTIONS_PATH": str(where), "ANSIBLE_LOCAL_TEMP": str(tmp_path / "ansible")}

    assert "Sends SIGKILL" in run(["ansible-doc", "wallaroo.resilience.worker_kill"], tmp_path, **environment)
    inventory = str(installed / "inventory" / "loopback" / "hosts.yml")
    names = [f"wallaroo.resilience.{playbook.stem}" for playbook in sorted((installed / "playbooks").glob("*.yml"))]
    checked = run(["ansible-playbook", "-i", inventory, *names, "--syntax-check"], tmp_path, **environment)
    assert checked.count("playbook: ") == len(names) > 10
    output = run(
        ["ansible-playbook", "-i", inventory, "wallaroo.resilience.status"],
        tmp_path,
        WALLAROO_LOOPBACK=str(tmp_path / "servers"),
        **environment,
    )
    assert "no cluster was started" in output


def test_links_of_its_documents_lead_into_it(archive: Path, tmp_path: Path) -> None:
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    dead = {path.relative_to(tmp_path).as_posix(): dead_links(path) for path in sorted(tmp_path.rglob("*.md"))}
    assert "README.md" in dead
    assert {document: found for document, found in dead.items() if found} == {}


def test_every_module_belongs_to_the_action_group(repository: Path) -> None:
    runtime = yaml.safe_load((repository / "meta" / "runtime.yml").read_text())
    modules = sorted(path.stem for path in (repository / "plugins" / "modules").glob("*.py"))
    assert runtime["action_groups"]["resilience"] == modules
