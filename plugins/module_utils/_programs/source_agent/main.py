# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent: what a target server does on the source server while it moves a worker from there.

Started over SSH by the module on the target, before the worker is killed, so that inside the downtime no
connection has to be opened. It works on exactly one worker below one ``wallaroo_base``, reads nothing but that
worker's resilience files, and ends with the connection.
"""

from __future__ import annotations

import argparse
import os
import select
import sys
from collections.abc import Sequence
from typing import Any, BinaryIO, Optional

from ..._engines.registry import files_in
from ..._formats.framing import HEADER
from ..._problem import Problem
from ..._resilience import agent_protocol
from ..._resilience.agent import Agent
from ..._resilience.agent_protocol import LAYOUT, LIMIT, MOST_BYTES, ProtocolError
from ..shared import DONE, FAILED, Parser, complain

IDLE_SECONDS = 900.0
"""After so long without a request the agent ends: whoever started it is gone, whatever became of the connection."""


def answer(agent: Agent, server: str, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """What is said to a request, and the bytes that follow.

    :param server: this server's name in the inventory.
    :raises Problem: when files cannot be read, the worker cannot be killed, or its address cannot be given away.
    :raises OSError: when files cannot be read.
    :raises ProtocolError: when there is no such request.
    """
    act = request.get("act")
    if act == "hello":
        agent.run = str(request.get("run") or "")
        return {"server": server, "worker": agent.worker, "pid": os.getpid()}, b""
    if act == "manifest":
        return {"manifest": agent.files.manifest().to_dict()}, b""
    if act == "beginning":
        digest = agent.files.digest_of_beginning(_text(request, "name"), _number(request, "length"))
        return {"sha256": digest}, b""
    if act == "read":
        with agent.files.open_at(_text(request, "name"), _number(request, "offset")) as stream:
            data = stream.read(min(_number(request, "length"), MOST_BYTES))
        return {"bytes": len(data)}, data
    if act == "process":
        return {"pid": agent.pid()}, b""
    if act == "kill":
        return agent.kill(float(request.get("limit") or 10.0))._asdict(), b""
    if act in ("stand_by", "give_address"):
        getattr(agent, act)()
        return {}, b""
    raise ProtocolError(f"an agent does not know {act!r}")


def serve(agent: Agent, server: str, requests: int, answers: BinaryIO, idle: float = IDLE_SECONDS) -> None:
    """Answer until the requests end.

    :param requests: descriptor from which they come.
    :raises ProtocolError: when what comes is none.
    """
    while True:
        header = _exactly(requests, HEADER.size, idle)
        if header is None:
            return
        (length,) = HEADER.unpack(header)
        if length > LIMIT:
            raise ProtocolError(f"a request of {length} bytes is none")
        payload = _exactly(requests, length, idle)
        if payload is None:
            return
        try:
            message, data = answer(agent, server, agent_protocol.decode(payload))
        except FileNotFoundError as error:
            message, data = {"gone": str(error.filename)}, b""
        except (Problem, ValueError) as error:
            message, data = {"error": str(error)}, b""
        except OSError as error:
            message, data = {"error": f"{error.filename or agent.files.describe()}: {error.strerror or error}"}, b""
        answers.write(agent_protocol.encode(message))
        answers.write(data)
        answers.flush()


def main(arguments: Sequence[str]) -> int:
    """Run the program."""
    parser = Parser(prog="source_agent", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--base", required=True, help="the server's wallaroo_base")
    parser.add_argument("--server", required=True, help="the server's name in the inventory")
    parser.add_argument("--worker", required=True)
    parser.add_argument("--directory", required=True, help="the worker's resilience directory")
    for option in LAYOUT:
        parser.add_argument(option, required=True, help="what the names of the worker's files depend on")
    options: argparse.Namespace = parser.parse_args(arguments)
    try:
        files = files_in(options.directory, options.engine, options.application, options.version, options.worker)
        serve(Agent(options.base, files), options.server, 0, sys.stdout.buffer)
    except (ValueError, BrokenPipeError) as error:
        complain(f"source_agent: {error}")
        return FAILED
    return DONE


def _exactly(descriptor: int, size: int, idle: float) -> Optional[bytes]:
    """So many bytes, or None when they end or nothing comes for ``idle`` seconds."""
    parts = []
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    while size:
        if not waiting.poll(idle * 1000):
            return None
        chunk = os.read(descriptor, min(size, 1 << 16))
        if not chunk:
            return None
        parts.append(chunk)
        size -= len(chunk)
    return b"".join(parts)


def _text(request: dict[str, Any], name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise ProtocolError(f"{name} is {value!r}")
    return value


def _number(request: dict[str, Any], name: str) -> int:
    value = request.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ProtocolError(f"{name} is {value!r}")
    return value
