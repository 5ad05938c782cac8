# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """The server, and how long to wait."""

    SERVER = r"""
options:
  base:
    description:
      - The directory below which the collection keeps everything on this server (C(wallaroo_base)).
    type: path
    required: true
  server:
    description:
      - The name of this server in the inventory, for messages and records.
    type: str
    required: true
"""

    ACTING = f"""{SERVER}
  run:
    description:
      - The run that changes the server, as RV(wallaroo.resilience.run_lock#module:run) tells it. Where another run has entered the server
        since (O(wallaroo.resilience.server_info#module:enter)), nothing is changed and the module fails.
      - Without it nothing of the kind is looked at.
    type: str
    default: ""
    version_added: 2.0.0
"""

    WAITING = r"""
options:
  wait_timeout:
    description:
      - Seconds after which waiting is given up.
    type: float
    default: 60
  return_after:
    description:
      - Return RV(finished=false) and what was seen so far when the event has not come after so many seconds.
      - The action plugin of this module uses it to show progress; there is no need to set it.
    type: float
"""

    WORKER = f"""{SERVER}
  worker:
    description:
      - The worker, as V(2), V(worker2) or V(initializer).
    type: str
    required: true
"""

    ACTS = r"""
options:
  acts_timeout:
    description:
      - Seconds to wait for the end of what an interrupted run had begun on this server, such as the move of a worker.
    type: float
    default: 120
"""

    CHANNEL = r"""
options:
  host:
    description:
      - Where the external channel is.
    type: str
    required: true
  port:
    description:
      - Its port.
    type: int
    default: 5050
  engine:
    description:
      - What runs the worker. One whose workers answer no questions is refused.
    type: str
    default: embedded
    version_added: 2.0.0
"""

    LAYOUT = f"""{WORKER}
  engine:
    description:
      - What runs the worker.
    type: str
    default: embedded
    version_added: 2.0.0
  application:
    description:
      - The application, which decides what the files are called.
    type: str
    required: true
  version:
    description:
      - The version of Wallaroo, which decides the same.
    type: str
    default: 0.5.4
"""

    _OF_A_CLUSTER = r"""
    type: dict
    suboptions:
      identifier: {type: str, required: true, description: Differs from start to start.}
      application: {type: str, required: true, description: What it runs.}
      engine: {type: str, required: true, description: What runs it.}
      version: {type: str, required: true, description: The version of Wallaroo.}
      workers: {type: int, required: true, description: How many workers.}
      servers:
        description: The servers as its processes reach them.
        type: list
        elements: dict
        required: true
        suboptions:
          name: {type: str, required: true, description: Its inventory name.}
          address: {type: str, required: true, description: Its internal address.}
          base: {type: str, required: true, description: Its C(wallaroo_base).}
      placement: {type: dict, required: true, description: "Each worker, and the server it was started on first."}
      ports: {type: dict, default: {}, description: The ports by their names.}
      keys: {type: int, default: 11, description: How many keys its senders use.}
      journal: {type: bool, default: false, description: Whether every worker journals.}
      symbols_file: {type: str, default: "", description: The file with the symbols of market-spread; empty for the built-in ones.}
      engine_home: {type: str, default: "", description: Where the engine is on the servers; empty when the collection brings it along.}
      source: {type: str, default: plain, description: The kind of its source.}
      sink: {type: str, default: plain, description: The kind of its sink.}
      checkpoint_interval: {type: float, default: 1.0, description: Seconds between two checkpoints.}
      metrics_ui: {type: bool, default: false, description: Whether the metrics UI is to run.}
      started: {type: float, default: 0.0, description: Seconds since the epoch.}
      spare: {type: bool, default: false, description: Whether a process stands by that takes over the work of a worker that dies.}
      checkpoints: {type: str, default: "", description: "A directory that all servers see, for the checkpoints; empty: among the files of the workers."}
      negative: {type: str, default: "", description: What a negative run does to a worker; empty for every other cluster.}
"""

    CLUSTER = f"""
options:
  cluster:
    description:
      - The record of the cluster, as C(step_plan) and C(server_info) return it.
    required: true{_OF_A_CLUSTER}"""

    NEW_CLUSTER = f"""
options:
  cluster:
    description:
      - The record of a cluster that is about to be started.{_OF_A_CLUSTER}"""

    RECEIVED = r"""
options:
  path:
    description:
      - The file that the receiver writes. M(wallaroo.resilience.ordering_verify) also takes one compressed with gzip, whose name ends in C(.gz).
    type: path
    required: true
  last:
    description:
      - The value that every key must reach, and on which it must end.
    type: int
    required: true
  keys:
    description:
      - All keys that are sent.
      - Exactly one of O(keys) and O(key_count) is needed.
    type: list
    elements: str
  key_count:
    description:
      - How many validation keys V(key_0), V(key_1) and so on are sent.
    type: int
"""

    RUNS = r"""
options:
  runs:
    description:
      - Where the folders of all runs are, on the controller; relative to its working directory.
    type: path
    default: runs
"""

    RUN = f"""{RUNS}
  cluster:
    description:
      - The record of the cluster.
    type: dict
    default: {{}}
"""

    TREE = r"""
options:
  server:
    description:
      - The name of this server in the inventory, for messages.
    type: str
    required: true
  in_use:
    description:
      - Why nothing may be changed at this time. The module fails with it when something would have to be.
    type: str
  home:
    description:
      - The directory of the tree on this server.
    type: path
    required: true
"""

    TARGET = r"""
options:
  source_server:
    description:
      - The name of the server the worker comes from.
    type: str
    required: true
  journal_server:
    description:
      - C(host:port) of the journal server, from whose journals the files are restored. The source is then asked for no files.
    type: str
    version_added: 2.0.0
  epoch:
    description:
      - The worker's epoch on this server.
    type: int
    required: true
"""

    SOURCE_SSH = r"""
options:
  source_ssh:
    description:
      - How this server reaches the source server by SSH. Without it both are one machine.
    type: dict
    suboptions:
      host: {type: str, required: true, description: Where its SSH server is.}
      user: {type: str, required: true, description: The account there.}
      port: {type: int, default: 22, description: The port there.}
      identity: {type: path, required: true, description: Path of the private key on this server.}
      known_hosts: {type: path, required: true, description: Path of the file with the host keys that this server trusts.}
      python: {type: str, default: "", description: The interpreter there.}
"""
