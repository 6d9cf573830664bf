"""The catalogue's pages: found by words and filters, page by page, and what a manager says of a course."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from elearn.courses import finding
from elearn.courses.models import Course
from elearn.people.models import Account, Role
from tests.builders_courses import AT, a_course, a_lesson, a_unit
from tests.builders_people import an_account
from tests.pages.conftest import Browser, World, text_of

Open = Callable[[Account | None], Browser]


def test_everybody_signed_in_finds_a_course_by_its_words(world: World, browser: Open) -> None:
    for name in ("worker", "stranger", "manager", "clerk", "auditor"):
        page = browser(world.account(name)).page("/catalogue?words=触电")
        assert "触电急救" in page, name
    assert browser(None).get("/catalogue").status_code == 303


def test_what_is_not_found_says_what_to_do(world: World, browser: Open) -> None:
    page = browser(world.stranger).page("/catalogue?words=没有这门课")
    assert "No course fits" in page
    assert "触电急救" not in page


@pytest.mark.parametrize("asked", ["centre=posts", "industry=tobacco", "centre=unknown", "level="])
def test_a_filter_that_fits_or_is_none_leaves_the_course(world: World, browser: Open, asked: str) -> None:
    assert "触电急救" in browser(world.stranger).page(f"/catalogue?{asked}")


def test_a_filter_that_does_not_fit_leaves_nothing(world: World, browser: Open) -> None:
    for asked in ("centre=public", "level=entry", "audience=official"):
        assert "No course fits" in browser(world.stranger).page(f"/catalogue?{asked}")


def test_a_wrong_place_in_the_list_is_refused_in_words(world: World, browser: Open) -> None:
    answer = browser(world.stranger).get("/catalogue?after=nonsense")
    assert answer.status_code == 400
    assert "out of date" in text_of(answer)
    assert browser(world.stranger).get("/catalogue?words=%00").status_code == 400


def test_the_next_page_goes_on_after_the_last_line(session: Session, world: World, browser: Open) -> None:
    for number in range(finding.AT_ONCE):
        made = a_course(session, world.institution.id, title=f"高处作业 {number:02}", at=AT + timedelta(minutes=number))
        a_unit(session, a_lesson(session, made))
    session.commit()
    reader = browser(world.stranger)
    first = reader.get("/catalogue?centre=posts")
    assert "触电急救" not in first.text
    address = first.text.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    second = reader.get(address)
    assert "触电急救" in second.text
    assert 'rel="next"' not in second.text


def test_a_learner_of_its_class_goes_from_the_card_to_the_lessons(world: World, browser: Open) -> None:
    path = f"/catalogue/{world.course.id}"
    assert f"/courses/{world.course.id}" in browser(world.worker).get(path).text
    stranger = browser(world.stranger).get(path)
    assert f"/courses/{world.course.id}" not in stranger.text
    assert "studied in a class of this institution" in text_of(stranger)
    assert browser(world.stranger).get(f"/catalogue/{uuid4()}").status_code == 404


def test_a_draft_is_in_the_catalogue_of_its_own_institution_only(session: Session, world: World, browser: Open) -> None:
    draft = a_course(session, world.institution.id, title="还没有课时")
    session.commit()
    path = f"/catalogue/{draft.id}"
    assert browser(world.manager).get(path).status_code == 200
    for other in (world.other_manager, world.worker):
        assert browser(other).get(path).status_code == 404
        assert "还没有课时" not in browser(other).page("/catalogue?own=1")
    assert "还没有课时" in browser(world.manager).page("/catalogue?own=1")
    assert "还没有课时" not in browser(world.manager).page("/catalogue")


def test_a_manager_says_what_a_course_is(session: Session, world: World, browser: Open) -> None:
    teacher = an_account(session, Role.TEACHER, organisation_id=world.institution.id)
    session.commit()
    manager = browser(world.manager)
    item = world.course.outline_item_id
    made = manager.post(
        "/teaching/courses/new",
        {
            "organisation": world.institution.id, "title": "配电安全", "item": item, "centre": "employees",
            "level": "advanced", "audiences": ["employee"], "industries": ["electricity", "tobacco"],
            "teacher": teacher.person_id, "textbook": "统编教材", "textbook_url": "https://books.example/a",
            "needs_review": "yes",
        },
    )  # fmt: skip
    assert made.status_code == 303, text_of(made)
    page = browser(world.manager).page(f"{made.location}/about")
    assert "Advanced" in page
    course = session.query(Course).filter_by(title="配电安全").one()
    assert (course.centre, course.level, course.industries, course.teacher_id, course.needs_review) == (
        "employees", "advanced", ["tobacco", "electricity"], teacher.person_id, True,
    )  # fmt: skip


WRONG = [
    ({"title": ""}, "Please fill this in."),
    ({"audiences": ["official"]}, "This centre does not teach these people."),
    ({"textbook_url": "javascript:alert(1)"}, "An address begins with"),
    ({"level": "entry"}, "A grade is a level and whom it is for."),
    ({"teacher": str(uuid4())}, "There is no such teacher in this institution."),
    ({"centre": "public"}, "Hours rest on the centre of this course"),
]


@pytest.mark.parametrize(("changed", "said"), WRONG)
def test_what_a_course_cannot_be_is_said_beside_the_field(
    session: Session, world: World, browser: Open, changed: dict[str, object], said: str
) -> None:
    address = f"/teaching/courses/{world.course.id}/about"
    answer = browser(world.manager).post(address, {"title": "触电急救", "centre": "posts", **changed})
    assert answer.status_code == 422
    assert said in text_of(answer)
    session.expire_all()
    assert (world.course.title, world.course.centre) == ("触电急救", "posts")


def test_a_value_that_no_page_offers_is_refused(world: World, browser: Open) -> None:
    address = f"/teaching/courses/{world.course.id}/about"
    for changed in ({"centre": "moon"}, {"audiences": ["cat"]}, {"industries": ["x"]}, {"teacher": "y"}):
        assert browser(world.manager).post(address, {"title": "触电急救", **changed}).status_code == 400
    assert browser(world.other_manager).post(address, {"title": "x"}).status_code == 404
    assert browser(world.clerk).get(address).status_code == 403
