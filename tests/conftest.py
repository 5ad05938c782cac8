# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests share: where the repository and the recorded bytes of a real engine lie, and which tests run where."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import sampling, scheduling
from tests.port_block import BLOCK, PortBlock

if TYPE_CHECKING:
    from tests.ssh_server import SshServer

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="run all that is slow, not a sample of it")
    parser.addoption("--share", type=int, metavar="N", default=1, help="run the tests of one file in so many")
    parser.addoption("--sample", type=int, metavar="SEED", help="the sample of a run before, which told its seed")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "sampled(count): of the cases of this test a run takes so many, by its seed")
    if config.option.share < 1:
        raise pytest.UsageError("--share=N is of one file in N: 1 or more")
    if config.option.sample is None:
        # The processes of xdist must agree on the tests.
        of_all = getattr(config, "workerinput", {}).get(sampling.SEED)
        config.option.sample = random.randrange(1_000_000) if of_all is None else of_all


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput[sampling.SEED] = node.config.option.sample
    node.workerinput[scheduling.GROUPS] = str(scheduling.file_of(node.config))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    return scheduling.processes()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    if config.getvalue("dist") != "loadgroup":
        return None
    return scheduling.Together(config, log, scheduling.file_of(config))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    scheduling.write(config, items)
    if sampling.is_wanted(config):
        kept, left = sampling.sample(items, config.option.sample)
        items[:], others = sampling.share(kept, config.option.sample, config.option.share)
        config.hook.pytest_deselected(items=[*left, *others])
        sampling.told(config, bool(left or others))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    sampling.heard(node)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash.get(sampling.LEFT_OUT, False):
        of_files = f" --share={config.option.share}" if config.option.share > 1 else ""
        terminalreporter.write_line(
            f"Of what is slow a sample was run; the same again: --sample={config.option.sample}{of_files}, "
            "all of them: --whole"
        )


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it puts into the background so, and everything that is started here would ignore Ctrl-C too.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def handlers_of_signals() -> Iterator[None]:
    """What a test sets ends with it: ansible-runner, and a program called in here, set handlers and leave them."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def free_ports() -> Iterator[Sequence[int]]:
    """Ports at which nobody is, and which no other test takes meanwhile."""
    with closing(PortBlock()) as block:
        yield range(block.base, block.base + BLOCK)


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """A real SSH server for the tests of a file."""
    # Loaded here, since few files need one.
    from tests.ssh_server import SshServer

    with closing(PortBlock()) as block:
        server = SshServer(tmp_path_factory.mktemp("ssh") / "sshd", block.base)
        yield server
        server.stop()


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """Small recorded files that every clone has."""
    return REPOSITORY / "tests" / "fixtures"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Large recorded files that lie beside the checkout; a clone elsewhere does not have them.

    Skips with the reason where they are missing, and fails instead when ``CI`` is set, so that
    a continuous integration run cannot pass without having looked at them.
    """
    data = REPOSITORY.parent / "shared" / "data"
    if not data.is_dir():
        reason = f"{data} does not exist: the large recorded files are not part of a clone"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return data
