"""Starting a program from a thread of a process that also forks, and ending with the process that did.

`Popen` hears through a pipe that the program has begun: the pipe's other end closes when it does. A process that is
forked in that moment (granian forks its web processes, at any time) inherits that end and keeps it open for as long as
it lives, and the thread in `Popen` would wait for as long: a killed worker never came back that way. So a fork
waits until a start is over.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from typing import Any

_one_at_a_time = threading.RLock()

os.register_at_fork(
    before=_one_at_a_time.acquire,
    after_in_parent=_one_at_a_time.release,
    after_in_child=_one_at_a_time.release,
)


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """`subprocess.Popen`, with its options; no fork of this process happens meanwhile."""
    with _one_at_a_time:
        return subprocess.Popen(command, **options)


def end_with(pid: int) -> None:
    """End this process, whatever it does, soon after its parent `pid` is gone.

    A web process whose server was killed would go on holding the port, without a database, beside the server
    started next; a worker or a signer would go on beside that one's.
    """

    def watch() -> None:
        while os.getppid() == pid:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, name="end with the server", daemon=True).start()
