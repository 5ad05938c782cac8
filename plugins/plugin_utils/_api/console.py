# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the API on the command line: ``migrate worker=2 src=2 dst=4``."""

from __future__ import annotations

import argparse
import difflib
import inspect
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields, is_dataclass, replace
from typing import Any

from .. import _timeline
from .. import cluster as api
from .._outcomes.clusters import Status
from .._outcomes.common import Outcome
from .._outcomes.moves import Moved
from .._outcomes.verified import Verified
from .._ports import ports_of
from .._servers import Refusal
from .._timeline import Event
from . import cleaning
from .calls import Step
from .errors import CallFailed, ResilienceError, UsageError

PASSED, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

COMMAND = "wallaroo-resilience"
"""Its name in the environment of a checkout."""

PROGRAM = "python -m ansible_collections.wallaroo.resilience.plugins.plugin_utils.cluster"

COUNTED = ("expected", "received", "copied_bytes", "resilience_bytes")
"""Numbers that may be large."""

NOT_HERE = ("self", "environment", "on_event", "show")


def verbs() -> dict[str, Step[Any, Any]]:
    """Every verb, and the method that carries it out."""
    found = {}
    for kind in reversed(api.Cluster.__mro__):
        found.update({name: step for name, step in vars(kind).items() if isinstance(step, Step)})
    return dict(sorted(found.items()))


def settings() -> list[str]:
    """What can be said of the cluster itself, with every verb."""
    return [name for name in inspect.signature(api.Cluster.__init__).parameters if name not in NOT_HERE]


def main(argv: Sequence[str]) -> int:
    """Carry out one verb; returns the exit code: 0 pass, 1 failed, 2 wrong use, 130 Ctrl-C."""
    # As in a shell: whoever is asked to end cancels what it has begun.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    given = _parser().parse_intermixed_args(list(argv))
    try:
        if given.verb.replace("-", "_") == cleaning.VERB:
            return cleaning.main(given.arguments)
        verb, own, of_cluster = understood(given.verb, given.arguments)
    except UsageError as error:
        print(f"{_program().rsplit('.', 1)[-1]}: {error}", file=sys.stderr)
        return USAGE
    progress = None if given.quiet or given.show else _progress
    try:
        made = api.Cluster(**of_cluster, show=given.show, on_event=progress)
        result: Outcome = getattr(made, verb)(**own)
    except KeyboardInterrupt:
        print(f"\n{verb} was cancelled; the same command again completes it.", file=sys.stderr)
        return INTERRUPTED
    except CallFailed as failed:
        if given.json:
            print(json.dumps(_failure(failed), indent=2))
        else:
            print(f"failed: {failed}", file=sys.stderr, flush=True)
            if failed.result is not None:
                print("\n".join(lines(_but_what_was_said(failed.result, str(failed)))))
        return FAILED
    except (ResilienceError, ValueError, TypeError) as error:
        print(f"{verb}: {error}", file=sys.stderr)
        return USAGE
    print(json.dumps(asdict(result), indent=2) if given.json else "\n".join(lines(result)))
    return PASSED


def _but_what_was_said(result: Outcome, said: str) -> Outcome:
    """A result without its reason, where that has just been shown."""
    if isinstance(result, (Moved, Verified)) and result.reason and result.reason in said:
        return replace(result, reason="")
    return result


def understood(verb: str, arguments: Sequence[str]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A verb, its own arguments, and those of the cluster.

    :raises UsageError: for what is not known, with what may have been meant.
    """
    known = verbs()
    # Both are understood, the verb and the name of its playbook.
    playbooks = {step.playbook: name for name, step in known.items()}
    name = verb.removesuffix(".yml").replace("-", "_")
    name = playbooks.get(name, name)
    if name not in known:
        every = sorted([*known, cleaning.VERB])
        raise UsageError(
            f"there is no verb {verb}{_meant(name, [*every, *playbooks])}; choose one of {', '.join(every)}."
        )
    parameters = known[name].parameters
    free = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    named = [key for key, parameter in parameters.items() if parameter.kind is not parameter.VAR_KEYWORD]
    own: dict[str, Any] = {}
    of_cluster: dict[str, Any] = {}
    for argument in arguments:
        key, equals, text = argument.partition("=")
        if not equals or not key:
            raise UsageError(f"{argument!r} is no argument: write them as name=value, e.g. worker=2.")
        key = known[name].renamed.get(key, key)
        if key in named:
            own[key] = text
        elif key in settings():
            of_cluster[key] = _value(key, text)
        elif free:
            own[key] = text
        else:
            takes = ", ".join(named) or "none of its own"
            raise UsageError(
                f"{name} has no argument {key}{_meant(key, [*named, *settings()])}; it takes {takes}, "
                f"and with every verb {', '.join(settings())}."
            )
    missing = known[name].missing(own)
    if missing:
        raise UsageError(
            f"{name} needs {' '.join(f'{key}=' for key in missing)}; e.g. {name} {known[name].declared.example}."
        )
    return name, own, of_cluster


def lines(value: Any, indent: str = "") -> Iterator[str]:
    """A result as lines that a person reads: its table when it has one. What is empty is left out, and so is the
    summary, which says the same once more.
    """
    if isinstance(value, Status) and value.table:
        yield from value.table
        return
    for known in fields(value):
        found = getattr(value, known.name)
        if known.name == "summary" or found in (None, "", ()) or (known.name == "check" and not found):
            continue
        if not isinstance(found, tuple):
            yield f"{indent}{known.name}: {_text(known.name, found)}"
        elif is_dataclass(found[0]):
            yield f"{indent}{known.name}:"
            for item in found:
                first, *others = lines(item, f"{indent}    ")
                yield f"{indent}  - {first.strip()}"
                yield from others
        else:
            yield f"{indent}{known.name}:"
            yield from (f"{indent}  {item}" for item in found)


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if name in COUNTED:
        return f"{value:,}"
    return str(value)


def _progress(event: Event) -> None:
    if event.record == _timeline.END and event.outcome == _timeline.CHANGED:
        print(f"  {event.server}: {event.step}", file=sys.stderr, flush=True)


def _failure(failed: CallFailed) -> dict[str, Any]:
    return {
        "error": str(failed),
        "playbook": failed.playbook,
        "step": failed.step,
        "host": failed.host,
        "message": failed.message,
        "folder": failed.folder,
        "failures": [asdict(failure) for failure in failed.failures],
        "result": asdict(failed.result) if failed.result is not None else None,
    }


def _value(key: str, text: str) -> Any:
    if key == "ports":
        try:
            ports_of(text)
        except Refusal as refusal:
            raise UsageError(str(refusal)) from refusal
        # As it was written: the playbooks understand it in the same way.
        return text
    if key == "variables":
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise UsageError(f'{key} is a JSON object, e.g. variables=\'{{"my_site": "a"}}\'.')
        return found
    if key == "limit":
        try:
            return float(text)
        except ValueError:
            raise UsageError(f"limit={text} is no number of seconds.") from None
    if key == "take_over":
        if text.lower() not in ("true", "false", "yes", "no"):
            raise UsageError(f"take_over={text} is neither true nor false.")
        return text.lower() in ("true", "yes")
    return text


def _meant(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _first_line(step: Step[Any, Any]) -> str:
    return (step.__doc__ or "").splitlines()[0].replace("``", "")


def _program() -> str:
    """How it was started, for those who are told how to."""
    return COMMAND if os.path.basename(sys.argv[0]) == COMMAND else PROGRAM


def _parser() -> argparse.ArgumentParser:
    listing = "\n".join(f"  {name:<18}{_first_line(step)}" for name, step in verbs().items())
    listing += f"\n  {cleaning.VERB:<18}{cleaning.SUMMARY}"
    parser = argparse.ArgumentParser(
        prog=_program(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Crash, move and verify a cluster. Exit code: 0 pass, 1 failed, 2 wrong use, 130 Ctrl-C.",
        epilog=f"verbs:\n{listing}\n\nwith every verb: {', '.join(f'{name}=' for name in settings())}\n"
        f"\nexample: {_program()} migrate worker=2 src=2 dst=4",
    )
    parser.add_argument("verb", help="what to do; the names of the playbooks are understood, too")
    parser.add_argument("arguments", nargs="*", metavar="name=value", help="e.g. worker=2 src=2 dst=4")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--show", action="store_true", help="print what ansible-playbook prints")
    parser.add_argument("--quiet", action="store_true", help="print no progress")
    return parser
