"""The way of a class: which step may follow, who takes it, which conditions stand before it. Pure.

    planned -> submitted -> institution_checked -> accepted -> running -> completed
    submitted or institution_checked -> planned, with a reason

Prior report (事前报告, RULES D05): a class is submitted with plan and roster before its first lesson. Who accepts it is
the region's matter: its officer, the institution's second person, or a regulator elsewhere whose receipt is recorded.
Two people look at every class that is accepted here; nobody checks their own step.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from elearn.courses.requirements.rows import ClassReview, HoursKind, LateReport, RosterChanges


class State(StrEnum):
    """Where a class stands: where its last step led."""

    PLANNED = "planned"
    SUBMITTED = "submitted"
    INSTITUTION_CHECKED = "institution_checked"
    ACCEPTED = "accepted"
    """Filed (开班备案): what is learned from `filed_at` on counts."""
    RUNNING = "running"
    COMPLETED = "completed"


FILED = frozenset({State.ACCEPTED, State.RUNNING, State.COMPLETED})
"""The roster and the plan stand; joining and leaving are recorded changes."""


class Act(StrEnum):
    SUBMIT = "submit"
    CHECK = "check"
    ACCEPT = "accept"
    RETURN = "return"
    """Back to the plan, with a reason."""
    RECEIPT = "receipt"
    """A regulator elsewhere took the filing; its receipt is recorded here."""
    BEGIN = "begin"
    COMPLETE = "complete"


class Office(StrEnum):
    """What somebody is, where the class belongs."""

    CLERK = "clerk"
    MANAGER = "manager"
    OFFICER = "officer"


class Modality(StrEnum):
    ONLINE = "online"
    OFFLINE = "offline"


class Change(StrEnum):
    JOIN = "join"
    LEAVE = "leave"


STEPS: dict[tuple[State, Act], State] = {
    (State.PLANNED, Act.SUBMIT): State.SUBMITTED,
    (State.SUBMITTED, Act.CHECK): State.INSTITUTION_CHECKED,
    (State.SUBMITTED, Act.RETURN): State.PLANNED,
    (State.INSTITUTION_CHECKED, Act.ACCEPT): State.ACCEPTED,
    (State.INSTITUTION_CHECKED, Act.RETURN): State.PLANNED,
    (State.PLANNED, Act.RECEIPT): State.ACCEPTED,
    (State.SUBMITTED, Act.RECEIPT): State.ACCEPTED,
    (State.INSTITUTION_CHECKED, Act.RECEIPT): State.ACCEPTED,
    (State.ACCEPTED, Act.BEGIN): State.RUNNING,
    (State.RUNNING, Act.COMPLETE): State.COMPLETED,
}
"""Every step there is, and where it leads."""

_STAFF = frozenset({Office.CLERK, Office.MANAGER})


class No(StrEnum):
    """Why a step is refused."""

    WRONG_STATE = "wrong_state"
    NOT_YOURS = "not_yours"
    SAME_PERSON = "same_person"
    LEARNS_THERE = "learns_there"
    """Nobody checks or accepts the class in which they learn."""
    REVIEWED_HERE = "reviewed_here"
    """The region has classes reviewed on this platform: a receipt from elsewhere does not accept one."""
    BY_RECEIPT = "by_receipt"
    """The region's regulator takes filings elsewhere: record the receipt."""
    UNMET = "unmet"
    NOT_BEGUN = "not_begun"
    NOT_OVER = "not_over"


@dataclass(frozen=True, slots=True)
class ClassRule:
    """What a region asks on a day."""

    review: ClassReview = ClassReview.RECEIPT
    late: LateReport = LateReport.FLAGGED
    roster: RosterChanges = RosterChanges.NOTICE
    names: str = ""
    """The rows that say so."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts, and as what."""

    person: UUID
    office: Office


@dataclass(frozen=True, slots=True)
class Stands:
    """Where a class stands, and who brought it there since it was last planned."""

    state: State = State.PLANNED
    submitted_by: UUID | None = None
    checked_by: UUID | None = None


class Gate(StrEnum):
    """A condition before acceptance. Each has its sentence in `pages/class_texts.py`."""

    ROSTER_EMPTY = "roster_empty"
    PLAN_EMPTY = "plan_empty"
    PLACE_MISSING = "place_missing"
    LATE = "late"
    """Reported after the first lesson began, where the region refuses that."""
    PLAN_SHORT = "plan_short"
    """Some outline item has fewer hours in the plan than the outline asks."""
    OFFLINE_SHARE_LOW = "offline_share_low"
    """So much theory is planned online that nobody of the class can become eligible."""
    TEACHER_MISSING = "teacher_missing"
    TEACHER_INVALID = "teacher_invalid"
    INSTITUTION_SUSPENDED = "institution_suspended"
    PERSON_LISTED = "person_listed"


REPORT = frozenset({Gate.ROSTER_EMPTY, Gate.PLAN_EMPTY, Gate.LATE})
"""Without these there is no report that could be submitted; the others stand before check and acceptance."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """A condition that is not met, and what it is about: days, items or names."""

    gate: Gate
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the outline and its 学时."""

    id: UUID
    name: str
    kind: HoursKind
    hours: int


@dataclass(frozen=True, slots=True)
class Lesson:
    """A line of the plan."""

    on: date
    item_id: UUID
    kind: HoursKind
    modality: Modality
    hours: int


@dataclass(frozen=True, slots=True)
class Duty:
    """Somebody teaches an item (None: any of the kind; and no kind: any) from one day to another (None: open)."""

    item_id: UUID | None
    kind: HoursKind | None
    from_on: date
    to_on: date | None

    def covers(self, lesson: Lesson) -> bool:
        return (
            self.item_id in (None, lesson.item_id)
            and self.kind in (None, lesson.kind)
            and self.from_on <= lesson.on
            and (self.to_on is None or lesson.on <= self.to_on)
        )


@dataclass(frozen=True, slots=True)
class Outside:
    """What only packages to the right know (`credit_export.class_conditions`)."""

    suspended: bool = False
    listed: tuple[str, ...] = ()
    """Names of people on the roster who are listed."""
    online_percent: int = 100
    """How much of the outline's theory may be online."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the conditions are judged by."""

    learners: int
    items: Sequence[Item]
    lessons: Sequence[Lesson]
    place: str
    reported_at: datetime
    """When it was submitted; of a plan: now."""
    first_lesson_at: datetime
    duties: Sequence[Duty]
    teacher_problems: Sequence[str]
    """Names of teachers who are not valid on some day."""
    outside: Outside

    @property
    def late(self) -> bool:
        return self.reported_at >= self.first_lesson_at


def unmet(facts: Facts, rule: ClassRule) -> tuple[Unmet, ...]:
    """The conditions that are not met, in the order of `Gate`."""
    found: list[Unmet] = []
    if not facts.learners:
        found.append(Unmet(Gate.ROSTER_EMPTY))
    if not facts.lessons:
        found.append(Unmet(Gate.PLAN_EMPTY))
    if not facts.place and any(lesson.modality is Modality.OFFLINE for lesson in facts.lessons):
        found.append(Unmet(Gate.PLACE_MISSING))
    if facts.late and rule.late is LateReport.REFUSED:
        found.append(Unmet(Gate.LATE))
    short = tuple(item.name for item in facts.items if planned(facts.lessons, item.id) < item.hours)
    if facts.lessons and short:
        found.append(Unmet(Gate.PLAN_SHORT, short))
    if facts.lessons and not short and offline_theory_short(facts):
        found.append(Unmet(Gate.OFFLINE_SHARE_LOW))
    alone = {one.on for one in facts.lessons if not any(duty.covers(one) for duty in facts.duties)}
    if alone:
        found.append(Unmet(Gate.TEACHER_MISSING, _days(sorted(alone))))
    if facts.teacher_problems:
        found.append(Unmet(Gate.TEACHER_INVALID, tuple(facts.teacher_problems)))
    if facts.outside.suspended:
        found.append(Unmet(Gate.INSTITUTION_SUSPENDED))
    if facts.outside.listed:
        found.append(Unmet(Gate.PERSON_LISTED, facts.outside.listed))
    return tuple(found)


def planned(lessons: Sequence[Lesson], item_id: UUID) -> int:
    """学时 of an item in the plan."""
    return sum(one.hours for one in lessons if one.item_id == item_id)


def offline_theory_short(facts: Facts) -> bool:
    """Whether the plan holds less theory on site than what the outline asks and online cannot give (RULES 4(b))."""
    theory = {item.id: item.hours for item in facts.items if item.kind is HoursKind.THEORY}
    on_site = sum(one.hours for one in facts.lessons if one.item_id in theory and one.modality is Modality.OFFLINE)
    return on_site * 100 < sum(theory.values()) * (100 - facts.outside.online_percent)


def _days(days: Sequence[date]) -> tuple[str, ...]:
    return tuple(day.isoformat() for day in days)


def why_not(
    stands: Stands,
    act: Act,
    by: Actor,
    rule: ClassRule,
    *,
    missing: Sequence[Unmet],
    today: date,
    starts_on: date,
    last_day: date,
    learners: Collection[UUID] = (),
) -> No | None:
    """Why `by` may not take this step now; None when it may be taken.

    `missing` is what `unmet` found, `last_day` the last day of the plan (or of the class).
    """
    if (stands.state, act) not in STEPS:
        return No.WRONG_STATE
    if act is Act.RECEIPT and rule.review is not ClassReview.RECEIPT:
        return No.REVIEWED_HERE
    if act is Act.ACCEPT and rule.review is ClassReview.RECEIPT:
        return No.BY_RECEIPT
    if by.office not in _offices(stands.state, act, rule):
        return No.NOT_YOURS
    before = {Act.CHECK: (stands.submitted_by,), Act.ACCEPT: _looked(stands, rule)}.get(act, ())
    if by.person in before:
        return No.SAME_PERSON
    if act in (Act.CHECK, Act.ACCEPT) and by.person in learners:
        return No.LEARNS_THERE
    if act is Act.SUBMIT and any(one.gate in REPORT for one in missing):
        return No.UNMET
    if act in (Act.CHECK, Act.ACCEPT) and missing:
        return No.UNMET
    if act is Act.BEGIN and today < starts_on:
        return No.NOT_BEGUN
    if act is Act.COMPLETE and today < last_day:
        return No.NOT_OVER
    return None


def _looked(stands: Stands, rule: ClassRule) -> tuple[UUID | None, ...]:
    """Who may not accept: an officer is nobody of the school; a school's second person may check and accept."""
    if rule.review is ClassReview.REGULATOR:
        return stands.submitted_by, stands.checked_by
    return (stands.submitted_by,)


def _offices(state: State, act: Act, rule: ClassRule) -> frozenset[Office]:
    """Whose office a step is."""
    reviews = rule.review is ClassReview.REGULATOR
    match act:
        case Act.ACCEPT:
            return frozenset({Office.OFFICER if reviews else Office.MANAGER})
        case Act.RETURN if state is State.INSTITUTION_CHECKED and reviews:
            return _STAFF | {Office.OFFICER}
        case Act.RECEIPT | Act.COMPLETE:
            return frozenset({Office.MANAGER})
    return _STAFF


def after(stands: Stands, act: Act, by: UUID | None) -> Stands:
    """Where it stands after a step that may be taken. Raises KeyError: no such step."""
    state = STEPS[stands.state, act]
    match act:
        case Act.RETURN:
            return Stands()
        case Act.SUBMIT:
            return Stands(state, submitted_by=by)
        case Act.CHECK:
            return Stands(state, stands.submitted_by, checked_by=by)
    return Stands(state, stands.submitted_by, stands.checked_by)


def why_not_answer(wanted_by: UUID | None, by: UUID, *, confirm: bool) -> No | None:
    """Why somebody of the institution may not answer a roster change: nobody confirms their own."""
    return No.SAME_PERSON if confirm and by == wanted_by else None
