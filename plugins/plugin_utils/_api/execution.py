# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of one playbook through ansible-runner, in a thread of its own, with everything that it leaves cleaned up."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Optional

from .. import _results, _timeline
from .._timeline import Event
from . import leftovers, place, terminal
from .errors import Failure, UsageError

LOOK_SECONDS = 0.2
"""How long ansible-runner waits for output before it asks whether it shall cancel."""

EventHandler = Callable[[Event], None]


@dataclass
class Wanted:
    """What is to be run."""

    playbook: str
    """Its name, without ``.yml``."""
    inventory: str
    variables: Mapping[str, Any]
    """Extra variables; ``wallaroo_runs`` among them."""
    environment: Mapping[str, str] = field(default_factory=dict)
    on_event: Optional[EventHandler] = None
    show: bool = False
    """Print what Ansible prints."""
    limit: Optional[float] = None
    """Seconds after which it is cancelled."""


@dataclass
class Ended:
    """What became of it."""

    status: str = "failed"
    """ansible-runner's word: ``successful``, ``failed``, ``canceled`` or ``timeout``."""
    code: Optional[int] = None
    published: Optional[Mapping[str, Any]] = None
    failures: tuple[Failure, ...] = ()
    last_words: str = ""
    """The end of what Ansible said when it failed before its first step."""
    folder: Optional[str] = None
    seconds: float = 0.0
    steps: int = 0
    """How many steps have ended, on all hosts."""
    changed: bool = False
    """Whether any step changed anything."""
    check: bool = False
    error: Optional[BaseException] = None
    """What an event handler or ansible-runner raised."""


def runner() -> ModuleType:
    """The module ansible_runner.

    :raises UsageError: when it is not installed.
    """
    try:
        import ansible_runner
    except ImportError as error:
        raise UsageError("The Python API needs ansible-runner: pip install ansible-runner.") from error
    module: ModuleType = ansible_runner
    return module


class Execution:
    """A playbook that is running."""

    def __init__(self, wanted: Wanted) -> None:
        """Start it.

        :raises UsageError: when that makes no sense; nothing is started then.
        """
        self._runner = runner()
        self._wanted = wanted
        self._playbook = place.playbook_path(wanted.playbook)
        self._inventory = place.inventory_path(wanted.inventory)
        # Made with mode 0700. It holds the extra variables and the environment, and goes when the run has ended.
        self._scratch = Path(tempfile.mkdtemp(prefix="wallaroo-resilience-"))
        self._timeline = self._scratch / "timeline.jsonl"
        self._reader = _timeline.Reader(self._timeline)
        self._folder = ""
        """Of the run, as soon as it has begun one."""
        self._cancel = threading.Event()
        self._done = threading.Event()
        self._then: list[Callable[[], None]] = []
        self._guard = threading.Lock()
        self.ended = Ended()
        try:
            # ansible-runner gives it a terminal, where it would colour what is kept for people.
            plain = {} if wanted.show else {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
            self._environment = place.environment(self._scratch, self._timeline, {**wanted.environment, **plain})
        except BaseException:
            self._clean()
            raise
        # No daemon: a program that ends while a run goes on waits for it, instead of leaving it to itself.
        self._thread = threading.Thread(target=self._run, name=f"wallaroo-{wanted.playbook}", daemon=False)
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._done.is_set()

    def cancel(self) -> None:
        """Have it killed; ansible-runner does so within a moment."""
        self._cancel.set()

    def wait(self, limit: Optional[float] = None) -> bool:
        """Wait until it has ended; returns whether it has."""
        return self._done.wait(limit)

    def then(self, call: Callable[[], None]) -> None:
        """Call something when it has ended, from another thread, or at once when it has."""
        with self._guard:
            if not self._done.is_set():
                self._then.append(call)
                return
        call()

    def _run(self) -> None:
        begin = time.monotonic()
        try:
            self._play()
        except BaseException as error:  # the caller gets it from wait
            self.ended.error = self.ended.error or error
        finally:
            self.ended.seconds = round(time.monotonic() - begin, 3)
            try:
                self._keep()
            finally:
                self._clean()
                with self._guard:
                    self._done.set()
                    calls, self._then = self._then, []
                for call in calls:
                    call()

    def _play(self) -> None:
        wanted = self._wanted
        settings: dict[str, Any] = {"pexpect_timeout": LOOK_SECONDS}
        if wanted.limit is not None:
            settings["job_timeout"] = max(wanted.limit, LOOK_SECONDS)
        made = self._runner.interface.init_runner(
            private_data_dir=str(self._scratch),
            project_dir=str(place.ROOT),
            playbook=self._playbook,
            inventory=self._inventory,
            # In a file of the private directory, since a command line is shown to every user of the machine.
            extravars=dict(wanted.variables),
            envvars=self._environment,
            settings=settings,
            quiet=not wanted.show,
            event_handler=self._on_runner_event,
            cancel_callback=self._is_to_cancel,
        )
        terminal.run(made, settings.get("job_timeout"), LOOK_SECONDS, self._is_to_cancel, self._end_children)
        self._follow()
        self.ended.status, self.ended.code = str(made.status), made.rc
        if self.ended.status in ("canceled", "timeout"):
            self._end_children()
        if self.ended.status == "failed" and not self.ended.steps:
            self.ended.last_words = _last_words(self._scratch)

    def _end_children(self) -> None:
        leftovers.end_children("WALLAROO_TIMELINE", str(self._timeline))

    def _on_runner_event(self, _event: Mapping[str, Any]) -> bool:
        self._follow()
        # Nobody reads the files that ansible-runner would make of it.
        return False

    def _is_to_cancel(self) -> bool:
        self._follow()
        return self._cancel.is_set()

    def _follow(self) -> None:
        """Read what the timeline has got since the last time."""
        for record in self._reader.new():
            event = Event.from_record(record)
            self._note(event, record)
            if self._wanted.on_event is None or self.ended.error is not None:
                continue
            try:
                self._wanted.on_event(event)
            except BaseException as error:  # raised by wait
                # In here it would only end the thread and leave ansible-playbook to itself.
                self.ended.error = error
                self._cancel.set()

    def _note(self, event: Event, record: Mapping[str, Any]) -> None:
        if event.record == _timeline.RUN:
            self.ended.check = bool(record.get("check"))
        elif event.record == _timeline.FOLDER:
            self._folder = str(record.get("folder") or "")
        elif event.record == _timeline.RESULTS and isinstance(record.get("results"), Mapping):
            self.ended.published = record["results"]
        elif event.record == _timeline.END:
            self.ended.steps += 1
            self.ended.changed = self.ended.changed or event.outcome == _timeline.CHANGED
        if event.failed:
            unreachable = event.outcome == _timeline.UNREACHABLE
            failure = Failure(
                event.step, event.host, event.server or event.host, event.message, event.module, unreachable
            )
            self.ended.failures += (failure,)

    def _keep(self) -> None:
        """Put the timeline, and of a run that failed what Ansible said, into the run's folder."""
        folder = (self.ended.published or {}).get("folder")
        try:
            if folder is None and self._folder and Path(self._folder).is_dir():
                folder = self._folder
            if folder is None and self.ended.status != "successful":
                runs = Path(str(self._wanted.variables["wallaroo_runs"]))
                folder = _results.run_folder(runs, self._wanted.playbook, time.time() - self.ended.seconds)
            if folder is None:
                return
            self.ended.folder = str(folder)
            timeline = Path(folder) / "timeline.jsonl"
            # What the callback wrote there itself has the half of an interrupted run, too.
            if self._timeline.exists() and not timeline.exists():
                _keep_private(self._timeline, timeline)
            if self.ended.status != "successful":
                for output in self._scratch.glob("artifacts/*/stdout"):
                    _keep_private(output, Path(folder) / "ansible.log")
        except OSError:
            # What could not be kept never changes what the run was.
            pass

    def _clean(self) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)


def _keep_private(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o600)


def _last_words(scratch: Path) -> str:
    for name in ("stderr", "stdout"):
        for output in scratch.glob(f"artifacts/*/{name}"):
            lines = [line.rstrip() for line in output.read_text(encoding="utf-8", errors="replace").splitlines()]
            lines = [line for line in lines if line.strip()]
            if lines:
                return "\n".join(lines[-10:])
    return ""
