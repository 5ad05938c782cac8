#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``resilience_copy``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: resilience_copy
short_description: Bring a worker's resilience files to this server, and prove the copy
version_added: 1.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Copies the resilience files of exactly one worker into its resilience directory on this server.
  - What is stale on this server goes first, files are written beside their places and renamed, and in the end size and SHA-256 of every
    file are compared with the source's, which are taken anew.
  - The address files are written for this server, as the worker's command line will announce them.
  - Claims the worker for this server under O(epoch).
  - With O(journal_server) the files are not copied but put together from the worker's journals, which that server holds; its source server is
    not asked. The paths in a journal are mapped into the resilience directory of this server and never lead out of it.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff
  - wallaroo.resilience.common.layout
  - wallaroo.resilience.common.target
  - wallaroo.resilience.common.source_ssh
  - wallaroo.resilience.common.acting
options:
  source_base:
    description:
      - That server's C(wallaroo_base). Either this or O(journal_server) is required.
    type: path
  wait_timeout:
    description:
      - With O(journal_server), seconds to wait until nobody appends to the journals any more. A server notices the end of a worker at once, and
        some seconds later when the worker's machine vanished.
    type: float
    default: 30
    version_added: 2.0.0
  control:
    description:
      - C(host:port) of the worker's control channel on this server.
    type: str
    required: true
  data:
    description:
      - C(host:port) of the worker's data channel on this server.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Copy worker 2 from server 2
  wallaroo.resilience.resilience_copy:
    base: /var/lib/wallaroo/server4
    server: server4
    worker: 2
    application: multi_partition_detector
    source_server: server2
    source_base: /var/lib/wallaroo/server2
    control: 127.0.0.1:13104
    data: 127.0.0.1:13105
    epoch: 2

- name: Restore worker 2 from the journal server
  wallaroo.resilience.resilience_copy:
    base: /var/lib/wallaroo/server4
    server: server4
    worker: 2
    application: multi_partition_detector
    source_server: server2
    journal_server: 127.0.0.1:9999
    control: 127.0.0.1:13104
    data: 127.0.0.1:13105
    epoch: 2
"""

RETURN = r"""
worker:
  description: The worker's name.
  returned: success
  type: str
  sample: worker2
copied:
  description: Files that were copied.
  returned: success
  type: list
  elements: str
  sample: [multi_partition_detector-worker2.evlog]
kept:
  description: Files that were equal already.
  returned: success
  type: list
  elements: str
  sample: []
removed:
  description: Stale files of this worker that were removed.
  returned: success
  type: list
  elements: str
  sample: []
copied_bytes:
  description: Bytes of the files that were copied.
  returned: success
  type: int
  sample: 11463
manifest:
  description: What this server holds now, with sizes and SHA-256; V(null) in check mode.
  returned: success
  type: dict
  sample: {worker: worker2, files: [{name: multi_partition_detector-worker2.evlog, size: 6019, sha256: 9f2c}]}
journal:
  description:
    - With O(journal_server), what the journals told. C(records) operations were replayed, C(checkpoint) was the last one committed, C(directory)
      was the worker's own, C(torn) says what was left out at their ends.
  returned: with O(journal_server)
  type: dict
  sample: {records: 17, checkpoint: 5, directory: /w/server2/resilience/worker2, torn: [], fetched_bytes: 12780}
  version_added: 2.0.0
finished_at:
  description: When the copy was proved, in seconds since the epoch.
  returned: success
  type: float
  sample: 1795466797.97
"""

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge, _edge_cluster
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.naming import worker_name
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.registry import files_of
from ansible_collections.wallaroo.resilience.plugins.module_utils._formats.address_file import Address
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting import acting
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.ownership import Claim
from ansible_collections.wallaroo.resilience.plugins.module_utils._resilience.plan import Addresses
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.copy import Copy, Journals
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.source_server import SourceAddress

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.ACTING,
        **_edge.LAYOUT,
        **_edge.TARGET,
        "source_base": {"type": "path"},
        **_edge_cluster.SOURCE_SSH,
        "wait_timeout": {"type": "float", "default": 30},
        "control": {"type": "str", "required": True},
        "data": {"type": "str", "required": True},
    },
    "mutually_exclusive": [("source_base", "journal_server")],
    "required_one_of": [("source_base", "journal_server")],
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    base, server, source, journals = (wanted[name] for name in ("base", "server", "source_server", "journal_server"))
    where = f"restored on {server} from the journal server" if journals else f"copied from {source} to {server}"
    failing = _edge.failing(module, f"{wanted['worker']} could not be {where}")
    with failing, acting(base, module.check_mode, wanted["run"]):
        worker, engine = worker_name(wanted["worker"]), wanted["engine"]
        result = Copy(
            base=base,
            target=files_of(base, worker, engine, wanted["application"], wanted["version"]),
            addresses=Addresses(Address.parse(wanted["control"]), Address.parse(wanted["data"])),
            source=SourceAddress.from_arguments(
                source, wanted["source_base"] or "", None if journals else wanted["source_ssh"], wanted["run"]
            ),
            claim=Claim(server, wanted["epoch"], source),
            journals=Journals(Address.parse(journals), engine, wanted["wait_timeout"]) if journals else None,
            only_check=module.check_mode,
        ).run()
    _edge.done(module, result)


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
