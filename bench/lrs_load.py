"""Load on a record store, from a process of its own: so many connections kept alive, one request at a time on each.

    python -m bench.lrs_load < plan.json

It says "begin" when it has warmed up, "end" when it is over, then what it saw as JSON. Whoever started it looks at
the servers' processor time at these two words. It speaks just as much HTTP as the two servers need of it, so that it
takes little of the machine; what it takes is in its answer.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.lrs_statements import bodies, questions

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of whom. `batch`: statements of a POST; 0: a filtered GET."""

    port: int
    path: str
    key: str
    secret: str
    connections: int
    batch: int
    seconds: float
    warm_s: float = 1.0

    def requests(self) -> Iterator[bytes]:
        sent = b64encode(f"{self.key}:{self.secret}".encode()).decode()
        common = f"Host: 127.0.0.1\r\nAuthorization: Basic {sent}\r\nX-Experience-API-Version: 1.0.3\r\n"
        if self.batch == 0:
            for question in questions():
                yield f"GET {self.path}?{question} HTTP/1.1\r\n{common}\r\n".encode()
        head = f"POST {self.path} HTTP/1.1\r\n{common}Content-Type: application/json\r\nContent-Length: "
        for body in bodies(self.batch):
            yield f"{head}{len(body)}\r\n\r\n".encode() + body


@dataclass(slots=True)
class Seen:
    """What came of it, of the requests answered between the two words."""

    seconds: float = 0.0
    took_s: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    cpu_s: float = 0.0
    """The load's own processor time."""
    wrong: str = ""
    """The first answer that was neither 200 nor 204."""
    answer_bytes: int = 0
    """Of the last answer."""


class Connection(asyncio.Protocol):
    """Sends, waits for the whole answer, sends again."""

    def __init__(self, requests: Iterator[bytes], note: Callable[[float, bytes], None], lost: Callable[[], None]):
        self._requests, self._note, self._lost = requests, note, lost
        self._held = b""
        self._whole = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._begun = time.perf_counter()
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._held = self._held + data if self._held else data
        if not self._whole:
            end = self._held.find(b"\r\n\r\n")
            if end < 0:
                return
            length = LENGTH.search(self._held, 0, end)
            self._whole = end + 4 + (int(length[1]) if length else 0)
        if len(self._held) >= self._whole:
            answer, self._held, self._whole = self._held, b"", 0
            self._note(time.perf_counter() - self._begun, answer)
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost()


async def drive(plan: Plan) -> Seen:
    seen, statuses = Seen(), Counter[str]()
    requests = plan.requests()
    measuring, stopping = False, False
    answered: list[None] = []

    def note(took_s: float, answer: bytes) -> None:
        answered.append(None)
        if measuring:
            seen.took_s.append(took_s)
            status = answer[9:12].decode()
            statuses[status] += 1
            seen.answer_bytes = len(answer)
            if status not in ("200", "204"):
                seen.wrong = seen.wrong or answer.decode(errors="replace")[:600]

    def lost() -> None:
        if not stopping:
            seen.wrong = seen.wrong or "a connection was closed"

    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: Connection(requests, note, lost), "127.0.0.1", plan.port)
        for _ in range(plan.connections)
    ]
    async with asyncio.timeout(PATIENCE_S):  # the first answers may wait for what is loaded late, and for slow hashes
        while len(answered) < (4 if plan.batch else 1) * plan.connections:
            await asyncio.sleep(0.05)
    await asyncio.sleep(plan.warm_s)
    _say("begin")
    measuring, begun, cpu_s = True, time.perf_counter(), time.process_time()
    await asyncio.sleep(plan.seconds)
    measuring, stopping = False, True
    seen.seconds, seen.cpu_s = time.perf_counter() - begun, time.process_time() - cpu_s
    _say("end")
    for transport, _ in made:
        transport.abort()
    seen.statuses = dict(statuses)
    return seen


def _say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def loaded(plan: Plan, at: Callable[[str], None]) -> Seen:
    """What a load process saw; `at` is called with "begin" and "end". Raises RuntimeError when something failed."""
    command = [sys.executable, "-m", "bench.lrs_load"]
    where = Path(__file__).parents[1]
    with subprocess.Popen(command, cwd=where, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
        assert load.stdin is not None
        assert load.stdout is not None
        load.stdin.write(json.dumps(asdict(plan)))
        load.stdin.close()
        for line in load.stdout:
            if line.strip() in ("begin", "end"):
                at(line.strip())
            else:
                seen = Seen(**json.loads(line))
    if load.returncode != 0:
        raise RuntimeError("the load process failed")
    if seen.wrong or not seen.took_s:
        raise RuntimeError(f"{plan}: {seen.statuses} {seen.wrong or 'no answer in time'}")
    return seen


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(asyncio.run(drive(Plan(**json.load(sys.stdin)))))) + "\n")
