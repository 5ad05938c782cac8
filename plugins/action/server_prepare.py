# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module ``server_prepare``: brings the programs along when the server has others."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Optional

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _here, _programs
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._reaching import ReachingAction, unreachable


class ActionModule(ReachingAction):
    """See the module's documentation."""

    def _call(self, arguments: dict[str, Any], task_vars: Optional[dict[str, Any]]) -> dict[str, Any]:
        arguments = {**arguments, "programs": _programs.digest()}
        answer = super()._call(arguments, task_vars)
        if not answer.get("wants_archive"):
            return answer
        with tempfile.TemporaryDirectory(prefix="wallaroo-resilience-") as directory:
            archive = Path(directory) / "programs.pyz"
            _programs.pack(archive)
            try:
                arrived = str(archive) if _here.is_here(self, task_vars) else self._brought(archive)
            except AnsibleConnectionFailure as error:
                return unreachable(self._where(task_vars), str(getattr(error, "message", "") or error))
            except AnsibleError as error:
                where, why = self._where(task_vars), str(error).partition("\n")[0].rstrip(". ")
                return {
                    "failed": True,
                    "msg": f"The programs could not be brought to {where}: {why}. Connect as the account of the server "
                    f"instead of becoming it, or install the Debian package acl on {where}.",
                }
            return super()._call({**arguments, "archive": arrived}, task_vars)

    def _brought(self, archive: Path) -> str:
        directory = self._make_tmp_path()
        there = str(self._connection._shell.join_path(directory, archive.name))
        self._transfer_file(str(archive), there)
        self._fixup_perms2((directory, there))
        return there
