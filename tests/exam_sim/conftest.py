"""The simulator against the real doors of the product, called in this process; and pushes made by the product."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from elearn.credit_export.exam_system.models import PushTarget
from elearn.credit_export.exam_system.push_rules import Answer as Said
from elearn.credit_export.exam_system.push_rules import Broken, Taken, meaning
from elearn.exam_sim.beliefs import Beliefs
from elearn.exam_sim.client import Answer, ExamClient
from elearn.exam_sim.exam import Exam as Simulator
from elearn.webhooks import WebhookRefused
from tests.credit_export.exam_system.conftest import Exam, MakeExam, Office, exam, make_exam, office

__all__ = ["Exam", "MakeExam", "Office", "exam", "make_exam", "office"]


class Doors(ExamClient):
    """The product without a network. `change` may alter what it answers on the way."""

    def __init__(self, client: FlaskClient, client_id: str, secret: str) -> None:
        super().__init__("http://localhost", client_id, secret)
        self._client = client
        self.change: Callable[[str, Answer], Answer] = lambda path, answer: answer

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        answer = self._client.open(path, method=method, headers=dict(headers), data=body)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return self.change(path, Answer(answer.status_code, headers, answer.data))


@dataclass(slots=True)
class Sim:
    """A simulator, and the receiver that the product has for it."""

    simulator: Simulator
    doors: Doors
    exam: Exam
    plan_file: Path
    new: list[bool] = field(default_factory=list)
    """Of each push that came: whether it was new."""

    def plan(self, **plan: Any) -> None:
        self.plan_file.write_text(json.dumps(plan))

    def take(self, target: PushTarget, headers: dict[str, str], body: bytes) -> Said:
        """As its door answers a push that is treated well."""
        try:
            self.new.append(self.simulator.hear({name.lower(): value for name, value in headers.items()}, body))
        except WebhookRefused as error:
            return meaning(401, str(error))
        return Taken()

    def push(self, *, keep: bool = True, answer: bool = True, times: int = 1) -> None:
        """One round of pushes by the product: kept or not, answered or not, so many times each."""

        def post(target: PushTarget, headers: dict[str, str], body: bytes) -> Said:
            said: Said = Broken("no answer")
            for _ in range(times):
                said = self.take(target, headers, body) if keep else Broken("no answer")
            return said if answer else Broken("no answer")

        self.exam.post = post  # type: ignore[method-assign]
        self.exam.push()

    @property
    def listed(self) -> list[tuple[int, str, str | None]]:
        return [(one["version"], one["status"], one["outcome"]) for one in self.simulator.listed()]

    @property
    def receipts(self) -> list[dict[str, Any]]:
        return self.simulator.beliefs.receipts()


@pytest.fixture
def sim(client: FlaskClient, exam: Exam, tmp_path: Path) -> Iterator[Sim]:
    beliefs = Beliefs(tmp_path / "beliefs.sqlite3")
    doors = Doors(client, exam.who.client_id, exam.who.secret)
    plan_file = tmp_path / "plan.json"
    simulator = Simulator(
        beliefs, doors, secret=lambda: exam.secret, plan_file=plan_file, now_s=lambda: exam.now.timestamp()
    )
    yield Sim(simulator, doors, exam, plan_file)
    beliefs.close()
