"""Opening a course and publishing the same video where it counts, both at once: one of them waits and is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from elearn.courses.models import Unit
from elearn.courses.public import opening
from elearn.db import db
from elearn.errors import Conflict
from tests import builders_courses as courses
from tests import builders_people as people
from tests.builders_courses import AT
from tests.builders_public import a_public_course, the_same_video

Step = Callable[[Session], object]


@pytest.mark.parametrize("opens_first", [True, False])
def test_of_opening_and_publishing_at_once_one_waits_and_is_refused(own_app: Flask, opens_first: bool) -> None:
    with own_app.app_context():
        session = db.session()
        school = people.an_institution(session).id
        public = a_public_course(session, school)
        video = courses.a_unit(session, courses.a_lesson(session, public))
        credited = courses.a_course(session, school, outline=courses.an_outline(session))
        copy = the_same_video(session, video, courses.a_lesson(session, credited), published=False).id
        course_id, one, two = public.id, people.a_person(session).id, people.a_person(session).id
        opening.ask(session, course_id, film=False, by=one, acting=[school], at=AT)
        session.commit()

        def opens(with_: Session) -> None:
            opening.open_to_all(with_, course_id, by=two, acting=[school], at=AT)

        def publishes(with_: Session) -> None:
            with_.execute(sa.update(Unit).where(Unit.id == copy).values(published_at=AT))

        steps: list[Step] = [opens, publishes] if opens_first else [publishes, opens]
        with Session(db.engine) as first, Session(db.engine) as second:
            steps[0](first)
            second.execute(sa.text("SET lock_timeout = '100ms'"))
            with pytest.raises(OperationalError, match="lock timeout"):
                steps[1](second)
            second.rollback()
            first.commit()
            with pytest.raises((IntegrityError, Conflict)):
                steps[1](second)
