# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks of the worker's event loop: none may die without a word, and none is left behind."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Coroutine
from typing import Any

from .applications.interface import InvariantViolated
from .output import fail


class Tasks:
    """The running tasks of a worker."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something beside the rest."""
        task = asyncio.get_running_loop().create_task(self._guard(work))
        # The loop itself keeps no strong reference: without this set a task could be collected.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @staticmethod
    async def _guard(work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await work
        except asyncio.CancelledError:
            raise
        except InvariantViolated as violated:
            fail(str(violated), "the application's check of its state")
        except Exception as error:
            trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
            print(trace, flush=True)
            fail(f"{type(error).__name__}: {error}", "the embedded engine")


async def close(writer: asyncio.StreamWriter) -> None:
    """Close a connection whatever state it is in."""
    writer.close()
    try:
        await writer.wait_closed()
    except (OSError, asyncio.CancelledError):
        pass
