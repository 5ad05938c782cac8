# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the processes of a Flink cluster are told, and by which command lines they start.

Names that changed between 1.20 and 2.x stand under both; Flink takes no notice of those it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Union

from ..._cluster.naming import INITIALIZER, SPARE
from ..._resilience.files import resilience_directory
from ..contract import COMMITTING, PLAIN
from .files import CHECKPOINTS, HERE, SCRATCH
from .job import JAR, LOGGING

if TYPE_CHECKING:
    from ..._cluster.record import ClusterRecord, ServerAddress

JOB = "0" * 31 + "1"
"""The identifier of the job: its checkpoints are found again by it."""

INLINE = 1 << 20
"""Bytes of state a task that travel to the JobManager with its answer, so that they need no shared directory. It is the
most that Flink allows."""

Value = Union[str, int, float, bool]

_KEEPS_NOTHING: Mapping[str, Value] = dict.fromkeys(
    (
        "state.backend.local-recovery",
        "execution.state-recovery.from-local",
        "execution.checkpointing.local-backup.enabled",
    ),
    False,
)

SHARED_INLINE = 20 << 10
"""The same where there is one: Flink's own number."""

_TASK_MANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"

_OPENED = ("lang", "net", "io", "nio", "lang.reflect", "text", "time", "util", "util.concurrent")
_JVM = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "--add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED",
    "--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
    *(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in _OPENED),
    *(f"--add-opens=java.base/java.util.concurrent.{name}=ALL-UNNAMED" for name in ("atomic", "locks")),
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    # None answers over a connection that another has made. The JobManager may call a TaskManager that died just while
    # its successor at the same address calls it: each stops reading its own call for the other's, the JobManager gives
    # its own up, and what it answers is discarded for ever (pekko issue 3206). Flink has no option for it.
    "-Dpekko.remote.classic.use-passive-connections=off",
)


def executable(record: ClusterRecord) -> str:
    """What a server must have: the job, compiled for the Flink that lies beside it."""
    return str(PurePosixPath(record.engine_home) / "usrlib" / JAR)


def argv(record: ClusterRecord, worker: str, server: ServerAddress) -> list[str]:
    """The command line of a worker on a server."""
    place = PurePosixPath(record.engine_home) / "usrlib"
    directory = resilience_directory(server.base, worker)
    leads = worker == INITIALIZER
    memory = ("-Xms192m", "-Xmx192m", "-XX:MaxMetaspaceSize=160m") if leads else ("-Xms160m", "-Xmx160m")
    command = [
        *(str(place / "java"), *memory, *_JVM),
        *([] if leads else ["-XX:MaxDirectMemorySize=96m", "-XX:MaxMetaspaceSize=128m"]),
        f"-XX:SharedArchiveFile={place / JAR.replace('.jar', '.jsa')}",
        f"-Dlog4j.configurationFile=file:{place / LOGGING}",
        *("-cp", str(place / JAR)),
    ]
    if not leads:
        return [*command, *_task_manager(directory, worker)]
    return [
        *(*command, "resilience.Coordinator", "--checkpoints", _checkpoints(record)),
        *("--configDir", directory, "--job-id", JOB, "--job-classname", "resilience.Detector"),
        *_job(record),
    ]


def _task_manager(directory: str, name: str) -> list[str]:
    # Its name stands there for people who look at processes.
    return [_TASK_MANAGER, "--configDir", directory, "-D", f"taskmanager.resource-id={name}"]


def spare_argv(record: ClusterRecord) -> list[str]:
    """The command line of the spare: that of a TaskManager, with a name and a directory of its own."""
    server = record.spare_server
    directory = str(PurePosixPath(server.base) / "run" / SPARE)
    like = argv(record, record.spare_name, server)
    return [*like[: like.index(_TASK_MANAGER)], *_task_manager(directory, SPARE)]


def spare_text(record: ClusterRecord, server: ServerAddress) -> str:
    """``config.yaml`` of the spare.

    Nothing of what it keeps is read again: one that comes back does not claim the slot that it had before.
    """
    here = f"/proc/self/cwd/{SCRATCH}"
    works = {**_working(record, record.spare_name, server), "process.working-dir": here}
    return _lines({**_of_all(record), **works, **_KEEPS_NOTHING})


def _checkpoints(record: ClusterRecord) -> str:
    """Where the checkpoints lie, as each process sees it."""
    return record.shared_directory or f"{HERE}/{CHECKPOINTS}"


def _job(record: ClusterRecord) -> list[str]:
    first, ports = record.first_server, record.port_numbers
    return [
        *("--source", f"{first.address}:{ports.log}", "--sink", f"{first.address}:{ports.sink}"),
        *("--interval", f"{record.checkpoint_interval:g}", "--parallelism", str(record.workers - 1)),
        *(["--plain-source"] if record.source == PLAIN else []),
        *(["--committing-sink"] if record.sink == COMMITTING else []),
    ]


def text(record: ClusterRecord, worker: str, server: ServerAddress) -> str:
    """``config.yaml`` of a worker on a server."""
    told = {
        **_of_all(record),
        **(_leading(server) if worker == INITIALIZER else _working(record, worker, server)),
    }
    return _lines(told)


def _lines(told: Mapping[str, Value]) -> str:
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in told.items())


def _of_all(record: ClusterRecord) -> dict[str, Value]:
    ports = record.port_numbers
    leader = record.server(record.placement[INITIALIZER]).address
    inline = SHARED_INLINE if record.shared_directory else INLINE
    return {
        "jobmanager.rpc.address": leader,
        "jobmanager.rpc.port": ports.control_of(INITIALIZER),
        "rest.address": leader,
        "rest.port": ports.external,
        "blob.server.port": ports.data_of(INITIALIZER),
        "process.working-dir": HERE,
        "io.tmp.dirs": f"/proc/self/cwd/{SCRATCH}",
        # Else each JobManager that was killed would leave its own in /tmp.
        "web.tmpdir": f"/proc/self/cwd/{SCRATCH}",
        "state.backend.type": "hashmap",
        "state.backend.local-recovery": True,
        "execution.state-recovery.from-local": True,
        "execution.checkpointing.local-backup.enabled": True,
        "execution.checkpointing.mode": "EXACTLY_ONCE",
        "execution.checkpointing.num-retained": 3,
        "state.checkpoints.num-retained": 3,
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.checkpointing.dir": f"file://{_checkpoints(record)}",
        "state.checkpoints.dir": f"file://{_checkpoints(record)}",
        "execution.checkpointing.data-inline-threshold": inline,
        "state.storage.fs.memory-threshold": inline,
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": 1_000_000,
        "restart-strategy.fixed-delay.delay": "100 ms",
        "slot.request.timeout": 86_400_000,
        # A spare begins when the death of a worker is known; one that comes back is known to have died by its return.
        "heartbeat.interval": 250 if record.spare else 1000,
        "heartbeat.timeout": 10_000,
        "heartbeat.rpc-failure-threshold": 2,
        "cluster.registration.error-delay": 500,
        "cluster.registration.initial-timeout": 200,
        # Asked every other second for what was counted, it must not answer with what it has gathered before.
        "metrics.fetcher.update-interval": 1000,
        "web.submit.enable": False,
        "web.cancel.enable": False,
    }


def _leading(server: ServerAddress) -> dict[str, Value]:
    return {
        "jobmanager.resource-id": INITIALIZER,
        "jobmanager.bind-host": server.address,
        "rest.bind-address": server.address,
    }


def _working(record: ClusterRecord, worker: str, server: ServerAddress) -> dict[str, Value]:
    ports = record.port_numbers
    return {
        "taskmanager.host": server.address,
        "taskmanager.bind-host": server.address,
        "taskmanager.rpc.port": ports.control_of(worker),
        "taskmanager.data.port": ports.data_of(worker),
        "taskmanager.numberOfTaskSlots": 1,
        "taskmanager.cpu.cores": 1.0,
        "taskmanager.memory.framework.heap.size": "80m",
        "taskmanager.memory.framework.off-heap.size": "48m",
        "taskmanager.memory.task.heap.size": "80m",
        "taskmanager.memory.task.off-heap.size": "0m",
        "taskmanager.memory.network.min": "32m",
        "taskmanager.memory.network.max": "32m",
        "taskmanager.memory.managed.size": "0m",
        "taskmanager.memory.jvm-metaspace.size": "128m",
        "taskmanager.memory.jvm-overhead.min": "64m",
        "taskmanager.memory.jvm-overhead.max": "64m",
    }
