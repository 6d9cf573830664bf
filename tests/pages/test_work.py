"""What managers, clerks and operators do with their pages: good forms, bad ones, and forms sent twice."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses import teaching
from elearn.courses.models import Course, Enrolment, Lesson, Question, TrainingClass, Unit
from elearn.credit_export.exam_system.receivers import ALL_SCOPES, SCOPES
from elearn.credit_export.models import Receiver
from elearn.people import organisations
from elearn.people.models import Account, EmploymentKind, Membership, PasswordReset, Person
from tests import builders_courses as courses
from tests import builders_people as people
from tests.conftest import ManualClock, statements
from tests.pages.conftest import Browser, World, field_in, text_of

Opens = Callable[[Account | None], Browser]
ONCE = "a-drawn-number-of-the-form"


def count(session: Session, table: type, *where: sa.ColumnElement[bool]) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(table).where(*where)) or 0


# --- courses and lessons ----------------------------------------------------------------------------------------------


def test_a_manager_makes_a_course_and_its_lesson(world: World, browser: Opens, session: Session) -> None:
    desk = browser(world.manager)
    item = str(courses.theory_of(session, world.outline).id)
    made = desk.post("/teaching/courses/new", {"title": "临时用电", "item": item, "once": ONCE})
    assert made.status_code == 303
    assert "The course is made." in desk.page(made.location)
    lesson = desk.post(f"{made.location}/lessons", {"title": "验电"})
    assert lesson.status_code == 303
    assert "No video yet" in desk.page(lesson.location)


def test_a_course_form_sent_twice_makes_one_course(world: World, browser: Opens, session: Session) -> None:
    desk = browser(world.manager)
    page = desk.get("/teaching/courses/new")
    form = {
        "title": "临时用电",
        "item": str(courses.theory_of(session, world.outline).id),
        "once": field_in(page, "once"),
    }
    for _ in range(2):
        assert desk.post("/teaching/courses/new", dict(form)).status_code == 303
    assert count(session, Course, Course.title == "临时用电") == 1


def test_a_course_without_a_title_keeps_what_was_typed(world: World, browser: Opens) -> None:
    answer = browser(world.manager).post("/teaching/courses/new", {"title": "", "item": "", "summary": "看云识天气"})
    assert answer.status_code == 422
    assert text_of(answer).count("Please fill this in.") == 4, "beside each field and above the form"
    assert "看云识天气" in answer.text


def test_what_is_typed_is_never_markup(world: World, browser: Opens, session: Session) -> None:
    desk = browser(world.manager)
    item = str(courses.theory_of(session, world.outline).id)
    made = desk.post("/teaching/courses/new", {"title": "<script>alert(1)</script>", "item": item})
    assert "<script>alert" not in desk.get(made.location).text


def test_a_question_with_mistakes_says_so_and_keeps_its_text(world: World, browser: Opens, session: Session) -> None:
    path = f"/teaching/units/{world.unit.id}/question"
    before = count(session, Question)
    answer = browser(world.manager).post(path, {"from": "0:00", "to": "soon", "stem": "何时停工？", "option_A": "大雾"})
    assert answer.status_code == 422
    text = text_of(answer)
    assert "A time is written as minutes and seconds" in text
    assert "Mark at least one right option." in text
    assert "何时停工？" in answer.text
    assert count(session, Question) == before


def a_question_form(**changes: object) -> dict[str, object]:
    return {
        "from": "0:00", "to": "1:00", "stem": "何时停工？", "correct": ["A", "C"],
        "option_A": "大雾", "option_B": "晴天", "option_C": "大风", "option_D": "午后", **changes,
    }  # fmt: skip


def test_a_question_goes_into_the_pool_once(world: World, browser: Opens, session: Session) -> None:
    desk = browser(world.manager)
    for _ in range(2):
        answer = desk.post(f"/teaching/units/{world.unit.id}/question", a_question_form(once=ONCE))
        assert answer.status_code == 303
    kept = session.scalars(sa.select(Question).where(Question.stem == "何时停工？")).all()
    assert [(one.from_ms, one.to_ms, one.correct) for one in kept] == [(0, 60_000, [0, 2])]
    assert "何时停工？" in desk.page(answer.location)


def test_a_form_that_was_refused_may_come_again_put_right(world: World, browser: Opens, session: Session) -> None:
    desk, path = browser(world.manager), f"/teaching/units/{world.unit.id}/question"
    assert desk.post(path, a_question_form(once=ONCE, to="9:00")).status_code == 422
    assert desk.post(path, a_question_form(once=ONCE)).status_code == 303
    assert count(session, Question, Question.stem == "何时停工？") == 1


MANY = "0:00-1:00 先做什么？\n* 断电\n- 回家\n* 验电\n- 什么都不做\n\n0:10-1:20 再做什么？\n* 接地\n- 等\n- 看\n- 走\n"


@pytest.mark.parametrize("as_file", [False, True])
def test_many_questions_come_from_text_or_a_file(as_file: bool, world: World, browser: Opens, session: Session) -> None:
    before = count(session, Question)
    form: dict[str, object] = {"text": MANY}
    if as_file:
        form = {"text": "", "file": (io.BytesIO(MANY.encode("gb18030")), "questions.txt")}
    answer = browser(world.manager).post(f"/teaching/units/{world.unit.id}/questions", form)
    assert answer.status_code == 303
    assert count(session, Question) == before + 2


def test_one_bad_row_takes_none_and_is_named(world: World, browser: Opens, session: Session) -> None:
    before = count(session, Question)
    answer = browser(world.manager).post(
        f"/teaching/units/{world.unit.id}/questions", {"text": MANY + "\n0:00-1:00 坏的？\n* 甲\n- 乙\n"}
    )
    assert answer.status_code == 422
    assert "Line 13" in text_of(answer)
    assert "坏的？" in answer.text
    assert count(session, Question) == before


def test_a_draft_is_published_only_when_every_five_minutes_are_covered(
    world: World, browser: Opens, session: Session
) -> None:
    lesson = courses.a_lesson(session, world.course, title="长课")
    unit = courses.a_unit(
        session, lesson, duration_ms=700_000, questions=[courses.a_question(0, 200_000)], published=False
    )
    session.commit()
    desk = browser(world.manager)
    page = desk.page(f"/teaching/lessons/{lesson.id}")
    assert "2 of 3 stretches have no question yet." in page
    refused = desk.post(f"/teaching/units/{unit.id}/publish")
    assert refused.status_code == 409
    assert "Enter at least one question about each." in text_of(refused)
    for start, end in (("6:00", "9:00"), ("10:10", "11:30")):
        desk.post(f"/teaching/units/{unit.id}/question", a_question_form(**{"from": start, "to": end}))
    for _ in range(2):
        assert desk.post(f"/teaching/units/{unit.id}/publish").status_code == 303
    assert "Published" in desk.page(f"/teaching/lessons/{lesson.id}")
    assert desk.post(f"/teaching/units/{unit.id}/retire").status_code == 303
    assert session.get_one(Unit, unit.id).retired_at is not None


@pytest.mark.parametrize(
    "path",
    [
        "/teaching/courses/{course}/lessons",
        "/teaching/units/{unit}/question",
        "/teaching/units/{unit}/questions",
        "/teaching/units/{unit}/publish",
        "/teaching/units/{unit}/retire",
        "/teaching/questions/{question}/retire",
        "/teaching/classes/{held}/filing",
        "/teaching/classes/{held}/enrol",
        "/teaching/classes/{held}/members",
        "/teaching/classes/{held}/withdraw",
        "/teaching/classes/{held}/plan",
        "/teaching/classes/{held}/lesson-plans",
        "/teaching/classes/{held}/place",
        "/teaching/classes/{held}/step/submit",
    ],
)
@pytest.mark.parametrize(("who", "status"), [("other_manager", 404), ("clerk", 403), ("worker", 403), ("auditor", 403)])
def test_nobody_changes_what_another_institution_teaches(
    path: str, who: str, status: int, world: World, browser: Opens, session: Session
) -> None:
    question = session.scalars(sa.select(Question.id).where(Question.unit_id == world.unit.id)).first()
    address = path.format(course=world.course.id, unit=world.unit.id, held=world.held.id, question=question)
    assert browser(world.account(who)).post(address, {"title": "x"}).status_code == status


# --- classes ----------------------------------------------------------------------------------------------------------


def test_a_class_is_opened_filed_and_filled(world: World, browser: Opens, session: Session, clock: ManualClock) -> None:
    desk = browser(world.manager)
    opened = desk.post(
        "/teaching/classes/new",
        {"outline": str(world.outline.id), "class_no": "2026-77", "title": "七班", "starts_on": "2026-07-01"},
    )
    assert opened.status_code == 303
    late = desk.post(f"{opened.location}/filing", {"filing_no": "BA-7", "filed_on": "2026-07-02"})
    assert (late.status_code, "cannot lie in the future" in text_of(late)) == (422, True)
    filed = desk.post(f"{opened.location}/filing", {"filing_no": "BA-7", "filed_on": "2026-07-01", "filed_at": "08:30"})
    assert filed.status_code == 303
    held = session.scalars(sa.select(TrainingClass).where(TrainingClass.class_no == "2026-77")).one()
    assert held.filed_at is not None
    assert held.filed_at.isoformat() == "2026-07-01T00:30:00+00:00"
    number = people.a_resident_id()
    person = people.a_person(session, name="王芳", document_number=number)
    session.commit()
    strange = desk.post(f"{opened.location}/enrol", {"document_kind": "resident_id", "people": f"赵六 {number}"})
    assert strange.status_code == 422
    assert "Nobody with this name and document" in text_of(strange)
    assert f"赵六 {number}" in strange.text
    # The class is filed: who joins now does so with a reason.
    joining: dict[str, object] = {"document_kind": "resident_id", "people": f"王芳 {number}"}
    unsaid = desk.post(f"{opened.location}/enrol", dict(joining))
    assert (unsaid.status_code, "Give a reason" in text_of(unsaid)) == (422, True)
    for said in ("1 people were enrolled.", "Nobody new was enrolled"):
        done = desk.post(f"{opened.location}/enrol", joining | {"reason": "转班"})
        assert done.status_code == 303
        assert said in desk.page(opened.location)
    assert count(session, Enrolment, Enrolment.person_id == person.id) == 1
    assert number not in desk.get(opened.location).text


def test_a_class_number_is_taken_once(world: World, browser: Opens) -> None:
    form = {
        "outline": str(world.outline.id), "class_no": world.held.class_no, "title": "七班", "starts_on": "2026-07-01",
    }  # fmt: skip
    answer = browser(world.manager).post("/teaching/classes/new", dict(form))
    assert answer.status_code == 422
    assert "There is a class of this number already." in text_of(answer)


def test_only_the_institutions_own_people_are_enrolled_by_ticking(
    world: World, browser: Opens, session: Session
) -> None:
    own = people.a_member(session, world.institution.id)
    stranger = people.a_member(session, world.other_institution.id)
    session.commit()
    answer = browser(world.manager).post(
        f"/teaching/classes/{world.held.id}/members",
        {"person": [str(own.person_id), str(stranger.person_id)], "reason": "转班"},
    )
    assert answer.status_code == 303
    assert count(session, Enrolment, Enrolment.person_id == own.person_id) == 1
    assert count(session, Enrolment, Enrolment.person_id == stranger.person_id) == 0


# --- people -----------------------------------------------------------------------------------------------------------


def a_person_form(**changes: object) -> dict[str, object]:
    return {
        "name": "王芳", "document_kind": "resident_id", "document_number": people.a_resident_id(), "kind": "employee",
        "from_on": "2026-07-01", "phone": people.a_phone(), "account": "", **changes,
    }  # fmt: skip


def test_a_clerk_adds_a_person_and_hands_over_a_one_time_password(
    world: World, browser: Opens, session: Session
) -> None:
    form = a_person_form(account="wang.fang")
    desk = browser(world.clerk)
    answer = desk.post("/people/new", form)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert re.search(r"\b[a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4}\b", text_of(answer))
    listed = desk.page("/people")
    assert "王芳" in listed
    number = str(form["document_number"])
    assert number not in desk.get("/people").text
    assert f"{number[:3]}{'*' * 13}{number[-2:]}" in listed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"document_number": "530102199005170011"}, "its check digit is wrong"),
        ({"document_number": "123"}, "does not have the form"),
        ({"phone": "", "account": ""}, "A phone number or an account name is needed"),
        ({"phone": "12345"}, "This is not a phone number."),
        ({"account": "12"}, "An account name has 3 to 64 letters"),
        ({"name": ""}, "Please fill this in."),
    ],
)
def test_a_wrong_field_is_told_and_nobody_is_added(
    change: dict[str, object], said: str, world: World, browser: Opens, session: Session
) -> None:
    before = count(session, Person)
    answer = browser(world.clerk).post("/people/new", a_person_form(**change))
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert count(session, Person) == before


def test_sending_the_person_form_twice_makes_one_person_and_one_password(
    world: World, browser: Opens, session: Session
) -> None:
    form, desk = a_person_form(once=ONCE), browser(world.clerk)
    assert desk.post("/people/new", dict(form)).status_code == 200
    again = desk.post("/people/new", dict(form))
    assert again.status_code == 303
    assert "That was done already." in desk.page(again.location)
    assert count(session, PasswordReset) == 1


def test_somebody_whom_another_employer_brought_keeps_account_and_password(
    world: World, browser: Opens, session: Session
) -> None:
    number = people.a_resident_id()
    known = people.an_account(session, person=people.a_person(session, name="王芳", document_number=number))
    session.commit()
    answer = browser(world.clerk).post("/people/new", a_person_form(document_number=number))
    assert answer.status_code == 303
    assert count(session, Membership, Membership.person_id == known.person_id) == 1
    assert count(session, PasswordReset) == 0


def test_a_reset_is_asked_for_shown_once_and_ends_the_old_password(
    world: World, browser: Opens, session: Session
) -> None:
    desk, path = browser(world.clerk), f"/people/{world.worker.person_id}/reset"
    assert "The present password ends at once" in desk.page(path)
    assert count(session, PasswordReset) == 0
    first = desk.post(path, {"once": ONCE})
    assert (first.status_code, "shown here and never again" in text_of(first)) == (200, True)
    assert desk.post(path, {"once": ONCE}).status_code == 303
    assert count(session, PasswordReset) == 1
    session.expire_all()
    assert session.get_one(Account, world.worker.id).password_hash is None


@pytest.mark.parametrize(
    ("who", "status"), [("other_clerk", 404), ("manager", 404), ("worker", 403), ("operator", 403)]
)
def test_nobody_else_resets_a_workers_password(
    who: str, status: int, world: World, browser: Opens, session: Session
) -> None:
    assert browser(world.account(who)).post(f"/people/{world.worker.person_id}/reset").status_code == status
    assert count(session, PasswordReset) == 0


def test_a_clerk_adds_nobody_to_another_organisation(world: World, browser: Opens, session: Session) -> None:
    form = a_person_form(organisation=str(world.other_enterprise.id))
    assert browser(world.clerk).post("/people/new", form).status_code == 404


# --- exam systems -----------------------------------------------------------------------------------------------------


def test_an_operator_adds_an_exam_system_and_sees_its_secret_once(
    world: World, browser: Opens, session: Session
) -> None:
    desk = browser(world.operator)
    form = {"name": "省考试系统", "outline": [world.outline.code], "scope": ["eligibility.read"], "once": ONCE}
    shown = desk.post("/receivers/new", dict(form))
    assert shown.status_code == 200
    secret = re.search(r'id="client-secret">([^<]+)<', shown.text)
    assert secret is not None
    assert desk.post("/receivers/new", dict(form)).status_code == 303
    assert count(session, Receiver) == 1
    listed = desk.page("/receivers")
    assert "省考试系统" in listed
    assert secret[1] not in listed
    found = session.scalars(sa.select(Receiver)).one()
    assert browser(world.auditor).post(f"/receivers/{found.client_id}/revoke").status_code == 403
    assert "Revoke" not in browser(world.auditor).page("/receivers")
    desk = browser(world.operator)
    assert desk.post(f"/receivers/{found.client_id}/revoke").status_code == 303
    assert "revoked on" in desk.page("/receivers")


def test_what_nobody_has_by_default_is_not_ticked_at_first(world: World, browser: Opens) -> None:
    page = browser(world.operator).get("/receivers/new").text
    ticked = dict(re.findall(r'name="scope" value="([a-z.]+)"( checked)?', page))
    assert {scope for scope, tick in ticked.items() if tick} == set(SCOPES)
    assert set(ticked) == set(ALL_SCOPES)


def test_an_exam_system_without_outline_or_scope_is_not_added(world: World, browser: Opens, session: Session) -> None:
    answer = browser(world.operator).post("/receivers/new", {"name": "省考试系统"})
    assert answer.status_code == 422
    assert "Choose at least one outline." in text_of(answer)
    assert count(session, Receiver) == 0


# --- queries ----------------------------------------------------------------------------------------------------------


def more_of_everything(session: Session, world: World) -> None:
    for _ in range(6):
        people.a_member(session, world.enterprise.id)
        lesson = courses.a_lesson(session, world.course, title="又一课")
        courses.a_unit(session, lesson)
        courses.a_course(session, world.institution.id, outline=world.outline)
        held = courses.a_class(session, world.institution.id, world.outline)
        courses.enrolled(session, held, world.worker.person_id)
        person = people.a_person(session)
        courses.enrolled(session, world.held, person.id)
        organisations.join(
            session, person.id, world.institution.id, EmploymentKind.TRAINEE, date(2026, 1, 1), at=people.AT
        )
        teaching.add_question(
            session, world.unit.id, courses.a_question(), acting=[world.institution.id], at=courses.AT
        )
    session.commit()


@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("worker", "/"),
        ("worker", "/hours"),
        ("worker", "/courses/{course}"),
        ("worker", "/learn/{unit}"),
        ("manager", "/teaching"),
        ("manager", "/teaching/courses/{course}"),
        ("manager", "/teaching/lessons/{lesson}"),
        ("manager", "/teaching/classes"),
        ("manager", "/teaching/classes/{held}"),
        ("clerk", "/people"),
        ("operator", "/receivers"),
    ],
)
def test_more_rows_need_no_more_queries(who: str, path: str, world: World, browser: Opens, session: Session) -> None:
    address = path.format(course=world.course.id, unit=world.unit.id, lesson=world.lesson.id, held=world.held.id)
    desk = browser(world.account(who))
    desk.page(address)
    session.expire_all()
    with statements(session) as few:
        desk.page(address)
    more_of_everything(session, world)
    session.expire_all()
    with statements(session) as many:
        desk.page(address)
    assert few, "the statements were not seen"
    assert len(many) <= len(few), "\n".join(many)


def test_lists_are_found_by_name_and_paged(world: World, browser: Opens, session: Session) -> None:
    for number in range(55):
        courses.a_course(session, world.institution.id, title=f"课程 {number:02}")
    session.commit()
    desk = browser(world.manager)
    assert "1 / 2" in desk.page("/teaching")
    assert "触电急救" in desk.page("/teaching?page=2")
    assert "课程 07" in desk.page("/teaching?search=07")
    assert "No course has these words" in desk.page("/teaching?search=100%25")
    assert count(session, Lesson) == 1
