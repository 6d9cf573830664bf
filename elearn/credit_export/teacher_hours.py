"""Teachers' own training, counted by the same ledger as everybody's: credited hours in filed classes. Reads only.

An outline trains teachers when its category is of the group `teacher` in the catalogue of requirements (Yunnan's
`safety_teacher` asks for 40 学时 a year; RULES 1: a rule of a region, not of the country). Years are calendar years of
days in China, as `hours_entry.earned_on` is such a day. A lesson is worth its longest version at most, in each year.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date
from functools import cache
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.requirements import service as requirements
from elearn.courses.requirements.choosing import Catalogue
from elearn.courses.requirements.rows import Category, Group, Training
from elearn.courses.teachers import rules
from elearn.courses.teachers import standing as teachers
from elearn.courses.teachers.rules import Problem, ProblemKind
from elearn.credit_export.dated_rules import Aim, rules_on
from elearn.credit_export.hours import MICRO, Amount, Kind, Modality, tally

EARNED = sa.text("""
SELECT person_id, year, category, region, modality, kind, sum(ms)::bigint AS ms
FROM (
    SELECT e.person_id, extract(year FROM e.earned_on)::int AS year, o.category, i.region, e.modality, e.kind,
           least(sum(e.amount_ms), max(u.duration_ms)) AS ms
    FROM elearn.hours_entry e
    JOIN elearn.training_class k ON k.id = e.class_id
    JOIN elearn.outline o ON o.id = k.outline_id
    JOIN elearn.organisation i ON i.id = k.institution_id
    LEFT JOIN elearn.watched_span w ON w.id = e.watched_span_id
    LEFT JOIN elearn.unit u ON u.id = w.unit_id
    WHERE e.person_id = ANY (:persons) AND o.category = ANY (:categories) AND k.filed_at <= e.learned_at
      AND e.earned_on BETWEEN :first AND :last
    GROUP BY e.person_id, year, o.category, i.region, e.modality, e.kind, u.lesson_id
) AS lessons
GROUP BY person_id, year, category, region, modality, kind
""")

JOINED = sa.text("""
SELECT t.id, t.person_id, i.region, min(r.from_on) AS first_on
FROM elearn.teacher t
JOIN elearn.teacher_term r ON r.teacher_id = t.id
JOIN elearn.organisation i ON i.id = r.institution_id
WHERE t.id = ANY (:teachers) AND EXISTS (
    SELECT FROM elearn.teacher_term n WHERE n.teacher_id = t.id AND n.from_on <= :on
      AND (n.to_on IS NULL OR :on <= n.to_on))
GROUP BY t.id, t.person_id, i.region
""")


def earned(
    session: Session, person_ids: Collection[UUID], first_year: int, last_year: int
) -> Mapping[tuple[UUID, int], int]:
    """(person, year) -> millionths of a 学时 of training as a teacher; 0 for what is not there. One query."""
    catalogue = requirements.catalogue(session)
    categories = {
        one.row.id for one in catalogue.rows if isinstance(one.row, Category) and one.row.group is Group.TEACHER
    }
    found: dict[tuple[UUID, int], int] = defaultdict(int)
    if not categories or not person_ids:
        return found
    asked = {
        "persons": list(person_ids), "categories": list(categories),
        "first": date(first_year, 1, 1), "last": date(last_year, 12, 31),
    }  # fmt: skip
    length = cache(lambda category, region, year: _lengths(catalogue, category, region, year))
    for row in session.execute(EARNED, asked):
        online, offline = length(row.category, row.region, row.year)
        # `tally` leaves out what never counts: practice online.
        done = tally([Amount(Modality(row.modality), Kind(row.kind), row.ms)])
        on_site = done.offline_theory_ms + done.offline_practice_ms
        found[row.person_id, row.year] += done.online_theory_ms * MICRO // online + on_site * MICRO // offline
    return found


def short(session: Session, teacher_ids: Collection[UUID], *, on: date) -> dict[UUID, int]:
    """Teacher -> by how many 学时 the year before was short; who was not short is left out. Three queries.

    Asked of who teaches on that day, by the strictest of the regions that the teacher taught in; not of the first year.
    """
    catalogue, year = requirements.catalogue(session), on.year - 1
    of_region = cache(lambda region: teachers.rules_of(catalogue, region))
    rows = [
        row
        for row in session.execute(JOINED, {"teachers": list(teacher_ids), "on": on}).all()
        if of_region(row.region).yearly_hours(date(year, 12, 31)) is not None
    ]
    hours = earned(session, {row.person_id for row in rows}, year, year)
    found: dict[UUID, int] = {}
    for row in rows:
        done = hours[row.person_id, year] // MICRO
        missing = rules.hours_short(row.first_on, of_region(row.region), done, on=on)
        if missing is not None:
            found[row.id] = max(missing, found.get(row.id, 0))
    return found


def asked_in(session: Session, regions: Collection[str | None], on: date) -> int | None:
    """The 学时 a year that the strictest of these regions asks of teachers; None: none does."""
    catalogue = requirements.catalogue(session)
    asked = [teachers.rules_of(catalogue, region).yearly_hours(on) for region in regions]
    return max((one for one in asked if one is not None), default=None)


def class_problems(
    session: Session, class_ids: Collection[UUID], *, today: date, planned: bool = True
) -> dict[UUID, tuple[Problem, ...]]:
    """`standing.problems` with what teachers lack of their own training: told, and never a gate."""
    found = teachers.problems(session, class_ids, today=today, planned=planned)
    of_class = {
        held: {one.teacher_id for one in several} for held, several in teachers.teaching(session, found).items()
    }
    lacking = short(session, {one for several in of_class.values() for one in several}, on=today)
    return {
        held: (
            *several,
            *(Problem(ProblemKind.HOURS_SHORT, today, one) for one in sorted(of_class[held] & lacking.keys())),
        )
        for held, several in found.items()
    }


def _lengths(catalogue: Catalogue, category: str, region: str | None, year: int) -> tuple[int, int]:
    """Milliseconds of an hour online and on site, by the rules of the year's last day."""
    aim = Aim(category, Training.YEARLY, region, 0, 0)
    hours = rules_on(catalogue, aim, date(year, 12, 31)).rules.hours
    return hours.online_hour_ms, hours.offline_hour_ms
