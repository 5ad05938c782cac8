# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible parses of its own, parsed once: PYTHON parsed.py DIRECTORY keeps it there, for the same Python.

Each playbook begins with 470 KB of YAML that came with ansible-core and never changes: which settings there are, and
where each module is found. Then come the options of all its plugins for connections, shells and so on, from their
documentation. To parse it takes 0.15 s. What is kept is known by what the YAML says, or by the plugin's file as it is
now: where ansible-core is another one, or nothing is kept, Ansible parses it as ever.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Optional

LOADERS: Mapping[str, str] = {"base.yml": "CSafeLoader", "ansible_builtin_runtime.yml": "CBaseLoader"}
"""The files in ``ansible/config``, and with which loader of yaml Ansible reads them."""

KINDS = ("become", "callback", "connection", "inventory", "shell", "vars")
"""Kinds of plugins that Ansible loads for each playbook."""

WORDS = "parsed-{}.json"

OPTIONS = WORDS.format("options")


def keep(directory: Path) -> None:
    """Write into a directory what the ansible-core of this Python has to parse.

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
        text = _text(yaml.load(said, Loader=getattr(yaml, loader)))  # noqa: S506  # both are safe
        if text is not None:
            _write(_place(directory, said), text)
    _write(directory / OPTIONS, json.dumps(_options(Path(ansible.__file__).parent)))


def _options(core: Path) -> dict[str, Any]:
    """The options of plugins, by their files: the kind, the state of the file, and what Ansible makes of them.

    :param core: where ansible-core is; others' plugins are theirs.
    """
    from ansible import constants
    from ansible.plugins import loader

    loader.init_plugin_loader([])
    found = {}
    for kind in KINDS:
        for plugin in getattr(loader, f"{kind}_loader").all(class_only=True):
            path = str(plugin._original_path)
            options = constants.config.get_configuration_definitions(kind, plugin._load_name)
            text = _text(options) if core in Path(path).parents else None
            # What is a template is trusted by Ansible when it comes from its own parser alone.
            if text is not None and not any(sign in text for sign in ("{{", "{%", "{#")):
                found[path] = [kind, _state(path), json.loads(text)]
    return found


def use(directory: Path) -> None:
    """Let Ansible, which is not loaded yet, take the YAML that is kept.

    :raises ImportError: when Ansible cannot be loaded.
    """
    from ansible.config import manager

    # Ansible names it as what other programs may replace, to keep what it returns.
    from ansible.utils.collection_loader import _collection_finder as finder

    for module, name in ((manager, "yaml_load"), (finder, "_meta_yml_to_dict")):
        if callable(original := getattr(module, name, None)):
            setattr(module, name, _kept(directory, original))


def use_options(directory: Path) -> None:
    """Let Ansible, which is loaded, take the options of plugins that are kept."""
    from ansible import constants
    from ansible.plugins.loader import PluginLoader

    original = getattr(PluginLoader, "_load_config_defs", None)
    try:
        kept = _read(directory / OPTIONS)
    except (OSError, ValueError):
        return
    if not callable(original):
        return

    def load(self: Any, name: str, module: Any, path: str) -> None:
        kind, state, options = kept.get(path) or ("", None, {})
        if state is None or state != _state(path):
            original(self, name, module, path)
        elif options and not constants.config.has_configuration_definition(kind, name):
            constants.config.initialize_plugin_configuration_definitions(kind, name, options)

    PluginLoader._load_config_defs = load


def _kept(directory: Path, original: Callable[..., Any]) -> Callable[..., Any]:
    """A function of Ansible that parses YAML, for what it need not parse."""

    def parsed(said: Any, *others: Any) -> Any:
        data = said.read() if hasattr(said, "read") else said
        if isinstance(data, bytes):
            try:
                return _read(_place(directory, data))
            except (OSError, ValueError):
                pass
        return original(data, *others)

    return parsed


def _place(directory: Path, said: bytes) -> Path:
    return directory / WORDS.format(hashlib.sha256(said).hexdigest()[:16])


def _write(path: Path, text: str) -> None:
    """Keep a text with a sum, by which it is known whether all of it is there."""
    data = text.encode()
    path.write_bytes(b"%08x\n" % zlib.crc32(data) + data)


def _read(path: Path) -> Any:
    """What was kept.

    :raises OSError: when it cannot be read.
    :raises ValueError: when it is not what was written.
    """
    known, _end, data = path.read_bytes().partition(b"\n")
    if known != b"%08x" % zlib.crc32(data):
        raise ValueError(f"{path} is not what was written")
    return json.loads(data)


def _state(path: str) -> list[int]:
    """By which Python, too, knows that a file is the one that it has compiled."""
    found = os.stat(path)
    return [found.st_mtime_ns, found.st_size]


def _text(found: Any) -> Optional[str]:
    """As JSON; None where that says something else."""
    try:
        text = json.dumps(found)
    except (TypeError, ValueError):
        return None
    return text if json.loads(text) == found else None


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
