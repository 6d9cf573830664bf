"""The witness's HTTP door: granian in front of one asynchronous function, in one process.

Why not the standard library's server: it gives each connection a thread and waits for ever for a request that does not
come. Granian reads requests in Rust and cuts off headers that are late; bodies that are late or long are cut off here.
One process with one event loop decides one request after the other, so a history cannot fork between two of them; the
lock on the directory holds when a process is replaced by the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import re
import threading
import time
from pathlib import Path
from typing import Any

from elearn.credit_export.ledger.witness.judging import REQUEST_BYTES_MAX
from elearn.credit_export.ledger.witness.keeping import Answer, MemoryLost, Witness, opened

logger = logging.getLogger(__name__)

DIRECTORY = "ELEARN_WITNESS_DIRECTORY"
"""How the served process hears which directory is its own."""
BODY_S = 10.0
"""So long may a body take to arrive."""
UNREAD = (408, 413)
"""Answers to a request of which a part was not read: the connection ends with them."""
NEWEST = re.compile(r"/([0-9a-f]{64})/checkpoint")


class Door:
    """RSGI application over one witness."""

    def __init__(self, directory: Path) -> None:
        """Waits for a process before it to let go of the directory, and holds it from then on."""
        self._holding = contextlib.ExitStack()
        self._witness: Witness = self._holding.enter_context(opened(directory, wait=True))

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        if scope.proto != "http":
            protocol.close()
            return
        answer = await self._answer(scope, protocol)
        headers = [("content-type", answer.content_type), ("cache-control", "no-store")]
        if answer.status in UNREAD:
            headers.append(("connection", "close"))
        protocol.response_bytes(answer.status, headers, answer.body)

    async def _answer(self, scope: Any, protocol: Any) -> Answer:
        newest = NEWEST.fullmatch(scope.path)
        if newest:
            if scope.method not in ("GET", "HEAD"):
                return Answer(405, b"ask with GET\n")
            found = self._witness.checkpoint(newest[1])
            return Answer(200, found) if found else Answer(404, b"nothing was cosigned\n")
        if scope.path != "/add-checkpoint":
            return Answer(404, b"there is nothing here\n")
        if scope.method != "POST":
            return Answer(405, b"ask with POST\n")
        try:
            body = await asyncio.wait_for(_body(scope, protocol), BODY_S)
        except TimeoutError:
            return Answer(408, b"the request did not arrive\n")
        if body is None:
            return Answer(413, b"the request is too long\n")
        try:
            return self._witness.add_checkpoint(body, now_s=int(time.time()))
        except (MemoryLost, OSError) as error:
            # What was signed cannot be read or written: nothing is signed, and the log waits.
            logger.error("the witness cannot keep what it signs: %s", error)
            return Answer(503, b"this witness cannot keep what it signs\n")


async def _body(scope: Any, protocol: Any) -> bytes | None:
    """None when it is longer than any request is."""
    said = scope.headers.get("content-length")
    if said and said.isascii() and said.isdigit() and int(said) > REQUEST_BYTES_MAX:
        return None
    body = bytearray()
    async for part in protocol:
        body += part
        if len(body) > REQUEST_BYTES_MAX:
            return None
    return bytes(body)


def application() -> Door:
    """What the served process loads."""
    _end_with_parent()
    return Door(Path(os.environ[DIRECTORY]))


def _end_with_parent() -> None:
    """Granian's own process may be killed: a server that nobody can stop must not hold the directory."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    pid = os.getppid()

    def watch() -> None:
        while os.getppid() == pid:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, name="end with the parent", daemon=True).start()


def serve(directory: Path, host: str, port: int) -> None:
    """Serve until interrupted. Raises NoKey, InUse, MemoryLost before it listens."""
    from granian.constants import Interfaces
    from granian.http import HTTP1Settings
    from granian.server import MPServer

    with opened(directory):
        pass  # said here, in one line, rather than by a process that ends
    os.environ[DIRECTORY] = str(directory)
    MPServer(
        "elearn.credit_export.ledger.witness.server:application",
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        workers=1,
        websockets=False,
        backlog=1024,
        http1_settings=HTTP1Settings(header_read_timeout=10_000),
        respawn_failed_workers=True,
        workers_kill_timeout=5,
        log_access=False,
    ).serve()
