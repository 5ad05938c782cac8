# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of a worker, parsed as Wallaroo 0.5.4 parses it (reference A.1 to A.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Optional

VALUE, FLAG = "value", "flag"

OPTIONS: dict[str, tuple[str, str]] = {
    "in": ("i", VALUE),
    "out": ("o", VALUE),
    "depth": ("", VALUE),
    "gen-source": ("", FLAG),
    "partitions": ("", VALUE),
    "symbols-file": ("s", VALUE),
    "initial-nbbo-file": ("", VALUE),
    "metrics": ("m", VALUE),
    "control": ("c", VALUE),
    "data": ("d", VALUE),
    "my-control": ("x", VALUE),
    "my-data": ("y", VALUE),
    "external": ("e", VALUE),
    "worker-count": ("w", VALUE),
    "cluster-initializer": ("t", FLAG),
    "name": ("n", VALUE),
    "resilience-dir": ("r", VALUE),
    "resilience-dos-server": ("", VALUE),
    "resilience-enable-io-journal": ("", FLAG),
    "resilience-no-local-file-io": ("", FLAG),
    "run-with-resilience": ("", FLAG),
    "log-rotation": ("", FLAG),
    "event-log-file-size": ("l", VALUE),
    "join": ("j", VALUE),
    "stop-pause": ("u", VALUE),
    "time-between-checkpoints": ("", VALUE),
    "spike-seed": ("", VALUE),
    "spike-drop": ("", FLAG),
    "spike-prob": ("", VALUE),
    "spike-margin": ("", VALUE),
    "file": ("f", VALUE),
    "help": ("h", FLAG),
}
"""Long name -> (short name, whether it takes a value)."""

_SHORT = {short: name for name, (short, _kind) in OPTIONS.items() if short}

HostPort = tuple[str, int]

DEFAULT_DIRECTORY = "/tmp"  # noqa: S108 -- what the real engine takes; the collection always names another one


class UsageError(Exception):
    """A command line that Wallaroo refuses: where the text goes, and the exit code."""

    def __init__(self, text: str, code: int = 1, to_stdout: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.to_stdout = to_stdout


@dataclass
class WorkerOptions:
    """What a worker was told."""

    name: str = ""
    is_initializer: bool = False
    sources: list[HostPort] = field(default_factory=list)
    sinks: list[HostPort] = field(default_factory=list)
    metrics: Optional[HostPort] = None
    control: HostPort = ("", 0)
    data: HostPort = ("", 0)
    my_control: HostPort = ("", 0)
    my_data: HostPort = ("", 0)
    external: Optional[HostPort] = None
    workers: int = 1
    resilience_directory: str = DEFAULT_DIRECTORY
    journal: bool = False
    journal_server: HostPort = ("", 9999)
    log_rotation: bool = False
    checkpoint_pause: float = 1.0
    """Seconds between the end of a checkpoint and the start of the next."""
    depth: int = 1
    symbols_file: str = ""


def parse(argv: Sequence[str]) -> dict[str, list[str]]:
    """The options that were given, by their long names; what is unknown is skipped without a word."""
    found: dict[str, list[str]] = {}
    words = list(argv)
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if word.startswith("--") and len(word) > 2:
            name, equals, value = word[2:].partition("=")
            if name not in OPTIONS:
                continue
            if OPTIONS[name][1] == FLAG:
                found.setdefault(name, []).append("")
            elif equals:
                found.setdefault(name, []).append(value)
            elif position < len(words) and not words[position].startswith("-"):
                found.setdefault(name, []).append(words[position])
                position += 1
        elif word.startswith("-") and len(word) > 1:
            position = _short_options(word[1:], words, position, found)
    return found


def _short_options(letters: str, words: Sequence[str], position: int, found: dict[str, list[str]]) -> int:
    while letters:
        letter, letters = letters[0], letters[1:]
        name = _SHORT.get(letter)
        if name is None:
            return position
        if OPTIONS[name][1] == FLAG:
            found.setdefault(name, []).append("")
            continue
        if letters:
            found.setdefault(name, []).append(letters[1:] if letters.startswith("=") else letters)
        elif position < len(words) and not words[position].startswith("-"):
            found.setdefault(name, []).append(words[position])
            position += 1
        return position
    return position


def host_port(text: str) -> HostPort:
    """An address, split at every colon: the first part is the host, the second the port."""
    parts = text.split(":")
    if len(parts) < 2 or not parts[1].isdigit() or int(parts[1]) > 65535:
        raise ValueError(text)
    return parts[0], int(parts[1])


def options(argv: Sequence[str], topology_message: str) -> WorkerOptions:
    """Check a command line in Wallaroo's own order.

    :param topology_message: what the application prints when it lacks an address of its own.
    :raises UsageError: where Wallaroo would end.
    """
    given = parse(argv)

    def last(name: str) -> Optional[str]:
        return given[name][-1] if name in given else None

    def address(name: str) -> Optional[HostPort]:
        text = last(name)
        if text is None:
            return None
        try:
            return host_port(text)
        except ValueError:
            raise UsageError(f"Error: --{name}: {text!r} is no address, it must be host:port") from None

    def number(name: str, default: int) -> int:
        text = last(name)
        if text is None:
            return default
        try:
            return int(text.replace("_", ""))
        except ValueError:
            raise UsageError(f"Error: --{name}: {text!r} is no whole number") from None

    result = WorkerOptions()
    # The application builds its pipeline before Wallaroo looks at its own options (A.2).
    try:
        result.sources = [host_port(item) for item in (last("in") or "").split(",")]
        result.sinks = [host_port(item) for item in (last("out") or "").split(",")]
    except ValueError:
        raise UsageError(topology_message, code=0, to_stdout=True) from None
    result.depth = number("depth", 1)
    result.symbols_file = last("symbols-file") or ""
    if "gen-source" in given:
        raise UsageError("Error: the embedded engine has no --gen-source; use a sender.")

    result.is_initializer = "cluster-initializer" in given
    result.name = "initializer" if result.is_initializer else (last("name") or "")
    result.workers = number("worker-count", 1)
    result.control = address("control") or ("", 0)
    result.data = address("data") or ("", 0)
    result.my_control = address("my-control") or ("", 0)
    result.my_data = address("my-data") or ("", 0)
    result.external = address("external")
    result.metrics = address("metrics")
    result.resilience_directory = last("resilience-dir") or DEFAULT_DIRECTORY
    result.journal = "resilience-enable-io-journal" in given
    result.journal_server = address("resilience-dos-server") or ("", 9999)
    result.log_rotation = "log-rotation" in given
    result.checkpoint_pause = number("time-between-checkpoints", 1_000_000_000) / 1e9
    _check(result, given)
    return result


def _check(result: WorkerOptions, given: dict[str, list[str]]) -> None:
    if "worker-count" in given and result.workers < 1:
        raise UsageError("Error: --worker-count must be at least 1.")
    if result.resilience_directory.endswith("/"):
        raise UsageError("--resilience-dir must not end in /", to_stdout=True)
    if "join" in given and result.is_initializer:
        raise UsageError("You cannot specify both --join and --cluster-initializer", to_stdout=True)
    if "join" in given:
        raise UsageError("Error: workers cannot join a cluster of the embedded engine.")
    if result.is_initializer and "data" not in given:
        raise UsageError("Error: Cluster initializer needs its data channel address: use --data.")
    if not result.is_initializer:
        if "worker-count" in given:
            raise UsageError("Error: Only supply --worker-count to cluster initializer or to joining worker.")
        if "data" in given:
            raise UsageError("Error: Only supply --data to cluster initializer.")
        if "my-control" not in given or "my-data" not in given:
            raise UsageError("Error: Worker must supply both --my-control and --my-data.")
    if "run-with-resilience" not in given:
        raise UsageError("Error: This binary was built for resilience: use --run-with-resilience.")
    if result.metrics is None:
        raise UsageError("Error: You must supply the metrics address: use --metrics.")
    if not result.name:
        raise UsageError("Error: You must specify a worker name via --name/-n.")
