"""Hours on site count when two people say so, and never otherwise."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.db import new_id
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.tracking.attendance import confirming, ledger_check, presence, proposing
from elearn.tracking.attendance.models import AttendanceLine, AttendedSpan
from elearn.tracking.attendance.rules import Act
from tests.builders_people import KEYS, an_account
from tests.tracking.attendance.school import DAY, a_school, at

HOUR = 3_600_000


def counted(session: Session) -> int:
    return session.query(AttendedSpan).count()


def differences(session: Session) -> list[str]:
    return [" ".join(one) for one in ledger_check.differences(session)]


def test_nothing_counts_before_a_second_person_confirms(session: Session) -> None:
    school = a_school(session)
    held = school.plan()
    school.attend(held, school.learners[0])
    whole = school.propose(held)
    assert counted(session) == 0
    school.confirm(whole)
    assert counted(session) == 1
    [line] = confirming.lines_of(session, whole.id)
    assert (line.ms, line.on, line.how) == (90 * 60_000, DAY, "code")
    assert differences(session) == []


def test_a_list_is_confirmed_by_nobody_who_has_a_part_in_it(session: Session) -> None:
    school = a_school(session, learners=2)
    held = school.plan()
    school.attend(held, school.learners[0])
    school.mark(held, school.learners[1], ("09:10", "10:00"))
    whole = school.propose(held, by=school.manager)
    for person in (school.manager.person_id, school.teacher.person_id, school.learners[0], school.learners[1]):
        with pytest.raises(Forbidden) as refused:
            confirming.confirm(session, whole.id, by=person, acting=school.acting, now=whole.at)
        assert refused.value.error_code == "second_person"
    with pytest.raises(NotFound):
        confirming.confirm(session, whole.id, by=school.second.person_id, acting=[], now=whole.at)
    school.confirm(whole)
    assert counted(session) == 2


@pytest.mark.parametrize("part", ["proposed it", "teaches it", "marked somebody", "stands on it"])
def test_each_part_alone_is_enough_to_be_no_second_person(session: Session, part: str) -> None:
    school = a_school(session, learners=2)
    held = school.plan()
    school.attend(held, school.learners[0])
    school.attend(held, school.learners[1])
    marker = an_account(session).person_id
    if part == "marked somebody":
        presence.mark(
            session, held.id, school.learners[1], present=None, reason="x", by=marker, acting=school.acting, keys=KEYS,
            at=held.to_at,
        )  # fmt: skip
    whole = school.propose(held, by=school.manager)
    persons = {
        "proposed it": school.manager.person_id, "teaches it": school.teacher.person_id, "marked somebody": marker,
        "stands on it": school.learners[0],
    }  # fmt: skip
    with pytest.raises(Forbidden) as refused:
        confirming.confirm(session, whole.id, by=persons[part], acting=school.acting, now=whole.at)
    assert refused.value.error_code == "second_person"
    school.confirm(whole)


def test_the_database_itself_refuses_a_list_that_one_person_made_and_confirmed(session: Session) -> None:
    school = a_school(session)
    held = school.plan()
    school.attend(held, school.learners[0])
    whole = school.propose(held)
    answer = "INSERT INTO elearn.attendance_answer (list_id, proposed_by, confirmed, by_id, note, at) VALUES "
    for proposed_by, by, said in (
        (school.teacher.person_id, school.teacher.person_id, "two_people"),
        (school.manager.person_id, school.second.person_id, "attendance_list"),
        (school.teacher.person_id, school.learners[0], "not on the list"),
    ):
        with pytest.raises(IntegrityError, match=said), session.begin_nested():
            session.execute(sa.text(f"{answer} ('{whole.id}', '{proposed_by}', true, '{by}', '', now())"))
    school.confirm(whole)
    late = {"list_id": whole.id, "person_id": school.learners[0], "how": "code", "on": DAY, "ms": HOUR // 2,
            "from_at": at("10:00"), "to_at": at("10:30"), "id": new_id()}  # fmt: skip
    with pytest.raises(IntegrityError, match="this list was answered"), session.begin_nested():
        session.execute(sa.insert(AttendanceLine).values(late))
    with pytest.raises(IntegrityError, match="append-only"), session.begin_nested():
        session.execute(sa.update(AttendanceLine).values(ms=1))


def test_a_list_is_proposed_when_the_session_is_over(session: Session) -> None:
    school = a_school(session)
    held = school.plan()
    school.attend(held, school.learners[0], at("09:00"), at("09:30"))
    with pytest.raises(Conflict) as early:
        school.propose(held, now=at("10:29"))
    assert early.value.error_code == "not_over"
    assert school.propose(held, now=at("10:30")).act == "record"


def test_a_list_is_answered_once_and_one_waits_at_a_time(session: Session) -> None:
    school = a_school(session)
    held = school.plan()
    school.attend(held, school.learners[0])
    whole = school.propose(held)
    with pytest.raises(Conflict) as waiting:
        school.propose(held)
    assert waiting.value.error_code == "list_waiting"
    for note in (" ", "错" * 201):
        with pytest.raises(Malformed):
            confirming.refuse(
                session, whole.id, by=school.second.person_id, acting=school.acting, now=whole.at, note=note
            )
    confirming.refuse(session, whole.id, by=school.teacher.person_id, acting=school.acting, now=whole.at, note="错了")
    with pytest.raises(Conflict) as answered:
        school.confirm(whole)
    assert answered.value.error_code == "answered"
    assert counted(session) == 0
    school.confirm(school.propose(held))
    assert counted(session) == 1


def test_what_was_confirmed_is_taken_back_by_two_people_with_a_reason(session: Session) -> None:
    school = a_school(session, learners=2)
    held = school.plan()
    whole = school.record(held, *school.learners)
    lines = confirming.lines_of(session, whole.id)
    with pytest.raises(Malformed):
        proposing.propose_void(
            session, held.id, [lines[0].id], reason=" ", by=school.manager.person_id, acting=school.acting, now=whole.at
        )
    later = whole.at + timedelta(days=1)
    void = school.void(held, [lines[0].id], now=later)
    assert counted(session) == 2, "one person takes nothing back"
    with pytest.raises(Forbidden):
        school.confirm(void, by=school.manager)
    school.confirm(void)
    assert [one.person_id for one in session.query(AttendedSpan)] == [lines[1].person_id]
    with pytest.raises(Conflict):
        school.void(held, [lines[0].id], now=later)
    assert differences(session) == []
    school.mark(held, lines[0].person_id, ("09:00", "09:30"), now=later)
    school.confirm(school.propose(held, now=later))
    assert counted(session) == 2, "the right time may be recorded instead"
    assert differences(session) == []


def test_a_list_that_is_true_no_longer_is_not_confirmed(session: Session) -> None:
    school = a_school(session)
    first, other = school.plan(), school.plan("11:00", "12:00")
    learner = school.learners[0]
    school.attend(first, learner)
    whole = school.propose(first)
    session.execute(sa.text("UPDATE elearn.enrolment SET withdrawn_at = :at"), {"at": at("09:30")})
    with pytest.raises(Conflict) as changed:
        school.confirm(whole)
    assert changed.value.error_code == "list_changed"
    session.execute(sa.text("UPDATE elearn.enrolment SET withdrawn_at = NULL"))
    session.execute(sa.text("DELETE FROM elearn.attended_span"))
    school.record(other, learner)
    session.execute(
        sa.text("UPDATE elearn.attended_span SET period = tstzrange(:a, :b)"), {"a": at("10:00"), "b": at("11:00")}
    )
    with pytest.raises(Conflict):
        school.confirm(whole)


def test_who_did_not_check_out_gets_nothing_until_the_teacher_says_until_when(session: Session) -> None:
    school = a_school(session, learners=2)
    held = school.plan()
    forgot, other = school.learners
    school.scan(held, forgot, Act.IN, at("08:55"))
    school.attend(held, other)
    drafted = {
        one.person_id: one for one in proposing.draft(session, held, by=school.teacher.person_id, now=at("11:00"))
    }
    assert (drafted[forgot].ms, drafted[forgot].refused_as) == (0, "NO_CHECK_OUT")
    school.mark(held, forgot, ("09:00", "10:15"))
    whole = school.propose(held)
    lines = {one.person_id: one for one in confirming.lines_of(session, whole.id)}
    assert (lines[forgot].ms, lines[forgot].how) == (75 * 60_000, "teacher")


def test_the_teachers_mark_stands_before_the_scans(session: Session) -> None:
    school = a_school(session)
    held = school.plan()
    school.attend(held, school.learners[0])
    school.mark(held, school.learners[0], None)
    with pytest.raises(Malformed) as empty:
        school.propose(held)
    assert empty.value.error_code == "empty_list"


def test_an_account_of_another_institution_finds_no_session(session: Session) -> None:
    school = a_school(session)
    held = school.plan()
    with pytest.raises(NotFound):
        proposing.propose(session, held.id, by=an_account(session).person_id, acting=[], now=at("11:00"))
