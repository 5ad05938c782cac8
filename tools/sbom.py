# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bill of materials of a release, in CycloneDX: the collection, and what its locks bring to whoever runs it."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

LOCKS = {
    "requirements/controller.txt": ComponentScope.REQUIRED,
    "roles/bytewax_env/files/*.txt": ComponentScope.OPTIONAL,
    "roles/flink_env/files/flink-*.txt": ComponentScope.OPTIONAL,
}
"""What runs a playbook, and what the living engines need on the servers that have them."""

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?:\s*;\s*([^\\\n]+?))?\s*\\?\n((?:\s+--hash=\S+\s*\\?\n?)*)", re.M)
OWN = "wallaroo:resilience:"
"""Before the names of properties."""


def write(root: Path, archive: Path, version: str, moment: int) -> Path:
    """Write the bill of an archive beside it, the same bytes for the same archive and locks."""
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    collection = Component(
        type=ComponentType.APPLICATION,
        group="wallaroo",
        name="resilience",
        version=version,
        bom_ref=f"wallaroo.resilience@{version}",
        description="Ansible collection",
        purl=PackageURL("generic", "wallaroo", "resilience", version),
        licenses=[LicenseExpression("GPL-3.0-or-later")],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )
    bom = Bom(components=list(components(root)))
    bom.metadata.component = collection
    bom.metadata.timestamp = datetime.fromtimestamp(moment, tz=timezone.utc)
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"sha256:{digest}")
    bom.register_dependency(collection, list(bom.components))
    bill = archive.with_name(archive.name.replace(".tar.gz", ".cdx.json"))
    text = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)
    bill.write_text(text + "\n", encoding="utf-8")
    return bill


def components(root: Path) -> Iterator[Component]:
    """What the locks pin, each with the digests of the files that pip takes for it."""
    for pattern, scope in LOCKS.items():
        for lock in sorted(root.glob(pattern)):
            where = lock.relative_to(root).as_posix()
            for name, version, condition, hashes in PIN.findall(lock.read_text(encoding="utf-8")):
                said = {"lock": where, **({"condition": condition} if condition else {})}
                yield Component(
                    type=ComponentType.LIBRARY,
                    name=name,
                    version=version,
                    scope=scope,
                    bom_ref=f"{where}#{name}@{version}",
                    purl=PackageURL("pypi", None, name.lower().replace("_", "-"), version),
                    hashes=[
                        HashType(alg=HashAlgorithm.SHA_256, content=one) for one in re.findall(r"sha256:(\w+)", hashes)
                    ],
                    properties=[Property(name=f"{OWN}{key}", value=value) for key, value in said.items()],
                )
