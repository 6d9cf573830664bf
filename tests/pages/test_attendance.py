"""Pages of hours on site: the screen, the phone, the second person; a bad form is a sentence and changes nothing."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape

import openpyxl
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from elearn.clock import to_ms
from elearn.courses.requirements import service as requirements
from elearn.people.models import Account, Person
from elearn.tracking.attendance import codes
from elearn.tracking.attendance.models import (
    AttendanceAnswer,
    AttendanceFile,
    AttendanceList,
    AttendanceMark,
    AttendanceScan,
    AttendedSpan,
    ClassSession,
)
from tests.builders_courses import enrolled
from tests.builders_people import a_person, a_resident_id, an_account
from tests.conftest import ManualClock, statements
from tests.pages.conftest import Browser, text_of
from tests.tracking.attendance.school import DAY, PHOTO, SECRET, School, a_school, at
from tests.tracking.attendance.test_sheets import a_sheet

Browsers = Callable[[Account | None], Browser]


@pytest.fixture
def school(session: Session, clock: ManualClock) -> School:
    clock.now = at("07:00")
    made = a_school(session, learners=3)
    session.commit()
    return made


def account_of(school: School, number: int) -> Account:
    """A learner's own, opened when it is first needed."""
    session, person_id = school.session, school.learners[number]
    found = session.scalars(sa.select(Account).where(Account.person_id == person_id)).one_or_none()
    return found or an_account(session, person=session.get_one(Person, person_id))


def code_path(held: ClassSession, now: datetime) -> str:
    return f"/here/{held.id}/{codes.code(SECRET, held.id, codes.slot_of(to_ms(now)))}"


def hidden(response: TestResponse, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', response.text)
    assert found is not None, text_of(response)
    return unescape(found[1])


def press(phone: Browser, held: ClassSession, clock: ManualClock) -> str:
    """Scan the screen now and press the button; answers what the page then says."""
    page = phone.get(code_path(held, clock.now))
    assert page.status_code == 200, text_of(page)
    act = "in" if "I am here" in text_of(page) else "out"
    answer = phone.post(f"/here/{held.id}", {"ticket": hidden(page, "ticket"), "act": act})
    assert answer.status_code == 303
    return phone.page(f"/here/{held.id}")


def test_from_the_plan_to_the_transcript(
    session: Session, school: School, browser: Browsers, clock: ManualClock
) -> None:
    manager = browser(school.manager)
    plan: dict[str, object] = {
        "item": str(school.item().id), "teacher": str(school.teacher.person_id), "place": "实训楼 201",
        "on": DAY.isoformat(), "begins": "09:00", "ends": "10:30",
    }  # fmt: skip
    assert manager.post(f"/teaching/classes/{school.held.id}/sessions", plan).status_code == 303
    held = session.scalars(sa.select(ClassSession)).one()
    teacher = browser(school.teacher)
    assert "09:00–10:30" in teacher.page("/sessions")
    clock.now = at("08:55")
    screen = teacher.get(f"/sessions/{held.id}/screen")
    assert re.search(r'<svg [^>]*class="code"', screen.text)
    phone = browser(account_of(school, 0))
    assert "You have been here since 08:55." in press(phone, held, clock)
    assert "1 / 3 are here" in teacher.page(f"/sessions/{held.id}/now")
    clock.now = at("10:30")
    assert "You left at 10:30." in press(phone, held, clock)
    clock.now = at("11:00")
    teacher, manager = browser(school.teacher), browser(school.manager)
    mark: dict[str, object] = {
        "person": str(school.learners[1]), "present": "yes", "begins": "09:15", "ends": "10:00", "reason": "No phone",
    }  # fmt: skip
    assert teacher.post(f"/sessions/{held.id}/mark", mark).status_code == 303
    assert teacher.post(f"/sessions/{held.id}/files", {"file": (io.BytesIO(PHOTO), "list.png")}).status_code == 303
    assert teacher.post(f"/sessions/{held.id}/list", {"note": ""}).status_code == 303
    whole = session.scalars(sa.select(AttendanceList)).one()
    assert "Nothing on site counts" in manager.page("/attendance")
    said = manager.page(f"/attendance/{whole.id}")
    assert "teacher's list No phone" in said
    assert "list.png" in said
    assert phone.page("/hours").count("To be confirmed") == 1
    assert manager.post(f"/attendance/{whole.id}/answer", {"answer": "confirm", "note": ""}).status_code == 303
    transcript = phone.page("/hours")
    assert "Confirmed" in transcript
    assert "2.0" in transcript
    assert session.query(AttendedSpan).count() == 2
    photo = teacher.get(f"/attendance/files/{session.scalars(sa.select(AttendanceFile.id)).one()}")
    assert (photo.data, photo.headers["Content-Type"]) == (PHOTO, "image/png")
    assert "sandbox" in photo.headers["Content-Security-Policy"]


LONG_HOURS = """
catalogue: elearn-requirements
version: "long hours"
class_hours:
  - {id: long, modality: offline, minutes: 90, effective_from: 2024-07-01, confirmed: false}
"""


def test_hours_on_site_are_as_long_as_the_rules_of_the_class_say(
    session: Session, school: School, browser: Browsers, clock: ManualClock
) -> None:
    clock.now = at("12:00")
    plan = requirements.plan(session, LONG_HOURS, unconfirmed=True, today=DAY)
    requirements.apply(session, plan, file_name="long.yaml", by="me", at=clock.now)
    learner = account_of(school, 0)
    held = school.plan()
    school.attend(held, school.learners[0])
    whole = school.propose(held)
    session.commit()
    second = browser(school.second)
    for path in ("/attendance", f"/attendance/{whole.id}", f"/sessions/{held.id}"):
        page = second.page(path)
        assert "1.0" in page, path
        assert "2.0" not in page, path
    assert "1.0" in browser(learner).page("/hours")


def test_a_picture_of_the_screen_is_worth_nothing_after_seconds(
    session: Session, school: School, browser: Browsers, clock: ManualClock
) -> None:
    held = school.plan()
    session.commit()
    clock.now = at("09:00")
    path, phone, friend = code_path(held, clock.now), browser(account_of(school, 0)), browser(account_of(school, 1))
    page = phone.get(path)
    ticket = hidden(page, "ticket")
    clock.advance(20_000)
    assert "no longer shown" in friend.page(path, 403)
    stolen = friend.post(f"/here/{held.id}", {"ticket": ticket, "act": "in"})
    assert stolen.status_code == 403, "a ticket is of one person"
    assert phone.post(f"/here/{held.id}", {"ticket": ticket, "act": "in"}).status_code == 303
    assert phone.post(f"/here/{held.id}", {"ticket": ticket, "act": "in"}).status_code == 303, "twice is once"
    assert session.query(AttendanceScan).count() == 1
    clock.advance(codes.TICKET_MS)
    assert phone.post(f"/here/{held.id}", {"ticket": ticket, "act": "out"}).status_code == 403
    assert session.query(AttendanceScan).count() == 1


def test_who_is_not_of_the_class_cannot_check_in(
    session: Session, school: School, browser: Browsers, clock: ManualClock
) -> None:
    held, other = school.plan(), school.plan("13:00", "14:00")
    stranger = a_school(session)
    session.commit()
    clock.now = at("09:00")
    for account in (school.teacher, school.manager, account_of(stranger, 0)):
        assert "not on the list of this class" in browser(account).page(code_path(held, clock.now), 403)
    learner = browser(account_of(school, 0))
    assert "no longer shown" in learner.page(code_path(other, clock.now).replace(str(other.id), str(held.id)), 403)
    assert "not open" in learner.page(code_path(other, clock.now), 403), "four hours before it begins"
    assert browser(None).get(code_path(held, clock.now)).status_code == 303, "to sign in, then scan again"
    assert learner.page(f"/here/{held.id}", 404)
    assert session.query(AttendanceScan).count() == 0


BAD_PLANS = [
    ({"place": " "}, "Please fill this in."),
    ({"on": "yesterday"}, "A date has the form"),
    ({"begins": "9 o'clock"}, "A time has the form"),
    ({"begins": "10:30", "ends": "10:30"}, "A session ends after it begins"),
    ({"begins": "01:00", "ends": "23:00"}, "twelve hours at most"),
    ({"begins": "06:30"}, "A session is planned before it begins."),
    ({"on": "2026-06-19"}, "before it begins"),
    ({"item": "01a20457-03fa-7933-b496-0b801866c653"}, "Choose an item of the outline"),
    ({"teacher": "01a20457-03fa-7933-b496-0b801866c653"}, "Choose a teacher of the institution."),
    ({"begins": "09:30", "ends": "11:00"}, "The teacher holds another session at that time."),
]


@pytest.mark.parametrize(("change", "said"), BAD_PLANS, ids=[str(one[0]) for one in BAD_PLANS])
def test_a_wrong_plan_is_told_beside_its_field(
    session: Session, school: School, browser: Browsers, change: dict[str, str], said: str
) -> None:
    school.plan()
    session.commit()
    good: dict[str, object] = {
        "item": str(school.item().id), "teacher": str(school.teacher.person_id), "place": "A", "on": DAY.isoformat(),
        "begins": "12:00", "ends": "13:00",
    }  # fmt: skip
    answer = browser(school.manager).post(f"/teaching/classes/{school.held.id}/sessions", {**good, **change})
    assert (answer.status_code, said in text_of(answer)) == (422, True), text_of(answer)
    assert session.query(ClassSession).count() == 1


def test_wrong_forms_of_a_session_change_nothing(
    session: Session, school: School, browser: Browsers, clock: ManualClock
) -> None:
    held = school.plan()
    session.commit()
    teacher, manager = browser(school.teacher), browser(school.manager)
    person = str(school.learners[0])
    clock.now = at("08:00")
    whole: dict[str, object] = {"person": person, "present": "yes", "begins": "09:00", "ends": "10:00", "reason": "x"}
    answer = teacher.post(f"/sessions/{held.id}/mark", whole)
    assert (answer.status_code, "The session has not begun." in text_of(answer)) == (422, True)
    clock.now = at("11:00")
    teacher, manager = browser(school.teacher), browser(school.manager)
    for form, said in [
        ({**whole, "person": ""}, "Please fill this in."),
        ({**whole, "reason": " "}, "Please fill this in."),
        ({**whole, "ends": ""}, "Say from when until when."),
        ({**whole, "ends": "25:00"}, "A time has the form"),
        ({**whole, "begins": "12:00", "ends": "13:00"}, "The time lies in the session"),
        ({**whole, "reason": "x" * 201}, "at most 200 characters"),
    ]:
        answer = teacher.post(f"/sessions/{held.id}/mark", form)
        assert (answer.status_code, said in text_of(answer)) == (422, True), text_of(answer)
    stranger = {**whole, "person": str(school.manager.person_id)}
    assert teacher.post(f"/sessions/{held.id}/mark", stranger).status_code == 404
    answer = teacher.post(f"/sessions/{held.id}/list", {"note": ""})
    assert (answer.status_code, "Nobody's attendance would count" in text_of(answer)) == (422, True)
    for content, said in [(b"", "Choose a file."), (b"MZ\x90", "PDF, JPEG"), (b"<svg/>", "PDF, JPEG")]:
        answer = teacher.post(f"/sessions/{held.id}/files", {"file": (io.BytesIO(content), "a.png")})
        assert (answer.status_code, said in text_of(answer)) == (422, True)
    assert manager.post(f"/sessions/{held.id}/take-back", {"why": "x"}).status_code == 422
    assert manager.post(f"/sessions/{held.id}/cancel", {"why": ""}).status_code == 422
    assert [session.query(one).count() for one in (AttendanceMark, AttendanceList, AttendanceFile)] == [0, 0, 0]


def test_the_second_person_sees_why_not_and_sends_back_with_a_reason(
    session: Session, school: School, browser: Browsers
) -> None:
    held = school.plan()
    school.attend(held, school.learners[0])
    whole = school.propose(held, by=school.manager)
    session.commit()
    own, other = browser(school.manager), browser(school.second)
    assert "A manager of the institution confirms it" in own.page(f"/attendance/{whole.id}")
    wrong: list[tuple[Browser, dict[str, object], str]] = [
        (own, {"answer": "confirm", "note": ""}, "A list is confirmed by somebody who did not propose it"),
        (other, {"answer": "refuse", "note": ""}, "Say why"),
    ]
    for who, form, said in wrong:
        answer = who.post(f"/attendance/{whole.id}/answer", form)
        assert (answer.status_code, said in text_of(answer)) == (422, True), text_of(answer)
    assert session.query(AttendanceAnswer).count() == 0
    assert other.post(f"/attendance/{whole.id}/answer", {"answer": "refuse", "note": "wrong day"}).status_code == 303
    answer = other.post(f"/attendance/{whole.id}/answer", {"answer": "confirm", "note": ""})
    assert (answer.status_code, "was answered already" in text_of(answer)) == (422, True)
    assert session.query(AttendedSpan).count() == 0


def test_each_page_is_for_whom_it_is_for(session: Session, school: School, browser: Browsers) -> None:
    held = school.plan()
    school.attend(held, school.learners[0])
    whole = school.propose(held)
    other = a_school(session)
    session.commit()
    paths = {
        "/sessions": (200, 200, 200, 200), f"/sessions/{held.id}": (200, 200, 404, 404),
        f"/sessions/{held.id}/screen": (200, 200, 404, 404), f"/sessions/{held.id}/now": (200, 200, 404, 404),
        "/attendance": (403, 200, 403, 200), f"/attendance/{whole.id}": (200, 200, 404, 404),
        f"/teaching/classes/{school.held.id}/sessions": (403, 200, 403, 404),
        f"/teaching/classes/{school.held.id}/attendance": (403, 200, 403, 404),
        "/attendance/form.xlsx": (403, 200, 403, 200),
    }  # fmt: skip
    people = [browser(one) for one in (school.teacher, school.manager, account_of(school, 0), other.manager)]
    found = {path: tuple(one.get(path).status_code for one in people) for path in paths}
    assert found == paths
    posts = ["mark", "cancel", "files", "list", "take-back"]
    form: dict[str, object] = {"reason": "x", "why": "x"}
    assert [people[3].post(f"/sessions/{held.id}/{one}", form).status_code for one in posts] == [404] * 5
    assert people[3].post(f"/attendance/{whole.id}/answer", {"answer": "confirm"}).status_code == 404


def test_a_spreadsheet_is_looked_at_and_then_taken_whole(
    session: Session, school: School, browser: Browsers, clock: ManualClock
) -> None:
    number = a_resident_id()
    enrolled(session, school.held, a_person(session, name="李四", document_number=number).id)
    school.plan()
    session.commit()
    clock.now = at("12:00")
    manager, path = browser(school.manager), f"/teaching/classes/{school.held.id}/attendance"
    wrong = a_sheet(("李四", number, "2026-07-01", "09:00", "10:00"), ("王五", number, "2026-07-01", "9点", "10点"))
    answer = manager.post(path, {"file": (io.BytesIO(wrong), "a.xlsx")})
    assert (answer.status_code, "1 of 2 rows are wrong" in text_of(answer)) == (422, True), text_of(answer)
    file_id = session.scalars(sa.select(AttendanceFile.id)).one()
    assert manager.post(f"/attendance/files/{file_id}/take").status_code == 303
    assert session.query(AttendanceMark).count() == session.query(AttendanceList).count() == 0, "none is taken"
    good = a_sheet(("李四", number, "2026年7月1日", "09：00", "10：00"))
    answer = manager.post(path, {"file": (io.BytesIO(good), "b.xlsx")})
    assert (answer.status_code, "All 1 rows can be taken." in text_of(answer)) == (200, True)
    take = re.search(r"/attendance/files/[0-9a-f-]+/take", answer.text)
    assert take is not None
    assert manager.post(take[0]).status_code == 303
    whole = session.scalars(sa.select(AttendanceList)).one()
    assert whole.files != []
    said = browser(school.second).page(f"/attendance/{whole.id}")
    assert "What it rests on b.xlsx" in said, "whoever confirms can read the spreadsheet"
    assert "b.xlsx" not in browser(school.teacher).page(f"/attendance/{whole.id}"), "who teaches cannot"
    for content, said in [(b"", "Choose a file."), (b"no zip", "no spreadsheet"), (a_sheet(), "No row was found")]:
        answer = manager.post(path, {"file": (io.BytesIO(content), "c.xlsx")})
        assert (answer.status_code, said in text_of(answer)) == (422, True)
    assert openpyxl.load_workbook(io.BytesIO(manager.get("/attendance/form.xlsx").data)).active is not None


def test_pages_cost_no_query_for_each_person(
    session: Session, school: School, browser: Browsers, clock: ManualClock
) -> None:
    held = school.plan()
    for one in school.learners[:1]:
        school.attend(held, one)
    session.commit()
    clock.now = held.to_at + timedelta(hours=1)
    teacher = browser(school.teacher)

    def count() -> int:
        with statements(session) as sent:
            teacher.page(f"/sessions/{held.id}")
        return len(sent)

    few = count()
    for one in school.learners[1:]:
        school.attend(held, one)
    session.commit()
    assert count() <= few
