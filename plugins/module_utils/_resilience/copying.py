# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proved copy of a worker's resilience files.

Why a copying program's exit code 0 is no proof (tried with rsync):
rsync decides by size and modification time what it need not look at, and so leaves wrong bytes where
the target has a stale file of the same size and time; with ``--append`` and ``--append-verify`` it
also leaves a target that is *longer* than the source, and with ``--append`` a damaged beginning. In
all these cases it ends with 0. A worker that returns to a server it once lived on meets exactly such
files. So here sizes and times prove nothing: both sides are digested, what is stale goes first, every
file is written beside its place, synced and renamed, and in the end both sides are digested anew and
compared.

What an interruption leaves is never started from: the key file, which every restart requires
and which is a few bytes long, is taken away before anything else changes, and put back when all
others are proved. Until then the engine finds some but not all files and refuses (wallaroo.md, C.1). The
next copy removes what was half written (names that begin with a dot) and does what is left to do.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .._formats.address_file import Address, encode, write_address
from .._formats.whole_file import (
    make_private_directory,
    replacing,
    reserve_partial,
    sync_directory,
    sync_file,
    write_whole,
)
from . import manifest as manifests
from .files import ResilienceSet
from .manifest import Manifest
from .plan import Addresses, CopyPlan, CopyResult, check_space, make_plan
from .source import BulkSource, CopyError, LocalSource, Source, SourceChanged, TailSource, reading

_READ_SIZE = 1 << 20

_BULK_BYTES, _BULK_FILES = 1 << 18, 32
"""From so many bytes or files on, whole files are brought at once, which over SSH is a call of rsync and takes 0.2 s to
begin. Fewer come over the connection that stands, each with its own answer.
"""


class IncompleteSource(CopyError):
    """The source lacks files without which the worker cannot restart."""


def copy(
    source: Source,
    target: ResilienceSet,
    addresses: Addresses | tuple[Address, Address] | None = None,
    only_check: bool = False,
    warm_up: bool = False,
) -> CopyResult:
    """Make the target's files of one worker equal to the source's, and prove it.

    Of a file that is only ever added to, and of which the target holds a proved beginning, the end alone is
    copied. A source that is written to is copied as far as it had come, which leaves little to do for the
    copy after the worker's death; the copy still fails with :class:`SourceChanged`.

    :param addresses: what the files with the worker's own addresses hold on the target instead.
    :param only_check: write nothing, and say what would be done.
    :param warm_up: copy what a running worker has written up to now, so that little is left to do after its death.
        What lies on the target then is not proved, lacks the key file, and so is never started from.
    :raises IncompleteSource: when the source lacks a required file; the target is then left as it was.
    :raises NotEnoughSpace: before anything is written.
    :raises SourceChanged: when the source was written to meanwhile.
    :raises CopyError: when something cannot be read or written, or when the proof fails.
    """
    with reading(source):
        before = source.manifest()
    _check_source(source, before, target)
    with _using(target):
        plan = make_plan(source, before, target, addresses)
        check_space(plan, target)
        result = plan.result()
        if only_check:
            return result
        key_file = _carry_out(plan, source, target)
        if warm_up:
            target.key_file.unlink(missing_ok=True)
            return result
        with reading(source):
            changes = manifests.compare(before, source.manifest())
        if changes:
            raise SourceChanged(
                f"The files in {source.describe()} changed while they were copied ({changes[0]}): {target.worker} "
                "still runs, or somebody else writes there; kill it first, then copy again."
            )
        proved = manifests.of_directory(target)
        _prove(plan.without_key_file() if plan.changed else plan.wanted, proved, source, target)
        if plan.changed:
            write_whole(target.key_file, key_file)
            files = (*proved.files, manifests.digest_of_file(target.key_file))
            proved = Manifest(proved.worker, tuple(sorted(files, key=lambda file: file.name)))
            _prove(plan.wanted, proved, source, target)
        result.manifest = proved
    return result


def rewrite_addresses(target: ResilienceSet, control: Address, data: Address) -> bool:
    """Write where the worker is to listen into its address files; returns whether that was new (wallaroo.md, B.5).

    :raises CopyError: when they cannot be written.
    """
    changed = False
    with _using(target):
        for suffix, address in zip(target.layout.addresses, (control, data)):
            path = target.path(suffix)
            if not path.is_file() or path.read_bytes() != encode(address):
                write_address(path, address.host, address.port)
                changed = True
    return changed


def _check_source(source: Source, found: Manifest, target: ResilienceSet) -> None:
    names = [file.name for file in found.files]
    foreign = [name for name in names if not target.owns(name)]
    if found.worker != target.worker or foreign:
        raise CopyError(
            f"{source.describe()} offers files of {found.worker}{': ' if foreign else ''}{', '.join(foreign)}, "
            f"which are no resilience files of {target.worker} named {target.layout.stem!r}; "
            "check application and worker."
        )
    missing = target.missing_among(names)
    if missing:
        raise IncompleteSource(
            f"{source.describe()} does not hold a complete set of files of {target.worker}; missing: "
            f"{', '.join(missing)}; check server and worker, {target.directory} was left as it was."
        )
    if isinstance(source, LocalSource) and _same_place(source.files, target):
        raise CopyError(f"{target.directory} is source and target at once; name another server.")


def _same_place(first: ResilienceSet, second: ResilienceSet) -> bool:
    return first.directory.exists() and second.directory.exists() and first.directory.samefile(second.directory)


def _carry_out(plan: CopyPlan, source: Source, target: ResilienceSet) -> bytes:
    """Do what is planned, but for the key file, whose bytes are returned."""
    make_private_directory(target.directory)
    for leftover in target.leftovers():
        leftover.unlink(missing_ok=True)
    shutil.rmtree(target.arriving(), ignore_errors=True)
    target.put_aside.unlink(missing_ok=True)
    if not plan.changed:
        return b""
    key_file = _read_key_file(plan, source)
    target.key_file.unlink(missing_ok=True)
    sync_directory(target.directory)
    for name in plan.removed:
        (target.directory / name).unlink(missing_ok=True)
    target.prune()
    fetched = _fetch_whole(plan, source, target)
    for name in plan.copied:
        if name != plan.key_file and name not in fetched:
            make_private_directory((target.directory / name).parent)
            _copy_file(name, plan, source, target)
    for place in _directories_of(plan.copied, target):
        sync_directory(place)
    return key_file


def _directories_of(names: list[str], target: ResilienceSet) -> list[Path]:
    """Every directory that the names go through, the worker's own as the last."""
    found = {
        place for name in names for place in (target.directory / name).parents if target.directory in place.parents
    }
    return [*sorted(found, reverse=True), target.directory]


def _fetch_whole(plan: CopyPlan, source: Source, target: ResilienceSet) -> list[str]:
    """Let the source bring whole files over at once, where it can and they are many; returns which."""
    names = [name for name in plan.copied if name not in (plan.key_file, *plan.replaced, *plan.appended)]
    few = len(names) < _BULK_FILES and sum(plan.sizes[name] for name in names) < _BULK_BYTES
    if few or not isinstance(source, BulkSource):
        return []
    arriving = target.arriving()
    shutil.rmtree(arriving, ignore_errors=True)
    arriving.mkdir(mode=0o700)
    try:
        source.fetch(names, arriving)
        for name in names:
            sync_file(arriving / name)
            make_private_directory((target.directory / name).parent)
            os.replace(arriving / name, target.directory / name)
    finally:
        shutil.rmtree(arriving, ignore_errors=True)
    return names


def _read_key_file(plan: CopyPlan, source: Source) -> bytes:
    with reading(source), source.open(plan.key_file) as stream:
        data = stream.read(plan.sizes[plan.key_file] + 1)
    if manifests.digest_of_bytes(plan.key_file, data) not in plan.wanted.files:
        raise SourceChanged(
            f"{plan.key_file} in {source.describe()} changed while it was copied: somebody writes there; "
            "find out who, then copy again."
        )
    return data


def _copy_file(name: str, plan: CopyPlan, source: Source, target: ResilienceSet) -> None:
    path = target.directory / name
    if name in plan.replaced:
        with replacing(path) as sink:
            sink.write(plan.replaced[name])
        return
    size = plan.sizes[name]
    beginning = plan.appended.get(name)
    if beginning is not None and isinstance(source, TailSource):
        with reading(source):
            stream = source.open_at(name, beginning)
        with stream:
            # Under the other name it is no resilience file while it is half done; what goes wrong in between
            # leaves a longer beginning, which the next copy proves or replaces.
            partial = reserve_partial(path)
            os.replace(path, partial)
            try:
                with partial.open("ab") as sink:
                    _transfer(stream, sink, size - beginning, name, source)
                    sink.flush()
                    os.fsync(sink.fileno())
            finally:
                os.replace(partial, path)
        return
    with reading(source):
        stream = source.open(name)
    with stream, replacing(path) as sink:
        _transfer(stream, sink, size, name, source)


def _transfer(stream: BinaryIO, sink: BinaryIO, size: int, name: str, source: Source) -> None:
    """Copy as many bytes as the manifest says: the file may be growing."""
    while size:
        with reading(source):
            chunk = stream.read(min(size, _READ_SIZE))
        if not chunk:
            raise SourceChanged(
                f"{name} in {source.describe()} became {size} bytes shorter while it was copied: "
                "somebody writes there; find out who, then copy again."
            )
        sink.write(chunk)
        size -= len(chunk)


def _prove(wanted: Manifest, found: Manifest, source: Source, target: ResilienceSet) -> None:
    wrong = manifests.compare(wanted, found)
    if wrong:
        raise CopyError(
            f"The copy in {target.directory} is not what {source.describe()} holds: {'; '.join(wrong)}; "
            "copy again, and check the disk if it happens again."
        )


@contextmanager
def _using(target: ResilienceSet) -> Iterator[None]:
    """Turn what goes wrong on the target into a sentence that names the place.

    :raises CopyError: when something cannot be read or written there.
    """
    try:
        yield
    except OSError as error:
        place = error.filename2 or error.filename or target.directory
        raise CopyError(
            f"{place} cannot be used ({error.strerror or error}); mend that and copy again, the source was not touched."
        ) from error
