#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``program``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: program
short_description: Start or stop a program and wait until it is ready
version_added: 1.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Starts a program in the background, so that it outlives the task, with a folder of its own for its log and its record.
  - Waits until it is ready, or, with O(result_file), until it has finished.
  - A program is identified by pid, start time and command line, never by its name.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff
  - wallaroo.resilience.common.server
  - wallaroo.resilience.common.waiting
options:
  name:
    description:
      - What the program is called here; the name of its folder below C(run).
    type: str
    required: true
  kind:
    description:
      - What it is, for its record. Defaults to O(name).
    type: str
  program:
    description:
      - A program of the collection's runtime, as V(sender) or V(receiver), which O(argv) then gives its arguments.
      - Without it O(argv) begins with the executable.
    type: str
  argv:
    description:
      - The command line, a word an element. Required when O(state=started).
    type: list
    elements: str
  state:
    description:
      - Whether it should run.
    type: str
    choices: [started, stopped]
    default: started
  environment:
    description:
      - Added to its environment.
    type: dict
    default: {}
  files:
    description:
      - Files of text that it reads as it starts, such as its configuration, written before each start. Paths are below C(base).
    type: dict
    default: {}
    version_added: 2.0.0
  details:
    description:
      - Kept with its record.
    type: dict
    default: {}
  ready_pattern:
    description:
      - Wait until a line of its own log matches this regular expression.
    type: str
  ready_address:
    description:
      - Wait until this C(host:port) accepts a connection.
    type: str
  result_file:
    description:
      - The program ends by itself and writes this JSON file, with C(exit_code) and C(message). Wait for that.
    type: path
  wait:
    description:
      - Whether to wait for O(result_file) at all. With V(false) the program is only started.
    type: bool
    default: true
  received:
    description:
      - The file of a receiver that verifies what comes. As soon as it has found a violation the program is ended, and the task fails.
      - Looked at while O(result_file) is waited for.
    type: path
    version_added: 2.0.0
  pid:
    description:
      - The process that an earlier part of the same wait has started, as RV(pid). It is waited for, and nothing is started.
      - The action plugin gives this when it waits in parts.
    type: int
  grace:
    description:
      - Seconds between SIGTERM and SIGKILL when it is stopped.
    type: float
    default: 5
"""

EXAMPLES = r"""
- name: Start a receiver
  wallaroo.resilience.program:
    base: "{{ wallaroo_base }}"
    server: server1
    name: receiver
    program: receiver
    argv: [--listen, "127.0.0.1:5555", --file, "{{ wallaroo_base }}/received/received.bin"]
    ready_pattern: "receiver: listening on"
"""

RETURN = r"""
name:
  description: The program.
  returned: success
  type: str
  sample: receiver
pid:
  description: Its process, or V(null) in check mode.
  returned: success
  type: int
  sample: 4711
state:
  description: Whether it runs.
  returned: success
  type: str
  sample: started
log:
  description: Its log on this server.
  returned: success
  type: str
  sample: /var/lib/wallaroo/run/receiver/log
started:
  description: When it was started, in seconds since the epoch; V(null) in check mode.
  returned: when O(state=started)
  type: float
  sample: 1795466797.77
message:
  description: The last line of its log.
  returned: when RV(finished) is false
  type: str
  sample: "sender: 5,500 of 11,000 messages sent"
finished:
  description: Whether what was waited for has come.
  returned: success
  type: bool
  sample: true
result:
  description: What it wrote to O(result_file).
  returned: when O(result_file) is given and it has ended
  type: dict
  sample: {exit_code: 0, message: "11,000 messages sent"}
seconds:
  description: How long it took.
  returned: when O(state=started)
  type: float
  sample: 0.3
"""

import sys

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.command_line import runtime_argv
from ansible_collections.wallaroo.resilience.plugins.module_utils._process import program
from ansible_collections.wallaroo.resilience.plugins.module_utils._server.received import violation_in

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.SERVER,
        "name": {"type": "str", "required": True},
        "kind": {"type": "str"},
        "program": {"type": "str"},
        "argv": {"type": "list", "elements": "str"},
        "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
        "environment": {"type": "dict", "default": {}},
        "files": {"type": "dict", "default": {}},
        "details": {"type": "dict", "default": {}},
        "ready_pattern": {"type": "str"},
        "ready_address": {"type": "str"},
        "result_file": {"type": "path"},
        "wait": {"type": "bool", "default": True},
        "received": {"type": "path"},
        "pid": {"type": "int"},
        "grace": {"type": "float", "default": 5},
        **_edge.WAITING,
    },
    "required_if": [("state", "started", ("argv",))],
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    with _edge.failing(module, f"{wanted['server']}"):
        if wanted["state"] == "stopped":
            result = program.ensure_stopped(
                wanted["base"], wanted["name"], wanted["grace"], wanted["wait_timeout"], module.check_mode
            )
        else:
            result = program.ensure_started(
                _wanted(module), wanted["wait_timeout"], wanted["return_after"], module.check_mode, wanted["pid"]
            )
    other = {"started": "stopped", "stopped": "started"}[result["state"]]
    before = other if result["changed"] else result["state"]
    module.exit_json(**result, diff={"before": {"state": before}, "after": {"state": result["state"]}})


def _wanted(module: _edge.Module) -> program.Wanted:
    given = module.params
    argv = list(given["argv"] or [])
    if given["program"]:
        argv = runtime_argv(sys.executable, given["base"], given["program"]) + argv
    if not argv:
        raise ValueError(f"{given['name']} has an empty command line; give argv or program.")
    return program.Wanted(
        base=given["base"],
        name=given["name"],
        kind=given["kind"] or given["name"],
        argv=argv,
        environment={str(key): str(value) for key, value in given["environment"].items()},
        files={str(name): str(text) for name, text in given["files"].items()},
        details=given["details"],
        ready_pattern=given["ready_pattern"] or "",
        ready_address=given["ready_address"] or "",
        result_file=(given["result_file"] or "") if given["wait"] else "",
        unless=lambda: violation_in(given["received"]) if given["received"] else "",
    )


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
