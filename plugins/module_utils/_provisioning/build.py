# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building the executables of a Wallaroo tree with its own Makefile (reference H.2)."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from .._formats.whole_file import write_whole
from .command import ProvisioningError, run

RECORD = ".wallaroo-build.json"
LOG = ".wallaroo-build.log"
OWN_FILES = (RECORD, LOG)
"""What a build leaves in the tree; named in ``.git/info/exclude``, so that it is nobody's change."""

EXECUTABLES = {
    "build-testing-performance-apps-market-spread": "testing/performance/apps/market-spread/market-spread",
    "build-testing-correctness-apps-multi_partition_detector": (
        "testing/correctness/apps/multi_partition_detector/multi_partition_detector"
    ),
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
"""Target -> what comes out of it (reference H.2)."""


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
        return sorted({*(EXECUTABLES[target] for target in self.targets if target in EXECUTABLES), *self.executables})

    def flags(self) -> dict[str, Any]:
        """What make does not notice when it changes (reference, Trap 31)."""
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
    :raises ProvisioningError: when make fails or an executable did not come out; the record of the build is gone then.
    """
    _refuse_bad(home, wanted)
    known = read_record(home)
    reason = _reason(home, wanted, known)
    if not reason:
        return Built(False, False, "", dict(known["executables"]), [])
    if in_use:
        raise ProvisioningError(in_use)
    clean = _must_clean(home, wanted, known)
    if only_check:
        return Built(True, clean, reason, {}, [])
    _exclude(home)
    log = home / LOG
    log.write_bytes(b"")
    # From here to the end nobody takes what lies there for a build that is whole.
    (home / RECORD).unlink(missing_ok=True)
    warnings = _clean(home, wanted, log, limit) if clean else []
    begun = {"state": "building", "flags": wanted.flags(), "source": source(home), "targets": list(wanted.targets)}
    _write_record(home, begun)
    _make(home, [*wanted.targets, *_words(wanted)], log, limit)
    executables = _digests(home, wanted, log)
    # Taken again: a build may leave files in the tree that git does not ignore.
    _write_record(home, {**begun, "state": "built", "source": source(home), "executables": executables})
    return Built(True, clean, reason, executables, warnings)


def read_record(home: Path) -> dict[str, Any]:
    """What was built there last; empty when nothing was, or a build did not come to its end."""
    try:
        found = json.loads((home / RECORD).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def digest(path: Path) -> Optional[str]:
    """The SHA-256 of an executable file; None when there is none."""
    if not path.is_file() or not os.access(path, os.X_OK):
        return None
    total = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            total.update(chunk)
    return total.hexdigest()


def source(home: Path) -> dict[str, Any]:
    """What the sources are: the commit, and a digest of everything in the tree that is not in it. Null without git."""
    if not (home / ".git").exists():
        return {"commit": None, "changes": None}
    commit = _git(home, "rev-parse", "HEAD").strip()
    total = hashlib.sha256(_git(home, "diff", "HEAD", "--binary", "--no-ext-diff").encode())
    for name in sorted(_git(home, "ls-files", "--others", "--exclude-standard", "-z").split("\0")):
        path = home / name
        if name and path.is_file() and not path.is_symlink():
            total.update(name.encode() + b"\0" + path.read_bytes())
    return {"commit": commit, "changes": total.hexdigest()}


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
    missing = [target for target in wanted.targets if target not in known.get("targets", [])]
    if missing:
        return f"{missing[0]} was not among the targets"
    for name in (*wanted.expected(), *known["executables"]):
        if digest(home / name) is None or digest(home / name) != known["executables"].get(name):
            return f"{name} is not what was built"
    return ""


def _must_clean(home: Path, wanted: Wanted, known: Mapping[str, Any]) -> bool:
    """Whether make would take something stale for up to date."""
    present = [name for name in wanted.expected() if (home / name).exists()]
    if known.get("flags") != wanted.flags() or known.get("source") != source(home):
        return bool(known or present)
    recorded = known.get("executables") or {}
    # In a build that was interrupted there are no digests yet, and make goes on where it was.
    return bool(recorded) and any(digest(home / name) != recorded.get(name) for name in present if name in recorded)


def _clean(home: Path, wanted: Wanted, log: Path, limit: float) -> list[str]:
    """Clean with make, and see that nothing was left: what stays would count as up to date.

    :returns: what people should know.
    """
    targets = ["clean" + target[len("build") :] for target in wanted.targets if target.startswith("build-")]
    warnings = []
    if targets:
        _make(home, [*targets, *_words(wanted)], log, limit)
    for name in wanted.expected():
        if (home / name).exists():
            (home / name).unlink()
            warnings.append(f"make did not remove {name} in its clean- target; it was removed")
    return warnings


def _words(wanted: Wanted) -> list[str]:
    return [f"resilience={'on' if wanted.resilience else 'off'}", *wanted.make]


def _make(home: Path, words: Sequence[str], log: Path, limit: float) -> None:
    with log.open("ab") as stream:
        stream.write(f"$ make {shlex.join(words)}\n".encode())
    # A variable of whoever runs this (MAKEFLAGS=-n, say) must not decide what is built.
    ended = run(["make", "-C", str(home), *words], limit, log, {"MAKEFLAGS": "", "MFLAGS": ""})
    if ended.code:
        raise ProvisioningError(
            f"make {shlex.join(words)} failed in {home} (exit code {ended.code}); all of its output is in {log}, "
            f"which ends with:\n{ended.last_lines}"
        )


def _digests(home: Path, wanted: Wanted, log: Path) -> dict[str, str]:
    found = {}
    for name in wanted.expected():
        value = digest(home / name)
        if value is None:
            raise ProvisioningError(f"make ended well, but there is no executable {home / name}; see {log}")
        found[name] = value
    return found


def _exclude(home: Path) -> None:
    git = home / ".git"
    if not git.is_dir():
        return
    path = git / "info" / "exclude"
    path.parent.mkdir(exist_ok=True)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    missing = [f"/{name}" for name in OWN_FILES if f"/{name}" not in lines]
    if missing:
        path.write_text("".join(f"{line}\n" for line in [*lines, *missing]), encoding="utf-8")


def _write_record(home: Path, record: Mapping[str, Any]) -> None:
    write_whole(home / RECORD, json.dumps(record, indent=2).encode())


def _git(home: Path, *words: str) -> str:
    ended = run(["git", "-C", str(home), *words], 120.0)
    if ended.code:
        raise ProvisioningError(f"git {words[0]} failed in {home}: {ended.last_lines}")
    return ended.output
