"""A manager takes a course out as one file and another one takes it in; what is not sound is said beside the field."""

from __future__ import annotations

import io
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses import page_units
from elearn.courses.models import Course
from elearn.people.models import Account
from tests.builders_courses import AT, a_course, a_lesson, a_question
from tests.builders_people import a_person
from tests.pages.conftest import Browser, World, text_of

Open = Callable[[Account | None], Browser]


def test_a_course_goes_from_one_institution_to_another(session: Session, world: World, browser: Open) -> None:
    course = a_course(session, world.institution.id, outline=world.outline, title="云海与能见度")
    page = page_units.Page("一", "看云", None, 20_000, a_person(session).id, AT)
    page_units.register_pages(session, a_lesson(session, course).id, "课", [page], [a_question(0, 20_000)], at=AT)
    session.commit()
    path = f"/teaching/courses/{course.id}/package"
    package = browser(world.manager).post(path)
    assert (package.status_code, package.mimetype, package.headers["Cache-Control"]) == (
        200, "application/zip", "no-store",
    )  # fmt: skip
    assert browser(world.other_manager).post(path).status_code == 404
    assert browser(world.worker).post(path).status_code == 403
    taking = browser(world.other_manager)
    taken = taking.post("/teaching/packages/new", {"file": (io.BytesIO(package.data), "course.zip")})
    assert taken.status_code == 303, text_of(taken)
    assert "1 lessons, all as drafts" in taking.page(taken.location)
    copies = session.scalars(sa.select(Course.institution_id).where(Course.title == "云海与能见度")).all()
    assert set(copies) == {world.institution.id, world.other_institution.id}
    assert package.headers["Content-Disposition"].startswith("attachment; filename")
    again = browser(world.other_manager).post(f"{taken.location}/package")
    assert again.data == package.data
    browser(world.other_manager).post(f"{taken.location}/package").close()


def test_what_is_not_sound_is_said_and_leaves_nothing(session: Session, world: World, browser: Open) -> None:
    before = session.scalars(sa.select(sa.func.count()).select_from(Course)).one()
    for form, said in (
        ({"file": (io.BytesIO(b"PK nonsense"), "x.zip")}, "This is no package, or it is cut off."),
        ({}, "Please choose a file."),
    ):
        answer = browser(world.manager).post("/teaching/packages/new", dict(form))
        assert answer.status_code == 422
        assert said in text_of(answer)
    assert browser(world.worker).post("/teaching/packages/new").status_code == 403
    assert session.scalars(sa.select(sa.func.count()).select_from(Course)).one() == before


def test_files_that_are_not_here_are_said(world: World, browser: Open) -> None:
    manager = browser(world.manager)
    assert manager.post(f"/teaching/courses/{world.course.id}/package").status_code == 303
    assert "cannot be exported" in manager.page(f"/teaching/courses/{world.course.id}")
