"""What judgements are made from: hours, classes and identity of many persons in one query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.eligibility import Category, Facts
from elearn.credit_export.hours import Amount, Kind, Modality, Tally, tally

CASES = sa.text("""
WITH required AS (
    SELECT outline_id, coalesce(sum(required_hours) FILTER (WHERE kind = 'theory'), 0)::bigint AS theory,
           coalesce(sum(required_hours) FILTER (WHERE kind = 'practice'), 0)::bigint AS practice
    FROM elearn.outline_item GROUP BY outline_id
), cosigned AS (
    SELECT origin, max(size) AS size FROM elearn.ledger_checkpoint WHERE witnessed GROUP BY origin
), lessons AS (
    SELECT e.person_id, f.outline_id, e.modality, e.kind, least(sum(e.amount_ms), max(u.duration_ms)) AS ms,
           bool_and(coalesce(e.leaf_index < c.size, false)) AS witnessed
    FROM elearn.hours_entry e
    JOIN elearn.training_class f ON f.id = e.class_id
    JOIN elearn.outline_item i ON i.id = e.outline_item_id AND i.outline_id = f.outline_id
    LEFT JOIN elearn.watched_span w ON w.id = e.watched_span_id
    LEFT JOIN elearn.unit u ON u.id = w.unit_id
    LEFT JOIN cosigned c ON c.origin = e.leaf_origin
    WHERE e.person_id = ANY (:persons) AND f.filed_at <= e.learned_at
    GROUP BY e.person_id, f.outline_id, e.modality, e.kind, u.lesson_id
), hours AS (
    SELECT person_id, outline_id, bool_and(witnessed) AS witnessed,
           sum(ms) FILTER (WHERE modality = 'online' AND kind = 'theory')::bigint AS online_theory,
           sum(ms) FILTER (WHERE modality = 'online' AND kind = 'practice')::bigint AS online_practice,
           sum(ms) FILTER (WHERE modality = 'offline' AND kind = 'theory')::bigint AS offline_theory,
           sum(ms) FILTER (WHERE modality = 'offline' AND kind = 'practice')::bigint AS offline_practice
    FROM lessons GROUP BY person_id, outline_id
), held AS (
    SELECT n.person_id, k.outline_id, coalesce(bool_or(k.filed_at <= :now), false) AS filed,
           (array_agg(k.id ORDER BY (k.filed_at IS NOT NULL) DESC, n.enrolled_at DESC))[1] AS class_id
    FROM elearn.enrolment n
    JOIN elearn.training_class k ON k.id = n.class_id
    WHERE n.person_id = ANY (:persons) AND (CAST(:outline AS uuid) IS NULL OR k.outline_id = :outline)
    GROUP BY n.person_id, k.outline_id
)
SELECT h.person_id, h.outline_id, h.filed, h.class_id, o.code, o.version, o.effective_from, o.effective_to,
       coalesce(r.theory, 0) AS required_theory, coalesce(r.practice, 0) AS required_practice,
       p.document_index IS NOT NULL AS identified, coalesce(s.witnessed, false) AS witnessed,
       coalesce(s.online_theory, 0) AS online_theory, coalesce(s.online_practice, 0) AS online_practice,
       coalesce(s.offline_theory, 0) AS offline_theory, coalesce(s.offline_practice, 0) AS offline_practice
FROM held h
JOIN elearn.person p ON p.id = h.person_id
JOIN elearn.outline o ON o.id = h.outline_id
LEFT JOIN required r ON r.outline_id = h.outline_id
LEFT JOIN hours s ON s.person_id = h.person_id AND s.outline_id = h.outline_id
ORDER BY h.person_id, h.outline_id
""")


@dataclass(frozen=True, slots=True)
class Case:
    """One person under one outline: all that `judge` asks, and where it came from."""

    person_id: UUID
    outline_id: UUID
    category: Category
    facts: Facts
    hours: Tally
    class_id: UUID | None
    witnessed: bool = False
    """There are hours, and the leaf of each stands in a checkpoint that a witness cosigned."""


def gather_many(
    session: Session, person_ids: Iterable[UUID], *, now: datetime, outline_id: UUID | None = None
) -> list[Case]:
    """The cases of these persons: one for each outline of a class they were ever enrolled in. One query.

    A lesson is worth its longest version at most: who watches a corrected one again has not learned twice.
    """
    rows = session.execute(CASES, {"persons": list(person_ids), "outline": outline_id, "now": now})
    categories: dict[UUID, Category] = {}  # a few outlines, many persons
    return [
        Case(
            person_id=row.person_id,
            outline_id=row.outline_id,
            category=categories.get(row.outline_id) or categories.setdefault(row.outline_id, _category(row)),
            facts=Facts(enrolled=True, class_filed=row.filed, identified=row.identified),
            hours=tally(
                (
                    Amount(Modality.ONLINE, Kind.THEORY, row.online_theory),
                    Amount(Modality.ONLINE, Kind.PRACTICE, row.online_practice),
                    Amount(Modality.OFFLINE, Kind.THEORY, row.offline_theory),
                    Amount(Modality.OFFLINE, Kind.PRACTICE, row.offline_practice),
                )
            ),
            class_id=row.class_id,
            witnessed=row.witnessed,
        )
        for row in rows
    ]


def gather(session: Session, person_id: UUID, *, now: datetime, outline_id: UUID | None = None) -> list[Case]:
    """The cases of one person."""
    return gather_many(session, [person_id], now=now, outline_id=outline_id)


def _category(row: sa.Row[tuple[object, ...]]) -> Category:
    return Category(
        row.code, row.version, row.required_theory, row.required_practice, row.effective_from, row.effective_to
    )
