"""Where a region asks, hours count only under teachers who were valid on each date; elsewhere nobody is asked."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Enrolment, Kind, TrainingClass
from elearn.courses.requirements import service as requirements
from elearn.courses.teachers import assigning, certifying
from elearn.courses.teachers.standing import problems, teaching
from elearn.credit_export import lives_check, recomputing, records, teacher_hours, teachers_valid, why_not
from elearn.credit_export.eligibility import Reason
from elearn.credit_export.gathering import gather_many
from elearn.errors import Conflict
from elearn.people.models import Organisation
from elearn.people.registry import local_day
from tests.builders_courses import enrolled
from tests.builders_people import a_person
from tests.builders_teachers import a_paper, a_teacher, assigned, certified
from tests.credit_export.records.an_office import NOW, Office
from tests.credit_export.rules.test_records_by_rules import load, outline_of
from tests.tracking.attendance.school import School, a_school

SINCE_2016 = "region: '530000', effective_from: 2016-01-01, confirmed: true"
YUNNAN = f"credit_rules:\n  - {{id: teachers, teachers: asked, {SINCE_2016}}}\n"
BEGAN = date(2026, 6, 1)


@pytest.fixture
def asked(office: Office) -> Office:
    load(office.session, YUNNAN)
    return office


def fact(office: Office, on: date | None = None) -> bool | None:
    (case,) = gather_many(office.session, [office.learner.person.id], now=NOW, on=on)
    return case.facts.teachers_valid


def test_nobody_asks_in_the_country(office: Office) -> None:
    assert fact(office) is None
    assert (
        teachers_valid.of_cases(office.session, requirements.catalogue(office.session), [], on=BEGAN, today=BEGAN) == {}
    ), "and no query is made"
    (found,) = problems(office.session, [office.learner.class_id], today=local_day(NOW)).values()
    assert [one.gates for one in found] == [False], "the class has no teacher, which is told"


def test_a_class_without_a_teacher_does_not_count_where_it_is_asked(asked: Office) -> None:
    assert fact(asked) is False
    record = asked.record()
    assert record.reasons == [Reason.TEACHER_INVALID]
    assert record.facts["checks"]["teachers"] is False
    assert fact(asked, on=date(2015, 12, 31)) is None, "by the rules of before nobody asks"
    assert list(lives_check.unsound(asked.session)) == []


def test_a_certified_teacher_of_the_institution_makes_it_count(asked: Office) -> None:
    session, held, school = asked.session, asked.learner.class_id, asked.institution_id
    asked.record()
    teacher = a_teacher(session, school)
    entry = assigned(session, held, teacher, school, from_on=BEGAN)
    assert [one.name for one in teaching(session, [held])[held]] == ["王老师"]
    assert fact(asked) is False, "no certificate yet"
    stated = certified(session, teacher, school, confirmed=False)
    assert fact(asked) is False, "one person said so"
    certifying.answer(session, stated.id, confirm=True, note="", caller=asked.officer, at=NOW)
    assert fact(asked) is True
    record = asked.record()
    assert (record.outcome, record.facts["checks"]["teachers"]) == ("eligible", True)
    answer = why_not.ask(session, asked.learner.person, outline_of(asked), on=local_day(NOW), now=NOW)
    assert answer.eligible
    ended = certifying.end(session, stated.id, from_on=date(2026, 6, 20), note="吊销", caller=asked.officer, at=NOW)
    assert fact(asked) is True, "nobody has confirmed the end"
    certifying.answer(session, ended.id, confirm=True, note="", caller=asked.manager, at=NOW)
    assert fact(asked) is False
    assert asked.record().reasons == [Reason.TEACHER_INVALID]
    assigning.end(session, entry.id, to_on=date(2026, 6, 19), acting=[school], by=asked.manager.person_id, at=NOW)
    assert fact(asked) is True, "that teacher taught before only"
    assert list(lives_check.unsound(session)) == []


def test_a_certificate_for_other_work_is_none_for_this(asked: Office) -> None:
    teacher = a_teacher(asked.session, asked.institution_id)
    assigned(asked.session, asked.learner.class_id, teacher, asked.institution_id, from_on=BEGAN)
    certified(asked.session, teacher, asked.institution_id, a_paper(categories=["welding"]))
    assert fact(asked) is False
    certified(asked.session, teacher, asked.institution_id, a_paper(categories=["short", "other"]))
    assert fact(asked) is True


def test_a_certificate_that_was_objected_to_is_none(asked: Office) -> None:
    session, held = asked.session, asked.learner.class_id
    teacher = a_teacher(session, asked.institution_id)
    assigned(session, held, teacher, asked.institution_id, from_on=BEGAN)
    stated = certified(session, teacher, asked.institution_id, confirmed=False)
    certifying.answer(session, stated.id, confirm=False, note="编号不符", caller=asked.officer, at=NOW)
    (found,) = problems(session, [held], today=local_day(NOW)).values()
    assert [one.kind.value for one in found] == ["no_certificate"]
    for caller in (asked.manager, asked.officer):
        with pytest.raises(Conflict):
            certifying.end(session, stated.id, from_on=BEGAN, note="x", caller=caller, at=NOW)


def test_records_follow_what_becomes_known_of_teachers(asked: Office) -> None:
    session, since = asked.session, NOW + timedelta(hours=1)
    assert teachers_valid.lately_touched(session, since) == set()
    teacher = a_teacher(session, asked.institution_id)
    entry = assigned(session, asked.learner.class_id, teacher, asked.institution_id, from_on=BEGAN)
    assert teachers_valid.lately_touched(session, since) == set(), "that was before"
    assigning.remove(
        session, entry.id, acting=[asked.institution_id], by=asked.manager.person_id, at=since + timedelta(seconds=1)
    )
    assert teachers_valid.lately_touched(session, since) == {asked.learner.person.id}
    assert list(recomputing.lately_touched(session, since=since)) == [[asked.learner.person.id]]


def yunnan_school(session: Session) -> tuple[School, UUID]:
    """A class on site in Yunnan with its teacher, who is valid in the register but stands in no class yet."""
    load(session, YUNNAN)
    school = a_school(session, filed_at=None)
    session.get_one(Organisation, school.institution_id).region = "530100"
    teacher = a_teacher(session, school.institution_id, person_id=school.teacher.person_id)
    certified(session, teacher, school.institution_id, a_paper(categories=[school.outline.code]))
    return school, teacher


def test_on_site_it_is_asked_who_taught_that_day(session: Session) -> None:
    school, teacher = yunnan_school(session)
    stand_in = a_teacher(session, school.institution_id)
    certified(session, stand_in, school.institution_id, a_paper(categories=[school.outline.code]))
    assigned(session, school.held.id, stand_in, school.institution_id, from_on=school.held.starts_on)
    [learner] = school.learners
    line = (learner, school.outline.id)
    today = date(2026, 7, 2)

    def valid() -> bool | None:
        found = teachers_valid.of_cases(
            session, requirements.catalogue(session), [(*line, school.held.id)], on=today, today=today
        )
        return found[line]

    assert valid() is True, "nobody else has taught"
    _on_site(session, school, learner)
    assert valid() is False, "the meeting was held by somebody who is no teacher of the class"
    ((problem, name),) = teachers_valid.wrong(session, learner, school.outline.id, school.held.id, today=today)
    assert (problem.kind.value, problem.on, name) == ("not_entered", date(2026, 7, 1), "")
    assigned(
        session, school.held.id, teacher, school.institution_id, kind=Kind.THEORY, from_on=date(2026, 7, 1),
        to_on=date(2026, 7, 1),
    )  # fmt: skip
    assert valid() is True
    assert teachers_valid.together([]) is None
    assert teachers_valid.together([True, None]) is None


def _on_site(session: Session, school: School, learner: UUID) -> None:
    """An entry as confirmed attendance leaves it: its meeting was held by the school's teacher account."""
    whole = school.record(school.plan(), learner)
    session.execute(
        sa.text("""
        INSERT INTO elearn.hours_entry (id, person_id, class_id, outline_item_id, modality, kind, amount_ms, earned_on,
                                        learned_at, attendance_line_id, rule_version, created_at)
        SELECT gen_random_uuid(), l.person_id, :class, :item, 'offline', 'theory', 5400000, DATE '2026-07-01',
               l.from_at, l.id, 'test', l.to_at
        FROM elearn.attendance_line l WHERE l.list_id = :list
        """),
        {"class": school.held.id, "item": school.item().id, "list": whole.id},
    )


FORTY = (
    f"categories:\n  - {{id: safety_teacher, name: 教师继续教育, group: teacher, {SINCE_2016},\n"
    "     hours: {yearly: {total: 40}}}\n"
)


def test_their_own_hours_are_counted_by_the_same_ledger(office: Office) -> None:
    session, school = office.session, office.institution_id
    load(session, FORTY)
    person = office.learner.person
    teacher = a_teacher(session, school, person_id=person.id, from_on=date(2025, 6, 1))
    assert dict(teacher_hours.earned(session, [person.id], 2026, 2026)) == {}, "the outline trains no teachers"
    outline_of(office).category = "safety_teacher"
    session.flush()
    assert dict(teacher_hours.earned(session, [person.id], 2026, 2026)) == {(person.id, 2026): 1_000_000}
    assert dict(teacher_hours.earned(session, [person.id], 2025, 2025)) == {}
    next_year = date(2027, 3, 1)
    assert teacher_hours.short(session, [teacher], on=next_year) == {teacher: 39}
    assert teacher_hours.short(session, [teacher], on=date(2026, 3, 1)) == {}, "in the first year nobody is late"
    assigned(session, office.learner.class_id, teacher, school, from_on=BEGAN)
    (found,) = teacher_hours.class_problems(session, [office.learner.class_id], today=next_year).values()
    assert [one.kind.value for one in found] == ["no_certificate", "hours_short"]
    assert not any(one.gates for one in found)
    assert teacher_hours.asked_in(session, ["530100", "110000", None], next_year) == 40
    assert teacher_hours.asked_in(session, ["110000"], next_year) is None


def test_a_class_costs_the_same_queries_however_many_are_asked(office: Office) -> None:
    session = office.session
    load(session, YUNNAN)
    held = session.get_one(TrainingClass, office.learner.class_id)
    for _number in range(3):
        enrolled(session, held, a_person(session).id)
    counted: list[str] = []

    def count(*said: Any) -> None:
        counted.append(said[2])

    sa.event.listen(session.get_bind(), "before_cursor_execute", count)
    records.record_people(session, list(session.scalars(sa.select(Enrolment.person_id))), now=NOW)
    sa.event.remove(session.get_bind(), "before_cursor_execute", count)
    assert sum("elearn.class_teacher" in one for one in counted) == 1
