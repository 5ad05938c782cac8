#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``metrics_ui_install``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: metrics_ui_install
short_description: Install page and libraries of the metrics UI on a server
version_added: 1.1.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Unpacks what M(wallaroo.resilience.metrics_ui_bundle) has made, and installs the libraries into an environment of their own below O(base).
  - The server needs Python and nothing else. Neither pip nor the internet is asked, and its own Python stays as it is.
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.actiongroup
  - wallaroo.resilience.common.server
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  bundle:
    description:
      - The file on this server.
    type: path
    required: true
  install_timeout:
    description:
      - Seconds for each of the two steps, making the environment and installing.
    type: float
    default: 120
"""

EXAMPLES = r"""
- name: Install page and libraries
  wallaroo.resilience.metrics_ui_install:
    base: "{{ wallaroo_base }}"
    server: server1
    bundle: "{{ wallaroo_base }}/metrics_ui.zip"
"""

RETURN = r"""
python:
  description: The interpreter of the environment.
  returned: success
  type: str
  sample: /var/lib/wallaroo/metrics_ui/environment/bin/python
page:
  description: The directory of the page.
  returned: success
  type: str
  sample: /var/lib/wallaroo/metrics_ui/page
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.wallaroo.resilience.plugins.module_utils._process.acting import acting
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning import metrics_ui
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.command import ProvisioningError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "base": {"type": "path", "required": True},
            "server": {"type": "str", "required": True},
            "bundle": {"type": "path", "required": True},
            "install_timeout": {"type": "float", "default": 120},
        },
        supports_check_mode=True,
    )
    wanted = module.params
    try:
        with acting(wanted["base"], module.check_mode):
            result = metrics_ui.install(
                wanted["base"], Path(wanted["bundle"]), wanted["install_timeout"], module.check_mode
            )
    except (ProvisioningError, OSError) as error:
        module.fail_json(msg=f"{wanted['server']}: the metrics UI could not be installed: {error}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
