"""A class from its plan to acceptance on a real database: two people, the region's officer, conditions, the roster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.courses import classes
from elearn.courses.classes import enrolling, plan, reading, region, steps
from elearn.courses.classes.models import ClassStep, PlanLine, RosterChange
from elearn.courses.classes.rules import Act, Change, ClassRule, Gate, Modality, State
from elearn.courses.models import Enrolment, Kind, TrainingClass
from elearn.courses.requirements import service as requirements
from elearn.courses.requirements.rows import ClassReview, LateReport, RosterChanges
from elearn.credit_export import class_conditions
from elearn.credit_export.findings import stating
from elearn.credit_export.findings.rules import Kind as Finding
from elearn.credit_export.findings.stating import About
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.people.callers import Caller
from elearn.people.models import Role
from elearn.people.registry import local_day
from tests.builders_courses import an_outline
from tests.builders_people import KEYS, a_person, an_institution
from tests.builders_teachers import a_caller, a_paper, a_teacher, assigned, certified
from tests.conftest import statements

AT = datetime.fromisoformat("2026-07-01T09:00:00+08:00")
BEGINS = date(2026, 7, 6)
HEAD = 'catalogue: elearn-requirements\nversion: "1"\n'
REVIEWED = "class_review: regulator, late_report: refused, roster_changes: two_people"


def load(session: Session, said: str, *, where: str = "530000", since: str = "2026-01-01") -> None:
    row = f"{{id: classes{where}, {said}, region: '{where}', effective_from: {since}, confirmed: true}}"
    found = requirements.plan(session, f"{HEAD}credit_rules:\n  - {row}\n", unconfirmed=False, today=local_day(AT))
    requirements.apply(session, found, file_name="rules.yaml", by="me", at=AT)


@dataclass
class School:
    """An institution in Yunnan with a class that has everything."""

    session: Session
    clerk: Caller
    manager: Caller
    officer: Caller
    held: TrainingClass
    learner: UUID
    at: datetime = AT
    acting: list[UUID] = field(default_factory=list)

    def take(self, act: Act, by: Caller, *, note: str = "", filing_no: str = "") -> ClassStep:
        self.at += timedelta(minutes=1)
        known = class_conditions.outside(self.session, self.held.id, local_day(self.at))
        return steps.take(
            self.session, self.held.id, act, caller=by, outside=known, at=self.at, note=note, filing_no=filing_no
        )

    def accepted(self) -> None:
        self.take(Act.SUBMIT, self.clerk)
        self.take(Act.CHECK, self.manager)
        self.take(Act.ACCEPT, self.officer, filing_no="BA-1")

    def missing(self) -> list[Gate]:
        known = class_conditions.outside(self.session, self.held.id, local_day(self.at))
        return [one.gate for one in steps.standing(self.session, self.held.id, known, now=self.at).missing]

    def change(self, person: UUID, what: Change, *, by: Caller, reason: str = "病假") -> int:
        self.at += timedelta(minutes=1)
        rule = region.class_rule(requirements.catalogue(self.session), "530100", local_day(self.at))
        return enrolling.change(
            self.session, self.held.id, [person], what, reason=reason, by=by.person_id, rule=rule,
            acting=self.acting, at=self.at,
        )  # fmt: skip

    def answer(self, change_id: UUID, *, by: Caller, confirm: bool = True, note: str = "") -> None:
        self.at += timedelta(minutes=1)
        enrolling.answer(
            self.session, self.held.id, change_id, confirm=confirm, note=note, by=by.person_id, acting=self.acting,
            at=self.at,
        )  # fmt: skip


@pytest.fixture
def school(session: Session) -> School:
    institution = an_institution(session)
    institution.region = "530100"
    load(session, REVIEWED)
    outline = an_outline(session)
    held = classes.open_class(
        session, institution_id=institution.id, outline_id=outline.id, class_no="2026-1", title="低压电工一班",
        starts_on=BEGINS, ends_on=BEGINS + timedelta(days=60), place="实训楼", region="530102", at=AT,
    )  # fmt: skip
    acting = [institution.id]
    fill(session, held, acting)
    teacher = a_teacher(session, institution.id)
    certified(session, teacher, institution.id, a_paper(categories=[outline.category or outline.code]))
    assigned(session, held.id, teacher, institution.id, from_on=BEGINS)
    learner = a_person(session, name="李明").id
    classes.enrol(session, held.id, [learner], acting=acting, at=AT)
    return School(
        session,
        a_caller(session, Role.INSTITUTION_CLERK, organisation_id=institution.id),
        a_caller(session, Role.INSTITUTION_MANAGER, organisation_id=institution.id),
        a_caller(session, Role.REGULATOR_OFFICER, region="530000"),
        held,
        learner,
        acting=acting,
    )


def fill(session: Session, held: TrainingClass, acting: list[UUID]) -> None:
    """On site all that the outline asks."""
    for item in plan.items_of(session, held.outline_id):
        left, day = item.required_hours, BEGINS
        while left:
            plan.add_line(
                session, held.id, taught_on=day, outline_item_id=item.id, modality=Modality.OFFLINE,
                hours=min(16, left), from_time=time(8), to_time=time(20), acting=acting,
            )  # fmt: skip
            left, day = left - min(16, left), day + timedelta(days=1)


def test_two_people_of_the_school_and_the_officer_make_a_class_filed(school: School) -> None:
    assert school.missing() == []
    assert school.take(Act.SUBMIT, school.clerk).late is False
    with pytest.raises(Forbidden, match="Somebody else"):
        school.take(Act.CHECK, school.clerk)
    school.take(Act.CHECK, school.manager)
    with pytest.raises(Forbidden):
        school.take(Act.ACCEPT, school.manager, filing_no="BA-1")
    with pytest.raises(Malformed, match="A filing has a number"):
        school.take(Act.ACCEPT, school.officer, filing_no=" ")
    step = school.take(Act.ACCEPT, school.officer, filing_no="BA-1")
    assert (school.held.filed_at, school.held.filing_no) == (school.at, "BA-1")
    assert step.rule == "credit_rules/classes530000@530000@2026-01-01#" + step.rule.rpartition("#")[2]
    assert classes.state_of(school.session, school.held.id) is State.ACCEPTED
    taken = classes.steps_of(school.session, school.held.id)
    assert [(one.position, one.act) for one in taken] == [(1, Act.SUBMIT), (2, Act.CHECK), (3, Act.ACCEPT)]
    assert taken[2].by_id == school.officer.person_id


def test_an_officer_of_another_region_has_no_say(school: School) -> None:
    school.take(Act.SUBMIT, school.clerk)
    school.take(Act.CHECK, school.manager)
    for stranger in (
        a_caller(school.session, Role.REGULATOR_OFFICER, region="510000"),
        a_caller(
            school.session, Role.INSTITUTION_MANAGER, organisation_id=an_institution(school.session, name="别").id
        ),
        a_caller(school.session, Role.OPERATOR),
    ):
        with pytest.raises(Forbidden):
            school.take(Act.ACCEPT, stranger, filing_no="BA-1")


def test_what_was_submitted_stands_until_it_is_sent_back(school: School) -> None:
    school.take(Act.SUBMIT, school.clerk)
    (first, *_rest) = classes.plan_of(school.session, school.held.id)
    with pytest.raises(Conflict, match="The plan stands"):
        plan.remove_line(school.session, school.held.id, first.id, acting=school.acting)
    with pytest.raises(Conflict, match="The plan stands"):
        classes.place_class(school.session, school.held.id, place="别处", region=None, acting=school.acting)
    with pytest.raises(IntegrityError, match="the plan of a class stands"), school.session.begin_nested():
        school.session.execute(sa.delete(PlanLine))
    with pytest.raises(Malformed, match="reason"):
        school.take(Act.RETURN, school.manager, note="  ")
    school.take(Act.RETURN, school.manager, note="缺少地点")
    plan.remove_line(school.session, school.held.id, first.id, acting=school.acting)
    assert school.missing() == [Gate.PLAN_SHORT]
    school.take(Act.SUBMIT, school.manager)
    with pytest.raises(Conflict, match="Conditions are not met"):
        school.take(Act.CHECK, school.clerk)


def no_roster(school: School) -> None:
    classes.withdraw(school.session, school.held.id, school.learner, acting=school.acting, at=school.at)


def suspended(school: School) -> None:
    state(school, Finding.INSTITUTION_SUSPENDED, About(organisation_id=school.held.institution_id))


def listed(school: School) -> None:
    state(school, Finding.BLACKLISTED, About(person_id=school.learner))


def state(school: School, kind: Finding, about: About) -> None:
    found = stating.state(
        school.session, kind, about, from_on=local_day(AT), note="查实", caller=school.officer, keys=KEYS, at=AT
    )
    operator = a_caller(school.session, Role.OPERATOR)
    stating.answer(school.session, found.id, confirm=True, note="", caller=operator, at=AT)


def no_teacher(school: School) -> None:
    school.session.execute(sa.text("UPDATE elearn.class_teacher SET removed_at = now(), removed_by = added_by"))


def teacher_over(school: School) -> None:
    school.session.execute(sa.text("UPDATE elearn.teacher_term SET to_on = '2026-07-10'"))


def late(school: School) -> None:
    school.at = datetime.fromisoformat("2026-07-06T09:00:00+08:00")


@pytest.mark.parametrize(
    ("spoil", "gate", "keeps_from"),
    [
        (no_roster, Gate.ROSTER_EMPTY, Act.SUBMIT),
        (late, Gate.LATE, Act.SUBMIT),
        (suspended, Gate.INSTITUTION_SUSPENDED, Act.CHECK),
        (listed, Gate.PERSON_LISTED, Act.CHECK),
        (no_teacher, Gate.TEACHER_MISSING, Act.CHECK),
        (teacher_over, Gate.TEACHER_INVALID, Act.CHECK),
    ],
)
def test_a_condition_that_is_not_met_keeps_a_class_from_acceptance(
    school: School, spoil: Callable[[School], None], gate: Gate, keeps_from: Act
) -> None:
    spoil(school)
    assert school.missing() == [gate]
    if keeps_from is Act.CHECK:
        school.take(Act.SUBMIT, school.clerk)
    with pytest.raises(Conflict, match="Conditions are not met"):
        school.take(keeps_from, school.manager)


def test_a_condition_that_fails_after_the_check_keeps_the_officer_from_accepting(school: School) -> None:
    school.take(Act.SUBMIT, school.clerk)
    school.take(Act.CHECK, school.manager)
    listed(school)
    with pytest.raises(Conflict, match="Conditions are not met"):
        school.take(Act.ACCEPT, school.officer, filing_no="BA-1")
    assert school.held.filed_at is None


def test_reported_before_the_first_lesson_it_is_not_late_when_the_officer_answers_after(school: School) -> None:
    school.take(Act.SUBMIT, school.clerk)
    school.take(Act.CHECK, school.manager)
    late(school)
    assert school.take(Act.ACCEPT, school.officer, filing_no="BA-1").to_state is State.ACCEPTED
    assert school.held.filed_at == school.at, "what was learned before it was accepted does not count"


def test_a_receipt_files_no_class_where_the_officer_reviews(school: School) -> None:
    with pytest.raises(Forbidden, match="reviewed on this platform"):
        classes.file_class(
            school.session, school.held.id, filing_no="X", filed_at=AT, acting=school.acting, at=AT
        )  # fmt: skip
    assert classes.steps_of(school.session, school.held.id) == ()


def test_elsewhere_a_receipt_files_it_and_says_what_was_not_met_and_that_it_was_late(session: Session) -> None:
    institution, outline = an_institution(session), an_outline(session)
    held = classes.open_class(
        session, institution_id=institution.id, outline_id=outline.id, class_no="1", title="班", starts_on=BEGINS, at=AT
    )
    began = datetime.fromisoformat("2026-07-06T00:00:00+08:00")
    who = a_person(session).id
    classes.file_class(
        session, held.id, filing_no="X", filed_at=began, acting=[institution.id], at=began, by=who
    )  # fmt: skip
    (step,) = classes.steps_of(session, held.id)
    assert (step.act, step.to_state, step.by_id, step.late) == (Act.RECEIPT, State.ACCEPTED, who, True)
    assert step.unmet == [Gate.ROSTER_EMPTY.value, Gate.PLAN_EMPTY.value]
    learner = a_person(session).id
    classes.enrol(session, held.id, [learner], acting=[institution.id], at=began)
    (change,) = classes.roster_changes(session, held.id)
    assert (change.person_id, change.change, change.effective_at) == (learner, Change.JOIN, began)


# --- what a region asks -----------------------------------------------------------------------------------------------


def test_the_nearest_place_that_says_something_decides_each_question(session: Session) -> None:
    assert region.class_rule(requirements.catalogue(session), "530102", BEGINS) == ClassRule()
    load(session, "class_review: institution, late_report: refused", where="CN")
    load(session, "class_review: regulator", where="530000", since="2026-08-01")
    found = region.class_rule(requirements.catalogue(session), "530102", BEGINS)
    assert (found.review, found.late, found.roster) == (
        ClassReview.INSTITUTION, LateReport.REFUSED, RosterChanges.NOTICE
    )  # fmt: skip
    later = region.class_rule(requirements.catalogue(session), "530102", date(2026, 8, 1))
    assert later.review is ClassReview.REGULATOR
    assert region.class_rule(requirements.catalogue(session), "440100", date(2026, 8, 1)).review is found.review


# --- the roster after acceptance --------------------------------------------------------------------------------------


def present(school: School) -> set[UUID]:
    rows = sa.select(Enrolment.person_id).where(Enrolment.class_id == school.held.id, Enrolment.withdrawn_at.is_(None))
    return set(school.session.scalars(rows))


def test_after_acceptance_nobody_joins_or_leaves_without_a_recorded_change(school: School) -> None:
    newcomer = a_person(school.session).id
    with pytest.raises(Conflict, match="its roster is open"):
        school.change(newcomer, Change.JOIN, by=school.clerk)
    school.accepted()
    with pytest.raises(Conflict, match="The roster stands"):
        classes.enrol(school.session, school.held.id, [newcomer], acting=school.acting, at=school.at)
    with pytest.raises(Conflict, match="The roster stands"):
        classes.withdraw(school.session, school.held.id, school.learner, acting=school.acting, at=school.at)
    with pytest.raises(Malformed, match="Give a reason"):
        school.change(newcomer, Change.JOIN, by=school.clerk, reason=" ")
    assert present(school) == {school.learner}
    assert classes.roster_changes(school.session, school.held.id) == ()


def test_with_two_people_somebody_is_in_the_class_from_the_confirmation_on(school: School) -> None:
    school.accepted()
    newcomer = a_person(school.session).id
    assert school.change(newcomer, Change.JOIN, by=school.clerk) == 1
    assert school.change(newcomer, Change.JOIN, by=school.clerk) == 0, "one that waits is enough"
    assert present(school) == {school.learner}
    (wanted,) = classes.roster_changes(school.session, school.held.id)
    assert wanted.waiting
    with pytest.raises(Forbidden, match="Somebody else"):
        school.answer(wanted.id, by=school.clerk)
    school.answer(wanted.id, by=school.manager)
    joined = school.session.query(Enrolment).filter_by(person_id=newcomer).one()
    confirmed_at = school.at
    assert joined.enrolled_at == confirmed_at, "from the confirmation on, never from before"
    with pytest.raises(Conflict, match="answer already"):
        school.answer(wanted.id, by=school.manager)
    (settled,) = classes.roster_changes(school.session, school.held.id)
    assert settled.effective_at == confirmed_at
    accepted_at = school.held.filed_at
    assert accepted_at is not None
    lines, total = enrolling.members(school.session, school.held.id, at=accepted_at)
    assert ([one.person_id for one in lines], total) == ([school.learner], 1), "what was accepted stays as it was"


def test_an_objection_needs_words_and_changes_nothing(school: School) -> None:
    school.accepted()
    school.change(school.learner, Change.LEAVE, by=school.manager)
    (wanted,) = classes.roster_changes(school.session, school.held.id)
    with pytest.raises(Malformed, match="Give a reason"):
        school.answer(wanted.id, by=school.clerk, confirm=False)
    school.answer(wanted.id, by=school.clerk, confirm=False, note="本人在学")
    assert present(school) == {school.learner}
    (settled,) = classes.roster_changes(school.session, school.held.id)
    assert (settled.confirmed, settled.effective_at) == (False, None)


def test_with_a_notice_it_holds_at_once_and_the_regulator_reads_it(school: School) -> None:
    load(school.session, "roster_changes: notice", where="530100", since="2026-02-01")
    school.accepted()
    assert school.change(school.learner, Change.LEAVE, by=school.clerk) == 1
    assert present(school) == set()
    for regions, told in ((["53"], 1), (["51"], 0), ([], 0), (None, 1)):
        assert len(reading.notices(school.session, regions, since=AT)) == told


def test_a_change_of_another_class_is_not_found(school: School) -> None:
    school.accepted()
    school.change(school.learner, Change.LEAVE, by=school.clerk)
    (wanted,) = classes.roster_changes(school.session, school.held.id)
    with pytest.raises(NotFound):
        enrolling.answer(
            school.session, school.held.id, wanted.id, confirm=True, note="", by=school.manager.person_id,
            acting=[an_institution(school.session, name="别").id], at=AT,
        )  # fmt: skip


def test_a_completed_class_keeps_its_roster(school: School) -> None:
    school.accepted()
    school.at = datetime.fromisoformat("2026-07-06T08:00:00+08:00")
    school.take(Act.BEGIN, school.clerk)
    with pytest.raises(Conflict, match="last day"):
        school.take(Act.COMPLETE, school.manager)
    school.at = datetime.fromisoformat("2026-09-04T08:00:00+08:00")
    school.take(Act.COMPLETE, school.manager)
    with pytest.raises(Conflict, match="class is over"):
        school.change(school.learner, Change.LEAVE, by=school.clerk)


@pytest.mark.parametrize("table", ["class_step", "class_roster_change"])
def test_the_database_lets_nobody_rewrite_what_was_done(school: School, table: str) -> None:
    school.accepted()
    school.change(school.learner, Change.LEAVE, by=school.clerk)
    assert school.session.query(RosterChange).count() == 1
    with pytest.raises(IntegrityError, match="append-only"), school.session.begin_nested():
        school.session.execute(sa.text(f"UPDATE elearn.{table} SET at = now()"))


# --- the plan ---------------------------------------------------------------------------------------------------------


WRONG_LINES: list[tuple[str, dict[str, object], str]] = [
    ("a day before the class", {"taught_on": BEGINS - timedelta(days=1)}, "plan_day"),
    ("a day after it", {"taught_on": BEGINS + timedelta(days=61)}, "plan_day"),
    ("no hours", {"hours": 0}, "plan_hours"),
    ("more than a day has", {"hours": 25}, "plan_hours"),
    ("half a time", {"to_time": None}, "plan_times"),
    ("it ends before it begins", {"to_time": time(8)}, "plan_times"),
    ("on site at no time", {"from_time": None, "to_time": None}, "plan_times"),
    ("practice online", {"kind": Kind.PRACTICE, "modality": Modality.ONLINE}, "plan_online"),
    ("an hour of forty minutes", {"hours": 2, "to_time": time(10, 29)}, "plan_short_hours"),
    ("an item of nothing", {"outline_item_id": UUID(int=3)}, "plan_item"),
]


def test_a_line_of_a_plan_that_cannot_be_is_refused(school: School) -> None:
    items = {one.kind: one.id for one in plan.items_of(school.session, school.held.outline_id)}
    for why, changes, code in WRONG_LINES:
        said = {"outline_item_id": items[changes.get("kind", Kind.THEORY)], **changes}  # type: ignore[index]
        said.pop("kind", None)
        line: dict[str, object] = {
            "taught_on": BEGINS, "modality": Modality.OFFLINE, "hours": 1, "from_time": time(9), "to_time": time(10),
        }  # fmt: skip
        with pytest.raises(Malformed) as refused:
            plan.add_line(school.session, school.held.id, acting=school.acting, **(line | said))  # type: ignore[arg-type]
        assert refused.value.error_code == code, why


def test_online_theory_needs_no_time_of_day(school: School) -> None:
    item = next(one for one in plan.items_of(school.session, school.held.outline_id) if one.kind is Kind.THEORY)
    line = plan.add_line(
        school.session, school.held.id, taught_on=BEGINS, outline_item_id=item.id, modality=Modality.ONLINE, hours=8,
        acting=school.acting,
    )  # fmt: skip
    assert line.from_time is None
    known = class_conditions.outside(school.session, school.held.id, BEGINS)
    found = steps.standing(school.session, school.held.id, known, now=AT)
    assert found.first_lesson_at == datetime.fromisoformat("2026-07-06T00:00:00+08:00")


# --- lists ------------------------------------------------------------------------------------------------------------


def test_an_officer_sees_what_waits_in_the_region_in_two_queries(school: School) -> None:
    school.take(Act.SUBMIT, school.clerk)
    school.take(Act.CHECK, school.manager)
    for regions, seen in ((["53"], 1), (["5301"], 1), (["51"], 0), ([], 0), (None, 1)):
        with statements(school.session) as asked:
            lines, total = reading.in_regions(school.session, regions, [State.INSTITUTION_CHECKED])
        assert (len(lines), total, len(asked)) == (seen, seen, 2)
    assert reading.in_regions(school.session, None, [State.PLANNED])[1] == 0
    [line], _total = classes.classes_of(school.session, school.held.institution_id)
    assert line.state is State.INSTITUTION_CHECKED


def test_a_class_without_a_step_is_planned_and_found_so(session: Session) -> None:
    institution = an_institution(session)
    classes.open_class(
        session, institution_id=institution.id, outline_id=an_outline(session).id, class_no="1", title="班",
        starts_on=BEGINS, at=AT,
    )  # fmt: skip
    [line], _total = reading.in_regions(session, None, [State.PLANNED, State.SUBMITTED])
    assert line.state is State.PLANNED
