"""A receiver, and records whose lives a test steps through; a receiver's server that answers as it is told."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from elearn import webhooks
from elearn.courses.models import Outline
from elearn.credit_export import feed
from elearn.credit_export.exam_system import deliveries, push_targets, pushing
from elearn.credit_export.exam_system.answers import Desk, outlines_of
from elearn.credit_export.exam_system.models import PushTarget
from elearn.credit_export.exam_system.push_rules import Answer, Taken, Takes
from elearn.credit_export.exam_system.receivers import SCOPES, Credentials, add_receiver, find_receiver
from elearn.credit_export.lifecycle import STRICTEST, Act, Life, State, Why
from elearn.credit_export.models import EligibilityRecord, Receiver
from elearn.credit_export.records import Writer
from elearn.db import new_id
from elearn.people.identity import Keys
from elearn.people.registry import local_day
from tests.builders_credit import an_outline
from tests.builders_people import a_person
from tests.credit_export.exam_system.builders import SIGNER

AT = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
CODE = "demo-outline"
SEALING_KEY = b"e" * 32
"""As in tests.conftest.settings_for."""
HOOK = "https://exam.example/hook"


@dataclass(slots=True)
class Office:
    """Writes records and takes steps in their lives, as the platform: who may do so is another test's matter."""

    session: Session
    outline: Outline
    at: datetime = AT

    def record(self, state: State = State.COMPUTED, *, before: EligibilityRecord | None = None) -> EligibilityRecord:
        """A version of somebody new, or the one after `before`, which is superseded."""
        writer = Writer.begin(self.session, self.at)
        person_id = before.person_id if before else a_person(self.session).id
        if before is not None:
            self.step(before, State.SUPERSEDED, Why.HOURS_CHANGED)
            writer = Writer.begin(self.session, self.at)
        made = EligibilityRecord(
            id=new_id(),
            person_id=person_id,
            outline_id=self.outline.id,
            version=before.version + 1 if before else 1,
            supersedes_id=before.id if before else None,
            status="computed",
            outcome="eligible",
            reasons=[],
            hours=dict.fromkeys(
                (
                    "online_theory_ms",
                    "offline_theory_ms",
                    "offline_practice_ms",
                    "required_theory",
                    "required_practice",
                ),
                0,
            ),
            rules="test",
            judged_on=local_day(self.at),
            computed_at=self.at,
            witnessed=False,
            facts={},
        )
        writer.version(made, Life(), reason=Why.FIRST, rule=STRICTEST, held=frozenset())
        self.session.flush()
        if state is not State.COMPUTED:
            self.step(made, state, Why.IN_ORDER)
        return made

    def step(self, record: EligibilityRecord, state: State, reason: Why) -> int:
        """Answers the step's place in the feed."""
        writer = Writer.begin(self.session, self.at)
        last = feed.last_steps(self.session, [record.id])[record.id]
        life = dataclasses.replace(feed.life_of(last), state=state)
        made = writer.step(record, last, Act.SUPERSEDE, life, reason=reason, rule=STRICTEST)
        self.session.flush()
        return made.position


@pytest.fixture
def office(session: Session) -> Office:
    return Office(session, an_outline(session, code=CODE))


@dataclass
class Exam:
    """A receiver that is pushed to; `answer` says what it answers to a message."""

    session: Session
    who: Credentials
    receiver: Receiver
    secret: str
    now: datetime = AT
    answer: Callable[[dict[str, Any]], Answer] = lambda message: Taken()
    heard: list[dict[str, Any]] = field(default_factory=list)
    """What came: `id, type, data`, each attempt."""

    @property
    def target(self) -> PushTarget:
        return self.session.get_one(PushTarget, self.receiver.id, populate_existing=True)

    def post(self, target: PushTarget, headers: dict[str, str], body: bytes) -> Answer:
        given = {name.lower(): value for name, value in headers.items()}
        message_id = webhooks.require(self.secret, given, body, now_s=int(self.now.timestamp()))
        message = {"id": message_id, "key": given["idempotency-key"], **json.loads(body)}
        self.heard.append(message)
        return self.answer(message)

    def push(self, *, after: timedelta = timedelta()) -> None:
        """One job, so much later."""
        self.now += after
        means = pushing.Means(now=lambda: self.now, desk=self.desk, sealing_key=SEALING_KEY, post=self.post)
        pushing.push(self.session, self.receiver.id, means)

    def desk(self, session: Session, receiver: Receiver) -> Desk:
        keys = Keys(sealing=SEALING_KEY, index=b"i" * 32)
        return Desk(receiver, outlines_of(session, receiver.id), keys, SIGNER, "http://localhost", self.now)

    def told(self) -> list[tuple[str, int, str]]:
        """(type, version, status) of every attempt."""
        found = [(one["type"], one["data"]["record"]) for one in self.heard]
        return [(kind.removeprefix("eligibility."), record["version"], record["status"]) for kind, record in found]


MakeExam = Callable[..., Exam]


@pytest.fixture
def make_exam(session: Session, office: Office) -> MakeExam:
    def make(*, takes: Takes = Takes.GRANTED, name: str = "Exam centre") -> Exam:
        who = add_receiver(session, name=name, outlines=[CODE], scopes=SCOPES, made_at=AT)
        secret = push_targets.set_target(session, who.client_id, url=HOOK, sealing_key=SEALING_KEY, at=AT, takes=takes)
        receiver = find_receiver(session, who.client_id)
        assert receiver is not None
        assert secret is not None
        session.commit()
        return Exam(session, who, receiver, secret)

    return make


@pytest.fixture
def exam(make_exam: MakeExam) -> Exam:
    return make_exam()


def states_of(session: Session, exam: Exam, *records: UUID) -> list[str | None]:
    found = deliveries.states(session, exam.receiver.id, records)
    return [found[one].value if one in found else None for one in records]
