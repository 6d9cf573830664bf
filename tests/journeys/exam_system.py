"""The others beside the running product, each a process of its own: two witnesses of the log, and an exam system that
runs one of them. They are killed and started again by tests, and asked what they know.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from elearn.demo.neighbours import ExamSystem, Neighbours, answers
from elearn.people.registry import local_day
from elearn.starting import ending_with_us
from tests.journeys.running import RunningProduct, clean_environment
from tests.waiting import wait_for

UP_S = 30
EXAM, REGULATOR = "exam", "regulator"


@dataclass(slots=True)
class Others:
    """Started one by one; all are gone at the end."""

    neighbours: Neighbours
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    client_id: str = ""
    client_secret: str = ""

    @classmethod
    def beside(cls, product: RunningProduct, place: Path) -> Others:
        """Their keys are made and the product will ask them, once it is started."""
        year = local_day(datetime.now(UTC)).year
        made = Neighbours.settle(place, product.base, product.data_dir / "ledger_signer", year)
        product.more_env["ELEARN_LEDGER_POLICY"] = str(made.policy)
        return cls(made)

    @property
    def exam(self) -> ExamSystem:
        return ExamSystem(self.neighbours.exam_dir, self.neighbours.exam_port)

    def enter_the_books_of(self, product: RunningProduct, *, outline: str) -> None:
        """The product knows the exam system as a receiver, and where to push to."""
        told = dict(
            line.split(maxsplit=1)
            for line in product.run("receiver", "add", "省考试系统", "--outline", outline).splitlines()
        )
        self.client_id, self.client_secret = told["client_id"], told["client_secret"]
        secret = product.run("receiver", "push", "set", self.client_id, f"{self.exam.url}/push", "--private").split()[
            -1
        ]
        self.neighbours.tell_push_secret(secret)

    def start(self, name: str) -> None:
        words, ports = self.neighbours.witness_words(), [self.neighbours.witness_ports[name]]
        env = clean_environment()
        if name == EXAM:
            words, ports = self.neighbours.exam_words(self.client_id, every_s=0.5, log_s=0.5), [*ports, self.exam.port]
            env["ELEARN_EXAM_SIM_CLIENT_SECRET"] = self.client_secret
        log = self.neighbours.place / f"{name}.log"
        with log.open("ab") as out:
            self.processes[name] = process = subprocess.Popen(
                ending_with_us(*words), env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )

        def is_up() -> bool:
            assert process.poll() is None, log.read_text()[-3000:]
            return all(answers(port) for port in ports)

        wait_for(is_up, seconds=UP_S, what=f"{name}; its log is {log}")

    def kill(self, name: str) -> None:
        """As when the power goes there; a witness beside the exam system goes with it."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()
        wait_for(lambda: not answers(self.neighbours.witness_ports[name]), what=f"the end of the witness of {name}")

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()

    # -- what the exam system knows

    def next_pushes(self, *steps: Mapping[str, Any], **plan: Any) -> None:
        """How the next pushes are treated, whatever came before."""
        before = self.exam.state()["counted"]["pushes"]
        taken = [{"do": "take", "times": before}] if before else []
        self.exam.plan(pushes=[*taken, *steps], **plan)

    def next_decisions(self, *steps: Mapping[str, Any], **plan: Any) -> None:
        before = self.exam.state()["counted"]["decisions"]
        taken = [{"do": "accept", "times": before}] if before else []
        self.exam.plan(decisions=[*taken, *steps], **plan)

    def holds(self, records: list[UUID]) -> list[tuple[str, str | None]]:
        """(what it holds it for, its own decision) of those of these records that it has, in their order."""
        found = {one["record_id"]: one for one in self.exam.ask("GET", "/records.json")["records"]}
        return [(one["status"], one["outcome"]) for one in (found.get(str(id_)) for id_ in records) if one]

    def receipts(self, records: list[UUID]) -> list[tuple[str, str | None]]:
        """(what a receipt about these said, what was answered) in the order in which they were made."""
        wanted = set(map(str, records))
        return [
            (one["outcome"], (one["answered"] or {}).get("answer"))
            for one in self.exam.state()["receipts"]
            if one["record_id"] in wanted
        ]


@contextmanager
def stopped_at_the_end(others: Others) -> Iterator[Others]:
    try:
        yield others
    finally:
        others.stop()
