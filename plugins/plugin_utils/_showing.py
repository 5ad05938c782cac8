# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the callback ``steps`` shows of tasks that are under way, and of what they say meanwhile."""

from __future__ import annotations

import atexit
import os
import select
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Optional, TextIO

from ._live_line import LiveLine, can_be_shown
from ._saying import Said, hush, listen
from ._timeline import step_name
from ._together import names

PAINTING = 0.2
"""Seconds between two looks of a live line."""

LATE = 0.4
"""Seconds from which on a task is worth a live line: most are over before."""


@dataclass
class _Task:
    name: str
    server: str
    quiet: bool
    """Whether somebody may be asked something on the terminal meanwhile, who must be able to read that."""
    begin: float = field(default_factory=time.monotonic)


class Showing:
    """The live line, and the channel through which tasks speak. One thread looks after both."""

    def __init__(
        self,
        display: Any,
        stream: TextIO,
        stamp: Callable[[], str],
        shorten: Callable[[str], str] = str,
    ) -> None:
        """.

        :param display: Ansible's.
        :param stamp: the time as lines begin with it.
        :param shorten: takes out of what is said what stands above it already.
        """
        self._display, self._stamp, self._shorten = display, stamp, shorten
        self._line: Optional[LiveLine] = LiveLine(stream) if can_be_shown(stream) else None
        self._channel = listen(self._line is not None)
        self._lock = threading.RLock()
        self._tasks: dict[str, _Task] = {}
        self._progress: dict[str, str] = {}
        self._answered: set[str] = set()
        self._play: Any = None
        self._local: dict[str, bool] = {}
        """Host -> whether it is this machine, where nobody is asked."""
        self._said: list[str] = []
        self._last: list[str] = []
        """What is to be read at the end."""
        self._ended = False
        self._process = os.getpid()
        if self._line is not None:
            self._make_room()
        # Of a run that somebody interrupts as well.
        atexit.register(self._conclude)
        threading.Thread(target=self._look, name="wallaroo-steps", daemon=True).start()

    def may_be_asked(self, host: Any, server: str) -> bool:
        """Whether SSH may ask for a password or about a host key: until a server has answered."""
        if self._line is None or self._play is None or server in self._answered:
            return False
        if host.get_name() not in self._local:
            known = self._play.get_variable_manager().get_vars(play=self._play, host=host)
            connection = str(known.get("ansible_connection") or self._play.connection)
            self._local[host.get_name()] = connection.rpartition(".")[2] == "local"
        return not self._local[host.get_name()]

    def play(self, play: Any) -> None:
        """A play begins."""
        self._play = play

    def begin(self, key: str, name: str, server: str, quiet: bool) -> None:
        """A task begins on a server."""
        with self._lock:
            self._tasks[key] = _Task(step_name(name), server, quiet)

    def done(self, key: str, server: str) -> None:
        """It has ended there."""
        with self._lock:
            self._take()
            task = self._tasks.pop(key, None)
            self._answered.update({server, *([task.server] if task else [])})
            if not self._tasks:
                self._progress.clear()
                self.clear()

    def progress(self, where: str, text: str) -> None:
        """How far a wait is."""
        with self._lock:
            self._heard(Said(text, True, where))

    def said(self) -> list[str]:
        """What tasks have said for good since the last call."""
        with self._lock:
            self._take()
            said, self._said = self._said, []
            return said

    def under_way(self) -> list[str]:
        """What runs, a sentence each."""
        with self._lock:
            together: dict[str, list[str]] = {}
            for task in self._tasks.values():
                together.setdefault(task.name, []).append(task.server)
            return [f"{names(servers)}: {name}" for name, servers in together.items()]

    def clear(self) -> None:
        """Make room on the terminal."""
        if self._line is not None:
            self._line.clear()

    def end(self) -> None:
        """Show nothing more."""
        with self._lock:
            self._take()
            self._ended = True
            self._tasks.clear()
            self.clear()
            self._conclude()
            atexit.unregister(self._conclude)
            hush()

    def _conclude(self) -> None:
        if os.getpid() == self._process:
            last, self._last = self._last, []
            for text in last:
                self._display.display(text)

    def _make_room(self) -> None:
        """Whoever else writes to the terminal, such as a warning, finds the line gone."""
        original = self._display.display

        def display(*arguments: Any, **named: Any) -> Any:
            if os.getpid() != self._process:
                return original(*arguments, **named)
            with self._lock:
                self.clear()
                return original(*arguments, **named)

        self._display.display = display

    def _look(self) -> None:
        while not self._ended:
            try:
                select.select([self._channel], [], [], PAINTING)
                with self._lock:
                    if not self._ended:
                        self._take()
                        self._paint()
            except (OSError, ValueError):
                # Closed meanwhile.
                return

    def _take(self) -> None:
        while not self._ended and (said := self._channel.take()) is not None:
            self._heard(said)

    def _heard(self, said: Said) -> None:
        if said.passing and self._line is not None:
            self._progress[said.where] = said.text
            return
        text = said.text
        if said.passing:
            text = f"{self._stamp()}  {said.where}: {text}"
        else:
            self._said.append(text)
            if said.last:
                self._last.append(self._shorten(text))
                return
            if "\n" not in text.strip():
                text = f"{self._stamp()}  {text.strip()}"
        self.clear()
        self._display.display(text)

    def _paint(self) -> None:
        now = time.monotonic()
        shown = [task for task in self._tasks.values() if now - task.begin >= LATE]
        if self._line is None or not shown:
            return
        first = min(shown, key=lambda task: task.begin)
        if any(task.quiet for task in self._tasks.values()):
            # Written once, and then left alone.
            if not self._line.is_shown():
                self._line.show(f"{first.server}: {first.name} ...")
            return
        servers = names(task.server for task in shown if task.name == first.name)
        waits = "; ".join(
            text if where == servers else f"{where}: {text}"
            for where, text in self._progress.items()
            if any(task.server == where for task in shown)
        )
        self._line.show(f"{now - first.begin:4.0f} s  {servers}: {first.name}", waits)
