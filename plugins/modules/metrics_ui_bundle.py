#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``metrics_ui_bundle``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: metrics_ui_bundle
short_description: Have page and libraries of the metrics UI in one file on the controller
version_added: 1.1.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Puts the page, and the wheels of the libraries that it needs, into one file, which M(wallaroo.resilience.metrics_ui_install) installs on a
    server without internet.
  - Wheels are fetched with pip, and each must have a hash that the lock names. Once the file is there nothing is fetched any more.
  - Meant for the controller, C(delegate_to=localhost).
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.actiongroup
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  page:
    description:
      - The directory with the files of the page.
    type: path
    required: true
  lock:
    description:
      - The lock of the libraries, a requirements file with versions and hashes.
    type: path
    required: true
  cache:
    description:
      - The directory that keeps such files.
    type: path
    required: true
  wheels:
    description:
      - A directory in which the wheels lie. Nothing is fetched then.
    type: path
  python:
    description:
      - The interpreter whose pip fetches wheels. Defaults to the one that runs this module.
    type: path
  fetch_timeout:
    description:
      - Seconds in which they must be there.
    type: float
    default: 300
"""

EXAMPLES = r"""
- name: Have page and libraries on the controller
  wallaroo.resilience.metrics_ui_bundle:
    page: "{{ role_path }}/files/page"
    lock: "{{ role_path }}/files/wheels.txt"
    cache: "{{ '~/.cache/wallaroo-resilience' | expanduser }}"
  delegate_to: localhost
"""

RETURN = r"""
bundle:
  description: The file. In check mode it may not be there yet.
  returned: success
  type: str
  sample: /home/user/.cache/wallaroo-resilience/metrics_ui-0f3a.zip
fingerprint:
  description: SHA-256 of what is in it.
  returned: success
  type: str
  sample: 0f3adc2c26a5e94f05ac4b5c2b6f0eb5a26f6c6e3c64e7a04e85c7bd9a9c1a44
"""

import sys
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning import metrics_ui
from ansible_collections.wallaroo.resilience.plugins.module_utils._provisioning.command import ProvisioningError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "page": {"type": "path", "required": True},
            "lock": {"type": "path", "required": True},
            "cache": {"type": "path", "required": True},
            "wheels": {"type": "path"},
            "python": {"type": "path"},
            "fetch_timeout": {"type": "float", "default": 300},
        },
        supports_check_mode=True,
    )
    wanted = module.params
    given = wanted["wheels"]
    try:
        bundle = metrics_ui.bundle(
            Path(wanted["page"]),
            Path(wanted["lock"]),
            Path(wanted["cache"]),
            Path(given) if given else None,
            wanted["python"] or sys.executable,
            wanted["fetch_timeout"],
            module.check_mode,
        )
    except (ProvisioningError, OSError) as error:
        module.fail_json(
            msg=f"The libraries of the metrics UI are not on the controller: {error}. metrics_ui_wheels names a directory of wheels."
        )
    module.exit_json(changed=bundle.changed, bundle=str(bundle.path), fingerprint=bundle.fingerprint)


if __name__ == "__main__":
    main()
