# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of a worker, parsed as Wallaroo 0.5.4 parses it (wallaroo.md, A.1 to A.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional, Union

TEXT, NUMBER, FLAG = "text", "number", "flag"

Options = Mapping[str, tuple[str, str]]
"""Long name -> (short name or nothing, kind of value)."""

WALLAROO: Options = {
    "metrics": ("m", TEXT),
    "control": ("c", TEXT),
    "data": ("d", TEXT),
    "my-control": ("x", TEXT),
    "my-data": ("y", TEXT),
    "external": ("e", TEXT),
    "file": ("f", TEXT),
    "worker-count": ("w", NUMBER),
    "cluster-initializer": ("t", FLAG),
    "name": ("n", TEXT),
    "resilience-dir": ("r", TEXT),
    "resilience-dos-server": ("", TEXT),
    "resilience-no-local-file-io": ("", FLAG),
    "resilience-enable-io-journal": ("", FLAG),
    "run-with-resilience": ("", FLAG),
    "log-rotation": ("", FLAG),
    "event-log-file-size": ("l", NUMBER),
    "join": ("j", TEXT),
    "stop-pause": ("u", NUMBER),
    "time-between-checkpoints": ("", NUMBER),
    "spike-seed": ("", NUMBER),
    "spike-drop": ("", FLAG),
    "spike-prob": ("", TEXT),
    "spike-margin": ("", NUMBER),
    "help": ("h", FLAG),
}
"""What Wallaroo itself knows (wallaroo.md, A.1)."""

SOURCES_AND_SINKS: Options = {"in": ("i", TEXT), "out": ("o", TEXT)}
"""What every application with TCP sources and sinks knows (wallaroo.md, A.2)."""

Given = list[tuple[str, Union[str, int, None]]]
"""The options of a command line in their order; a flag has no value."""

HostPort = tuple[str, int]

_NUMBER = re.compile(r"(-?)(0[xX][0-9A-Fa-f_]+|0[bB][01_]+|[0-9][0-9_]*)")


class UsageError(Exception):
    """A command line that is refused: what is printed where, and the exit code."""

    def __init__(self, text: str, code: int = 1, to_stdout: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.to_stdout = to_stdout


def parse(argv: Sequence[str], known: Options) -> Given:
    """The known options of a command line. Whatever else there is, is skipped without a word (wallaroo.md, A.3).

    The rules are those of Wallaroo's own parser, with their edges: ``-tw3`` is ``-t -w 3``, a value
    that begins with ``-`` is taken only when it is written with ``=``, an option without its value
    is dropped, and so is a number that is none.
    """
    short_names = {short: name for name, (short, _kind) in known.items() if short}
    words, index = list(argv), 0
    found: Given = []
    while index < len(words):
        word = words[index]
        if len(word) < 2 or word[0] != "-":
            index += 1
            continue
        is_short = word[1] != "-"
        combined = "=" in word
        finish = word.index("=") if combined else 2 if is_short else len(word)
        name: Optional[str] = word[1 if is_short else 2 : finish]
        if is_short:
            name = short_names.get(word[1])
        if name is None or name not in known:
            index += 1
            continue
        kind = known[name][1]
        rest = (word[:1] if is_short else "") + word[finish:]
        if kind != FLAG:
            rest = rest.lstrip("-").replace("=", "")
        if rest in ("", "-"):
            del words[index]
        else:
            words[index] = rest
        if kind == FLAG:
            found.append((name, None))
        elif index < len(words) and words[index] and (combined or words[index][0] != "-"):
            value = words.pop(index)
            if kind == TEXT:
                found.append((name, value))
            elif _NUMBER.fullmatch(value):
                found.append((name, _whole_number(value)))
    return found


def _whole_number(text: str) -> int:
    digits = text.replace("_", "")
    base = {"0x": 16, "0b": 2}.get(digits.lstrip("-")[:2].lower(), 10)
    return int(digits, base)


def host_port(text: str) -> HostPort:
    """An address, split at every colon: the first part is the host, the second the port (wallaroo.md, A.3).

    :raises ValueError: when there is no second part, or it is no port.
    """
    parts = text.split(":")
    if len(parts) < 2 or not parts[1].isdigit() or int(parts[1]) > 65535:
        raise ValueError(f"{text!r} is no address: write it as host:port")
    return parts[0], int(parts[1])


def addresses(given: Given, name: str) -> list[HostPort]:
    """The comma-separated addresses of ``--in`` or ``--out``.

    :raises ValueError: when the option is missing or holds something else.
    """
    values = [value for option, value in given if option == name]
    if not values:
        raise ValueError(f"--{name} is missing")
    return [host_port(item) for item in str(values[-1]).split(",")]


@dataclass
class WorkerOptions:
    """What a worker was told."""

    name: str = ""
    is_initializer: bool = False
    metrics: Optional[HostPort] = None
    control: HostPort = ("", 0)
    data: HostPort = ("", 0)
    my_control: HostPort = ("", 0)
    my_data: HostPort = ("", 0)
    external: Optional[HostPort] = None
    worker_count: Optional[int] = None
    resilience_directory: str = "/tmp"  # noqa: S108 - Wallaroo's default
    journal: bool = False
    journal_server: HostPort = ("localhost", 9999)
    run_with_resilience: bool = False
    log_rotation: bool = False
    is_joining: bool = False
    checkpoint_pause: float = 1.0
    """Seconds between the end of a checkpoint and the start of the next."""
    help: bool = False


_ADDRESSES = {
    "metrics": "metrics",
    "control": "control",
    "data": "data",
    "my-control": "my_control",
    "my-data": "my_data",
    "external": "external",
    "resilience-dos-server": "journal_server",
}
_FLAGS = {
    "cluster-initializer": "is_initializer",
    "resilience-enable-io-journal": "journal",
    "run-with-resilience": "run_with_resilience",
    "log-rotation": "log_rotation",
    "help": "help",
}


def worker_options(argv: Sequence[str]) -> WorkerOptions:
    """Read and check Wallaroo's own options, in its own order (wallaroo.md, A.3).

    :raises UsageError: where Wallaroo would end.
    """
    result = WorkerOptions()
    for name, value in parse(argv, WALLAROO):
        if name in _ADDRESSES:
            try:
                setattr(result, _ADDRESSES[name], host_port(str(value)))
            except ValueError as error:
                raise UsageError(f"Error: --{name}: {error}") from None
        elif name in _FLAGS:
            setattr(result, _FLAGS[name], True)
        elif name == "worker-count" and isinstance(value, int):
            if value == 0:
                raise UsageError("Error: --worker-count must be at least 1.")
            result.worker_count = value
        elif name == "name":
            result.name = str(value)
        elif name == "resilience-dir":
            result.resilience_directory = str(value)
            if result.resilience_directory.endswith("/"):
                raise UsageError("--resilience-dir must not end in /", to_stdout=True)
        elif name == "resilience-no-local-file-io":
            # Wallaroo starts with it, and aborts at the first rollback (wallaroo.md, Trap 21).
            raise UsageError("Error: --resilience-no-local-file-io: no recovery is possible with it: leave it out.")
        elif name == "join":
            result.is_joining = True
        elif name == "time-between-checkpoints" and isinstance(value, int):
            result.checkpoint_pause = max(0.0, value / 1e9)
    _check(result)
    return result


def _check(options: WorkerOptions) -> None:
    if options.is_joining and options.is_initializer:
        raise UsageError(
            "--cluster-initializer is an invalid command line argument when joining.  "
            "Joining worker cannot function as initializer.",
            to_stdout=True,
        )
    if options.is_initializer:
        options.name = "initializer"
        options.worker_count = options.worker_count or 1
        if not options.data[0]:
            raise UsageError("Error: Cluster initializer needs its data channel address to be specified via --data.")
    elif not options.is_joining:
        if options.worker_count is not None:
            raise UsageError("Error: Only supply --worker-count to cluster initializer or to joining worker.")
        if options.data[0]:
            raise UsageError("Error: Only supply --data to cluster initializer.")
    if not options.is_initializer and not (options.my_control[0] and options.my_data[0]):
        raise UsageError("Error: Non-initializer nodes must specify --my-control and --my-data flags")
    if not options.run_with_resilience:
        raise UsageError(
            "Error: You are running a resilience-enabled binary. "
            "You must pass in the command line flag `--run-with-resilience`."
        )
