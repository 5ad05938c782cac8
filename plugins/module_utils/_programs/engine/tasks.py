# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks of the worker's event loop: none may die without a word, and none is collected while it runs."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from .output import fail, say


class Tasks:
    """The running tasks of a worker."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something beside the rest."""
        task = asyncio.get_running_loop().create_task(self._guard(work))
        # The loop itself keeps no strong reference.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @staticmethod
    async def _guard(work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await work
        except asyncio.CancelledError:
            raise
        except Exception as error:
            # An error of the engine itself: a worker that went on would be half dead.
            say("".join(traceback.format_exception(type(error), error, error.__traceback__)))
            fail(f"{type(error).__name__}: {error}", "the embedded engine")


class Signal:
    """Wakes everybody who waits for something to change, so that they look again."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def wake(self) -> None:
        """Something changed."""
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def until(self, reached: Callable[[], object]) -> None:
        """Wait until a condition holds. Whoever changes what it looks at has to call :meth:`wake`."""
        while not reached():
            future = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            try:
                await future
            finally:
                self._waiting.discard(future)
