"""What is wrong with the teachers of a class, and from which day on. Pure.

Whether it keeps hours from an exam is a rule of the region on that day (`credit_rules.teachers`, RULES 1 and 4(b)):
`asked` wants all of it shown, `if_known` takes only a known no for one, and without a row it is told and keeps nobody.
Between two days on which something begins or ends nothing changes, so only those days are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from elearn.courses.requirements.rows import Asked, HoursKind

DAY = timedelta(days=1)


class Level(StrEnum):
    """In whose register a teacher stands (省级、州市级师资库). Only a regulator's officer raises it."""

    INSTITUTION = "institution"
    PREFECTURE = "prefecture"
    PROVINCE = "province"


class ProblemKind(StrEnum):
    NO_TEACHER = "no_teacher"
    """Nobody is entered for hours of a kind that the outline asks for."""
    NOT_ENTERED = "not_entered"
    """Somebody taught on site who was no teacher of the class that day."""
    NOT_OF_INSTITUTION = "not_of_institution"
    NO_CERTIFICATE = "no_certificate"
    """None was ever recorded."""
    NOT_CONFIRMED = "not_confirmed"
    """There is one, and nobody of another side has confirmed it."""
    EXPIRED = "expired"
    """None is valid that day: not yet, no more, or ended."""
    NOT_COVERED = "not_covered"
    """Those that are valid are for other work."""
    HOURS_SHORT = "hours_short"
    """Too little training of their own in the year before. It is told, and keeps no hours from anybody."""


KNOWN = frozenset({ProblemKind.NOT_OF_INSTITUTION, ProblemKind.EXPIRED, ProblemKind.NOT_COVERED})
"""What is a known no; the others are things that nobody has said yet."""


@dataclass(frozen=True, slots=True)
class Term:
    """From one day to another, both included; open when `to_on` is None."""

    from_on: date
    to_on: date | None = None

    def holds(self, on: date) -> bool:
        return self.from_on <= on and (self.to_on is None or on <= self.to_on)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says, as far as validity goes."""

    term: Term
    categories: frozenset[str] = frozenset()
    """Ids of the catalogue's categories; codes of outlines that stand for themselves."""
    works: frozenset[str] = frozenset()
    """作业类别"""
    confirmed: bool | None = True
    """None: it waits for a second person. What was objected to is no certificate."""
    ended_on: date | None = None
    """The first day on which it no longer holds, when two people ended it."""

    def holds(self, on: date) -> bool:
        return self.term.holds(on) and (self.ended_on is None or on < self.ended_on)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a class is about."""

    category: str
    """The outline's category, or its own code when it names none."""
    work: str = ""
    kinds: frozenset[HoursKind] = frozenset()
    """Of which the outline asks hours."""

    def covered_by(self, one: Certificate) -> bool:
        return self.category in one.categories or bool(self.work and self.work in one.works)


@dataclass(frozen=True, slots=True)
class Teacher:
    """What is known of a teacher."""

    id: UUID
    certificates: tuple[Certificate, ...] = ()
    terms: tuple[Term, ...] = ()
    """With the institution of the class."""


@dataclass(frozen=True, slots=True)
class Taught:
    """A meeting on site that was held."""

    teacher_id: UUID | None
    """None: by somebody who stands in no register."""
    on: date
    kind: HoursKind
    item_id: UUID


@dataclass(frozen=True, slots=True)
class Assigned:
    """A teacher teaches in a class from one day to another."""

    teacher_id: UUID
    term: Term
    kind: HoursKind | None = None
    """Of the item, when there is one; None: theory and practice."""
    item_id: UUID | None = None
    """None: every item of that kind."""

    def teaches(self, meeting: Taught) -> bool:
        what = self.item_id == meeting.item_id if self.item_id else self.kind in (None, meeting.kind)
        return self.teacher_id == meeting.teacher_id and what and self.term.holds(meeting.on)


@dataclass(frozen=True, slots=True)
class Held:
    """A class as far as its teachers go."""

    subject: Subject
    term: Term
    assigned: tuple[Assigned, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, with whom, and the first day on which it is."""

    kind: ProblemKind
    on: date
    teacher_id: UUID | None = None
    gates: bool = False
    """By the rules of that day the hours of the class do not count towards an exam."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a region, by day."""

    asked: Callable[[date], Asked | None]
    """None: no row says anything of teachers."""
    turns: tuple[date, ...] = ()
    """Days from which on it may be another answer."""
    yearly_hours: Callable[[date], int | None] = field(default=lambda _on: None)
    """学时 of their own training that teachers need in a calendar year; None: none are asked."""


def problems(
    held: Held, teachers: Mapping[UUID, Teacher], rules: Rules, *, until: date, taught: Collection[Taught] = ()
) -> tuple[Problem, ...]:
    """All that is wrong up to the day `until`, each kind once for each teacher: on the first day it is. By day.

    Whom `teachers` does not hold is entered nowhere: nothing is known of them.
    """
    found: dict[tuple[ProblemKind, UUID | None], Problem] = {}
    for problem in sorted(
        _all(held, teachers, rules, until, taught), key=lambda one: (one.on, one.kind, not one.gates)
    ):
        before = found.setdefault((problem.kind, problem.teacher_id), problem)
        if problem.gates and not before.gates:
            found[problem.kind, problem.teacher_id] = problem
    return tuple(sorted(found.values(), key=lambda one: (one.on, one.kind, str(one.teacher_id))))


def valid(held: Held, found: Collection[Problem], rules: Rules, *, on: date) -> bool | None:
    """The fact that a judgement of the day `on` asks for: every teacher was valid on each date, by that date's rule.

    None: no rule of the day asks, or it takes only a known no and nothing is known.
    """
    asked = rules.asked(on)
    if asked is None:
        return None
    if any(one.gates for one in found):
        return False
    return True if asked is Asked.ASKED or (held.assigned and not found) else None


def _all(
    held: Held, teachers: Mapping[UUID, Teacher], rules: Rules, until: date, taught: Collection[Taught]
) -> Iterator[Problem]:
    def problem(kind: ProblemKind, on: date, teacher_id: UUID | None = None) -> Problem:
        asked = rules.asked(on)
        return Problem(kind, on, teacher_id, asked is Asked.ASKED or (asked is Asked.IF_KNOWN and kind in KNOWN))

    for kind in HoursKind:
        if kind in held.subject.kinds and not any(one.kind in (None, kind) for one in held.assigned):
            yield problem(ProblemKind.NO_TEACHER, held.term.from_on)
    for one in held.assigned:
        who = teachers.get(one.teacher_id, Teacher(one.teacher_id))
        for on in _turns(_within(one.term, held.term, until), _terms_of(who), rules.turns):
            for wrong in wrong_on(who, held.subject, on):
                yield problem(wrong, on, one.teacher_id)
    for meeting in taught:
        if not any(one.teaches(meeting) for one in held.assigned):
            yield problem(ProblemKind.NOT_ENTERED, meeting.on, meeting.teacher_id)


def wrong_on(who: Teacher, subject: Subject, on: date) -> Iterator[ProblemKind]:
    """What is wrong with a teacher of this subject on one day."""
    if not any(term.holds(on) for term in who.terms):
        yield ProblemKind.NOT_OF_INSTITUTION
    holding = [one for one in who.certificates if one.holds(on)]
    fitting = [one for one in holding if subject.covered_by(one)]
    if not who.certificates:
        yield ProblemKind.NO_CERTIFICATE
    elif not holding:
        yield ProblemKind.EXPIRED
    elif not fitting:
        yield ProblemKind.NOT_COVERED
    elif not any(one.confirmed for one in fitting):
        yield ProblemKind.NOT_CONFIRMED


def hours_short(first_on: date, rules: Rules, done: int, *, on: date) -> int | None:
    """By how many 学时 the calendar year before `on` is short of what its last day asked for; None: by none.

    The first year somebody stands in the register, and one that is not over, are not judged: `first_on` is the first
    day of the first term. `done`: whole 学时 of that year.
    """
    asked = rules.yearly_hours(date(on.year - 1, 12, 31))
    if asked is None or first_on > date(on.year - 1, 1, 1):
        return None
    return asked - done if done < asked else None


def _within(term: Term, around: Term, until: date) -> Term | None:
    """The days of a term within another and up to a day; None: there are none."""
    ends = [one for one in (term.to_on, around.to_on, until) if one is not None]
    first, last = max(term.from_on, around.from_on), min(ends)
    return Term(first, last) if first <= last else None


def _turns(within: Term | None, terms: Sequence[Term], others: Sequence[date]) -> list[date]:
    """The first day, and each other of these days on which something begins, or has ended the day before."""
    if within is None:
        return []
    days = (
        set(others)
        | {one.from_on for one in terms}
        | {one.to_on + DAY for one in terms if one.to_on and one.to_on < date.max}
    )
    return sorted({within.from_on} | {day for day in days if within.holds(day)})


def _terms_of(who: Teacher) -> list[Term]:
    return [
        *who.terms,
        *(one.term for one in who.certificates),
        *(Term(one.ended_on) for one in who.certificates if one.ended_on is not None),
    ]
