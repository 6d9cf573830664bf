"""What a class has of each person: entries of the ledger beside their leaves, tests, signatures. Reads only.

Each is one query for all people asked about, by their own indexes, so it costs what the class is and not what the
house has.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from elearn.courses.models import Enrolment, Outline, TrainingClass
from elearn.courses.requirements import service as requirements
from elearn.courses.requirements.choosing import Catalogue
from elearn.credit_export import class_lengths
from elearn.credit_export.archive import retention
from elearn.credit_export.archive.models import HoursSignature
from elearn.credit_export.archive.retention import Kept
from elearn.credit_export.archive.statement import Attempt, Entry, Standing, digest, standing, statement
from elearn.credit_export.hours import RuleSet, as_text, shown_tenths
from elearn.errors import NotFound
from elearn.people.models import Organisation

ENTRIES = sa.text("""
SELECT e.person_id, i.code AS item, e.modality, e.kind, e.amount_ms AS ms, e.earned_on, e.learned_at,
       e.rule_version AS rules, e.leaf_origin AS origin, e.leaf_index AS index,
       'sha256:' || encode(l.hash, 'hex') AS hash, l.raw
FROM elearn.hours_entry e
LEFT JOIN elearn.outline_item i ON i.id = e.outline_item_id
LEFT JOIN elearn.ledger_leaf l ON l.origin = e.leaf_origin AND l.index = e.leaf_index
WHERE e.person_id = ANY (:people) AND e.class_id = :class
ORDER BY e.person_id, e.leaf_origin, e.leaf_index, e.id
""")

ATTEMPTS = sa.text("""
-- What was begun while its taker was in the class, up to the class's last day, in tests of the class's own courses.
SELECT a.id, a.person_id, t.title, a.number, a.score_milli, a.max_milli, a.passed, a.closed_at
FROM elearn.test_attempt a
JOIN elearn.course_test t ON t.id = a.test_id AND t.purpose = 'course'
JOIN elearn.training_class k ON k.id = :class AND k.outline_id = t.outline_id AND k.institution_id = t.institution_id
WHERE a.person_id = ANY (:people) AND a.closed_at IS NOT NULL
  AND (k.ends_on IS NULL OR (a.started_at AT TIME ZONE 'Asia/Shanghai')::date <= k.ends_on)
  AND EXISTS (SELECT FROM elearn.enrolment n WHERE n.class_id = k.id AND n.person_id = a.person_id
              AND n.enrolled_at <= a.started_at AND (n.withdrawn_at IS NULL OR a.started_at < n.withdrawn_at))
ORDER BY a.person_id, a.closed_at, a.id
""")


@dataclass(frozen=True, slots=True)
class Held:
    """A class, whose it is, under which outline."""

    training: TrainingClass
    institution: Organisation
    outline: Outline

    def over(self, on: date) -> bool:
        """Whether its last day has come: then learners sign."""
        return self.training.ends_on is not None and self.training.ends_on <= on


CLASSES = (
    sa.select(TrainingClass, Organisation, Outline)
    .join(Organisation, Organisation.id == TrainingClass.institution_id)
    .join(Outline, Outline.id == TrainingClass.outline_id)
)


def held_class(session: Session, class_id: UUID) -> Held:
    """Raises NotFound."""
    row = session.execute(CLASSES.where(TrainingClass.id == class_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such class.")
    return Held(*row)


def present(session: Session, class_id: UUID) -> list[UUID]:
    """Who is in a class now: they sign."""
    return list(
        session.scalars(
            sa.select(Enrolment.person_id)
            .where(Enrolment.class_id == class_id, Enrolment.withdrawn_at.is_(None))
            .order_by(Enrolment.person_id)
        )
    )


@dataclass(frozen=True, slots=True)
class Had:
    """What a class has of one person now, and the bytes that say it."""

    entries: tuple[Entry, ...]
    attempts: tuple[Attempt, ...]
    said: bytes

    @property
    def digest(self) -> str:
        return digest(self.said)


def had(session: Session, held: Held, people: Collection[UUID]) -> dict[UUID, Had]:
    """By person; also of those of whom it has nothing. Two queries."""
    where = {"people": list(people), "class": held.training.id}
    entries: dict[UUID, list[Entry]] = {one: [] for one in people}
    attempts: dict[UUID, list[Attempt]] = {one: [] for one in people}
    for row in session.execute(ENTRIES, where).mappings():
        entries[row["person_id"]].append(Entry(**row))
    for row in session.execute(ATTEMPTS, where).mappings():
        attempts[row["person_id"]].append(Attempt(**row))
    training = held.training
    return {
        one: Had(
            tuple(entries[one]),
            tuple(attempts[one]),
            statement(training.id, training.class_no, one, entries[one], attempts[one]),
        )
        for one in people
    }


def last_signatures(session: Session, class_id: UUID, people: Collection[UUID]) -> dict[UUID, HoursSignature]:
    """The signature that holds, or held, of each who has signed."""
    rows = session.scalars(
        sa.select(HoursSignature)
        .where(HoursSignature.class_id == class_id, HoursSignature.person_id.in_(people))
        .ext(distinct_on(HoursSignature.person_id))
        .order_by(HoursSignature.person_id, HoursSignature.number.desc())
    )
    return {one.person_id: one for one in rows}


def standings(now: Mapping[UUID, Had], signed: Mapping[UUID, HoursSignature]) -> dict[UUID, Standing]:
    """How each stands to what the class has of them."""
    return {one: standing(has.digest, signed[one].digest if one in signed else None) for one, has in now.items()}


def lengths(session: Session, held: Held) -> RuleSet:
    """How long a 学时 is in this class, by the rules of its last day."""
    training = held.training
    return class_lengths.lengths_of(session, [training.id], on=training.ends_on or training.starts_on)[training.id]


def hours_text(rules: RuleSet, modality: str, ms: int) -> str:
    """学时 in tenths, rounded down once. What is below zero is written out in an archive and worth none."""
    return as_text(shown_tenths(max(0, ms), rules.online_hour_ms if modality == "online" else rules.offline_hour_ms))


# --- how long it is kept ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clock:
    """The retention clock of a class. It does not run before the class has a last day."""

    ended_on: date | None
    until: date | None
    """The last day on which all of it must be there."""
    kept: Kept

    def due(self, on: date) -> bool:
        """Whether nothing asks for it any more."""
        return self.until is not None and self.until < on


def clock_of(catalogue: Catalogue, held: Held, *, last_earned_on: date | None) -> Clock:
    """From the class's last day, or the day of its last hours where they came later."""
    ends_on, outline, region = held.training.ends_on, held.outline, held.institution.region
    on = ends_on or held.training.starts_on
    category = None if outline.category is None else catalogue.category(outline.category, region, on)
    kept = retention.asked(catalogue, category[0].group if category else None, region, on)
    if ends_on is None:
        return Clock(None, None, kept)
    ended_on = max(ends_on, last_earned_on or ends_on)
    return Clock(ended_on, retention.keep_until(ended_on, kept.years), kept)


LAST_EARNED = sa.text("""
SELECT n.class_id, max(e.earned_on) AS last_on FROM elearn.enrolment n
JOIN elearn.hours_entry e ON e.person_id = n.person_id AND e.class_id = n.class_id
WHERE n.class_id = ANY (:classes) GROUP BY n.class_id
""")


def last_earned(session: Session, class_ids: Collection[UUID]) -> dict[UUID, date]:
    """The day of the last hours of each class that has any."""
    return {row.class_id: row.last_on for row in session.execute(LAST_EARNED, {"classes": list(class_ids)})}


def due(session: Session, seen: sa.ColumnElement[bool], *, on: date) -> list[tuple[Held, Clock]]:
    """The classes of which nothing asks to be kept any longer on this day, the oldest first. Deletes nothing.

    Two people decide about each; until then it stays.
    """
    rows = session.execute(
        CLASSES.where(seen, TrainingClass.ends_on < retention.latest_end(on)).order_by(
            TrainingClass.ends_on, TrainingClass.id
        )
    )
    catalogue = requirements.catalogue(session)
    over = [held for held in (Held(*row) for row in rows) if clock_of(catalogue, held, last_earned_on=None).due(on)]
    # Only what is over by the class's own last day is worth a look for hours that came later.
    last = last_earned(session, [held.training.id for held in over])
    clocks = [(held, clock_of(catalogue, held, last_earned_on=last.get(held.training.id))) for held in over]
    return [(held, clock) for held, clock in clocks if clock.due(on)]
