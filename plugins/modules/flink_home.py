#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``flink_home``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: flink_home
short_description: Make a Flink home ready on a server
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Brings the libraries of Flink from PyPI where there are none, and lays into C(usrlib) what the collection runs there, which are its job,
    the settings of its log, a link to the Java, and an archive of classes with which Java starts faster.
  - A distribution that is there is used as it is; nothing outside of C(usrlib) is changed in it.
  - For the archive a cluster of two workers runs for some seconds on this server, at ports of 127.0.0.1 that nobody uses.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.no_diff
options:
  server:
    description:
      - The name of this server in the inventory, for messages.
    type: str
    required: true
  home:
    description:
      - The directory.
    type: path
    required: true
  java:
    description:
      - The Java that runs it, a path or a name on PATH.
    type: str
    default: java
  version:
    description:
      - The version that must be there. Left out, any that is supported.
    type: str
    default: ""
  only_look:
    description:
      - Look whether it can be made ready, and change nothing.
    type: bool
    default: false
  lock:
    description:
      - The package with the libraries, as requirements of pip with digests.
    type: str
    default: ""
  logging:
    description:
      - The settings of Log4j.
    type: str
    default: ""
  sources:
    description:
      - A zip of the job's sources in Base64, on the server that compiles it. A job that is there already is not compiled again.
    type: str
    default: ""
  job:
    description:
      - The job in Base64, as RV(job) tells it, on servers that do not compile it.
    type: str
    default: ""
  timeout:
    description:
      - Seconds for the download, and for another run that works on the same directory.
    type: float
    default: 1800
"""

EXAMPLES = r"""
- name: Look whether this server can have Flink
  wallaroo.resilience.flink_home:
    server: server2
    home: /home/ubuntu/flink
    only_look: true

- name: Lay the job beside the Flink of server 2
  wallaroo.resilience.flink_home:
    server: server2
    home: /home/ubuntu/flink
    logging: "{{ lookup('ansible.builtin.file', 'log4j.properties') }}"
    job: "{{ compiled.job }}"
"""

RETURN = r"""
version:
  description: The version of Flink that is there, or would be brought.
  returned: success, when O(only_look=true)
  type: str
  sample: 2.3.0
java_version:
  description: Which Java it is.
  returned: success, when O(only_look=true)
  type: int
  sample: 17
compiled:
  description: Whether the job is there, compiled for this Flink.
  returned: success, when O(only_look=true)
  type: bool
  sample: false
compiles:
  description: Whether there is a compiler.
  returned: success, when O(only_look=true)
  type: bool
  sample: true
done:
  description: What was done, or in check mode would be, out of V(libraries), V(java), V(logging), V(job), V(archive), and V(older) for what
    earlier versions of the collection had left there and no process uses.
  returned: success, unless O(only_look=true)
  type: list
  elements: str
  sample: [job, archive]
job:
  description: The job in Base64, on the server that was given O(sources). Empty in check mode when it has to be compiled.
  returned: success, when O(sources) is given
  type: str
  sample: UEsDBBQAAAAAAAAAIQ
"""

import base64
import binascii
from pathlib import Path

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.command import ProvisioningError, alone
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.flink import ready

SPEC: _edge.Specification = {
    "argument_spec": {
        "server": {"type": "str", "required": True},
        "home": {"type": "path", "required": True},
        "java": {"type": "str", "default": "java"},
        "version": {"type": "str", "default": ""},
        "only_look": {"type": "bool", "default": False},
        "lock": {"type": "str", "default": ""},
        "logging": {"type": "str", "default": ""},
        "sources": {"type": "str", "default": ""},
        "job": {"type": "str", "default": ""},
        "timeout": {"type": "float", "default": 1800},
    },
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    given = module.params
    with _edge.failing(module, given["server"], "."):
        wanted = ready.Wanted(
            Path(given["home"]),
            given["java"],
            given["version"],
            given["lock"],
            given["logging"],
            _bytes(given["job"]),
            _bytes(given["sources"]),
        )
        if given["only_look"]:
            state = ready.look(wanted)
            module.exit_json(
                changed=False,
                version=state.version,
                java_version=state.java,
                compiled=state.compiled,
                compiles=state.compiles,
            )
        with alone(wanted.home, given["timeout"], "flink_env_timeout", module.check_mode, "flink_home"):
            made = ready.ensure(wanted, given["timeout"], module.check_mode)
    for sentence in made.warnings:
        module.warn(sentence)
    told = {"job": base64.b64encode(made.job).decode()} if wanted.sources else {}
    module.exit_json(changed=bool(made.done), done=made.done, **told)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ProvisioningError("job and sources are Base64") from error


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
