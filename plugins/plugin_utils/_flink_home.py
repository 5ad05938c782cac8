# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of ``setup_flink.yml``: what is brought, and which server compiles the job."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping
from typing import Any

from ..module_utils._engines.flink.job import DIGEST
from ..module_utils._provisioning.flink.home import BROUGHT
from ._declarations import ROOT
from ._servers import Refusal, Servers

FILES = ROOT / "roles" / "flink_env" / "files"
_ALWAYS = (1980, 1, 1, 0, 0, 0)


def sources() -> dict[str, bytes]:
    """The sources of the job, by their paths."""
    directory = FILES / "detector"
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def digest(of: Mapping[str, bytes]) -> str:
    """What tells these sources from others."""
    found = hashlib.sha256()
    for name, content in sorted(of.items()):
        found.update(f"{name}\0{len(content)}\0".encode() + content)
    return found.hexdigest()[:12]


def flink_home(arguments: Mapping[str, Any], servers: Servers) -> dict[str, Any]:
    """What every server is told.

    :raises Refusal: when a server cannot be used, or no such version is locked.
    """
    servers.require_all()
    mine = sources()
    if digest(mine) != DIGEST:
        raise Refusal(
            f"The sources of Flink's job were changed: write DIGEST = {digest(mine)!r} into "
            "plugins/module_utils/_engines/flink/job.py, so that the job of before is not taken for this one."
        )
    version = arguments["flink_env_version"] or BROUGHT
    lock = FILES / f"flink-{version}.txt"
    known = sorted(path.stem.partition("-")[2] for path in FILES.glob("flink-*.txt"))
    if version not in known:
        raise Refusal(
            f"flink_env_version={version}: {' and '.join(known)} can be brought. To use another one, unpack it at "
            "flink_home on every server, and leave flink_env_version out."
        )
    return {
        "home": arguments["flink_home"],
        "lock": lock.read_text(encoding="utf-8"),
        "logging": (FILES / "log4j.properties").read_text(encoding="utf-8"),
        "sources": base64.b64encode(_packed(mine)).decode(),
    }


def flink_compiler(arguments: Mapping[str, Any], servers: Servers) -> dict[str, Any]:
    """Which server compiles the job for all, or has it already.

    :param arguments: ``looked``: what each server said of itself.
    :raises Refusal: when none can, or they are not alike.
    """
    looked = {name: arguments["looked"][name] for name in servers.names}
    versions: dict[str, list[str]] = {}
    for name, one in looked.items():
        versions.setdefault(one["version"], []).append(name)
    if len(versions) > 1:
        told = ", and ".join(f"{version} on {', '.join(names)}" for version, names in versions.items())
        raise Refusal(f"A cluster needs the same Flink on all servers; there is {told}. Nothing was changed.")
    for has in ("compiled", "compiles"):
        found = [name for name, one in looked.items() if one[has]]
        if found:
            return {"server": found[0]}
    raise Refusal(
        "No server has a javac that is new enough, and one of them compiles the job for all: install "
        f"openjdk-17-jdk-headless on {servers.names[0]} (setup_dev_env.yml -e dev_env_flink=true does so). "
        "Nothing was changed."
    )


def _packed(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _ALWAYS), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()
