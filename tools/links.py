# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The symbolic links of the checkout, which some archives and some ways to unpack them lose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

LINKS = {
    ".collections/ansible_collections/wallaroo/resilience": "../../..",
    "runner/project": "..",
    "runner/inventory": "../inventory/loopback",
}
"""Place in the checkout -> where it leads. Without the first one Ansible finds no module."""


class CannotBeMade(Exception):
    """A sentence that says what to do."""


def restore(checkout: Path) -> None:
    """Make those that are missing, or are a file that is empty or holds the place to which they should lead.

    :raises CannotBeMade: where there can be none.
    """
    for name, target in _lost(checkout):
        place = checkout / name
        try:
            place.unlink(missing_ok=True)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(target)
        except OSError as error:
            raise CannotBeMade(
                f"{place} must be a symbolic link to {target}, and cannot be made one ({error.strerror}): put the "
                "checkout where symbolic links are possible, with git clone or from a tar archive."
            ) from error


def _lost(checkout: Path) -> Iterator[tuple[str, str]]:
    for name, target in LINKS.items():
        place = checkout / name
        # Whatever else somebody has put there is theirs.
        if not place.is_symlink() and (not place.exists() or (place.is_file() and place.read_text() in (target, ""))):
            yield name, target
