# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``--tags`` means: it chooses among playbooks. The acts of one are not taken apart by it."""

from __future__ import annotations

from collections.abc import Sequence

from ._servers import Refusal

WHOLE = ("all", "tagged")
"""What chooses everything that has a tag."""


def refuse_parts(playbook: str, tags: Sequence[str], chosen: Sequence[str]) -> None:
    """A playbook of several acts is run as a whole or not at all: whoever wants a kill alone must not get a move.

    :param tags: those of its play: what it does.
    :param chosen: with ``--tags``.
    """
    left = [tag for tag in tags if tag not in chosen]
    if left and not any(tag in chosen for tag in WHOLE):
        raise Refusal(
            f"{playbook}.yml does {', '.join(tags)} as one, so --tags cannot take {', '.join(left)} out of it: name "
            "all of them or none, use --check to change nothing, or take the playbook of the single step."
        )
