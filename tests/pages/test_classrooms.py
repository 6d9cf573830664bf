"""Pages of an enterprise's training on site: from the plan to the settled assignment, and who is told nothing."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import to_ms
from elearn.db import new_id
from elearn.people.models import Account, EmploymentKind, Membership, Person, Role
from elearn.tracking.attendance import codes
from elearn.tracking.attendance.models import (
    AttendanceAnswer,
    AttendanceFile,
    AttendanceList,
    AttendanceMark,
    AttendedSpan,
    ClassSession,
)
from elearn.training.models import Assignment, Programme, Purpose, State
from tests import builders_people as people
from tests.builders_training import HOUR_MS, a_works
from tests.conftest import ManualClock
from tests.credit_export.paper.reading import text_of as pdf_text
from tests.pages.conftest import Browser, text_of
from tests.pages.test_attendance import press
from tests.pages.test_training import DRAWING
from tests.tracking.attendance.school import DAY, SECRET, at
from tests.tracking.attendance.test_sheets import a_sheet
from tests.training.classroom import Classroom, a_classroom

Browsers = Callable[[Account | None], Browser]
Sent = dict[str, object]


@pytest.fixture
def room(session: Session, clock: ManualClock) -> Classroom:
    clock.now = at("07:00")
    made = a_classroom(session, workers=2, purpose=Purpose.THREE_LEVEL_WORKSHOP)
    session.commit()
    return made


def account_of(session: Session, person_id: object) -> Account:
    found = session.scalars(sa.select(Account).where(Account.person_id == person_id)).one_or_none()
    return found or people.an_account(session, person=session.get_one(Person, person_id))


def a_plan(room: Classroom, **said: object) -> Sent:
    return {
        "programme": str(room.programme.id), "unit": str(room.unit.id), "kind": "practice", "giver": room.giver.name,
        "giver_number": "", "place": "车间A", "on": DAY.isoformat(), "begins": "09:00", "ends": "11:00",
    } | said  # fmt: skip


def test_from_the_plan_to_the_settled_assignment_and_the_card(
    session: Session, room: Classroom, browser: Browsers, clock: ManualClock
) -> None:
    present, marked = room.members
    clerk, giver = browser(room.clerk), browser(account_of(session, room.giver.id))
    phone = browser(account_of(session, present.person_id))
    session.commit()
    assert "No session yet" in clerk.page("/training/sessions")
    assert clerk.post("/training/sessions", a_plan(room)).status_code == 303
    held = session.scalars(sa.select(ClassSession)).one()
    assert (held.unit_id, held.outline_item_id, held.kind) == (room.unit.id, None, "practice")
    assert "车间A" in phone.page("/"), "who is invited sees it"
    assert "Come to the training on site" in phone.page("/messages")
    assert "You give a session on site" in giver.page("/messages")
    assert "09:00–11:00" in giver.page("/sessions")
    assert "Sessions that you give" in giver.page("/my-training")
    clock.now = at("08:55")
    screen = giver.get(f"/sessions/{held.id}/screen")
    assert 'class="code"' in screen.text
    assert "You have been here since 08:55." in press(phone, held, clock)
    assert "1 / 2 are here" in giver.page(f"/sessions/{held.id}/now")
    clock.now = at("11:00")
    assert "You left at 11:00." in press(phone, held, clock)
    clock.now = at("11:30")
    mark: Sent = {
        "person": str(marked.person_id), "present": "yes", "begins": "09:00", "ends": "10:30", "reason": "没带手机",
    }  # fmt: skip
    assert giver.post(f"/sessions/{held.id}/mark", mark).status_code == 303
    said = giver.page(f"/sessions/{held.id}")
    assert "It would add 3 h 30 min in all." in said
    assert "学时" not in said, "an enterprise counts by the clock"
    assert giver.post(f"/sessions/{held.id}/list", {"note": ""}).status_code == 303
    whole = session.scalars(sa.select(AttendanceList)).one()
    assert "Proposed by" in giver.page(f"/attendance/{whole.id}")
    assert giver.post(f"/attendance/{whole.id}/answer", {"answer": "confirm", "note": ""}).status_code == 404
    second = browser(room.second)
    assert "3 h 30 min" in second.page("/attendance")
    assert second.post(f"/attendance/{whole.id}/answer", {"answer": "confirm", "note": ""}).status_code == 303
    assert session.query(AttendedSpan).count() == 2
    room.settle()
    clock.now = at("12:00") + timedelta(days=1)
    hours = browser(account_of(session, present.person_id)).page("/hours")
    for words in ("09:00–11:00", room.programme.title, room.unit.name, "车间A", "2 h", "Confirmed"):
        assert words in hours, words
    assert "counts for no exam" not in hours
    done, short = room.assignment(present), room.assignment(marked)
    assert (done.credited_ms, short.credited_ms) == (2 * HOUR_MS, HOUR_MS * 3 // 2)
    clerk, second = browser(room.clerk), browser(room.second)
    assert "of it on site: 2 h" in clerk.page(f"/training/members/{present.id}")
    mine = browser(account_of(session, present.person_id))
    assert "of it on site: 2 h" in mine.page("/my-training")
    page = mine.get(f"/my-training/{done.id}")
    assert "of it on site: 2 h" in text_of(page)
    digest = page.text.split('name="digest" value="')[1].split('"')[0]
    assert mine.post(f"/my-training/{done.id}", {"digest": digest, "drawing": DRAWING}).status_code == 303
    signed: Sent = {"who": [str(done.id)], "drawing": DRAWING, "on_site": "", "note": ""}
    assert second.post("/training/sign", signed).status_code == 303
    session.expire_all()
    assert room.assignment(present).state is State.DONE
    assert room.assignment(marked).state is State.OPEN, "half an hour is missing"
    card = pdf_text(clerk.get(f"/training/members/{present.id}/card.pdf").data)
    assert "Credited on site" in card
    assert "2 h 00 min" in card


def test_a_session_that_is_cancelled_is_told_to_who_was_invited_with_the_reason(
    session: Session, room: Classroom, browser: Browsers
) -> None:
    clerk, phone = browser(room.clerk), browser(account_of(session, room.members[0].person_id))
    session.commit()
    clerk.post("/training/sessions", a_plan(room))
    held = session.scalars(sa.select(ClassSession)).one()
    assert clerk.post(f"/sessions/{held.id}/cancel", {"why": "停电"}).status_code == 303
    said = phone.page("/messages")
    for words in (f"Cancelled: {room.programme.title}", "Jul 1, 2026 at 09:00", "停电"):
        assert words in said, words


def test_a_programme_may_be_taught_on_site_alone(
    session: Session, room: Classroom, browser: Browsers, clock: ManualClock
) -> None:
    clerk = browser(room.clerk)
    asked: Sent = {"title": "外来施工人员入场教育", "purpose": "contractor_entry", "required": "4", "due_days": "3"}
    wrong = clerk.post("/training/programmes/new", asked)
    assert (wrong.status_code, "at least one course" in text_of(wrong)) == (422, True)
    assert clerk.post("/training/programmes/new", asked | {"on_site": "1"}).status_code == 303
    made = session.scalars(sa.select(Programme).where(Programme.title == asked["title"])).one()
    assert made.required_ms == 4 * HOUR_MS
    member = room.works.hire(kind=EmploymentKind.CONTRACTOR)
    session.commit()
    assert clerk.post(f"/training/members/{member.id}", {"programme": str(made.id)}).status_code == 303
    assert session.scalars(sa.select(Assignment).where(Assignment.membership_id == member.id)).one().state is State.OPEN
    assert made.title in clerk.page(f"/training/sessions?programme={made.id}")


def test_a_bad_plan_is_a_sentence_and_plans_nothing(
    session: Session, room: Classroom, browser: Browsers, clock: ManualClock
) -> None:
    clerk = browser(room.clerk)
    for wrong, said in (
        ({"programme": ""}, "Please fill this in"),
        ({"giver": ""}, "Please fill this in"),
        ({"giver": "没有这人"}, "Nobody of this name works in this unit"),
        ({"giver_number": "12"}, "does not have the form"),
        ({"place": " "}, "Please fill this in"),
        ({"place": "长" * 201}, "A session has a place"),
        ({"begins": "9点"}, "A time has the form 09:30"),
        ({"ends": "08:00"}, "ends after it begins"),
        ({"begins": "06:00"}, "before it begins"),
        ({"on": "2026-02-30"}, ""),
    ):
        answer = clerk.post("/training/sessions", a_plan(room, **wrong))
        assert (answer.status_code, said in text_of(answer)) == (422, True), wrong
    elsewhere = a_works(session)
    session.commit()
    for wrong, status in (
        ({"unit": str(elsewhere.workshop.id)}, 404), ({"programme": str(new_id())}, 404), ({"unit": "x"}, 400),
    ):  # fmt: skip
        assert clerk.post("/training/sessions", a_plan(room, **wrong)).status_code == status, wrong
    assert session.query(ClassSession).count() == 0
    assert clerk.post("/training/sessions", a_plan(room)).status_code == 303
    again = clerk.post("/training/sessions", a_plan(room, begins="10:00"))
    assert (again.status_code, "holds another session" in text_of(again)) == (422, True)


def test_each_page_is_for_whom_it_is_for(
    session: Session, room: Classroom, browser: Browsers, clock: ManualClock
) -> None:
    """The clerk, the principal, who gives it, who is taught, a keeper of the team alone, another enterprise's clerk."""
    held = room.plan()
    room.attend(held, room.members[0])
    whole = room.propose(held)
    elsewhere = a_works(session)
    accounts = [
        room.clerk, room.principal, account_of(session, room.giver.id), account_of(session, room.members[0].person_id),
        people.an_account(session, Role.ENTERPRISE_CLERK, organisation_id=room.works.team.id),
        people.an_account(session, Role.ENTERPRISE_CLERK, organisation_id=elsewhere.enterprise.id),
    ]  # fmt: skip
    session.commit()
    clock.now = at("12:00")
    one = f"/sessions/{held.id}"
    paths = {
        "/training/sessions": (200, 200, 403, 403, 200, 200),
        "/training/sessions/import": (200, 403, 403, 403, 200, 200),
        "/attendance": (200, 200, 403, 403, 200, 200), "/sessions": (200,) * 6, one: (200, 200, 200, 404, 404, 404),
        f"{one}/screen": (200, 200, 200, 404, 404, 404), f"{one}/now": (200, 200, 200, 404, 404, 404),
        f"/attendance/{whole.id}": (200, 200, 200, 404, 404, 404),
    }  # fmt: skip
    asking = [browser(account) for account in accounts]
    assert {path: tuple(each.get(path).status_code for each in asking) for path in paths} == paths
    for each in asking[3:]:
        for path in ("/training/sessions", "/attendance", "/sessions"):
            assert room.giver.name not in each.get(path).text, path
    form: Sent = {
        "reason": "x", "why": "x", "person": str(room.members[1].person_id), "begins": "09:00", "ends": "10:00",
        "line": [],
    }  # fmt: skip
    posts = ["mark", "files", "list", "take-back"]
    for each in (asking[1], *asking[3:]):
        answers = {name: each.post(f"{one}/{name}", form).status_code for name in posts}
        expected = {404} if each is not asking[1] else {404, 422}
        assert set(answers.values()) <= expected, answers
    plan = a_plan(room, begins="14:00", ends="15:00", on=(DAY + timedelta(days=1)).isoformat())
    assert [each.post("/training/sessions", plan).status_code for each in asking] == [303, 403, 403, 403, 404, 404]
    assert [each.post(f"{one}/cancel", {"why": "x"}).status_code for each in asking] == [422, 403, 403, 403, 404, 404]
    assert [each.post(f"/attendance/{whole.id}/answer", {"answer": "confirm"}).status_code for each in asking[2:]] == [
        404, 404, 404, 404,
    ]  # fmt: skip
    assert (session.query(AttendanceMark).count(), session.query(AttendanceFile).count()) == (0, 0)
    assert session.query(AttendanceAnswer).count() == 0
    assert asking[1].post(f"/attendance/{whole.id}/answer", {"answer": "confirm"}).status_code == 303, "the principal"


def test_who_gave_it_and_left_reads_it_no_more_and_says_nothing_of_it(
    session: Session, room: Classroom, browser: Browsers, clock: ManualClock
) -> None:
    held, giver = room.plan(), account_of(session, room.giver.id)
    room.attend(held, room.members[0])
    session.commit()
    clock.now = at("12:00")
    assert browser(giver).get(f"/sessions/{held.id}").status_code == 200
    session.execute(
        sa.update(Membership).where(Membership.person_id == room.giver.id).values(to_on=DAY - timedelta(days=1))
    )
    session.commit()
    gone = browser(giver)
    assert gone.get(f"/sessions/{held.id}").status_code == 404
    assert gone.post(f"/sessions/{held.id}/list", {"note": ""}).status_code == 404
    assert session.query(AttendanceList).count() == 0


def test_a_code_is_worth_nothing_to_who_is_not_invited(
    session: Session, room: Classroom, browser: Browsers, clock: ManualClock
) -> None:
    held, beside = room.plan(), room.hire(unit=room.works.enterprise)
    stranger = people.an_account(session)
    session.commit()
    clock.now = at("09:00")
    path = f"/here/{held.id}/{codes.code(SECRET, held.id, codes.slot_of(to_ms(clock.now)))}"
    for account, said in ((account_of(session, beside.person_id), "for another unit"), (stranger, "not on the list")):
        session.commit()
        phone = browser(account)
        answer = phone.get(path)
        assert (answer.status_code, said in text_of(answer)) == (403, True)
        assert "车间A" not in phone.page("/")


def test_a_spreadsheet_of_the_workshop_becomes_lists(
    session: Session, room: Classroom, browser: Browsers, clock: ManualClock
) -> None:
    number = people.a_resident_id()
    person = people.a_person(session, name="李四", document_number=number)
    room.assign(room.works.hire(person_id=person.id))
    held = room.plan()
    session.commit()
    clock.now = at("12:00")
    clerk = browser(room.clerk)
    content = a_sheet(("李四", number, "2026-07-01", "09:00", "11:00"))
    sent: Sent = {"programme": str(room.programme.id), "file": (io.BytesIO(content), "签到.xlsx")}
    lacking = clerk.post("/training/sessions/import", sent | {"programme": "", "file": (io.BytesIO(content), "x.xlsx")})
    assert (lacking.status_code, "Please fill this in" in text_of(lacking)) == (422, True)
    looked = clerk.post("/training/sessions/import", sent)
    assert (looked.status_code, "2 h" in text_of(looked)) == (200, True), text_of(looked)
    file = session.scalars(sa.select(AttendanceFile)).one()
    assert file.unit_id == room.works.enterprise.id
    for stranger in (room.second, room.principal):
        assert browser(stranger).post(f"/attendance/files/{file.id}/take").status_code in (403, 404), "of a unit above"
        assert session.query(AttendanceList).count() == 0
    clerk = browser(room.clerk)
    assert clerk.post(f"/attendance/files/{file.id}/take").status_code == 303
    whole = session.scalars(sa.select(AttendanceList)).one()
    assert whole.session_id == held.id
    second = browser(room.second)
    assert "签到.xlsx" not in second.page(f"/attendance/{whole.id}"), "it has others' rows in it"
    assert second.post(f"/attendance/{whole.id}/answer", {"answer": "confirm", "note": ""}).status_code == 303
    assert session.query(AttendedSpan).count() == 1
