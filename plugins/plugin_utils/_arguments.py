# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of the steps: what a user or a survey wrote, checked and typed as it is declared.

Everything comes as text from ``-e`` and from AWX surveys, and an unanswered optional question of a survey is an empty
text: here it becomes what it is, not given.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.module_utils.common.validation import check_type_dict

from ..module_utils._catalogue import applications
from ..module_utils._catalogue.applications import APPLICATIONS
from ..module_utils._cluster.naming import home_server, server_name, worker_names, worker_number
from ..module_utils._cluster.ports import HIGHEST
from ..module_utils._cluster.record import MOST_WORKERS, SHARED, ClusterRecord, ServerAddress
from ..module_utils._engines import registry
from ..module_utils._engines.contract import Journalled, NotOffered, SharesCheckpoints, Sparing
from ..module_utils._engines.registry import ENGINES
from ._declarations import Argument, Step
from ._ports import ports_of
from ._servers import Refusal

MOST = 10**15
"""More values than anybody sends; a number beyond is a slip of the hand."""

LEAST = {"restarts": 0, "seed": 0, "prove_seed": 0}
"""Whole numbers that may be less than 1."""

FILES, JOURNAL = "files", "journal"
"""How a worker's resilience files reach another server: from its source server, or from the journal server."""

Servers = Sequence[str]
"""The names of all servers; empty when they are not known."""


def typed(step: Step, given: Mapping[str, Any], servers: Servers = ()) -> dict[str, Any]:
    """All arguments of a step and variables of its role, as its plan takes them: typed, and with their defaults.

    :param given: what was written, by name; more than the step's own may be there.
    :raises Refusal: when one makes no sense, or a required one is missing.
    """
    found = {name: value_of(argument, given.get(name), servers) for name, argument in step.options.items()}
    missing = next((one for one in step.arguments.values() if one.required and found[one.name] is None), None)
    if missing is not None:
        raise Refusal(f'{missing.name} is missing: give it as in -e "{step.example}". {missing.sentence}')
    return found


def value_of(argument: Argument, value: Any, servers: Servers = ()) -> Any:
    """The value of one argument; its default when it was not given.

    :raises Refusal: when it makes no sense.
    """
    if value is None or value in ([], {}) or (isinstance(value, str) and not value.strip()):
        return argument.default
    name = argument.name
    found = MEANINGS.get(name, TYPES[argument.type])(name, value, servers)
    if argument.choices and found not in argument.choices:
        raise Refusal(f"{name}={value} is not known: choose one of {', '.join(argument.choices)}.")
    return found


def least(name: str) -> int:
    """The smallest value of a whole number."""
    return LEAST.get(name, 1)


def most(name: str) -> int:
    """The largest value of a whole number."""
    return MOST_WORKERS if name == "workers" else MOST


def integer(name: str, value: Any, _servers: Servers = ()) -> int:
    """A whole number, at least 1 unless :data:`LEAST` says otherwise."""
    text = str(value).strip()
    # int() alone would take 1_0 and the digits of other scripts, which nobody means.
    if not re.fullmatch(r"[+-]?[0-9]{1,30}", text):
        raise Refusal(f"{name}={text} is no whole number.")
    number = int(text)
    if number < least(name):
        raise Refusal(f"{name}={number} is too small: it must be at least {least(name)}.")
    if number > most(name):
        raise Refusal(f"{name}={number} is too large: it must be at most {most(name)}.")
    return number


def number(name: str, value: Any, _servers: Servers = ()) -> float:
    """A number of seconds or the like, not negative."""
    text = str(value).strip()
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text, re.ASCII):
        raise Refusal(f"{name}={text} is no number.")
    found = float(text)
    if not 0 <= found < 1e9:
        raise Refusal(f"{name}={text} is out of range: it must be between 0 and a billion.")
    return found


def share(name: str, value: Any, _servers: Servers = ()) -> float:
    """A number between 0 and 1."""
    found = number(name, value)
    if found > 1:
        raise Refusal(f"{name}={found:g} is no share: it must be between 0 and 1.")
    return found


def boolean(name: str, value: Any, _servers: Servers = ()) -> bool:
    """Yes or no, in any of the ways Ansible understands."""
    text = str(value).strip().lower()
    if text in ("true", "yes", "on", "1", "y", "t"):
        return True
    if text in ("false", "no", "off", "0", "n", "f"):
        return False
    raise Refusal(f"{name}={value} is neither true nor false.")


def text(name: str, value: Any, _servers: Servers = ()) -> str:
    """A word or more."""
    if isinstance(value, (list, tuple, Mapping)):
        raise Refusal(f"{name}={value} is no text.")
    return str(value).strip()


def file(name: str, value: Any, _servers: Servers = ()) -> str:
    """An absolute path on the servers, without a slash at its end."""
    path = text(name, value)
    if not path.startswith("/"):
        raise Refusal(f"{name}={path} is no absolute path on the servers.")
    return path.rstrip("/") or path


def words(name: str, value: Any, _servers: Servers = ()) -> list[str]:
    """A list, or a text with blanks or commas between its items."""
    if isinstance(value, (list, tuple)):
        return [str(item).strip() for item in value if str(item).strip()]
    try:
        return shlex.split(str(value).replace(",", " "))
    except ValueError as error:
        raise Refusal(f"{name}={value} is no list: {error}.") from error


def dictionary(name: str, value: Any, _servers: Servers = ()) -> dict[str, Any]:
    """A dictionary, or a text of one: JSON, or ``a=1, b=2``."""
    try:
        found: dict[str, Any] = check_type_dict(value)
    except TypeError as error:
        raise Refusal(f"{name}={value} is no dictionary: {error}.") from error
    return found


def _worker(name: str, value: Any, _servers: Servers) -> str:
    return _said(name, text(name, value), worker_number)


def _server(name: str, value: Any, servers: Servers) -> str:
    return _said(name, text(name, value), lambda one: server_name(one, servers) if servers else one)


def _path(name: str, value: Any, servers: Servers) -> list[str]:
    # A blank is none between its servers, as it is between the words of a list.
    path = value if isinstance(value, (list, tuple)) else str(value).split(",")
    return [_server(name, one, servers) for one in path if str(one).strip()]


def two_runs(name: str, value: Any, _servers: Servers = ()) -> list[str]:
    """Two runs that are to be compared."""
    found = words(name, value)
    if len(found) != 2:
        raise Refusal(f"{name}={','.join(found)}: two are put beside each other, so name two, as in {name}=A,B.")
    return found


def _application(name: str, value: Any, _servers: Servers) -> str:
    return applications.NAMES.get(text(name, value), text(name, value))


def _ports(_name: str, value: Any, _servers: Servers) -> Any:
    ports_of(value)
    return value


def _listen(name: str, value: Any, _servers: Servers) -> str:
    host = text(name, value)
    if not re.fullmatch(r"[A-Za-z0-9._-]+", host):
        raise Refusal(f"{name}={host} is no address of server 1: give an IPv4 address or a name, no port.")
    return host


def _said(name: str, value: str, look: Callable[[str], object]) -> str:
    try:
        look(value)
    except ValueError as error:
        raise Refusal(f"{name}={value}: {error}") from error
    return value


Reading = Callable[[str, Any, Servers], Any]

TYPES: dict[str, Reading] = {
    "int": integer,
    "float": number,
    "bool": boolean,
    "str": text,
    "path": file,
    "list": words,
    "dict": dictionary,
    "raw": lambda _name, value, _servers: value,
}
"""What a value of each of Ansible's types may be."""

WORKERS, SERVERS = ("worker",), ("server", "src", "dst")
"""Arguments that mean a worker, and those that mean a server, wherever they are taken."""

MEANINGS: dict[str, Reading] = {
    **dict.fromkeys(WORKERS, _worker),
    **dict.fromkeys(SERVERS, _server),
    "path": _path,
    "runs": two_runs,
    "app": _application,
    "rejecting": share,
    "wallaroo_ports": _ports,
    "metrics_ui_listen": _listen,
}
"""Words that mean the same in all steps, and more than their type says."""


def cluster_record(
    arguments: Mapping[str, Any], servers: Sequence[Mapping[str, Any]], identifier: str, started: float
) -> ClusterRecord:
    """The cluster that a user wants to be started.

    :param arguments: typed, all of ``start_cluster.yml`` among them, and ``via`` and ``negative`` of a verified run.
    :param servers: name, address and base of every server, in the order of the inventory's group.
    :raises Refusal: when they do not fit together.
    """
    if not servers:
        raise Refusal("The inventory's group 'servers' has no hosts.")
    app, engine = arguments["app"], arguments["engine"]
    adapter = ENGINES[engine]
    home = _home(engine, arguments)
    if app not in adapter.applications:
        raise Refusal(f"app={app} is not for engine={engine}, which runs {' and '.join(adapter.applications)}.")
    source, sink = _end("source", arguments, engine, adapter.sources), _end("sink", arguments, engine, adapter.sinks)
    symbols_file = arguments["symbols_file"] or ""
    if symbols_file and not APPLICATIONS[app].symbols:
        taking = " or ".join(f"app={one.name}" for one in APPLICATIONS.values() if one.symbols)
        raise Refusal(f"symbols_file={symbols_file} cannot be used: it is for {taking}.")
    restores = arguments.get("via") == JOURNAL
    journal = restores if arguments["journal"] is None else arguments["journal"]
    if restores and not journal:
        raise Refusal("via=journal needs a journal to restore from: leave journal=false out.")
    if journal:
        try:
            registry.offered(engine, Journalled)
        except NotOffered as lacking:
            raise Refusal(f"{lacking} Leave journal=true and via=journal out.") from lacking
    if arguments["spare"]:
        try:
            registry.offered(engine, Sparing)
        except NotOffered as lacking:
            raise Refusal(f"{lacking} Leave spare=true out.") from lacking
    version = arguments[adapter.version_argument] if adapter.version_argument else adapter.versions[-1]
    if version not in ENGINES[engine].versions:
        known = ", ".join(ENGINES[engine].versions)
        raise Refusal(f"wallaroo_version={version} is not known: with engine={engine} choose one of {known}.")
    workers = arguments["workers"]
    if workers < adapter.fewest_workers:
        raise Refusal(
            f"workers={workers} is too few: with engine={engine} worker 1 leads the others, so there are at least "
            f"{adapter.fewest_workers}."
        )
    names = [str(server["name"]) for server in servers]
    ports = ports_of(arguments["wallaroo_ports"])
    # A spare has the ports of one more.
    listening = workers + 1 if arguments["spare"] else workers
    if ports.workers + 2 * listening + 1 > HIGHEST:
        raise Refusal(
            f"workers={workers} is too many: each needs two ports above {ports.workers}, and there are no more."
        )
    clash = ports.clash(listening)
    if clash:
        raise Refusal(clash)
    return ClusterRecord(
        identifier=identifier,
        application=app,
        engine=engine,
        version=version,
        workers=workers,
        servers=[
            ServerAddress(name=str(server["name"]), address=str(server["address"]), base=str(server["base"]))
            for server in servers
        ],
        placement={worker: home_server(worker, names) for worker in worker_names(workers)},
        ports=ports.to_dict(),
        keys=arguments["keys"],
        journal=journal,
        symbols_file=symbols_file,
        engine_home=home,
        checkpoint_interval=arguments["checkpoint_interval"],
        metrics_ui=arguments["metrics_ui"] is not False,
        started=started,
        source=source,
        sink=sink,
        checkpoints=_shared(engine, arguments, servers),
        spare=arguments["spare"],
        negative=arguments.get("negative") or "",
    )


def _home(engine: str, arguments: Mapping[str, Any]) -> str:
    """Where an engine is on the servers; of another engine nothing is taken.

    :raises Refusal: when it has to be said and was not.
    """
    adapter = ENGINES[engine]
    home = str(arguments[adapter.home_argument] or "") if adapter.home_argument else ""
    if adapter.home_argument and not home:
        raise Refusal(f"engine={engine} needs {adapter.home_argument}: {adapter.home}.")
    return home


def _shared(engine: str, arguments: Mapping[str, Any], servers: Sequence[Mapping[str, Any]]) -> str:
    """The directory for checkpoints that all servers see; empty when there is none.

    :raises Refusal: when the engine has none, or it cannot serve.
    """
    wanted = str(arguments["flink_checkpoints"] or "")
    if not wanted:
        return ""
    try:
        registry.offered(engine, SharesCheckpoints)
    except NotOffered as lacking:
        raise Refusal(f"{lacking} Leave flink_checkpoints={wanted} out.") from lacking
    if not SHARED.fullmatch(wanted) or ".." in wanted.split("/"):
        raise Refusal(
            f"flink_checkpoints={wanted} stands in an address, where it would mean another path: choose one of "
            "letters, digits and _ @ + = , . - alone."
        )
    for server in servers:
        base = str(server["base"]).rstrip("/")
        if f"{wanted}/".startswith(f"{base}/"):
            raise Refusal(
                f"flink_checkpoints={wanted} lies in wallaroo_base of {server['name']} ({base}), which is emptied when "
                "a cluster starts and stops: choose a directory beside it."
            )
    return wanted


def _end(name: str, arguments: Mapping[str, Any], engine: str, kinds: Sequence[str]) -> str:
    """The kind of source or sink.

    :raises Refusal: when the engine has none of that kind.
    """
    wanted = arguments.get(name) or kinds[0]
    if wanted not in kinds:
        raise Refusal(f"{name}={wanted} is not for engine={engine}: its {name} is {' or '.join(kinds)}.")
    return str(wanted)
