# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process of ``preloaded.py``: imports, and forks for each call.

PYTHON preloaded_process.py DESCRIPTOR MODULE...
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional, cast


def _serve(channel: socket.socket) -> Optional[dict[str, Any]]:
    """The call, in its fork; nothing when nobody calls any more."""
    while True:
        size, streams, _flags, _address = socket.recv_fds(channel, 4, 3)
        if not size:
            return None
        call = cast(dict[str, Any], json.loads(channel.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)))
        pid = os.fork()
        if pid == 0:
            channel.close()
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            return call
        for stream in streams:
            os.close(stream)
        channel.sendall(pid.to_bytes(4, "big"))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        channel.sendall(code.to_bytes(4, "big", signed=True))


def _new_temporary_directory(imported: bool) -> None:
    """Ansible makes one while it is imported, and removes it at the end of the process."""
    from ansible import constants
    from ansible.config import manager

    if imported:
        atexit.unregister(manager.cleanup_tmp_file)
        manager.cleanup_tmp_file(constants.DEFAULT_LOCAL_TMP)
    else:
        name = "DEFAULT_LOCAL_TMP"
        constants.DEFAULT_LOCAL_TMP = constants.config.get_config_value(name, variables=vars(constants))


def main(channel: socket.socket, modules: Sequence[str]) -> None:
    """Import, and become whatever is called."""
    # The directory of this file is no place to import from.
    del sys.path[0]
    # A terminal sends it to all; it ends with the one that calls it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for module in modules:
        importlib.import_module(module)
    controls = "ansible.constants" in sys.modules
    if controls:
        _new_temporary_directory(imported=True)
    gc.collect()
    gc.freeze()
    call = _serve(channel)
    if call is None:
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(call["environment"])
    if controls:
        _new_temporary_directory(imported=False)
    sys.argv[:] = call["argv"]
    sys.path.insert(0, str(Path(sys.argv[0]).parent))
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
