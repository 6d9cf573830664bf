"""Two at once: one list is confirmed once, and nobody is recorded in two places."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.dialects.postgresql.ranges import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.db import db
from elearn.errors import Conflict
from elearn.tracking.attendance import confirming
from elearn.tracking.attendance.models import AttendanceLine, AttendedSpan
from tests.at_once import at_once
from tests.builders_courses import enrolled
from tests.tracking.attendance.school import a_school


def test_the_database_itself_lets_nobody_be_in_two_places(session: Session) -> None:
    school = a_school(session)
    whole = school.record(school.plan(), school.learners[0])
    [line] = confirming.lines_of(session, whole.id)
    other = school.plan("12:00", "13:00")
    school.attend(other, school.learners[0])
    [second] = confirming.lines_of(session, school.propose(other).id)
    period = Range(line.to_at - timedelta(seconds=1), second.to_at)
    overlapping = {"line_id": second.id, "person_id": line.person_id, "period": period}
    with pytest.raises(IntegrityError, match="ex_attended_span_one_place"), session.begin_nested():
        session.execute(sa.insert(AttendedSpan).values(overlapping))


def test_lists_of_one_person_confirmed_at_once_count_one_of_two_places(own_app: Flask) -> None:
    with own_app.app_context():
        session = db.session()
        one, other = a_school(session), a_school(session, learners=0)
        ada = one.learners[0]
        enrolled(session, other.held, ada)
        jobs: list[tuple[UUID, UUID, UUID]] = []
        for school in (one, other):
            held = school.plan()
            school.attend(held, ada)
            whole = school.propose(held)
            # Two of the same list, too: a double click of one, and a colleague.
            jobs += [(whole.id, school.second.person_id, school.institution_id)] * 2
        now = whole.at + timedelta(hours=1)
        session.commit()

    def confirm(job: tuple[UUID, UUID, UUID]) -> bool:
        with own_app.app_context():
            try:
                confirming.confirm(db.session(), job[0], by=job[1], acting=[job[2]], now=now)
                db.session.commit()
            except Conflict:
                db.session.rollback()
                return False
            return True

    answers = at_once(*[lambda job=job: confirm(job) for job in jobs])
    assert sorted(answers) == [False, False, False, True]
    with own_app.app_context():
        assert db.session().query(AttendedSpan).count() == 1
        assert db.session().query(AttendanceLine).count() == 2
