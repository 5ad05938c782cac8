# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resilience files of a worker: which there are, which are needed, and whether they are there.

Their names come from the engine's adapter, as a :class:`Layout`: those of files in the worker's directory, and of trees
below it. The name of a file in a tree is its path from the worker's directory on. The names of two workers can begin
alike (``worker2``, ``worker20``), so nothing here looks files up by the beginning of their names alone (wallaroo.md,
Trap 9).
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Literal, NamedTuple

from .._formats.whole_file import name_of_partial, sync_directory


def resilience_directory(base: str, worker: str) -> str:
    """A worker's resilience directory on a server.

    One directory a worker, since Wallaroo looks its event log up by the beginning of the file
    name (wallaroo.md, Trap 9), and without a slash at the end, which it refuses (wallaroo.md, A.3).
    """
    return str(PurePosixPath(base) / "resilience" / worker)


class Layout(NamedTuple):
    """The names of one worker's files. A suffix is what follows the stem and a dot."""

    stem: str
    """What the names of exactly this worker's files begin with."""
    required: tuple[str, ...]
    """The suffixes without which the worker does not restart."""
    key: str
    """Suffix of a required, small file that is absent while a copy is not proved, or while the worker is fenced."""
    optional: tuple[str, ...] = ()
    """Suffixes of files that may be there as well."""
    journals: tuple[str, ...] = ()
    """Suffixes of files that do not decide whether a start is fresh or a recovery."""
    growing: tuple[str, ...] = ()
    """Suffixes of files that are only ever added to: their beginnings may be copied while the worker runs."""
    rotated: Mapping[str, str] = MappingProxyType({})
    """Endings of further files, as patterns of what follows the stem -> the suffix for which such a file stands."""
    trees: tuple[str, ...] = ()
    """Directories below the worker's, as paths from there on, in which every file belongs to the worker."""
    addresses: tuple[str, ...] = ()
    """Suffixes of the files that hold where the worker listens: for control, for data."""
    newest: str = ""
    """Suffix of the file that is longer in the newer of two sets."""
    made_of: tuple[str, str, str] = ("", "", "")
    """Engine, application, version: what another server makes the same layout of."""


class ResilienceSet:
    """The resilience files of one worker in one directory. Reads the directory anew at each question."""

    def __init__(self, directory: str | os.PathLike[str], layout: Layout, worker: str) -> None:
        """:raises ValueError: when the worker's name or the layout would lead out of the directory."""
        if not worker or "/" in worker or "/" in layout.stem or not all(map(is_below, layout.trees)):
            raise ValueError(f"{worker!r} is no name of a worker with files {layout.stem!r}, {', '.join(layout.trees)}")
        self.directory = Path(directory)
        self.layout = layout
        self.worker = worker
        suffixes = (*layout.required, *layout.optional, *layout.journals)
        self._names = {f"{layout.stem}.{suffix}": suffix for suffix in suffixes}
        self._rotated = {re.compile(ending): suffix for ending, suffix in layout.rotated.items()}

    def at(self, directory: str | os.PathLike[str]) -> ResilienceSet:
        """The files of the same worker in another directory."""
        return ResilienceSet(directory, self.layout, self.worker)

    def path(self, suffix: str) -> Path:
        """Where the file with this suffix lies or would lie."""
        return self.directory / f"{self.layout.stem}.{suffix}"

    def required(self) -> tuple[str, ...]:
        """The suffixes without which this worker does not restart."""
        return self.layout.required

    def present(self) -> dict[str, Path]:
        """The files of exactly this worker, journals and rotated files among them: suffix -> path.

        The suffix of a rotated file is all that follows the stem: ``-00000000000003E8.evlog``; that of a file in a
        tree is its name.

        :raises OSError: when a tree cannot be read.
        """
        found = {}
        for path in self._entries():
            suffix = self.suffix_of(path.name)
            if suffix is not None and path.is_file():
                found[suffix] = path
        for path in self._in_trees():
            if name_of_partial(path.name) is None:
                found[self.name_of(path)] = path
        return found

    def names(self) -> dict[str, Path]:
        """The same by their names.

        :raises OSError: when a tree cannot be read.
        """
        return {self.name_of(path): path for path in self.present().values()}

    def name_of(self, path: Path) -> str:
        """What a file is called in manifests and messages: its path from the worker's directory on."""
        return path.relative_to(self.directory).as_posix()

    def size(self) -> int:
        """Bytes of all of them. One that goes away meanwhile does not count.

        :raises OSError: when a tree cannot be read.
        """
        total = 0
        for path in self.present().values():
            with contextlib.suppress(FileNotFoundError):
                total += path.stat().st_size
        return total

    def journal_files(self) -> list[Path]:
        """The journals that are there."""
        return [path for path in self.present().values() if self.kind_of(path.name) in self.layout.journals]

    def rotated(self, kind: str) -> list[Path]:
        """The rotated files that stand for a suffix, oldest first; the last one is the one that a recovery reads."""
        plain = self.path(kind)
        return [path for path in self.present().values() if self.kind_of(path.name) == kind and path != plain]

    def current(self, kind: str) -> Path:
        """The file of a suffix that a recovery reads, whether it is there or not."""
        return next(reversed(self.rotated(kind)), self.path(kind))

    def missing(self) -> list[Path]:
        """The required files that are not there."""
        return [self.directory / name for name in self.missing_among(self._present_names())]

    def missing_among(self, names: Iterable[str]) -> list[str]:
        """The names of required files that are not among these. A rotated file stands for the one it was made of."""
        there = {self.kind_of(name) for name in names}
        return [self.path(suffix).name for suffix in self.required() if suffix not in there]

    def state(self) -> Literal["none", "complete", "incomplete"]:
        """Whether a start would be fresh, a recovery, or refused. Journals alone count as none."""
        names = self._present_names()
        if all(self.kind_of(name) in self.layout.journals for name in names):
            return "none"
        return "incomplete" if self.missing_among(names) else "complete"

    def remove(self) -> list[Path]:
        """Delete every file of this worker, its journals too, and nothing of another worker."""
        removed = []
        aside = [self.put_aside] if self.put_aside.exists() else []
        for path in [*self.present().values(), *self.leftovers(), *aside]:
            path.unlink(missing_ok=True)
            removed.append(path)
        self.prune()
        return removed

    def prune(self) -> None:
        """Remove the directories of trees in which nothing is left."""
        for tree in self.layout.trees:
            for place, _directories, _files in os.walk(self.directory / tree, topdown=False):
                # Whatever is in it makes this fail.
                with contextlib.suppress(OSError):
                    os.rmdir(place)

    def leftovers(self) -> list[Path]:
        """Half files that an interrupted writer left; none of them is a resilience file."""
        beside = [path for path in self._entries() if self.owns(name_of_partial(path.name) or "")]
        return beside + [path for path in self._in_trees() if name_of_partial(path.name) is not None]

    @property
    def key_file(self) -> Path:
        """The file that every restart requires, that is small, and that is absent while nobody may start from a set."""
        return self.path(self.layout.key)

    @property
    def put_aside(self) -> Path:
        """Where the key file lies while this server is fenced; no name that an engine looks for."""
        return self.directory / f".fenced-{self.key_file.name}"

    def fence(self, only_check: bool = False) -> bool:
        """Let the engine itself refuse this set, whoever starts it; returns whether that was new.

        :raises OSError: when the file cannot be renamed.
        """
        if not self.key_file.exists():
            return False
        if not only_check:
            os.replace(self.key_file, self.put_aside)
            sync_directory(self.directory)
        return True

    def lift_fence(self) -> None:
        """Undo :meth:`fence`: whoever starts from this set may destroy what its new owner knows.

        :raises OSError: when the file cannot be renamed.
        """
        if self.put_aside.exists():
            os.replace(self.put_aside, self.key_file)
            sync_directory(self.directory)

    def is_fenced(self) -> bool:
        """Whether nothing but the key file is missing, because this server was fenced."""
        return self.put_aside.exists() and self.missing() == [self.key_file]

    def arriving(self) -> Path:
        """Where whole files arrive before they are in their place; no name that an engine looks for."""
        return self.directory / f".arriving-{self.worker}"

    def owns(self, name: str) -> bool:
        """Whether a file of this name belongs to this worker."""
        return self.suffix_of(name) is not None

    def grows(self, name: str) -> bool:
        """Whether a file of this name is only ever added to."""
        return self.kind_of(name) in self.layout.growing

    def suffix_of(self, name: str) -> str | None:
        """The suffix of a file of this worker; None for any other name."""
        if self.kind_of(name) is None:
            return None
        if "/" in name:
            return name
        return self._names.get(name) or name[len(self.layout.stem) :]

    def kind_of(self, name: str) -> str | None:
        """The same, but of a rotated file the suffix for which it stands, and of one in a tree the tree."""
        if "/" in name:
            trees = (tree for tree in self.layout.trees if name.startswith(f"{tree}/"))
            return next(trees, None) if is_below(name) else None
        stem = self.layout.stem
        if name in self._names or not name.startswith(stem):
            return self._names.get(name)
        return next((kind for ending, kind in self._rotated.items() if ending.fullmatch(name, len(stem))), None)

    def _present_names(self) -> list[str]:
        return [self.name_of(path) for path in self.present().values()]

    def _in_trees(self) -> list[Path]:
        """The files of all trees, without links to them. What goes away meanwhile was never there."""
        found = []
        for tree in self.layout.trees:
            for place, _directories, names in os.walk(self.directory / tree, onerror=_unless_gone):
                paths = (Path(place) / name for name in names)
                found += [path for path in paths if path.is_file() and not path.is_symlink()]
        return sorted(found)

    def _entries(self) -> list[Path]:
        try:
            return sorted(self.directory.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []


def is_below(name: str) -> bool:
    """Whether a name leads to something below a directory, and is written in the one way that there is for it."""
    return "\0" not in name and all(part not in ("", ".", "..") for part in name.split("/"))


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise error
