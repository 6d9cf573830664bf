"""Steps of a class: what decides is gathered, `rules.why_not` decides, the step is recorded.

The class's row is locked first: two people who press at once take one step.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.classes import rules
from elearn.courses.classes.models import ClassStep
from elearn.courses.classes.opening import own_class
from elearn.courses.classes.plan import items_of
from elearn.courses.classes.reading import PlannedLesson, TakenStep, plan_of, stands_by, steps_of
from elearn.courses.classes.region import class_rule
from elearn.courses.classes.rules import Act, Actor, ClassRule, Duty, Facts, Item, Lesson, No, Outside, Stands, Unmet
from elearn.courses.models import Enrolment, Outline, TrainingClass
from elearn.courses.requirements import service as requirements
from elearn.courses.requirements.rows import HoursKind
from elearn.courses.teachers import standing as teachers
from elearn.courses.teachers.rules import KNOWN, Problem, ProblemKind
from elearn.errors import Conflict, DomainError, Forbidden, Malformed
from elearn.people.callers import Caller
from elearn.people.models import Organisation, Role
from elearn.people.permissions import may_see_region, scope_of
from elearn.people.registry import local_day
from elearn.zone import LOCAL_ZONE

MAX_NOTE = 1000
MAX_NUMBER = 100

UNSAID = frozenset({ProblemKind.NO_TEACHER, ProblemKind.HOURS_SHORT})
"""Whether every day has a teacher is asked of the plan; too little training of their own keeps nobody away."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A class with all that decides about its next step."""

    held: TrainingClass
    institution: Organisation
    outline: Outline
    plan: tuple[PlannedLesson, ...]
    steps: tuple[TakenStep, ...]
    rule: ClassRule
    learners: frozenset[UUID]
    """Who is on the roster."""
    first_lesson_at: datetime
    late: bool
    missing: tuple[Unmet, ...]
    today: date

    @property
    def stands(self) -> Stands:
        return stands_by(self.steps)

    @property
    def last_day(self) -> date:
        days = [one.taught_on for one in self.plan]
        return max([*days, self.held.ends_on or self.held.starts_on])

    def acting(self, act: Act, actors: Sequence[Actor]) -> Actor | No:
        """As whom somebody who acts as these may take a step, or why they may not."""
        refused = No.NOT_YOURS
        for actor in actors:
            no = rules.why_not(
                self.stands, act, actor, self.rule,
                missing=self.missing, today=self.today, starts_on=self.held.starts_on, last_day=self.last_day,
                learners=self.learners,
            )  # fmt: skip
            if no is None:
                return actor
            if refused is No.NOT_YOURS:  # says least: another of their offices may know better
                refused = no
        return refused


def standing(session: Session, class_id: UUID, outside: Outside, *, now: datetime) -> Standing:
    """The class as it stands now. Raises NoResultFound. A fixed number of queries."""
    held = session.get_one(TrainingClass, class_id)
    institution = session.get_one(Organisation, held.institution_id)
    outline = session.get_one(Outline, held.outline_id)
    today = local_day(now)
    plan, steps = plan_of(session, class_id), steps_of(session, class_id)
    rule = class_rule(requirements.catalogue(session), institution.region, today)
    learners = frozenset(
        session.scalars(
            sa.select(Enrolment.person_id).where(Enrolment.class_id == class_id, Enrolment.withdrawn_at.is_(None))
        )
    )
    first = first_lesson_at(held.starts_on, plan)
    reported = _reported_at(steps) or now
    facts = Facts(
        learners=len(learners),
        items=[
            Item(one.id, one.name, HoursKind(one.kind), one.required_hours) for one in items_of(session, outline.id)
        ],
        lessons=[
            Lesson(one.taught_on, one.outline_item_id, HoursKind(one.kind), one.modality, one.hours) for one in plan
        ],
        place=held.place,
        reported_at=reported,
        first_lesson_at=first,
        duties=[
            Duty(one.outline_item_id, HoursKind(one.kind) if one.kind else None, one.from_on, one.to_on)
            for one in teachers.teaching(session, [class_id])[class_id]
        ],
        teacher_problems=_teacher_problems(session, class_id, today),
        outside=outside,
    )  # fmt: skip
    return Standing(
        held,
        institution,
        outline,
        plan,
        steps,
        rule,
        learners,
        first,
        facts.late,
        rules.unmet(facts, rule),
        today,
    )


def first_lesson_at(starts_on: date, plan: Sequence[PlannedLesson]) -> datetime:
    """When the first lesson begins: by the plan, or at the beginning of the first day of the class."""
    begins = [(one.taught_on, one.from_time or time()) for one in plan] or [(starts_on, time())]
    day, clock = min(begins)
    return datetime.combine(day, clock, LOCAL_ZONE)


def _reported_at(steps: Sequence[TakenStep]) -> datetime | None:
    """When what stands now was submitted; None: it is being planned."""
    for step in reversed(steps):
        if step.act is Act.RETURN:
            return None
        if step.act is Act.SUBMIT:
            return step.at
    return None


def _teacher_problems(session: Session, class_id: UUID, today: date) -> tuple[str, ...]:
    """Names and days of teachers who are known not to be valid, or who have to be and are not shown to be."""
    names = {one.teacher_id: one.name for one in teachers.teaching(session, [class_id])[class_id]}
    found: Sequence[Problem] = teachers.problems(session, [class_id], today=today).get(class_id, ())
    return tuple(
        f"{names.get(one.teacher_id, '')} {one.on}".strip() if one.teacher_id else f"{one.on}"
        for one in found
        if one.kind not in UNSAID and (one.gates or one.kind in KNOWN)
    )


def offices_of(caller: Caller, institution: Organisation) -> list[Actor]:
    """As what the caller may act on a class of this institution; none: no say."""
    found = []
    if institution.id in scope_of(caller, Role.INSTITUTION_MANAGER):
        found.append(Actor(caller.person_id, rules.Office.MANAGER))
    if institution.id in scope_of(caller, Role.INSTITUTION_CLERK):
        found.append(Actor(caller.person_id, rules.Office.CLERK))
    if may_see_region(caller, institution.region):
        found.append(Actor(caller.person_id, rules.Office.OFFICER))
    return found


def refusal(no: No, missing: Sequence[Unmet] = ()) -> DomainError:
    """The sentence of a refusal."""
    made: dict[No, Callable[[], DomainError]] = {
        No.WRONG_STATE: lambda: Conflict("This class has moved on. Look at it again.", code=no.value),
        No.NOT_YOURS: lambda: Forbidden("This step belongs to somebody else's office.", code=no.value),
        No.SAME_PERSON: lambda: Forbidden("Somebody else has to take this step: two people look.", code=no.value),
        No.LEARNS_THERE: lambda: Forbidden(
            "You are on the roster of this class: somebody else decides.", code=no.value
        ),
        No.REVIEWED_HERE: lambda: Forbidden(
            "In this region classes are reviewed on this platform before they are accepted.", code=no.value
        ),
        No.BY_RECEIPT: lambda: Conflict("Record the receipt of the regulator who took the filing.", code=no.value),
        No.UNMET: lambda: Conflict("Conditions are not met yet. They are named on this page.", code=no.value),
        No.NOT_BEGUN: lambda: Conflict("The first day of this class has not come.", code=no.value),
        No.NOT_OVER: lambda: Conflict("The last day of this class has not come.", code=no.value),
    }
    return made[no]()


def take(
    session: Session,
    class_id: UUID,
    act: Act,
    *,
    caller: Caller,
    outside: Outside,
    at: datetime,
    note: str = "",
    filing_no: str = "",
) -> ClassStep:
    """Take a step. Accepting files the class: from `at` on, under `filing_no`.

    `outside` is asked just before (`credit_export.class_conditions`). What others state in between, of a person or
    of the institution, holds back the records of the class all the same.
    Raises the refusals of `rules.why_not`; Malformed `note`: sent back without words; `bad_filing`: no number.
    """
    session.scalars(sa.select(TrainingClass).where(TrainingClass.id == class_id).with_for_update()).one()
    found = standing(session, class_id, outside, now=at)
    actor = found.acting(act, offices_of(caller, found.institution))
    if isinstance(actor, No):
        raise refusal(actor)
    words = note.strip()
    if len(words) > MAX_NOTE or (act is Act.RETURN and not words):
        raise Malformed("Give a reason, in at most 1000 characters.", code="note")
    if act is Act.ACCEPT:
        _file(found.held, filing_no, at, at)
    return _record(session, found, act, actor, note=words, late=found.late, at=at)


def file_class(
    session: Session,
    class_id: UUID,
    *,
    filing_no: str,
    filed_at: datetime,
    acting: Collection[UUID],
    at: datetime,
    by: UUID | None = None,
    outside: Outside | None = None,
) -> TrainingClass:
    """Record the receipt of a regulator elsewhere, once: the same again changes nothing, another one is a Conflict.

    What was not met is written into the step; `outside` is asked as for `take`. Raises Forbidden `reviewed_here` where
    the region reviews classes here.
    """
    held = own_class(session, class_id, acting, lock=True)
    if held.filed_at is not None:
        if (held.filed_at, held.filing_no) != (filed_at, filing_no.strip()):
            raise Conflict("This class was filed already.", code="filed_already")
        return held
    found = standing(session, class_id, outside or Outside(), now=at)
    if found.acting(Act.RECEIPT, [Actor(by or held.id, rules.Office.MANAGER)]) is No.REVIEWED_HERE:
        raise refusal(No.REVIEWED_HERE)
    _file(held, filing_no, filed_at, at)
    _record(session, found, Act.RECEIPT, Actor(by, rules.Office.MANAGER) if by else None,
            late=filed_at >= found.first_lesson_at, unmet=found.missing, at=at)  # fmt: skip
    return held


def _file(held: TrainingClass, filing_no: str, filed_at: datetime, at: datetime) -> None:
    number = filing_no.strip()
    if not number or len(number) > MAX_NUMBER:
        raise Malformed("A filing has a number.", code="bad_filing")
    if filed_at > at:
        raise Malformed("A filing cannot lie in the future.", code="bad_filing")
    held.filed_at, held.filing_no, held.filing_recorded_at = filed_at, number, at


def _record(
    session: Session,
    found: Standing,
    act: Act,
    by: Actor | None,
    *,
    at: datetime,
    late: bool,
    note: str = "",
    unmet: Sequence[Unmet] = (),
) -> ClassStep:
    step = ClassStep(
        class_id=found.held.id,
        position=len(found.steps) + 1,
        act=act,
        to_state=rules.STEPS[found.stands.state, act],
        by_id=by and by.person,
        office=by and by.office,
        note=note,
        late=late and act in (Act.SUBMIT, Act.RECEIPT),
        unmet=[one.gate.value for one in unmet],
        rule=found.rule.names,
        at=at,
    )
    session.add(step)
    session.flush()
    return step
