# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the collection is, and what ansible-playbook needs to find it, whatever directory the caller works in."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from .errors import UsageError

ROOT = Path(__file__).absolute().parents[3]
"""The root of the collection: a checkout, or where it is installed. Not resolved: in a checkout the way to it through
``.collections`` tells where collections are."""

CALLBACK = "wallaroo.resilience.timeline"

DEFAULT_INVENTORY = "inventory/loopback/hosts.yml"


def collections_path(scratch: Path) -> Path:
    """The directory with ``ansible_collections`` in which this very collection is found.

    :param scratch: where one is made when the collection lies elsewhere, such as in a copy of the sources.
    """
    if ROOT.parts[-3:] == ("ansible_collections", "wallaroo", "resilience"):
        return ROOT.parents[2]
    place = scratch / "collections" / "ansible_collections" / "wallaroo"
    place.mkdir(mode=0o700, parents=True)
    (place / "resilience").symlink_to(ROOT, target_is_directory=True)
    return scratch / "collections"


def inventory_path(inventory: str) -> str:
    """An inventory as a path; one that is not in the working directory may be the collection's own.

    :raises UsageError: when there is none.
    """
    if not inventory:
        return str(ROOT / DEFAULT_INVENTORY)
    if "," in inventory:
        # A list of hosts, as -i takes it.
        return inventory
    here = Path(inventory).expanduser()
    for path in (here, ROOT / here):
        if path.exists():
            return str(path.absolute())
    raise UsageError(f"There is no inventory {inventory}, neither in {Path.cwd()} nor in {ROOT}.")


def playbook_path(playbook: str) -> str:
    """A playbook of the collection.

    :raises UsageError: when there is none.
    """
    path = ROOT / "playbooks" / f"{playbook}.yml"
    if not path.is_file():
        raise UsageError(f"This version of the collection has no playbook {playbook}.yml.")
    return str(path)


def environment(scratch: Path, timeline: Path, given: Mapping[str, str]) -> dict[str, str]:
    """What is added to the environment of ansible-playbook.

    :param given: what the caller wants in it.
    :raises UsageError: when there is no ansible-playbook.
    """
    base = {**os.environ, **given}
    search = base.get("PATH", os.defpath)
    beside = Path(sys.executable).parent
    if (beside / "ansible-playbook").exists():
        # A program in a virtual environment need not have been activated.
        search = f"{beside}{os.pathsep}{search}"
    if shutil.which("ansible-playbook", path=search) is None:
        raise UsageError(f"ansible-playbook is not on PATH ({search}); install ansible-core beside {sys.executable}.")
    enabled = [name.strip() for name in base.get("ANSIBLE_CALLBACKS_ENABLED", "").split(",") if name.strip()]
    paths = [str(collections_path(scratch)), *_known_collections(base)]
    return {
        # What prints for people is nothing to a program, and a callback that is not installed ends ansible-playbook.
        "ANSIBLE_STDOUT_CALLBACK": "default",
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
        **given,
        # Ansible refuses to work with another encoding.
        "LC_ALL": "C.UTF-8",
        "PATH": search,
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(dict.fromkeys(paths)),
        "ANSIBLE_CALLBACKS_ENABLED": ",".join([name for name in enabled if name != CALLBACK] + [CALLBACK]),
        "ANSIBLE_LOCAL_TEMP": str(scratch / "local"),
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        "WALLAROO_TIMELINE": str(timeline),
    }


def _known_collections(base: Mapping[str, str]) -> list[str]:
    known = base.get("ANSIBLE_COLLECTIONS_PATH") or base.get("ANSIBLE_COLLECTIONS_PATHS")
    if known:
        return [str(Path(path).expanduser().absolute()) for path in known.split(os.pathsep) if path]
    return [str(Path("~/.ansible/collections").expanduser()), "/usr/share/ansible/collections"]
