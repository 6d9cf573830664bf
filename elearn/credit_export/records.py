"""Eligibility records: what was judged, version after version, in one order that a reader never skips.

A record is written when the judgement or the hours behind it change. Its place in the feed is taken under a lock
that is held until commit, so places become visible in order (ids alone are not handed out in commit order).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.eligibility import (
    Candidate,
    Category,
    Eligible,
    EligibleExempt,
    Facts,
    Judgement,
    Rules,
    judge,
)
from elearn.credit_export.hours import AQ8011_2023, Amount, Kind, Modality, Tally, tally
from elearn.credit_export.models import EligibilityRecord
from elearn.db import new_id
from elearn.people.registry import local_day

RULES = Rules(AQ8011_2023)

GATHER = sa.text("""
SELECT o.id AS outline_id, o.code, o.version, o.effective_from, o.effective_to,
       (SELECT coalesce(sum(i.required_hours) FILTER (WHERE i.kind = 'theory'), 0)
          FROM elearn.outline_item i WHERE i.outline_id = o.id) AS required_theory,
       (SELECT coalesce(sum(i.required_hours) FILTER (WHERE i.kind = 'practice'), 0)
          FROM elearn.outline_item i WHERE i.outline_id = o.id) AS required_practice,
       bool_or(k.filed_at IS NOT NULL AND k.filed_at <= :now) AS class_filed,
       (array_agg(k.id ORDER BY (k.filed_at IS NOT NULL) DESC, n.enrolled_at DESC))[1] AS class_id,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(s.modality, s.kind, s.ms)), '[]')
          FROM (SELECT l.modality, l.kind, sum(l.ms) AS ms
                  FROM (SELECT e.modality, e.kind, least(sum(e.amount_ms), max(u.duration_ms)) AS ms
                          FROM elearn.hours_entry e
                          JOIN elearn.training_class f ON f.id = e.class_id
                          JOIN elearn.outline_item oi ON oi.id = e.outline_item_id
                          LEFT JOIN elearn.watched_span w ON w.id = e.watched_span_id
                          LEFT JOIN elearn.unit u ON u.id = w.unit_id
                         WHERE e.person_id = :person AND f.outline_id = o.id AND oi.outline_id = o.id
                           AND f.filed_at <= e.learned_at
                         GROUP BY e.modality, e.kind, u.lesson_id) l
                 GROUP BY 1, 2) s) AS amounts
FROM elearn.enrolment n
JOIN elearn.training_class k ON k.id = n.class_id
JOIN elearn.outline o ON o.id = k.outline_id
WHERE n.person_id = :person AND (CAST(:outline AS uuid) IS NULL OR o.id = :outline)
GROUP BY o.id
ORDER BY o.id
""")


@dataclass(frozen=True, slots=True)
class Case:
    """One person under one outline: all that `judge` asks, and where it came from."""

    outline_id: UUID
    category: Category
    facts: Facts
    hours: Tally
    class_id: UUID | None


def gather(session: Session, person_id: UUID, *, now: datetime, outline_id: UUID | None = None) -> list[Case]:
    """The cases of a person: one for each outline of a class they were ever enrolled in. One query.

    A lesson is worth its longest version at most: who watches a corrected one again has not learned twice.
    """
    rows = session.execute(GATHER, {"person": person_id, "outline": outline_id, "now": now})
    return [
        Case(
            outline_id=row.outline_id,
            category=Category(
                row.code,
                row.version,
                int(row.required_theory),
                int(row.required_practice),
                row.effective_from,
                row.effective_to,
            ),
            facts=Facts(enrolled=True, class_filed=bool(row.class_filed)),
            hours=tally(Amount(Modality(m), Kind(k), int(ms)) for m, k, ms in row.amounts),
            class_id=row.class_id,
        )
        for row in rows
    ]


def decide(case: Case, person_id: UUID, on: date) -> Judgement:
    return judge(Candidate(person_id), case.category, on, case.hours, case.facts, rules=RULES)


def hours_as_data(case: Case) -> dict[str, Any]:
    """What a record keeps of the hours: milliseconds, and what the outline asks in 学时."""
    return {
        "online_theory_ms": case.hours.online_theory_ms,
        "offline_theory_ms": case.hours.offline_theory_ms,
        "offline_practice_ms": case.hours.offline_practice_ms,
        "required_theory": case.category.required_theory,
        "required_practice": case.category.required_practice,
    }


def record_person(session: Session, person_id: UUID, *, now: datetime) -> list[EligibilityRecord]:
    """Write a new version for each outline where the newest one no longer says what is true; answers the new ones."""
    # Two at once would both write version n + 1 and take each other's place in the feed.
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('elearn eligibility feed'))"))
    newest = {
        record.outline_id: record
        for record in session.scalars(
            sa.select(EligibilityRecord)
            .where(EligibilityRecord.person_id == person_id)
            .order_by(EligibilityRecord.version)
        )
    }
    written = []
    on = local_day(now)  # days of judgement are the regulator's days
    for case in gather(session, person_id, now=now):
        judgement = decide(case, person_id, on)
        before = newest.get(case.outline_id)
        record = EligibilityRecord(
            id=new_id(),
            person_id=person_id,
            outline_id=case.outline_id,
            version=before.version + 1 if before else 1,
            supersedes_id=before.id if before else None,
            status="computed",
            outcome=_outcome(judgement),
            reasons=[] if isinstance(judgement, Eligible | EligibleExempt) else list(judgement.reasons),
            hours=hours_as_data(case),
            rules=judgement.rules,
            class_id=case.class_id,
            judged_on=on,
            computed_at=now,
        )
        if before is None or _says(before) != _says(record):
            last = session.scalar(sa.select(sa.func.max(EligibilityRecord.position))) or 0
            record.position = last + 1
            session.add(record)
            session.flush()
            written.append(record)
    return written


def newest_record(session: Session, person_id: UUID, outline_codes: Sequence[str]) -> EligibilityRecord | None:
    """The newest record of a person among outlines of these codes."""
    from elearn.courses.models import Outline

    return session.scalars(
        sa.select(EligibilityRecord)
        .join(Outline, Outline.id == EligibilityRecord.outline_id)
        .where(EligibilityRecord.person_id == person_id, Outline.code.in_(outline_codes))
        .order_by(Outline.effective_from.desc(), EligibilityRecord.version.desc())
        .limit(1)
    ).one_or_none()


def _outcome(judgement: Judgement) -> str:
    match judgement:
        case Eligible():
            return "eligible"
        case EligibleExempt():
            return "eligible_exempt"
        case _:
            return "ineligible"


def _says(record: EligibilityRecord) -> tuple[object, ...]:
    """What makes a new version worth writing; the day of judgement alone does not."""
    return record.outcome, sorted(record.reasons), record.hours, record.rules, record.class_id
