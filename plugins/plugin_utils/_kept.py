# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was sent and what was received, brought from the first server into the folder of a run with one call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..module_utils._formats.detector import key_name
from ..module_utils._server.server_state import RECEIVED_FILE
from ..module_utils._verification import arrivals
from . import _run_folder
from ._evidence import Evidence, KeptFile
from ._losses import arrived

Ask = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Calls ``run_files`` on the first server."""


def messages(
    ask: Ask,
    folder: Path,
    evidence: Evidence,
    cluster: Mapping[str, Any],
    states: Mapping[str, Any],
    wanted: Mapping[str, Any],
    crashed: Sequence[Mapping[str, Any]],
) -> Evidence:
    """Write what was sent and received into the folder, and what could not be had into the notes.

    :param cluster: its record.
    :param states: server -> what ``server_info`` returned at the end.
    :param wanted: ``last``, the last value that each key was to get, or ``inputs``, the files that were sent, in order;
        and the ``mode`` of the verification; ``crashes``, what :func:`_judging.noted` makes of it.
    :param crashed: workers that died of themselves, with their last words.
    :raises OSError: when something cannot be written.
    """
    first = dict(next(iter(cluster.get("servers") or []), {}))
    server, base = str(first.get("name") or ""), str(first.get("base") or "")
    state = states.get(server) or {}
    sent = [_run_folder.keep_sent(folder, _sent(cluster, state, wanted, crashed))]
    received: list[KeptFile] = []
    notes = list(evidence.notes)
    if "processes" not in state:
        # It is not waited for once more.
        notes.append(f"What was received is not here: {server} did not answer.")
        return replace(evidence, sent_files=tuple(sent), notes=tuple(notes))
    path = f"{base}/{RECEIVED_FILE}"
    inputs = list(dict.fromkeys((*_inputs(state), *(wanted.get("inputs") or []))))
    answer = ask({"paths": [path, arrivals.path_of(path), *inputs]})
    if "files" not in answer:
        notes.append(f"What was received is not here: {answer.get('msg') or 'the server did not say why'}")
    for found in answer.get("files") or []:
        of_sender = found["path"] in inputs
        kept = _run_folder.keep(folder, _run_folder.SENT if of_sender else _run_folder.RECEIVED, found, server)
        (sent if of_sender else received).append(kept)
    return replace(evidence, sent_files=tuple(sent), received_files=tuple(received), notes=tuple(notes))


def _inputs(state: Mapping[str, Any]) -> Iterator[str]:
    """The files whose records senders have sent."""
    for name, process in (state.get("processes") or {}).items():
        words: Sequence[str] = (process.get("argv") or []) if name.startswith("sender_") else []
        yield from (after for word, after in zip(words, words[1:]) if word == "--file")


def _sent(
    cluster: Mapping[str, Any],
    state: Mapping[str, Any],
    wanted: Mapping[str, Any],
    crashed: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """What ``sent.json`` says: of each key the first and the last value, and up to where all was sent for ``sure``;
    or the files that were sent as a whole, in their order. Also what is known of ``crashes``.

    Where nobody knows what was sent, all is taken to have been.
    """
    head = {"application": str(cluster.get("application") or ""), "mode": str(wanted.get("mode") or "")}
    if wanted.get("inputs"):
        return {**head, "keys": {}, "inputs": list(wanted["inputs"])}
    first, last = int(wanted.get("first") or 1), int(wanted.get("last") or 0)
    known: Mapping[str, Any] = (state.get("sent") or {}).get("sender") or {"sure": 0}
    sure = int(known["sure"]) if "processes" in state else last
    # A worker that died of a value had got it.
    came = arrived(crashed)
    keys = [key_name(number) for number in range(int(cluster.get("keys") or 0))]
    return {
        **head,
        "crashes": wanted.get("crashes"),
        "keys": {key: {"first": first, "last": last, "sure": min(last, max(sure, came.get(key, 0)))} for key in keys},
    }
