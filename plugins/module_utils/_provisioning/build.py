# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building the executables of a Wallaroo tree with its own Makefile (wallaroo.md, H.2)."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._catalogue.applications import APPLICATIONS
from . import pony
from .build_record import LOG, RECORD, digest, exclude, read_record, source, still_there, write_record
from .command import ProvisioningError, run

EXECUTABLES = {
    **{application.target: application.executable for application in APPLICATIONS.values()},
    "build-testing-correctness-apps-multi_partition_detector-validator": (
        "testing/correctness/apps/multi_partition_detector/validator/validator"
    ),
    "build-giles-sender": "giles/sender/sender",
    "build-giles-receiver": "giles/receiver/receiver",
    "build-utils-data_receiver": "utils/data_receiver/data_receiver",
    "build-utils-cluster_shutdown": "utils/cluster_shutdown/cluster_shutdown",
    "build-utils-cluster_shrinker": "utils/cluster_shrinker/cluster_shrinker",
    "build-testing-tools-external_sender": "testing/tools/external_sender/external_sender",
}
"""Target -> what comes out of it (wallaroo.md, H.2). It is made by the name of the file, since some targets build more,
and what nobody needs may be what cannot be built (the detector's target wants machida, which wants Python 2.7)."""

_BEGINNINGS = (b"\x7fELF", b"#!")
"""Of a file that can be executed: a linker that is killed leaves the size without them."""


@dataclass(frozen=True)
class Wanted:
    """What is to be built."""

    targets: tuple[str, ...]
    resilience: bool
    make: tuple[str, ...] = ()
    """More words for make, such as ``PONYCFLAGS=-d``."""
    executables: tuple[str, ...] = ()
    """More files that must come out, below the tree; those of known targets need not be named."""

    def expected(self) -> list[str]:
        """All files that must come out, below the tree."""
        return sorted({*self.made_by_name(), *self.executables})

    def made_by_name(self) -> list[str]:
        """Files of known targets, in the order in which they are wanted."""
        return list(dict.fromkeys(EXECUTABLES[target] for target in self.targets if target in EXECUTABLES))

    def other_targets(self) -> list[str]:
        """Targets of which it is not known what comes out."""
        return [target for target in self.targets if target not in EXECUTABLES]

    def flags(self) -> dict[str, Any]:
        """What make does not notice when it changes (wallaroo.md, Trap 31)."""
        return {"resilience": "on" if self.resilience else "off", "make": list(self.make)}


@dataclass(frozen=True)
class Built:
    """How a tree is."""

    changed: bool
    cleaned: bool
    reason: str
    """Why it had to be built; empty when it had not."""
    executables: dict[str, str]
    """File below the tree -> SHA-256; empty in check mode before a build."""
    warnings: list[str]


def ensure_built(home: Path, wanted: Wanted, limit: float, only_check: bool = False, in_use: str = "") -> Built:
    """Build unless exactly this is what is there.

    :param limit: seconds for each call of make.
    :param in_use: why nothing may be changed at this time; empty when it may.
    :raises ProvisioningError: when make fails or an executable did not come out. The record says then that the build
        did not come to its end, and keeps what was finished.
    """
    # make resolves symbolic links before it names the files of its rules.
    home = home.resolve()
    _refuse_bad(home, wanted)
    known = read_record(home)
    reason = _reason(home, wanted, known)
    if not reason:
        return Built(False, False, "", dict(known["executables"]), [])
    if in_use:
        raise ProvisioningError(in_use)
    refuse_without_compiler(wanted)
    clean = _must_clean(home, wanted, known)
    if only_check:
        return Built(True, clean, reason, {}, [])
    exclude(home)
    log = home / LOG
    log.write_bytes(b"")
    record: dict[str, Any] = {"state": "building", "flags": wanted.flags(), "targets": [], "executables": {}}
    warnings: list[str] = []
    if clean:
        # From here on nobody takes what lies there for a build that is whole.
        (home / RECORD).unlink(missing_ok=True)
        # Before make reads anything: half a list of dependencies makes it fail, whatever it is asked for.
        _remove(home, wanted.expected())
        warnings = _clean(home, wanted, wanted.targets, log, limit)
    else:
        record["executables"] = still_there(home, known)
        record["targets"] = list(known.get("targets") or [])
    record["source"] = source(home)
    write_record(home, record)
    _remove(home, [name for name in wanted.expected() if name not in record["executables"]])
    if known.get("state") == "building" and not clean:
        begun = [target for target in wanted.other_targets() if target not in record["targets"]]
        warnings += _clean(home, wanted, begun, log, limit)
    pony.forget_failed_fetches(home)
    _build(home, wanted, record, log, limit)
    return Built(True, clean, reason, dict(record["executables"]), warnings)


def refuse_without_compiler(wanted: Wanted) -> None:
    """Better before anything is cleaned than in the words of make's shell.

    :raises ProvisioningError: when a program is missing without which nothing of this can be built.
    """
    missing = pony.missing_program(wanted.make) if wanted.made_by_name() else ""
    if missing:
        raise ProvisioningError(missing)


def _refuse_bad(home: Path, wanted: Wanted) -> None:
    if not (home / "Makefile").is_file():
        raise ProvisioningError(
            f"{home} has no Makefile, so it is no tree of Wallaroo; mend wallaroo_home or wallaroo_repo_url"
        )
    for word in (*wanted.targets, *wanted.make):
        if word.startswith("-") or not word.strip():
            raise ProvisioningError(f"{word!r} is neither a target of make nor a variable for it")
    if not wanted.targets:
        raise ProvisioningError("wallaroo_repo_targets names nothing to build")
    set_here = [word for word in wanted.make if word.split("=")[0] == "resilience"]
    if set_here:
        raise ProvisioningError(
            f"wallaroo_repo_make must not hold {set_here[0]}; that is what resilience=true or false is for"
        )
    for name in wanted.executables:
        if name.startswith("/") or ".." in Path(name).parts:
            raise ProvisioningError(f"{name} does not lie in the tree; name executables as they lie below it")


def _reason(home: Path, wanted: Wanted, known: Mapping[str, Any]) -> str:
    if known.get("state") == "building":
        return "the last build did not come to its end"
    if known.get("state") != "built":
        return "it was not built yet"
    if known.get("flags") != wanted.flags():
        return "other flags are wanted than it was built with"
    if known.get("source") != source(home):
        return "the sources have changed"
    missing = [target for target in wanted.targets if target not in (known.get("targets") or [])]
    if missing:
        return f"{missing[0]} was not among the targets"
    recorded = known.get("executables") or {}
    for name in (*wanted.expected(), *recorded):
        value = digest(home / name)
        if value is None or value != recorded.get(name):
            return f"{name} is not what was built"
    return ""


def _must_clean(home: Path, wanted: Wanted, known: Mapping[str, Any]) -> bool:
    """Whether make would take something stale for up to date. What is not as recorded is made again anyway."""
    present = [name for name in wanted.expected() if (home / name).exists()]
    return bool(known or present) and (known.get("flags") != wanted.flags() or known.get("source") != source(home))


def _build(home: Path, wanted: Wanted, record: dict[str, Any], log: Path, limit: float) -> None:
    """One make a target, and its digest recorded at once: what is finished stays, whatever happens to the next one."""
    done = record["executables"]
    if set(wanted.executables) - set(wanted.made_by_name()) - set(done):
        # It is not known which target they come from.
        record["targets"] = [target for target in record["targets"] if target not in wanted.other_targets()]
    for target in wanted.targets:
        name = EXECUTABLES.get(target)
        if name in done or (name is None and target in record["targets"]):
            continue
        _make(home, wanted, [target if name is None else str(home / name)], log, limit)
        if name is not None:
            done[name] = _came_out(home, name, log)
            _refuse_unfetched(home, [(home / name).parent], log)
        record["targets"] = list(dict.fromkeys([*record["targets"], target]))
        # The sources are looked at again: a build may leave files in the tree that git does not ignore.
        record["source"] = source(home)
        write_record(home, record)
    for name in wanted.expected():
        if name not in done:
            done[name] = _came_out(home, name, log)
    targets = list(dict.fromkeys([*record["targets"], *wanted.targets]))
    record.update(state="built", source=source(home), targets=targets)
    write_record(home, record)


def _clean(home: Path, wanted: Wanted, targets: Sequence[str], log: Path, limit: float) -> list[str]:
    """Clean with make what these targets have made.

    :returns: what people should know.
    """
    warnings = []
    for target in targets:
        if not target.startswith("build-"):
            continue
        opposite = "clean" + target[len("build") :]
        if run(["make", "-C", str(home), "--dry-run", opposite, *_words(wanted)], limit, None, _OWN_MAKE).code:
            warnings.append(f"{home}/Makefile has no {opposite}; what {target} made earlier was left where it is")
            continue
        _make(home, wanted, [opposite], log, limit)
    return warnings


def _remove(home: Path, names: Sequence[str]) -> None:
    """Executables, and what is written beside them while they are made: what stays would count as up to date."""
    for name in names:
        for ending in ("", ".o", ".d"):
            (home / f"{name}{ending}").unlink(missing_ok=True)


def _words(wanted: Wanted) -> list[str]:
    return [f"resilience={'on' if wanted.resilience else 'off'}", *wanted.make]


_OWN_MAKE = {"MAKEFLAGS": "", "MFLAGS": ""}
"""A variable of whoever runs this (MAKEFLAGS=-n, say) must not decide what is built."""


def _make(home: Path, wanted: Wanted, goals: Sequence[str], log: Path, limit: float) -> None:
    words = [*goals, *_words(wanted)]
    with log.open("ab") as stream:
        stream.write(f"$ make {shlex.join(words)}\n".encode())
    ended = run(["make", "-C", str(home), *words], limit, log, _OWN_MAKE)
    if ended.code:
        why = pony.unfetched(home, pony.bundles_fetched(home), ended.output) or pony.missing_program(wanted.make)
        if why:
            raise ProvisioningError(f"{why}. All of make's output is in {log}")
        raise ProvisioningError(
            f"make {shlex.join(words)} failed in {home} (exit code {ended.code}); all of its output is in {log}, "
            f"which ends with:\n{ended.last_lines}"
        )


def _refuse_unfetched(home: Path, directories: Sequence[Path], log: Path) -> None:
    why = pony.unfetched(home, directories, log.read_text(encoding="utf-8", errors="replace"))
    if why:
        raise ProvisioningError(f"{why}. All of make's output is in {log}")


def _came_out(home: Path, name: str, log: Path) -> str:
    value = digest(home / name)
    if value is None:
        raise ProvisioningError(f"make ended well, but there is no executable {home / name}; see {log}")
    with (home / name).open("rb") as stream:
        beginning = stream.read(max(map(len, _BEGINNINGS)))
    if not beginning.startswith(_BEGINNINGS):
        raise ProvisioningError(
            f"make ended well, but {home / name} is no program: it begins neither like an ELF file nor like a script; "
            f"see {log}, and run this again, which makes it anew"
        )
    return value
