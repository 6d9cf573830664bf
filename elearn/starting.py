"""Starting a program from a thread of a process that also forks, ending with the process that did, being stopped, and
loading.

`Popen` hears through a pipe that the program has begun: the pipe's other end closes when it does. A process that is
forked in that moment (granian forks its web processes, at any time) inherits that end and keeps it open for as long as
it lives, and the thread in `Popen` would wait for as long: a killed worker never came back that way. So a fork
waits until a start is over.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

_one_at_a_time = threading.RLock()

os.register_at_fork(
    before=_one_at_a_time.acquire,
    after_in_parent=_one_at_a_time.release,
    after_in_child=_one_at_a_time.release,
)


KEPT = """\
import sys
from elearn import cli, starting
starting.end_with(int(sys.argv.pop(1)))
cli.main()
"""

OF_THE_PRODUCT = ("ELEARN_", "DATABASE_URL", "REDIS_URL")


def environment_of_others() -> dict[str, str]:
    """This environment without the product's settings: for who must be able to do nothing with them."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OF_THE_PRODUCT)}


def ending_with_us(*words: str) -> list[str]:
    """The `elearn` command of these words, ending with this process; one started by hand has nobody to end with."""
    return [sys.executable, "-c", KEPT, str(os.getpid()), *words]


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """`subprocess.Popen`, with its options; no fork of this process happens meanwhile."""
    with _one_at_a_time:
        return subprocess.Popen(command, **options)


@contextmanager
def running(command: Sequence[str], *, stop_s: float, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """The program while this lasts; then it is asked to end, and after `stop_s` made to. `options` are of `Popen`."""
    process = start(command, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=stop_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


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


@contextmanager
def loading() -> Iterator[None]:
    """While a process loads what it then keeps for as long as it lives.

    The garbage collector would look through all of it again and again, and find nothing: a quarter of the time that
    loading the product takes. What is there afterwards it leaves alone; so forked processes go on sharing that memory.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class Stopped(KeyboardInterrupt):
    """Not KeyboardInterrupt itself: where that leaves an `exec` (of a dataclass, say, in the middle of an import),
    Python remembers it and ends by SIGINT at last, whatever status it was asked for.
    """


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """While this lasts, SIGINT and SIGTERM raise a KeyboardInterrupt, so that what was begun is ended in order.

    A shell starts what it puts into the background (`nohup ... &` in a script) with SIGINT ignored, and then Python
    would not hear it; nor does it clean up at a SIGTERM by itself. Only a program's main thread may ask for this.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
