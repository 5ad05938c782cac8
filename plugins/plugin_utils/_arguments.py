# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of the playbooks: what a user or a survey wrote, checked and typed.

Everything comes as text from ``-e`` and from AWX surveys, and an unanswered optional question of
a survey is an empty text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.naming import home_server, worker_names
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.ports import Ports
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.record import (
    APPLICATIONS,
    ENGINES,
    VERSIONS,
    ClusterRecord,
    ServerAddress,
)
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal

MOST_WORKERS = 1000
"""More than any machine holds; a number beyond is a slip of the hand."""

FILES, JOURNAL = WAYS = ("files", "journal")
"""How a worker's resilience files reach another server: from its source server, or from the journal server."""

APPLICATION_NAMES = {"detector": "multi_partition_detector", "market-spread": "market_spread"}
"""Other names that people use for the applications."""


def integer(arguments: Mapping[str, Any], name: str, default: Optional[int] = None, minimum: int = 1) -> int:
    """A whole number."""
    value = arguments.get(name)
    if value is None or str(value).strip() == "":
        if default is None:
            raise Refusal(f"{name} is missing: give a whole number, e.g. -e {name}={minimum + 1}.")
        return default
    try:
        number = int(str(value).strip())
    except ValueError:
        raise Refusal(f"{name}={value} is no whole number.") from None
    if number < minimum:
        raise Refusal(f"{name}={number} is too small: it must be at least {minimum}.")
    return number


def number(arguments: Mapping[str, Any], name: str, default: float) -> float:
    """A number of seconds or the like, not negative."""
    value = arguments.get(name)
    if value is None or str(value).strip() == "":
        return default
    try:
        found = float(str(value).strip())
    except ValueError:
        raise Refusal(f"{name}={value} is no number.") from None
    if not 0 <= found < 1e9:
        raise Refusal(f"{name}={value} is out of range: it must be between 0 and a billion.")
    return found


def boolean(arguments: Mapping[str, Any], name: str, default: bool) -> bool:
    """Yes or no, in any of the ways Ansible understands."""
    value = arguments.get(name)
    if value is None or str(value).strip() == "":
        return default
    text = str(value).strip().lower()
    if text in ("true", "yes", "on", "1", "y", "t"):
        return True
    if text in ("false", "no", "off", "0", "n", "f"):
        return False
    raise Refusal(f"{name}={value} is neither true nor false.")


def choice(arguments: Mapping[str, Any], name: str, choices: Sequence[str], default: str) -> str:
    """One of several words."""
    value = str(arguments.get(name) or default).strip()
    if value not in choices:
        raise Refusal(f"{name}={value} is not known: choose one of {', '.join(choices)}.")
    return value


def required(arguments: Mapping[str, Any], name: str, example: str) -> str:
    """A word that must be there."""
    value = arguments.get(name)
    if value is None or str(value).strip() == "":
        raise Refusal(f"{name} is missing: give it as in -e {example}.")
    return str(value).strip()


def cluster_record(
    arguments: Mapping[str, Any], servers: Sequence[Mapping[str, Any]], identifier: str, started: float
) -> ClusterRecord:
    """The cluster that a user wants to be started.

    :param servers: name, address and base of every server, in the order of the inventory's group.
    :raises Refusal: when an argument makes no sense.
    """
    if not servers:
        raise Refusal("The inventory's group 'servers' has no hosts.")
    application = str(arguments.get("app") or APPLICATIONS[0]).strip()
    application = choice({"app": APPLICATION_NAMES.get(application, application)}, "app", APPLICATIONS, APPLICATIONS[0])
    engine = choice(arguments, "engine", ENGINES, "embedded")
    home = str(arguments.get("wallaroo_home") or "").strip().rstrip("/")
    if engine == "wallaroo" and not home.startswith("/"):
        raise Refusal(
            "engine=wallaroo needs wallaroo_home: the absolute path of a built Wallaroo tree on the servers "
            "(setup_repo.yml makes one)."
        )
    symbols_file = str(arguments.get("symbols_file") or "").strip()
    if symbols_file and (application != "market_spread" or not symbols_file.startswith("/")):
        raise Refusal(
            f"symbols_file={symbols_file} cannot be used: it is for app=market_spread, and the absolute path of a file "
            "that every server has."
        )
    via = choice(arguments, "via", WAYS, FILES)
    journal = boolean(arguments, "journal", via == JOURNAL)
    if via == JOURNAL and not journal:
        raise Refusal("via=journal needs a journal to restore from: leave journal=false out.")
    workers = integer(arguments, "workers", 2)
    names = [str(server["name"]) for server in servers]
    try:
        ports = Ports.from_mapping(arguments.get("wallaroo_ports") or {})
    except ValueError as error:
        raise Refusal(str(error)) from error
    if ports.workers + 2 * workers + 1 > 65535 or workers > MOST_WORKERS:
        raise Refusal(
            f"workers={workers} is too many: at most {MOST_WORKERS}, and two ports each above {ports.workers}."
        )
    return ClusterRecord(
        identifier=identifier,
        application=application,
        engine=engine,
        version=choice(arguments, "wallaroo_version", VERSIONS, "0.5.4"),
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


def path_of_servers(value: Any) -> list[str]:
    """``path=2,4,2,3``: the servers a worker visits, its home first."""
    if isinstance(value, (list, tuple)):
        return [str(item).strip() for item in value]
    return [item.strip() for item in str(value).split(",") if item.strip()]
