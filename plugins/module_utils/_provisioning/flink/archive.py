# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive of the classes of a worker, which Java maps into memory instead of loading them one by one.

It fits one Java and one set of jars; with others Java takes no notice of it, and a start takes longer.
"""

from __future__ import annotations

from pathlib import Path

from ..command import ProvisioningError, run
from . import rehearsal
from .home import Distribution, Java

_LIMIT = 120.0


def fits(jar: Path, archive: Path, java: Java) -> bool:
    """Whether this Java takes it for this jar."""
    if not archive.exists():
        return False
    words = [str(java.program), "-Xshare:on", f"-XX:SharedArchiveFile={archive}", "-cp", str(jar), "-version"]
    return not run(words, _LIMIT).code


def make(jar: Path, archive: Path, java: Java, flink: Distribution, place: Path) -> str:
    """Make it of what a small cluster loads, on this machine and for as long as that takes.

    :param place: an empty directory.
    :return: why there is none, as a sentence; empty when there is.
    :raises ProvisioningError: when Flink does not run here at all.
    """
    classes = place / "classes"
    classes.write_text("\n".join(rehearsal.loaded(flink, place)) + "\n", encoding="utf-8")
    made = place / archive.name
    words = [str(java.program), "-Xshare:dump", "-XX:+UseG1GC", f"-XX:SharedClassListFile={classes}"]
    ended = run([*words, f"-XX:SharedArchiveFile={made}", "-cp", str(jar)], _LIMIT)
    if ended.code or not made.exists():
        last = ended.last_lines.splitlines()[-1:] or ["nothing"]
        return f"workers will start more slowly, since {java.program} made no archive of classes (it said: {last[0]})"
    made.chmod(0o644)
    made.replace(archive)
    if not fits(jar, archive, java):
        raise ProvisioningError(f"{java.program} does not take the archive that it has just made: {archive}")
    return ""
