# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``server_probe``: what a server said of itself before it had a Python, and what stands in the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.wallaroo.resilience.plugins.plugin_utils._preflight import RELEASES

DOCUMENTATION = r"""
name: server_probe
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
short_description: What a server said of itself before it had a Python
description:
  - Reads what the role C(dev_env)'s C(probe.sh) printed, and decides whether the role can work on that server.
options:
  _input:
    description: What the task registered that ran C(probe.sh).
    type: dict
    required: true
  server:
    description: The name of the server, for the sentence that refuses it.
    type: str
    required: true
  settings:
    description: The role's variables that matter for the decision, as its task C(look) hands them over.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Read what the server said
  ansible.builtin.set_fact:
    dev_env_server: "{{ dev_env_probed | wallaroo.resilience.server_probe(inventory_hostname, dev_env_settings) }}"
"""

RETURN = r"""
_value:
  description:
    - C(release), C(python) (empty when none serves), C(python_version), C(python_on_path), C(uid), C(sudo),
      C(sudo_works) (without a password), C(named) and C(named_problem) (the interpreter that the inventory names, and
      what is wrong with it), and C(problem), a sentence, or empty when nothing stands in the way.
  type: dict
"""

XENIAL = "ubuntu 16.04"
OLDEST = (3, 9)
SHA256 = re.compile(r"[0-9A-Fa-f]{64}")


def server_probe(probed: Mapping[str, Any], server: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the server is and has, and the problem if there is one."""
    # A session with a terminal ends its lines with \r\n and may mix other lines in.
    lines = [line.strip() for line in str(probed.get("stdout") or "").splitlines()]
    said = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z][A-Z0-9_]*=", line))
    known: dict[str, Any] = {
        "release": f"{said.get('ID', '')} {said.get('VERSION_ID', '')}".strip(),
        "name": said.get("PRETTY_NAME") or "an unknown system",
        "python": said.get("PYTHON", ""),
        "python_version": said.get("PYTHON_VERSION", ""),
        "python_on_path": said.get("PYTHON_ON_PATH") == "true",
        "candidates": list(dict.fromkeys(line.split("=", 1)[1] for line in lines if line.startswith("CANDIDATE="))),
        "uid": int(said["UID"]) if said.get("UID", "").isdigit() else -1,
        "sudo": said.get("SUDO", ""),
        "sudo_works": said.get("SUDO_WORKS") == "true",
        "sudo_said": said.get("SUDO_SAID", ""),
        "named": said.get("NAMED", ""),
        "named_problem": said.get("NAMED_PROBLEM", ""),
        "llvm": said.get("LLVM", ""),
    }
    if probed.get("unreachable"):
        problem = f"{server} does not answer: {_first_line(probed.get('msg')).rstrip('.')}."
    elif said.get("PROBE") != "complete":
        reason = _first_line(probed.get("stderr")) or _first_line(probed.get("msg")) or "it said nothing"
        problem = f"{server} could not be looked at: {reason.rstrip('.')}."
    else:
        problem = _problem(known, server, settings)
    return {**known, "problem": problem}


def _problem(known: Mapping[str, Any], server: str, settings: Mapping[str, Any]) -> str:
    release = known["release"]
    if release not in RELEASES and not settings["any_release"]:
        return (
            f"{server} is {known['name']}, and this step knows {', '.join(RELEASES.values())}: "
            "set dev_env_any_release=true to try anyway."
        )
    if known["uid"] != 0:
        if not settings["become"]:
            return f"{server} is reached by a user who is not root, and dev_env_become is false: let it be true."
        if settings["become_method"] == "sudo" and not known["sudo"]:
            return f"{server} has no sudo, and is reached by a user who is not root: connect as root, or install sudo."
    if not known["python"]:
        refusal = _python_problem(release, server, settings["python"])
        if refusal:
            return refusal
    wrong = named_problem(known, server, settings["python"])
    if wrong:
        return wrong
    if settings["toolchain"]:
        for name in ("ponyc", "stable"):
            refusal = _archive_problem(name, settings[name])
            if refusal:
                return refusal
        if settings["ponyc"].get("from_source") and release != XENIAL and not known["llvm"]:
            return (
                f"{server} ({known['name']}) has no LLVM 3.9, with which ponyc {settings['ponyc']['version']} is "
                "built: set dev_env_ponyc_url and dev_env_ponyc_sha256 to a .deb or a built archive, or "
                "dev_env_toolchain=false."
            )
    return ""


def named_problem(known: Mapping[str, Any], server: str, wanted: Mapping[str, Any]) -> str:
    """What to write into the inventory when it names an interpreter that does not serve, and would not after a build.

    :param wanted: the Python that is built where none serves.
    """
    if not known.get("named_problem"):
        return ""
    python, version = str(known.get("python") or ""), str(known.get("python_version") or "")
    if not python:
        version = str(wanted["version"])
        python = f"{wanted.get('prefix') or '/usr/local'}/bin/python{'.'.join(version.split('.')[:2])}"
        if known["named"] == python:
            return ""
    there = "is there" if known.get("python") else "is what is built"
    return (
        f"{server}: the inventory names ansible_python_interpreter={known['named']}, which {known['named_problem']}. "
        f"{python} (Python {version}) {there}: write ansible_python_interpreter: {python} for {server}."
    )


def _python_problem(release: str, server: str, wanted: Mapping[str, Any]) -> str:
    numbers = re.match(r"(\d+)\.(\d+)\.\d+$", str(wanted["version"]))
    if numbers is None:
        return f"dev_env_python_version={wanted['version']} is no version of Python: give all of it, like 3.9.25."
    version = (int(numbers[1]), int(numbers[2]))
    if version < OLDEST:
        return f"dev_env_python_version={wanted['version']} is too old for Ansible: 3.9 is the oldest that serves."
    if release == XENIAL and version > OLDEST:
        return (
            f"{server} is Ubuntu 16.04, whose OpenSSL 1.0.2 carries no Python newer than 3.9: "
            f"dev_env_python_version={wanted['version']} cannot be built there."
        )
    return _archive_problem("python", wanted)


def _archive_problem(name: str, wanted: Mapping[str, Any]) -> str:
    if not wanted["url"]:
        return f"dev_env_{name}_url is empty: say where {name} {wanted['version']} is to come from."
    if not wanted["sha256"]:
        return (
            f"dev_env_{name}_sha256 is empty: set it to the SHA-256 of {wanted['url']} that its publisher or a "
            "packager states, or that sha256sum says of a copy you trust."
        )
    if not SHA256.fullmatch(str(wanted["sha256"])):
        return f"dev_env_{name}_sha256={wanted['sha256']} is no SHA-256: it must be 64 hexadecimal digits."
    return ""


def _first_line(text: Any) -> str:
    lines = [line.strip() for line in str(text or "").splitlines() if line.strip()]
    return lines[0] if lines else ""


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"server_probe": server_probe}
