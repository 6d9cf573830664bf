"""Why somebody may not sit an exam: one person under one outline by the rules of any day, with all that was used.

The hours and the facts are those of now; the rules are those of the day that is asked about. Nothing is written: the
record of the person stays what it is. Reads only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Enrolment, Kind, Outline, OutlineItem, TrainingClass
from elearn.courses.requirements import service as requirements
from elearn.courses.requirements.choosing import Loaded
from elearn.credit_export import holds, records
from elearn.credit_export.dated_rules import Aim, rules_on
from elearn.credit_export.eligibility import Category, EligibleExempt, Facts, Ineligible, Judgement, Reason
from elearn.credit_export.findings.shown import shown_by
from elearn.credit_export.gathering import Case, gather
from elearn.credit_export.hours import Standing, Tally, standing
from elearn.credit_export.lifecycle import Hold
from elearn.people.models import Organisation, Person
from elearn.people.registry import local_day


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the rules of a day say about a person under one outline: the same on every page, and in a record."""

    case: Case
    judgement: Judgement

    @property
    def counts(self) -> Standing:
        """What the hours are worth against those that are asked."""
        return standing(
            self.case.hours, required_theory=self.case.category.required_theory, rules=self.case.rules.hours
        )

    @property
    def eligible(self) -> bool:
        return not isinstance(self.judgement, Ineligible)

    @property
    def exempt(self) -> bool:
        return isinstance(self.judgement, EligibleExempt)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        return self.judgement.reasons if isinstance(self.judgement, Ineligible) else ()


@dataclass(frozen=True, slots=True)
class Answer(Outcome):
    """The same with what it rests on."""

    used: tuple[Loaded, ...]
    """The dated rows that decided, in the order in which the judgement names them."""
    holding: frozenset[Hold]
    """What keeps a record from being granted today, whatever the rules say."""


def today(session: Session, person_id: UUID, *, now: datetime) -> dict[UUID, Outcome]:
    """By outline of the person's classes: what the rules of today say."""
    on = local_day(now)
    cases = gather(session, person_id, now=now)
    findings = records.found_of(session, cases, on)
    return {
        case.outline_id: Outcome(case, records.decide(case, on, findings[case.person_id, case.outline_id]))
        for case in cases
    }


def ask(session: Session, person: Person, outline: Outline, *, on: date, now: datetime) -> Answer:
    """The judgement of a person under an outline by the rules of the day `on`."""
    found = gather(session, person.id, now=now, outline_id=outline.id, on=on)
    case = found[0] if found else _in_no_class(session, person, outline, on)
    findings = records.found_of(session, [case], on)[case.person_id, case.outline_id]
    held = {one.name: one for one in requirements.catalogue(session).rows}
    return Answer(
        case,
        records.decide(case, on, findings),
        tuple(held[name] for name in case.rules.names if name in held),
        holds.holds_of(session, [case], local_day(now))[case.person_id, case.outline_id],
    )


def _in_no_class(session: Session, person: Person, outline: Outline, on: date) -> Case:
    """The case of somebody who is in no class of this outline: no hours, and the rules of the country."""
    sums = dict(
        session.execute(
            sa.select(OutlineItem.kind, sa.func.sum(OutlineItem.required_hours))
            .where(OutlineItem.outline_id == outline.id)
            .group_by(OutlineItem.kind)
        ).all()
    )
    theory, practice = (int(sums.get(kind, 0)) for kind in (Kind.THEORY, Kind.PRACTICE))
    aim = Aim(outline.category, outline.training, outline.region, theory, practice)
    chosen = rules_on(requirements.catalogue(session), aim, on)
    asks = (chosen.required_theory, chosen.required_practice)
    return Case(
        person_id=person.id,
        outline_id=outline.id,
        category=Category(outline.code, outline.version, *asks, outline.effective_from, outline.effective_to),
        facts=shown_by(session, [person.id], on)[person.id].added_to(
            Facts(enrolled=False, class_filed=False, identified=person.document_index is not None), outline.code
        ),
        hours=Tally(),
        class_id=None,
        on=on,
        rules=chosen.rules,
        aim=aim,
    )


MOST = 20

PEOPLE = sa.text("""
SELECT DISTINCT p.id, p.name
FROM elearn.person p
JOIN elearn.enrolment n ON n.person_id = p.id
JOIN elearn.training_class k ON k.id = n.class_id
JOIN elearn.organisation i ON i.id = k.institution_id
WHERE position(lower(:search) IN lower(p.name)) > 0
  AND (:all OR k.institution_id = ANY (:institutions)
       OR EXISTS (SELECT FROM unnest(CAST(:regions AS text[])) AS own WHERE starts_with(i.region, own)))
ORDER BY p.name, p.id LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class Reach:
    """About whom somebody may ask: everybody, or people of these institutions or regions."""

    everybody: bool
    institutions: frozenset[UUID]
    regions: frozenset[str]
    """What their codes begin with."""

    @property
    def empty(self) -> bool:
        return not (self.everybody or self.institutions or self.regions)


def people(session: Session, search: str, reach: Reach) -> list[tuple[UUID, str]]:
    """People in classes within reach whose name holds `search`; the first few."""
    rows = session.execute(
        PEOPLE,
        {
            "search": search,
            "all": reach.everybody,
            "institutions": list(reach.institutions),
            "regions": list(reach.regions),
            "most": MOST,
        },
    )
    return [(row.id, row.name) for row in rows]


def outlines(session: Session, person_id: UUID, reach: Reach | None, on: date) -> list[Outline]:
    """What may be asked about a person: outlines of the classes that the reader sees, and all in force on the day.

    `reach` None: the person asks. An outline under which the person is in a class of others only is not named.
    """
    visible, hidden = set[UUID](), set[UUID]()
    for row in _classes_of(session, person_id):
        (visible if reach is None or _reaches(reach, row) else hidden).add(row.outline_id)
    found = session.scalars(
        sa.select(Outline)
        .where(
            Outline.id.in_(visible)
            | ((Outline.effective_from <= on) & (Outline.effective_to.is_(None) | (Outline.effective_to >= on)))
        )
        .order_by(Outline.name, Outline.effective_from, Outline.id)
    )
    return sorted(
        (one for one in found if one.id in visible or one.id not in hidden), key=lambda one: one.id not in visible
    )


def may_ask(session: Session, person_id: UUID, reach: Reach) -> bool:
    """Whether the person was ever in a class within reach."""
    return reach.everybody or any(_reaches(reach, row) for row in _classes_of(session, person_id))


def _classes_of(session: Session, person_id: UUID) -> Sequence[sa.Row[UUID, UUID, str | None]]:
    """Outline, institution and the institution's region of each class under an outline that the person was ever in."""
    return session.execute(
        sa.select(Outline.id.label("outline_id"), TrainingClass.institution_id, Organisation.region)
        .join(TrainingClass, TrainingClass.outline_id == Outline.id)
        .join(Enrolment, Enrolment.class_id == TrainingClass.id)
        .join(Organisation, Organisation.id == TrainingClass.institution_id)
        .where(Enrolment.person_id == person_id)
    ).all()


def _reaches(reach: Reach, row: sa.Row[UUID, UUID, str | None]) -> bool:
    return (
        reach.everybody
        or row.institution_id in reach.institutions
        or any((row.region or "").startswith(one) for one in reach.regions)
    )
