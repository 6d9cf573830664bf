"""`elearn exam-sim` in a process of its own beside the running product, and what a test asks of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elearn.demo.transport import HttpTransport
from tests.journeys.running import RunningProduct, clean_environment, free_port
from tests.waiting import wait_for

UP_S = 30


@dataclass(slots=True)
class ExamSystem:
    """The simulator, and its name and secret at the product."""

    directory: Path
    base: str
    client_id: str
    client_secret: str
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def plan(self, **plan: Any) -> None:
        fresh = self.directory / "plan.fresh"
        fresh.write_text(json.dumps(plan))
        fresh.replace(self.directory / "plan.json")  # it reads one or the other

    def told_push_secret(self, secret: str) -> None:
        (self.directory / "push.secret").write_text(secret)

    def start(self, *words: str) -> None:
        command = [sys.executable, "-m", "elearn", "exam-sim", "serve", "--dir", str(self.directory / "own")]
        command += ["--listen", f"127.0.0.1:{self.port}", "--base", self.base, "--client", self.client_id]
        command += ["--push-secret-file", str(self.directory / "push.secret"), "--every", "0.5"]
        command += ["--plan", str(self.directory / "plan.json"), *words]
        env = clean_environment(ELEARN_EXAM_SIM_CLIENT_SECRET=self.client_secret)
        with (self.directory / "sim.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, env=env, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        wait_for(self.is_up, seconds=UP_S, what=f"the exam system; its log is {self.directory / 'sim.log'}")

    def is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.directory / "sim.log").read_text()[-3000:]
        try:
            return self.ask("GET", "/records.json") is not None
        except OSError:
            return False

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def ask(self, method: str, path: str, body: object = None) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        answer = HttpTransport(self.url)(method, path, headers=headers, body=sent)
        assert answer.status == 200, (path, answer.status, answer.body[:500])
        return answer.json()

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", "/state.json")
        return found

    def holds(self) -> list[tuple[int, str, str | None]]:
        """(version, status, its decision) of every record, in the order in which it heard of them last."""
        records: list[dict[str, Any]] = self.ask("GET", "/records.json")["records"]
        return [(one["version"], one["status"], one["outcome"]) for one in records]

    def answers(self) -> list[tuple[str, str | None]]:
        """(what a receipt said, what was answered) in the order in which they were made."""
        return [(one["outcome"], (one["answered"] or {}).get("answer")) for one in self.state()["receipts"]]


@contextmanager
def an_exam_system(
    product: RunningProduct, place: Path, *, outline: str, takes: str = "granted"
) -> Iterator[ExamSystem]:
    """Made known to the product, pushed to, started by the test, and stopped at the end."""
    place.mkdir(parents=True, exist_ok=True)
    told = dict(
        line.split(maxsplit=1)
        for line in product.run("receiver", "add", "省考试系统", "--outline", outline).splitlines()
    )
    made = ExamSystem(place, product.base, told["client_id"], told["client_secret"])
    words = ("receiver", "push", "set", made.client_id, f"{made.url}/push", "--private", "--takes", takes)
    made.told_push_secret(product.run(*words).split()[-1])
    try:
        yield made
    finally:
        made.stop()
