# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``sending_calls``: what ``in_turn`` calls to send what a plan says, and to wait for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: sending_calls
version_added: 2.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
short_description: The modules that send what a plan says, and wait for it
description:
  - For O(wallaroo.resilience.in_turn#module:calls), so that the first server is asked once, whatever is sent.
options:
  _input:
    description: The plan of C(start_sender).
    type: dict
    required: true
  waiting:
    description:
      - How it is waited for.
      - C(awaited) has the arguments of M(wallaroo.resilience.received_wait), and C(settle) tells whether a checkpoint
        has to cover what came out.
      - C(send_timeout) and C(checkpoint_timeout) are seconds, the latter empty for as long as checkpoints should take.
      - C(tells) is whether the server tells its state in the end, and C(run) for which run; C(check) is whether
        nothing is done.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Send, and wait until all has come out
  wallaroo.resilience.in_turn:
    calls: "{{ sender_plan | wallaroo.resilience.sending_calls(sender_waiting) }}"
  delegate_to: "{{ sender_plan.server }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The calls, in their order.
  type: list
  elements: dict
"""

Call = dict[str, Any]


def sending_calls(plan: Mapping[str, Any], waiting: Mapping[str, Any]) -> list[Call]:
    """Each with ``module`` and ``arguments``."""
    # What comes of files is known to the verifier alone.
    of_values, waits = "last" in plan, bool(plan["wait"]) and not waiting["check"]
    came_out = [_call("received_wait", waiting["awaited"])] if of_values and waits else []
    # Quotes come out nowhere, so what tells that they are known is a checkpoint that began after they had been read.
    covered = [_checkpoint(plan, waiting)] if waits and (waiting["settle"] or not of_values) else []
    calls: list[Call] = []
    for one in plan["sends"]:
        calls += [_sender(plan, waiting, one), *came_out, *covered]
    if plan["sends"]:
        calls = [*([_generator(plan, waiting)] if plan["generate"] else []), *calls]
    else:
        calls = came_out
    # For who sends again without another look.
    here = {"base": plan["base"], "server": plan["server"]}
    return [*calls, *([_call("server_info", {**here, "run": waiting["run"]})] if waiting["tells"] else [])]


def _sender(plan: Mapping[str, Any], waiting: Mapping[str, Any], one: Mapping[str, Any]) -> Call:
    awaited = waiting["awaited"]
    return _program(
        plan,
        waiting,
        {
            **{key: one[key] for key in ("name", "program", "argv", "details", "result_file")},
            "kind": "sender",
            "wait": plan["wait"],
            "received": awaited["path"] if awaited["on_violation"] == "stop" else "",
        },
    )


def _generator(plan: Mapping[str, Any], waiting: Mapping[str, Any]) -> Call:
    result = f"{plan['base']}/run/market_data/result.json"
    argv = [*plan["generate"], "--result", result]
    return _program(
        plan, waiting, {"name": "market_data", "program": "market_data", "argv": argv, "result_file": result}
    )


def _program(plan: Mapping[str, Any], waiting: Mapping[str, Any], arguments: Mapping[str, Any]) -> Call:
    here = {"base": plan["base"], "server": plan["server"], "wait_timeout": waiting["send_timeout"]}
    return _call("program", {**here, **arguments})


def _checkpoint(plan: Mapping[str, Any], waiting: Mapping[str, Any]) -> Call:
    cluster = plan["cluster"]
    return _call(
        "checkpoint_wait",
        {
            "base": plan["base"],
            "server": plan["server"],
            "worker": plan["leading"],
            **{name: cluster[name] for name in ("application", "version", "engine")},
            "interval": cluster["checkpoint_interval"],
            "wait_timeout": waiting["checkpoint_timeout"],
        },
    )


def _call(module: str, arguments: Mapping[str, Any]) -> Call:
    return {"module": module, "arguments": dict(arguments)}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"sending_calls": sending_calls}
