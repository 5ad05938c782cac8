# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of the guides do what they say: those of a guide in order, as written, in one fresh shell.

What a guide has for machines of one's own runs against servers in networks of their own, reached by SSH. What cannot
be run here is in ``ELSEWHERE``; that all other commands of all guides are run is a test, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.documents import commands
from tests.fresh_shell import LIVING, SHELL, FreshShell, fresh_shell
from tests.namespaces import four_servers, in_networks

ELSEWHERE = {
    "make conformance": "it needs a Wallaroo; without one tests/conformance shows it on the embedded engine",
    "ansible-playbook -i inventory/xenial playbooks/setup_dev_env.yml": "molecule's scenario provision runs it",
    "ansible-playbook -i inventory/xenial playbooks/preflight.yml -e fix=true": "molecule's scenario hosts runs it",
    "ansible-playbook -i inventory/xenial playbooks/setup_repo.yml": "tests/integration/test_setup_repo.py",
    'ansible-playbook -i inventory/xenial playbooks/verify_migration.yml -e "workers=3 dst=4"': "it needs a Wallaroo",
    "ansible-playbook -i inventory/xenial playbooks/setup_bytewax.yml": "molecule's scenario hosts runs it",
    'ansible-playbook playbooks/migrate.yml -e "worker=2 src=2 dst=4 via=journal source_lost=true"': (
        "a server has to be gone: tests/integration/test_servers_that_are_gone.py"
    ),
}
"""How commands begin that are not run here, and why."""

GUIDES_ELSEWHERE = {
    "awx.md": "tests/integration/test_awx_guide.py, against a double of AWX's API",
    "conformance.md": "it needs a Wallaroo",
    "installing.md": "make test-pythons, in a system that has nothing else",
    "extending.md": "its commands are for what it adds: tests/integration/test_additions.py adds that",
    "real_machines.md": "its commands install and build: molecule, and tests/integration/test_setup_repo.py",
}

LIMIT = 600
"""Seconds for the commands of a guide."""

MADE = "$HOME/.local/state/wallaroo-resilience/server1/market_data"
"""Where the files lie that were made before, here for one's own."""

OWN = "-i inventory/xenial"
ENVIRONMENT = ". .venv/bin/activate"
END = 'trap "ansible-playbook playbooks/stop_cluster.yml" EXIT'


@dataclass(frozen=True)
class Guide:
    """What comes of its commands, and what has to be put in the place of what stands there for one's own."""

    says: tuple[str, ...]
    own_says: tuple[str, ...] = ()
    own: dict[str, str] = field(default_factory=dict)
    """What is written -> what is meant; ``{project}`` is the checkout."""
    before: tuple[str, ...] = ()
    """What whoever reads the guide has done."""


GUIDES = {
    "bytewax.md": Guide(
        ("verdict: pass", "through 3 crashes of worker2"),
        ("moved from server2 to server4",),
        {"/home/ubuntu/bytewax": "{project}/.venv-bytewax"},
    ),
    "flink.md": Guide(
        ("verdict: pass", "through 3 crashes of worker2"),
        ("moved from server2 to server4",),
        {"/home/ubuntu/flink": "{project}/.flink"},
    ),
    "journal.md": Guide(("verdict: pass",)),
    "market_spread.md": Guide(
        ("orders for the time 2",), own={"/data/orders.msg": f"{MADE}/orders.msg", "/data/nbbo.msg": f"{MADE}/nbbo.msg"}
    ),
    "metrics_page.md": Guide(("metrics UI: http://127.0.0.1:4000/", "moved from server2 to server4")),
    "python.md": Guide(("verdict pass, worker2 was away for", "worker2")),
    "runs.md": Guide(
        ("result.json says pass", "22,000 of 22,000 messages"),
        own={"20261123T210926-demo": "latest", "runs=PATH": "runs=runs"},
        before=("make demo", "gzip -dc runs/latest/received/received.bin.gz > received.bin"),
    ),
    "steps.md": Guide(("verdict: pass", "moved from server2 to server4")),
    "troubleshooting.md": Guide(("moving.md",)),
}


def wanted(repository: Path, name: str) -> list[str]:
    every = commands(repository / "docs" / name)
    return [command for command in every if not any(command.startswith(beginning) for beginning in ELSEWHERE)]


def test_every_guide_is_run(repository: Path) -> None:
    with_commands = {path.name for path in (repository / "docs").rglob("*.md") if commands(path)}
    assert with_commands == {*GUIDES, *GUIDES_ELSEWHERE}
    every = [command for name in with_commands for command in commands(repository / "docs" / name)]
    assert all(any(command.startswith(beginning) for command in every) for beginning in ELSEWHERE), "what is gone"


@pytest.fixture
def shell(repository: Path, project: Path) -> Iterator[FreshShell]:
    with fresh_shell(repository, project) as found:
        yield found


@in_networks
@pytest.mark.sampled(1)
@pytest.mark.parametrize("name", GUIDES)
def test_what_a_guide_says_can_be_typed(name: str, repository: Path, shell: FreshShell, tmp_path: Path) -> None:
    guide = GUIDES[name]
    engine = name.partition(".")[0]
    home = LIVING.get(f"ENGINE={engine}")
    if home and not (shell.project / home).exists():
        assert not os.environ.get("CI"), f"{name} needs {home}"
        pytest.skip(f"{home} is not there: make {engine}")
    typed = wanted(repository, name)
    for written, meant in guide.own.items():
        assert any(written in command for command in typed), written
        typed = [command.replace(written, meant.replace("{project}", str(shell.project))) for command in typed]
    here = [command for command in typed if OWN not in command]
    said = shell.run("\n".join([*guide.before, ENVIRONMENT, END, *here]), LIMIT)
    assert said.returncode == 0, said.stdout
    assert all(words in " ".join(said.stdout.split()) for words in guide.says), said.stdout
    on_servers = [command for command in typed if OWN in command]
    if on_servers:
        with four_servers(repository, tmp_path / "networks") as networks:
            shell.has_servers(networks.directory / "hosts.json")
            said = shell.shell(SHELL, "\n".join([ENVIRONMENT, *on_servers]), LIMIT)
        assert said.returncode == 0, said.stdout
        assert all(words in " ".join(said.stdout.split()) for words in guide.own_says), said.stdout
