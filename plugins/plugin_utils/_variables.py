# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the playbooks: which playbook takes which, and what each may be.

Ansible itself ignores a variable that nobody reads, so a misspelt one would be ignored, too. What the heads of the
playbooks, the surveys of AWX, the methods of the API and README say is proved equal to this by tests.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.wallaroo.resilience.plugins.module_utils._catalogue.versions import VERSIONS
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.naming import server_name, worker_number
from ansible_collections.wallaroo.resilience.plugins.module_utils._engines.registry import ENGINES
from ansible_collections.wallaroo.resilience.plugins.plugin_utils import _arguments as arguments_of
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._metrics_ui import listen_host
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._ports import ports_of
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._timeline import KEY

Values = Mapping[str, Any]
Check = Callable[[Values, str, Sequence[str]], object]
"""Refuses the value of a variable, given the names of all servers; an empty text was not given."""

FORMATION = (
    *("workers", "app", "engine", "keys", "checkpoint_interval", "wallaroo_home", "wallaroo_version", "wallaroo_ports"),
    *("journal", "metrics_ui", "metrics_ui_listen"),
)
"""What a cluster is started with."""

VERIFIED = ("worker", "restarts", "values", "drain", "batch", "interval", "mode", "keep_running")

MARKET_DATA = (
    *("round", "initial_nbbo_file", "orders_file", "nbbo_file"),
    *("seed", "symbols", "orders", "quotes", "rejecting"),
)

PLAYBOOKS: dict[str, tuple[str, ...]] = {
    "collect_logs": ("lines", "then_fail"),
    "configure_awx": (),
    "copy_resilience": ("worker", "src", "dst", "via", "source_lost"),
    "demo": (*FORMATION, *VERIFIED, "via", "path", "dst"),
    "kill_worker": ("worker", "server"),
    "migrate": ("worker", "src", "dst", "via", "source_lost", "settle", "keep_address"),
    "preflight": ("fix", "workers", "app", "engine", "wallaroo_home", "wallaroo_ports"),
    "restart_worker": ("worker", "server", "source_lost"),
    "setup_dev_env": ("wallaroo_version",),
    "setup_repo": ("wallaroo_home", "wallaroo_version", "resilience"),
    "start_cluster": (*FORMATION, "symbols_file"),
    "start_sender": ("first", "last", "batch", "interval", "wait", *MARKET_DATA),
    "status": (),
    "stop_cluster": ("keep_files",),
    "verify": ("last", "mode"),
    "verify_migration": (*FORMATION, *VERIFIED, "via", "path", "dst"),
    "verify_restart": (*FORMATION, *VERIFIED),
}
"""Playbook -> its own variables."""

WRITES_RUNS = ("demo", "migrate", "verify", "verify_migration", "verify_restart")
"""Playbooks that leave the folder of a run."""

WITHOUT_BASE = ("configure_awx", "setup_dev_env")
"""Playbooks that put nothing below ``wallaroo_base``."""

EVERYWHERE = ("take_over", "wallaroo_runs", "wallaroo_other_variables")
"""Variables that every playbook may be given, whether it has a lock and a folder of runs or not."""

LIMITS = tuple(
    f"wallaroo_{what}_timeout"
    for what in ("acts", "start", "restart", "send", "receive", "checkpoint", "verify", "verification")
)
"""Limits of waits, in seconds."""

SERVERS = (
    *("wallaroo_base", "wallaroo_address"),
    *("wallaroo_ssh_address", "wallaroo_ssh_port", "wallaroo_ssh_identity", "wallaroo_ssh_known_hosts"),
)
"""Variables of servers, which belong into the inventory."""

SETTINGS = (*FORMATION, "symbols_file", *EVERYWHERE, *LIMITS, *SERVERS)
"""What describes a cluster and its surroundings: one file of variables (``-e @file``) may serve all playbooks, so they
are no mistake where they are not needed."""

IN_PYTHON = {
    "until": "last",
    "ports": "wallaroo_ports",
    "runs": "wallaroo_runs",
    "variables": "the variables themselves",
}
"""What the Python API calls a variable otherwise."""

FOREIGN = ("ansible_", "awx_", "tower_", KEY)
"""Beginnings of names that are Ansible's or AWX's own; AWX gives what a job published to the next one of a workflow."""

IN_A_WORKFLOW = "awx_workflow_job_id"
"""With it AWX says that a job is part of a workflow, whose answers go to all its jobs."""


def _whole(values: Values, name: str, _servers: Sequence[str]) -> object:
    return arguments_of.integer(values, name, 1)


def _number(values: Values, name: str, _servers: Sequence[str]) -> object:
    return arguments_of.number(values, name, 0.0)


def _limit(values: Values, name: str, _servers: Sequence[str]) -> object:
    if not arguments_of.given(values, name):
        raise Refusal(f"{name} is empty: give seconds, or leave it out.")
    return arguments_of.number(values, name, 0.0)


def _yes_no(values: Values, name: str, _servers: Sequence[str]) -> object:
    return arguments_of.boolean(values, name, False)


def _one_of(*choices: str) -> Check:
    def check(values: Values, name: str, _servers: Sequence[str]) -> object:
        return arguments_of.choice(values, name, choices, choices[0])

    return check


def _file(values: Values, name: str, _servers: Sequence[str]) -> object:
    return arguments_of.file(values, name, "the servers")


def _worker(values: Values, name: str, _servers: Sequence[str]) -> object:
    text = arguments_of.given(values, name)
    return _said(name, text, lambda: worker_number(text)) if text else ""


def _server(values: Values, name: str, servers: Sequence[str]) -> object:
    text = arguments_of.given(values, name)
    return _said(name, text, lambda: server_name(text, servers)) if text else ""


def _path(values: Values, name: str, servers: Sequence[str]) -> object:
    path = arguments_of.path_of_servers(values.get(name))
    return _said(name, ",".join(path), lambda: [server_name(one, servers) for one in path])


def _text(values: Values, name: str, _servers: Sequence[str]) -> object:
    if isinstance(values.get(name), (list, tuple, Mapping)):
        raise Refusal(f"{name}={values[name]} is no text.")
    return values.get(name)


def _said(name: str, text: str, look: Callable[[], object]) -> object:
    try:
        return look()
    except ValueError as error:
        raise Refusal(f"{name}={text}: {error}") from error


CHECKS: dict[str, Check] = {
    **dict.fromkeys(("workers", "keys", "restarts", "values", "batch", "first", "last", "lines"), _whole),
    **dict.fromkeys(("round", "seed", "symbols", "orders", "quotes"), _whole),
    **dict.fromkeys(("checkpoint_interval", "interval"), _number),
    "rejecting": lambda values, name, _servers: arguments_of.share(values, name, 0.0),
    **dict.fromkeys(
        ("journal", "metrics_ui", "source_lost", "settle", "keep_address", "drain", "keep_running"), _yes_no
    ),
    **dict.fromkeys(("wait", "fix", "then_fail", "keep_files", "resilience", "take_over"), _yes_no),
    "app": lambda values, _name, _servers: arguments_of.application(values),
    "engine": _one_of(*ENGINES),
    "mode": _one_of(*arguments_of.MODES),
    "via": _one_of(*arguments_of.WAYS),
    "wallaroo_version": _one_of(*VERSIONS),
    "wallaroo_ports": lambda values, name, _servers: ports_of(values.get(name)),
    "metrics_ui_listen": lambda values, _name, _servers: listen_host(values, "a"),
    "worker": _worker,
    **dict.fromkeys(("server", "src", "dst"), _server),
    "path": _path,
    **dict.fromkeys(("wallaroo_home", "symbols_file"), _file),
    **dict.fromkeys(("initial_nbbo_file", "orders_file", "nbbo_file"), _file),
    "wallaroo_runs": _text,
    **dict.fromkeys(LIMITS, _limit),
}
"""What a variable may be. Variables of servers may differ from one to the next, and are checked where they are used."""


def check(
    playbook: str, extra: Values, values: Values, servers: Sequence[str], mentioned: Callable[[str], bool]
) -> dict[str, Any]:
    """Refuse what makes no sense, before anything is done.

    :param extra: the extra variables: what was given with ``-e``, and the answers of a survey.
    :param values: all variables of the play that :func:`wanted` names, wherever they were defined.
    :param mentioned: whether a name is used in the inventory.
    :returns: the values.
    :raises Refusal: with a sentence.
    """
    others = {word for item in [values.get("wallaroo_other_variables")] for word in arguments_of.words(item)}
    for name in extra:
        _refuse_unknown(playbook, str(name), extra, others, mentioned)
    for name in wanted(playbook):
        if name in values and name in CHECKS:
            CHECKS[name](values, name, servers)
    return dict(values)


def wanted(playbook: str) -> list[str]:
    """The variables whose values matter to a playbook."""
    return list(dict.fromkeys([*PLAYBOOKS[playbook], *EVERYWHERE, *LIMITS]))


def _refuse_unknown(
    playbook: str, name: str, extra: Values, others: Collection[str], mentioned: Callable[[str], bool]
) -> None:
    own = PLAYBOOKS[playbook]
    if name in own or name in SETTINGS or name in others:
        return
    takers = sorted(other for other, taken in PLAYBOOKS.items() if name in taken)
    if takers:
        if IN_A_WORKFLOW in extra:
            return
        raise Refusal(
            f"{playbook}.yml takes no {name}: it is a variable of {', '.join(f'{taker}.yml' for taker in takers)}. "
            f"{playbook}.yml takes {', '.join(own) or 'none of its own'}."
        )
    known = set(role_variables())
    if name in known:
        return
    of_awx = playbook == "configure_awx" and name.startswith("awx_")
    if not of_awx and (name.startswith(FOREIGN) or mentioned(name)):
        return
    near = IN_PYTHON.get(name) or _nearest(name, own, sorted({*SETTINGS, *known, *_all_own()}))
    meant = f" (did you mean {near}?)" if near else ""
    raise Refusal(
        f"There is no variable {name}{meant}: {playbook}.yml takes {', '.join(own) or 'none of its own'}. "
        f"If {name} is for something else, say so with wallaroo_other_variables={name}."
    )


def _nearest(name: str, own: Sequence[str], known: Sequence[str]) -> str:
    """What may have been meant: rather one of the playbook's own, unless that is far and another one near."""
    for words, cutoff in ((own, 0.75), (known, 0.75), (own, 0.6)):
        near = difflib.get_close_matches(name, words, n=1, cutoff=cutoff)
        if near:
            return near[0]
    return ""


def _all_own() -> Iterator[str]:
    for taken in PLAYBOOKS.values():
        yield from taken


def role_variables() -> Iterator[str]:
    """Variables of roles, from their own declarations: where sources come from, and the like."""
    roles = Path(__file__).parents[2] / "roles"
    for path in sorted(roles.glob("*/meta/argument_specs.yml")):
        specs = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
        for spec in specs.values():
            yield from spec.get("options") or {}


def mentions(name: str, value: Any) -> bool:
    """Whether a template in a value of the inventory uses a variable."""
    if isinstance(value, Mapping):
        return any(mentions(name, one) for one in value.values())
    if isinstance(value, (list, tuple)):
        return any(mentions(name, one) for one in value)
    if not isinstance(value, str) or "{" not in value:
        return False
    templates = re.findall(r"\{\{.*?\}\}|\{%.*?%\}", value, re.DOTALL)
    return any(re.search(rf"\b{re.escape(name)}\b", template) for template in templates)
