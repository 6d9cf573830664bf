"""Records follow what they are made of without anybody asking: hours, enrolments, filings, rules, the calendar.

New hours are recorded by who enters them. Here is the rest: once a minute whoever was enrolled, whose class was filed,
about whom two people stated something or a case was closed, whose teachers changed, who passed a course test or whose
course was given one or asks for its test no more, a short while ago; once a night everybody, because a day begins or
ends the force of outlines and rules.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn import jobs
from elearn.clock import utcnow
from elearn.courses.models import Enrolment, TrainingClass
from elearn.courses.papers.models import CourseTest, Purpose, TestAttempt, TestBlueprint
from elearn.credit_export import holds, records, teachers_valid
from elearn.credit_export.findings import reading as findings
from elearn.db import db
from elearn.people import persons
from elearn.people.identity import Keys
from elearn.runtime import runtime

logger = logging.getLogger(__name__)

AT_ONCE = 1_000
"""Persons in one transaction: the feed's lock is held meanwhile."""
LOOK_BACK = timedelta(minutes=10)
"""Longer than any transaction of ours stays open, and than a job waits for its turn; looking twice does no harm."""


def recompute(session: Session, pages: Iterator[list[UUID]], *, now: datetime) -> tuple[int, int]:
    """Judge these persons afresh, a transaction for each page; answers how many persons, and how many new versions."""
    judged = written = 0
    for page in pages:
        written += len(records.record_people(session, page, now=now))
        judged += len(page)
        session.commit()
    return judged, written


def everybody(session: Session) -> Iterator[list[UUID]]:
    """All who were ever enrolled, in pages, by id."""
    last: UUID | None = None
    while True:
        query = sa.select(Enrolment.person_id).distinct().order_by(Enrolment.person_id).limit(AT_ONCE)
        page = list(session.scalars(query if last is None else query.where(Enrolment.person_id > last)))
        if not page:
            return
        last = page[-1]
        yield page


def lately_touched(session: Session, *, since: datetime) -> Iterator[list[UUID]]:
    """Whoever was enrolled or left since then, whose class was filed, whom a finding is about, whose case was closed,
    whose teachers changed, who passed a course test, whose course was given one, or is without it again; in pages."""
    touched = set(
        session.scalars(
            sa.select(Enrolment.person_id)
            .join(TrainingClass, TrainingClass.id == Enrolment.class_id)
            .where(
                TrainingClass.outline_id.is_not(None),
                (Enrolment.enrolled_at >= since)
                | (Enrolment.withdrawn_at >= since)
                | (TrainingClass.filing_recorded_at >= since),
            )
            .distinct()
        )
    )
    touched |= set(
        session.scalars(
            sa.select(TestAttempt.person_id).where(TestAttempt.passed.is_(True), TestAttempt.closed_at >= since)
        )
    )
    touched |= set(
        session.scalars(
            sa.select(Enrolment.person_id)
            .join(TrainingClass, TrainingClass.id == Enrolment.class_id)
            .join(
                CourseTest,
                (CourseTest.outline_id == TrainingClass.outline_id)
                & (CourseTest.institution_id == TrainingClass.institution_id),
            )
            .join(TestBlueprint, TestBlueprint.test_id == CourseTest.id)
            .where(CourseTest.purpose == Purpose.COURSE)
            .where((TestBlueprint.published_at >= since) | (CourseTest.retired_at >= since))
            .distinct()
        )
    )
    touched |= teachers_valid.lately_touched(session, since)
    found = sorted(touched | findings.lately_answered(session, since) | set(holds.lately_released(session, since)))
    return (found[begin : begin + AT_ONCE] for begin in range(0, len(found), AT_ONCE))


@jobs.task("eligibility.lately_touched", every="* * * * *")
def record_lately_touched() -> None:
    session, now = db.session(), utcnow()
    _judged, written = recompute(session, lately_touched(session, since=now - LOOK_BACK), now=now)
    if written:
        logger.info("recorded", extra={"versions": written})


@jobs.task("eligibility.everybody", every="20 19 * * *")
def record_everybody() -> None:
    """At 3:20 in China, when few study."""
    session, settings = db.session(), runtime().settings
    keys = Keys(sealing=settings.sealing_key, index=settings.index_key)
    while persons.learn_birthdays(session, keys, most=AT_ONCE):
        session.commit()
    judged, written = recompute(session, everybody(session), now=utcnow())
    logger.info("recorded", extra={"persons": judged, "versions": written})
