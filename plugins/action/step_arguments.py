# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action ``step_arguments``: refuse on the controller what makes no sense, before a playbook does anything."""

from __future__ import annotations

from typing import Any

from ansible.plugins.loader import filter_loader, test_loader
from ansible.utils.vars import load_extra_vars
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import (
    _publishing,
    _ready,
    _runs,
    _selection,
    _variables,
)
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._arguments import typed
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._deciding import DecidingAction
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._declarations import step
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._play import (
    STARTS,
    given,
    require_bases,
    wanted_cluster,
)

for loader, name in ((filter_loader, "ansible.builtin.default"), (test_loader, "ansible.builtin.defined")):
    # All of Ansible's own, once: else each process does that which comes across one in a template.
    loader.get(name)

WITHOUT_BASE = ("compare", "configure_awx", "report", "setup_dev_env")
"""Playbooks that put nothing below ``wallaroo_base``."""


class ActionModule(DecidingAction):
    """See the documentation of the module of the same name."""

    _VALID_ARGS = frozenset(("playbook",))

    def decide(self, variables: dict[str, Any]) -> dict[str, Any]:
        """The ``cluster`` that the playbook is about to start, whose ports the first look at the servers tries.

        Of the arguments nothing: whoever needs them has them typed by ``step_plan``, and some are secrets.
        """
        playbook = str(self._task.args["playbook"])
        play_tags, chosen = self._task.get_play().tags, variables.get("ansible_run_tags") or ["all"]
        _selection.refuse_parts(playbook, sorted(str(tag) for tag in play_tags), [str(tag) for tag in chosen])
        values = given(self._templar, variables, _variables.wanted(playbook))
        _variables.check(
            playbook,
            load_extra_vars(self._loader),
            values,
            list((variables.get("groups") or {}).get("servers") or []),
            lambda name: _mentioned(name, variables),
        )
        if playbook not in WITHOUT_BASE:
            require_bases(variables)
            _ready.begin(self, variables)
        if playbook in _publishing.WRITES_RUNS:
            _runs.refuse_unwritable(values.get("wallaroo_runs"))
        known = step(playbook) if playbook in (STARTS, *_publishing.VERIFIED_RUNS) else None
        if known is None:
            return {}
        names = list((variables.get("groups") or {}).get("servers") or [])
        arguments = typed(known, given(self._templar, variables, known.options), names)
        return {"cluster": wanted_cluster(arguments, names, variables).to_dict()}


def _mentioned(name: str, variables: dict[str, Any]) -> bool:
    """Whether a variable of any host refers to another one."""
    hostvars = variables["hostvars"]
    return any(_variables.mentions(name, hostvars.raw_get(host)) for host in hostvars)
