# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups of arguments that tell modules of a cluster and of its servers; whoever needs none need not load them."""

from __future__ import annotations

from . import _edge
from ._cluster.record import ClusterRecord, ServerAddress
from ._process.ssh import Access

SOURCE_SSH: _edge.Arguments = {
    "source_ssh": {
        "type": "dict",
        "options": _edge.options_of(
            Access,
            port={"type": "int", "default": 22},
            identity={"type": "path", "required": True},
            known_hosts={"type": "path", "required": True},
            python={"type": "str", "default": ""},
        ),
    }
}

NEW_CLUSTER: _edge.Arguments = {
    "cluster": {
        "type": "dict",
        "options": _edge.options_of(
            ClusterRecord,
            servers={"type": "list", "elements": "dict", "required": True, "options": _edge.options_of(ServerAddress)},
            placement={"type": "dict", "required": True},
            ports={"type": "dict", "default": {}},
            keys={"type": "int", "default": ClusterRecord.keys, "no_log": False},
        ),
    }
}
CLUSTER: _edge.Arguments = {"cluster": {**NEW_CLUSTER["cluster"], "required": True}}
