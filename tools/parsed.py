# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's own YAML, parsed once: PYTHON parsed.py DIRECTORY keeps it there, for the environment of that Python.

Each playbook begins with 470 KB of YAML that came with ansible-core and never changes: which settings there are, and
where each module is found. To parse it takes a tenth of a second. What is kept is known by what the YAML says: where
ansible-core is another one, or nothing is kept, Ansible parses it as ever.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

LOADERS: Mapping[str, str] = {"base.yml": "CSafeLoader", "ansible_builtin_runtime.yml": "CBaseLoader"}
"""The files in ``ansible/config``, and with which loader of yaml Ansible reads them."""

WORDS = "parsed-{}.json"


def keep(directory: Path) -> None:
    """Parse the YAML of the ansible-core of this Python, and write what it says into a directory.

    What it has not, or what JSON cannot say, is not kept.
    """
    for old in directory.glob(WORDS.format("*")):
        old.unlink()
    try:
        import ansible
        import yaml
    except ImportError:
        # Whoever starts a command of Ansible is told.
        return
    for name, loader in LOADERS.items():
        path = Path(ansible.__file__).parent / "config" / name
        if not path.is_file() or not hasattr(yaml, loader):
            continue
        said = path.read_bytes()
        found = yaml.load(said, Loader=getattr(yaml, loader))  # noqa: S506  # both are safe
        text = json.dumps(found)
        if json.loads(text) == found:
            _place(directory, said).write_text(text, encoding="utf-8")


def use(directory: Path) -> None:
    """Let Ansible, which is not loaded yet, take what is kept.

    :raises ImportError: when Ansible cannot be loaded.
    """
    from ansible.config import manager

    # Ansible names it as what other programs may replace, to keep what it returns.
    from ansible.utils.collection_loader import _collection_finder as finder

    for module, name in ((manager, "yaml_load"), (finder, "_meta_yml_to_dict")):
        if callable(original := getattr(module, name, None)):
            setattr(module, name, _kept(directory, original))


def _kept(directory: Path, original: Callable[..., Any]) -> Callable[..., Any]:
    """A function of Ansible that parses YAML, for what it need not parse."""

    def parsed(said: Any, *others: Any) -> Any:
        data = said.read() if hasattr(said, "read") else said
        if isinstance(data, bytes):
            try:
                return json.loads(_place(directory, data).read_bytes())
            except (OSError, ValueError):
                pass
        return original(data, *others)

    return parsed


def _place(directory: Path, said: bytes) -> Path:
    return directory / WORDS.format(hashlib.sha256(said).hexdigest()[:16])


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
