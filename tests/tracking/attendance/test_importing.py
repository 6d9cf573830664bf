"""A spreadsheet becomes lists that wait for a second person: all of it, or nothing, each row with its reason."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from elearn.errors import Conflict, NotFound
from elearn.people.models import Person
from elearn.tracking.attendance import importing, ledger_check
from elearn.tracking.attendance.importing import Preview
from elearn.tracking.attendance.models import AttendanceLine, AttendanceList, AttendanceMark, AttendedSpan
from tests.builders_courses import enrolled
from tests.builders_people import KEYS, a_person, a_resident_id
from tests.conftest import statements
from tests.tracking.attendance.school import School, a_school, at
from tests.tracking.attendance.test_sheets import a_sheet

LATER = at("18:00")


def a_learner(school: School, name: str) -> tuple[Person, str]:
    number = a_resident_id()
    person = a_person(school.session, name=name, document_number=number)
    enrolled(school.session, school.held, person.id)
    return person, number


def look(school: School, *rows: tuple[object, ...], now: datetime = LATER) -> Preview:
    return importing.look(
        school.session, school.held.id, name="签到表.xlsx", content=a_sheet(*rows), by=school.manager.person_id,
        acting=school.acting, keys=KEYS, now=now,
    )  # fmt: skip


def take(school: School, preview: Preview, *, now: datetime = LATER) -> list[AttendanceList]:
    return importing.take(
        school.session, preview.file.id, by=school.manager.person_id, acting=school.acting, keys=KEYS, now=now
    )


def test_rows_become_lists_that_count_when_they_are_confirmed(session: Session) -> None:
    school = a_school(session, learners=0)
    school.plan(), school.plan("14:00", "16:00")
    (ada, ada_no), (_bob, bob_no) = a_learner(school, "李四"), a_learner(school, "王五")
    rows = [
        ("李四", ada_no, "2026-07-01", "08:50", "10:30"), ("王五", bob_no, "2026/7/1", "09:00", "10:00"),
        ("李四", ada_no, "2026年7月1日", "下午2:00", "下午3:30"),
    ]  # fmt: skip
    preview = look(school, *rows)
    assert preview.whole
    assert session.query(AttendanceMark).count() == 0, "looking takes nothing"
    assert [line.ms // 60_000 for line in preview.lines] == [90, 60, 90], "cut to the session"
    lists = take(school, preview)
    assert [one.files for one in lists] == [[preview.file.sha256]] * 2
    assert session.query(AttendedSpan).count() == 0
    for one in lists:
        school.confirm(one)
    counted = {(one.person_id, one.how): 0 for one in session.query(AttendanceLine)}
    assert session.query(AttendedSpan).count() == 3
    assert (ada.id, "sheet") in counted


def test_what_was_imported_in_a_broken_millisecond_follows_from_its_marks(session: Session) -> None:
    school = a_school(session, learners=0)
    school.plan()
    _ada, number = a_learner(school, "李四")
    moment = LATER + timedelta(microseconds=1_700)
    preview = look(school, ("李四", number, "2026-07-01", "09:00", "10:00"), now=moment)
    [whole] = take(school, preview, now=moment)
    school.confirm(whole)
    assert list(ledger_check.differences(session)) == []


def test_each_wrong_row_has_its_reason_and_nothing_is_taken(session: Session) -> None:
    school = a_school(session, learners=0)
    held = school.plan()
    waiting, cancelled = school.plan("12:00", "13:00"), school.plan("20:00", "21:00")
    school.cancel(cancelled)
    (ada, ada_no), (bob, bob_no) = a_learner(school, "李四"), a_learner(school, "王五")
    outsider_no = a_resident_id()
    a_person(session, name="赵六", document_number=outsider_no)
    school.attend(waiting, bob.id)
    school.propose(waiting)
    school.record(held, bob.id)
    day = "2026-07-01"
    cases = [
        (("李四", ada_no, day, "09:00", "10:00"), None),
        (("李四", ada_no, day, "10:00", "10:20"), importing.TWICE),
        (("李四", bob_no, day, "09:00", "10:00"), importing.UNKNOWN_PERSON),
        (("无名", a_resident_id(), day, "09:00", "10:00"), importing.UNKNOWN_PERSON),
        (("李四", "not a number", day, "09:00", "10:00"), importing.UNKNOWN_PERSON),
        (("赵六", outsider_no, day, "09:00", "10:00"), "NOT_ENROLLED"),
        (("王五", bob_no, day, "09:00", "10:00"), "ELSEWHERE"),
        (("李四", ada_no, day, "07:00", "08:00"), importing.NO_SESSION),
        (("李四", ada_no, "2026-07-02", "09:00", "10:00"), importing.NO_SESSION),
        (("李四", ada_no, day, "20:00", "21:00"), importing.NO_SESSION),
        (("李四", ada_no, day, "12:00", "13:00"), importing.LIST_WAITING),
        (("李四", ada_no, "7/1", "09:00", "10:00"), "BAD_DAY"),
        (("李四", ada_no, day, "10:00", "09:00"), "ENDS_BEFORE"),
    ]
    marks = session.query(AttendanceMark).count()
    preview = look(school, *(row for row, _problem in cases))
    assert [line.problem for line in preview.lines] == [problem for _row, problem in cases]
    with pytest.raises(Conflict) as refused:
        take(school, preview)
    assert refused.value.error_code == "import_changed"
    assert session.query(AttendanceMark).count() == marks
    assert ada.id not in {one.person_id for one in session.query(AttendanceLine)}


def test_what_was_good_when_it_was_looked_at_is_looked_at_again(session: Session) -> None:
    school = a_school(session, learners=0)
    held = school.plan()
    ada, number = a_learner(school, "李四")
    row = ("李四", number, "2026-07-01", "09:00", "10:00")
    assert [line.problem for line in look(school, row, now=at("10:00")).lines] == ["NOT_OVER"]
    preview = look(school, row)
    assert preview.whole
    school.record(held, ada.id)
    with pytest.raises(Conflict):
        take(school, preview)
    with pytest.raises(NotFound):
        importing.take(session, preview.file.id, by=school.manager.person_id, acting=[], keys=KEYS, now=LATER)


def test_a_list_is_late_after_thirty_days_and_the_importer_stands_on_none(session: Session) -> None:
    school = a_school(session, learners=0)
    held = school.plan()
    _ada, number = a_learner(school, "李四")
    row = ("李四", number, "2026-07-01", "09:00", "10:00")
    assert [line.problem for line in look(school, row, now=held.to_at + timedelta(days=31)).lines] == ["TOO_OLD"]
    own_no = a_resident_id()
    manager = a_person(session, name="管理员", document_number=own_no)
    enrolled(session, school.held, manager.id)
    preview = importing.look(
        session, school.held.id, name="a.xlsx", content=a_sheet(("管理员", own_no, "2026-07-01", "09:00", "10:00")),
        by=manager.id, acting=school.acting, keys=KEYS, now=LATER,
    )  # fmt: skip
    assert [line.problem for line in preview.lines] == ["TEACHES_IT"]


def test_a_thousand_rows_cost_no_query_each(session: Session) -> None:
    school = a_school(session, learners=0)
    school.plan()
    known = [a_learner(school, f"学员{number}") for number in range(5)]
    good = [(person.name, number, "2026-07-01", "09:00", "10:00") for person, number in known]
    with statements(session) as few:
        look(school, *good)
    begun = time.perf_counter()
    with statements(session) as many:
        preview = look(school, *good, *(("陌生人", a_resident_id(), "2026-07-01", "9:00", "10:00") for _ in range(995)))
    assert len(preview.problems) == 995
    assert len(many) <= len(few) + 1
    assert time.perf_counter() - begun < 20
