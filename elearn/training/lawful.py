"""What somebody has learned, against the hours that the law asks of the post: gathered here, judged in `law_hours`.

Hours are those of the ledger, in the classes of what the employer assigned; what a signer states of hours on site is
told beside them and not added. However many people are asked about, the queries are as many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.requirements import service as requirements
from elearn.courses.requirements.rows import Training
from elearn.people import consents
from elearn.people.models import EmploymentKind, OrganisationKind
from elearn.training import law_hours
from elearn.training.law_hours import Judgement, LawAsks, Learned
from elearn.training.models import Occasion, Purpose

ALWAYS = (date(1970, 1, 1), date(2999, 12, 31))

MEMBERS = sa.text("""
SELECT m.id, m.person_id, m.organisation_id, m.from_on, m.to_on, o.region, p.category, p.from_on AS stands_from
FROM elearn.membership m
JOIN elearn.organisation o ON o.id = m.organisation_id AND o.kind = :enterprise
JOIN elearn.placement p ON p.membership_id = m.id AND p.from_on <= greatest(:on, m.from_on)
WHERE m.id = ANY (:ids) AND m.kind <> :contractor ORDER BY m.id, p.from_on
""")
ASSIGNED = sa.text("""
SELECT a.membership_id, a.person_id, a.organisation_id, a.occasion, a.cause, g.purpose, g.class_id, a.counts_from,
       coalesce(s.on_site_ms, 0) AS stated_ms
FROM elearn.assignment a
JOIN elearn.training_programme g ON g.id = a.programme_id
LEFT JOIN elearn.level_signoff s ON s.assignment_id = a.id AND s.round = a.round AND s.side = 'signer'
WHERE a.membership_id = ANY (:ids) AND a.state <> 'withdrawn'
""")
LEARNED = sa.text("""
SELECT w.membership_id, w.training, x.modality, sum(greatest(0, x.ms))::bigint AS ms
FROM unnest(CAST(:memberships AS uuid[]), CAST(:trainings AS text[]), CAST(:persons AS uuid[]),
            CAST(:classes AS uuid[]), CAST(:firsts AS date[]), CAST(:lasts AS date[]), CAST(:sinces AS timestamptz[]),
            CAST(:elsewhere AS boolean[]))
    AS w (membership_id, training, person_id, class_id, first_on, last_on, since, elsewhere)
CROSS JOIN LATERAL (
    -- As assignments are added up: of each lesson at most its length.
    SELECT e.modality, least(sum(e.amount_ms), max(u.duration_ms)) AS ms
    FROM elearn.hours_entry e
    LEFT JOIN elearn.watched_span s ON s.id = e.watched_span_id
    LEFT JOIN elearn.unit u ON u.id = s.unit_id
    LEFT JOIN elearn.lesson l ON l.id = u.lesson_id
    WHERE e.person_id = w.person_id AND e.earned_on BETWEEN w.first_on AND w.last_on
      AND (w.since IS NULL OR e.learned_at >= w.since)
      AND (e.class_id = w.class_id OR w.elsewhere AND EXISTS (
          SELECT FROM elearn.class_course c WHERE c.class_id = w.class_id AND c.course_id = l.course_id))
    GROUP BY u.lesson_id, e.modality
) x GROUP BY 1, 2, 3
""")


@dataclass(frozen=True, slots=True)
class LawLine:
    """Hours so far against what the law asks: before the post, or in this year."""

    category: str | None
    asked: LawAsks
    judgement: Judgement
    stated_ms: int = 0
    """On site, as whoever signs for the three levels states: not in the judgement."""

    @property
    def training(self) -> Training:
        return self.asked.training

    def fact(self) -> dict[str, Any]:
        """As archives have it, for programs too."""
        return {
            "training": self.training.value, "category": self.category, "asked_hours": self.asked.hours,
            "has_micro": self.judgement.has, "short_micro": self.judgement.short,
            "verdict": self.judgement.verdict.value, "clause": self.asked.clause, "rule": self.asked.rule,
            "stated_ms": self.stated_ms,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Window:
    """In which class hours count for what, and from when to when."""

    membership_id: UUID
    training: Training
    person_id: UUID
    class_id: UUID
    days: tuple[date, date]
    since: datetime | None
    elsewhere: bool


def of_memberships(
    session: Session, ids: Collection[UUID], *, on: date, ended: bool = True
) -> dict[UUID, list[LawLine]]:
    """Each membership's lines on a day; of one that has ended on its last. Left out: a contractor's people, whom their
    own employer trains, and on wish what has ended."""
    if not ids:
        return {}
    values = {"enterprise": OrganisationKind.ENTERPRISE, "contractor": EmploymentKind.CONTRACTOR}
    members: dict[UUID, list[Any]] = defaultdict(list)
    for row in session.execute(MEMBERS, {"ids": list(ids), "on": on, **values}):
        if ended or row.to_on is None or row.to_on >= on:
            members[row.id].append(row)
    assigned: dict[UUID, list[Any]] = defaultdict(list)
    for row in session.execute(ASSIGNED, {"ids": list(members)}):
        assigned[row.membership_id].append(row)
    last_days = {id: min(on, stands[0].to_on or on) for id, stands in members.items()}
    years = {
        id: law_hours.year_of(last_days[id], [one.cause for one in assigned[id]], stands[0].from_on)
        for id, stands in members.items()
    }
    learned = _learned(session, _windows(session, members, assigned, years, on))
    catalogue = requirements.catalogue(session)
    found: dict[UUID, list[LawLine]] = {}
    for id, stands in members.items():
        last = stands[-1]
        days = {Training.INITIAL: _since(stands)} | ({} if years[id] is None else {Training.YEARLY: last_days[id]})
        stated = sum(one.stated_ms for one in assigned[id] if _counts(one) is Training.INITIAL)
        found[id] = []
        for training, day in days.items():
            asked = law_hours.asks(catalogue, last.category, last.region, day, training)
            judged = law_hours.judge(learned[id, training], asked)
            found[id].append(LawLine(last.category, asked, judged, stated if training is Training.INITIAL else 0))
    return found


def _since(stands: Sequence[Any]) -> date:
    """From when somebody stands at a post of the category of today."""
    first: date = stands[-1].stands_from
    for one in reversed(stands):
        if one.category != stands[-1].category:
            break
        first = one.stands_from
    return first


def _counts(row: Any) -> Training | None:
    return law_hours.counts_for(Occasion(row.occasion), Purpose(row.purpose))


def _windows(
    session: Session,
    members: Mapping[UUID, Sequence[Any]],
    assigned: Mapping[UUID, Sequence[Any]],
    years: Mapping[UUID, tuple[date, date] | None],
    on: date,
) -> list[_Window]:
    """A class that was assigned twice for the same is looked at once, from the earlier."""
    people: dict[UUID, set[UUID]] = defaultdict(set)
    for stands in members.values():
        people[stands[0].organisation_id].add(stands[0].person_id)
    agreed = {
        (employer, person)
        for employer, some in people.items()
        for person in consents.may_see_elsewhere(session, employer, some, on=on)
    }
    found: dict[tuple[UUID, Training, UUID], _Window] = {}
    for id, rows in assigned.items():
        for row in rows:
            training, year = _counts(row), years.get(id)
            if training is None or (training is Training.YEARLY and year is None):
                continue
            days = year if training is Training.YEARLY and year is not None else ALWAYS
            key = (id, training, row.class_id)
            before = found.get(key)
            since = row.counts_from
            if before is not None:
                since = None if before.since is None or since is None else min(before.since, since)
            elsewhere = (row.organisation_id, row.person_id) in agreed
            found[key] = _Window(id, training, row.person_id, row.class_id, days, since, elsewhere)
    return list(found.values())


def _learned(session: Session, windows: Sequence[_Window]) -> defaultdict[tuple[UUID, Training], Learned]:
    found: defaultdict[tuple[UUID, Training], Learned] = defaultdict(Learned)
    if not windows:
        return found
    values = {
        "memberships": [one.membership_id for one in windows],
        "trainings": [one.training.value for one in windows],
        "persons": [one.person_id for one in windows],
        "classes": [one.class_id for one in windows],
        "firsts": [one.days[0] for one in windows],
        "lasts": [one.days[1] for one in windows],
        "sinces": [one.since for one in windows],
        "elsewhere": [one.elsewhere for one in windows],
    }
    for row in session.execute(LEARNED, values):
        more = Learned(online_ms=row.ms) if row.modality == "online" else Learned(on_site_ms=row.ms)
        found[row.membership_id, Training(row.training)] += more
    return found
