"""Hours for tests: a learner whose watching of a lesson already became final, row by row as tracking writes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import to_ms
from elearn.courses import classes, teaching
from elearn.courses.models import Kind, Lesson, Outline, OutlineItem, Question, Unit
from elearn.credit_export import records
from elearn.db import new_id
from elearn.people.models import Person
from elearn.tracking import models as watching
from elearn.tracking import policies
from elearn.tracking.policy import Policy
from elearn.tracking.signals.models import ReviewAct, ReviewCase, ReviewEffect
from tests.builders_people import a_person, a_resident_id, an_institution
from tests.hours import credit_all

AN_ID = a_resident_id(serial=900_777)
LEARNED_AT = datetime(2026, 6, 30, 2, 0, tzinfo=UTC)


def an_outline(session: Session, *, code: str, hours: int = 24) -> Outline:
    return teaching.add_outline(
        session,
        code=code,
        name=f"Outline {code}",
        region="CN",
        version="1",
        effective_from=date(2024, 7, 1),
        items=[teaching.NewItem("general", "General safety", Kind.THEORY, hours)],
    )


@dataclass(slots=True)
class Learner:
    """A person in one class who watches one lesson of an hour."""

    session: Session
    person: Person
    class_id: UUID
    unit_id: UUID
    watched_to_ms: int = 0

    def watch(self, *, ms: int, heard_at: datetime = LEARNED_AT) -> UUID:
        """The next `ms` of the lesson become final; answers the final span's id."""
        start, end = self.watched_to_ms, self.watched_to_ms + ms
        self.watched_to_ms = end
        common: dict[str, Any] = {"learner_id": self.person.id, "unit_id": self.unit_id, "class_id": self.class_id}
        common |= {"start_ms": start, "end_ms": end, "on": date(2026, 6, 30), "late": False}
        digest = Policy().digest()
        policies.keep(self.session, Policy(), digest)
        sitting = self._sitting(digest)
        passed = self._check(sitting, digest)
        pending = watching.WatchedSpan(
            id=new_id(), kind="pending", sitting_id=sitting, statement_id=new_id(), settles=[], policy=digest,
            heard_at=heard_at, **common,
        )  # fmt: skip
        final = watching.WatchedSpan(
            id=new_id(), kind="final", check_id=passed, settles=[pending.id], policy=digest,
            heard_at=heard_at + timedelta(minutes=1), **common,
        )  # fmt: skip
        self.session.add_all([pending, final])
        self.session.flush()
        return final.id

    def void(self, span_id: UUID) -> UUID:
        """Two people take a final span back; answers the reversal's id."""
        span = self.session.get_one(watching.WatchedSpan, span_id)
        columns = ("learner_id", "unit_id", "class_id", "start_ms", "end_ms", "on", "late", "policy")
        at = span.heard_at + timedelta(minutes=1)
        reversal = watching.WatchedSpan(
            id=new_id(), kind="reversal", reverses_id=span.id, reason="VOIDED", settles=[], heard_at=at,
            **{name: getattr(span, name) for name in columns},
        )  # fmt: skip
        self.session.add(reversal)
        self.session.flush()
        decided_by_two(self.session, reversal, at=at)
        return reversal.id

    def record(self, *, days: int = 1) -> None:
        """So many days later all that was learned is credited, and what that changes is recorded."""
        now = LEARNED_AT + timedelta(days=days)
        credit_all(self.session, now=now)
        records.record_person(self.session, self.person.id, now=now)

    def _sitting(self, digest: str) -> UUID:
        if self.session.get(watching.LearnerWatch, self.person.id) is None:
            self.session.add(
                watching.LearnerWatch(
                    learner_id=self.person.id, tau_ms=0, held=False, pending_ms=0, check_count=0, check_due_after_ms=0
                )
            )
            self.session.flush()
        at = to_ms(LEARNED_AT)
        sitting = watching.Sitting(
            learner_id=self.person.id, unit_id=self.unit_id, class_id=self.class_id, device="device", actor="actor",
            player="test", policy=digest, opened_ms=at, expires_ms=at + 1, cm_open_ms=0, e_ms=at, carry_ms=0,
            last_cm_ms=0, seq=0, gap_late_ms=0, ended_ms=at, ended_reason="closed", nonces=[],
        )  # fmt: skip
        self.session.add(sitting)
        self.session.flush()
        return sitting.id

    def _check(self, sitting: UUID, digest: str) -> UUID:
        question = self.session.scalars(sa.select(Question.id).where(Question.unit_id == self.unit_id)).one()
        check = watching.PresenceCheck(
            learner_id=self.person.id, sitting_id=sitting, unit_id=self.unit_id, question_id=question, number=1,
            shown=[0, 1, 2, 3], from_ms=0, to_ms=1, policy=digest, put_ms=0, deadline_ms=1, tries=[[0]],
            outcome="passed", decided_ms=1,
        )  # fmt: skip
        self.session.add(check)
        self.session.flush()
        return check.id


def decided_by_two(session: Session, reversal: watching.WatchedSpan, *, at: datetime) -> None:
    """The case in which one proposed and another confirmed what this row takes back."""
    assert reversal.reverses_id is not None
    case = ReviewCase(kind="flags", learner_id=reversal.learner_id, opened_by=a_person(session).id, opened_at=at)
    session.add(case)
    session.flush()
    for number, (act, side) in enumerate([("propose", "institution"), ("confirm", "regulator")], 1):
        session.add(
            ReviewAct(
                case_id=case.id, number=number, act=act, side=side, by_person_id=a_person(session).id,
                reason="Nobody was there.", spans=[reversal.reverses_id], at=at,
            )
        )  # fmt: skip
    session.add(ReviewEffect(watched_span_id=reversal.id, undoes_id=reversal.reverses_id, case_id=case.id))
    session.flush()


def a_learner_with_hours(
    session: Session,
    *,
    ms: int,
    outline: str,
    filed_after: timedelta = timedelta(days=-1),
    document_number: str = AN_ID,
) -> Learner:
    """The person of a document, in a class of `outline` filed so long after the learning, with `ms` final."""
    found = session.scalars(sa.select(Outline).where(Outline.code == outline)).one()
    item = session.scalars(sa.select(OutlineItem).where(OutlineItem.outline_id == found.id)).one()
    institution = an_institution(session)
    at = LEARNED_AT - timedelta(days=30)
    course = teaching.add_course(session, institution_id=institution.id, title="Course", at=at, outline_item_id=item.id)
    person = a_person(session, document_number=document_number)
    held = classes.open_class(
        session, institution_id=institution.id, outline_id=found.id, class_no="1", title="Class",
        starts_on=date(2026, 6, 1), at=at,
    )  # fmt: skip
    acting = [institution.id]
    filed_at = LEARNED_AT + filed_after
    classes.file_class(
        session, held.id, filing_no="F-1", filed_at=filed_at, acting=acting, at=LEARNED_AT + timedelta(hours=2)
    )
    classes.enrol(session, held.id, [person.id], acting=acting, at=at)
    learner = Learner(session, person, held.id, _a_unit(session, course.id, acting))
    learner.watch(ms=ms)
    return learner


def _a_unit(session: Session, course_id: UUID, acting: list[UUID]) -> UUID:
    lesson: Lesson = teaching.add_lesson(session, course_id=course_id, title="Lesson", acting=acting)
    at = LEARNED_AT - timedelta(days=30)
    unit = Unit(
        lesson_id=lesson.id, version=1, title="Lesson", duration_ms=3_600_000, start_offset_ms=0, width=2, height=2,
        content_hash="0" * 64, source_sha256="0" * 64, created_at=at,
    )  # fmt: skip
    session.add(unit)
    session.flush()
    session.add(
        Question(
            unit_id=unit.id, from_ms=0, to_ms=1000, stem="?", options=["a", "b", "c", "d"], correct=[0], created_at=at
        )
    )
    session.flush()
    return unit.id
