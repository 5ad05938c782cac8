# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of the playbooks: what a user or a survey wrote, checked and typed.

Everything comes as text from ``-e`` and from AWX surveys, and an unanswered optional question of
a survey is an empty text.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ansible_collections.wallaroo.resilience.plugins.module_utils._catalogue import applications, versions
from ansible_collections.wallaroo.resilience.plugins.module_utils._catalogue.applications import APPLICATIONS
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.naming import home_server, worker_names
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.ports import HIGHEST
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.record import (
    MOST_WORKERS,
    ClusterRecord,
    ServerAddress,
)
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines import registry
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.contract import Journalled, NotOffered
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.registry import ENGINES
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._ports import ports_of
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal

MOST = 10**15
"""More values than anybody sends; a number beyond is a slip of the hand."""

LEAST = {"restarts": 0, "seed": 0}
"""Whole numbers that may be less than 1."""

FILES, JOURNAL = WAYS = ("files", "journal")
"""How a worker's resilience files reach another server: from its source server, or from the journal server."""

MODES = ("exactly_once", "at_least_once")
"""What the module ``ordering_verify`` knows."""

"""Other names that people use for the applications."""


def given(arguments: Mapping[str, Any], name: str) -> str:
    """What was written, as a text; empty when nothing was."""
    value = arguments.get(name)
    return "" if value is None else str(value).strip()


def integer(arguments: Mapping[str, Any], name: str, default: Optional[int] = None) -> int:
    """A whole number, at least 1 unless :data:`LEAST` says otherwise."""
    text, minimum = given(arguments, name), LEAST.get(name, 1)
    if not text:
        if default is None:
            raise Refusal(f"{name} is missing: give a whole number, e.g. -e {name}={minimum + 1}.")
        return default
    # int() alone would take 1_0 and the digits of other scripts, which nobody means.
    if not re.fullmatch(r"[+-]?[0-9]{1,30}", text):
        raise Refusal(f"{name}={text} is no whole number.")
    number = int(text)
    if number < minimum:
        raise Refusal(f"{name}={number} is too small: it must be at least {minimum}.")
    most = MOST_WORKERS if name == "workers" else MOST
    if number > most:
        raise Refusal(f"{name}={number} is too large: it must be at most {most}.")
    return number


def number(arguments: Mapping[str, Any], name: str, default: float) -> float:
    """A number of seconds or the like, not negative."""
    text = given(arguments, name)
    if not text:
        return default
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text, re.ASCII):
        raise Refusal(f"{name}={text} is no number.")
    found = float(text)
    if not 0 <= found < 1e9:
        raise Refusal(f"{name}={text} is out of range: it must be between 0 and a billion.")
    return found


def share(arguments: Mapping[str, Any], name: str, default: float) -> float:
    """A number between 0 and 1."""
    found = number(arguments, name, default)
    if found > 1:
        raise Refusal(f"{name}={found:g} is no share: it must be between 0 and 1.")
    return found


def boolean(arguments: Mapping[str, Any], name: str, default: bool) -> bool:
    """Yes or no, in any of the ways Ansible understands."""
    text = given(arguments, name).lower()
    if not text:
        return default
    if text in ("true", "yes", "on", "1", "y", "t"):
        return True
    if text in ("false", "no", "off", "0", "n", "f"):
        return False
    raise Refusal(f"{name}={arguments[name]} is neither true nor false.")


def choice(arguments: Mapping[str, Any], name: str, choices: Sequence[str], default: str) -> str:
    """One of several words."""
    value = given(arguments, name) or default
    if value not in choices:
        raise Refusal(f"{name}={value} is not known: choose one of {', '.join(choices)}.")
    return value


def required(arguments: Mapping[str, Any], name: str, example: str) -> str:
    """A word that must be there."""
    text = given(arguments, name)
    if not text:
        raise Refusal(f"{name} is missing: give it as in -e {example}.")
    return text


def file(arguments: Mapping[str, Any], name: str, where: str) -> str:
    """An absolute path on a server, without a slash at its end; empty when none was given."""
    text = given(arguments, name)
    if text and not text.startswith("/"):
        raise Refusal(f"{name}={text} is no absolute path on {where}.")
    return text.rstrip("/") or text


def application(arguments: Mapping[str, Any]) -> str:
    """The application, by any of its names."""
    text = given(arguments, "app")
    return choice({"app": applications.NAMES.get(text, text)}, "app", list(APPLICATIONS), applications.DEFAULT)


def cluster_record(
    arguments: Mapping[str, Any], servers: Sequence[Mapping[str, Any]], identifier: str, started: float
) -> ClusterRecord:
    """The cluster that a user wants to be started.

    :param servers: name, address and base of every server, in the order of the inventory's group.
    :raises Refusal: when an argument makes no sense.
    """
    if not servers:
        raise Refusal("The inventory's group 'servers' has no hosts.")
    app = application(arguments)
    engine = choice(arguments, "engine", list(ENGINES), registry.DEFAULT)
    home = file(arguments, "wallaroo_home", "the servers")
    if ENGINES[engine].home and not home:
        raise Refusal(f"engine={engine} needs wallaroo_home: {ENGINES[engine].home}.")
    symbols_file = file(arguments, "symbols_file", "the servers")
    if symbols_file and not APPLICATIONS[app].symbols:
        taking = " or ".join(f"app={one.name}" for one in APPLICATIONS.values() if one.symbols)
        raise Refusal(f"symbols_file={symbols_file} cannot be used: it is for {taking}.")
    via = choice(arguments, "via", WAYS, FILES)
    journal = boolean(arguments, "journal", via == JOURNAL)
    if via == JOURNAL and not journal:
        raise Refusal("via=journal needs a journal to restore from: leave journal=false out.")
    if journal:
        try:
            registry.offered(engine, Journalled)
        except NotOffered as lacking:
            raise Refusal(f"{lacking} Leave journal=true and via=journal out.") from lacking
    workers = integer(arguments, "workers", 2)
    names = [str(server["name"]) for server in servers]
    ports = ports_of(arguments.get("wallaroo_ports"))
    if ports.workers + 2 * workers + 1 > HIGHEST:
        raise Refusal(
            f"workers={workers} is too many: each needs two ports above {ports.workers}, and there are no more."
        )
    clash = ports.clash(workers)
    if clash:
        raise Refusal(clash)
    return ClusterRecord(
        identifier=identifier,
        application=app,
        engine=engine,
        version=choice(arguments, "wallaroo_version", ENGINES[engine].versions, versions.DEFAULT),
        workers=workers,
        servers=[
            ServerAddress(name=str(server["name"]), address=str(server["address"]), base=str(server["base"]))
            for server in servers
        ],
        placement={worker: home_server(worker, names) for worker in worker_names(workers)},
        ports=ports.to_dict(),
        keys=integer(arguments, "keys", 11),
        journal=journal,
        symbols_file=symbols_file,
        wallaroo_home=home,
        checkpoint_interval=number(arguments, "checkpoint_interval", 1.0),
        metrics_ui=boolean(arguments, "metrics_ui", True),
        started=started,
    )


def words(value: Any) -> list[str]:
    """A list, or a text with blanks or commas between its items."""
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [str(item).strip() for item in value if str(item).strip()]
    try:
        return shlex.split(str(value).replace(",", " "))
    except ValueError as error:
        raise Refusal(f"{value} is no list: {error}.") from error


def path_of_servers(value: Any) -> list[str]:
    """``path=2,4,2,3``: the servers a worker visits, its home first."""
    if isinstance(value, (list, tuple)):
        return [str(item).strip() for item in value if str(item).strip()]
    return [item.strip() for item in given({"path": value}, "path").split(",") if item.strip()]
