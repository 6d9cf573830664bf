"""Final watched spans become hours, each once.

Pulled, never pushed: this asks which final spans no entry mentions, so it can run at any time, twice, or after
a crash. The unique `watched_span_id` decides between two that run at once. The job looks back only as far as a
transaction may have been open (`LOOK_BACK`), so its cost does not grow with history; `ledger check` looks at all.
"""

from __future__ import annotations

import logging
from collections.abc import Set
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn import jobs
from elearn.clock import utcnow
from elearn.credit_export import records
from elearn.credit_export.hours import AQ8011_2023
from elearn.db import db

logger = logging.getLogger(__name__)

JOB = "credit.final_spans"
LOOK_BACK = timedelta(hours=1)
"""Longer than any transaction of ours stays open: rows become visible in commit order, not in time order."""

BEGINNING = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

EARN = sa.text("""
INSERT INTO elearn.hours_entry (id, person_id, class_id, outline_item_id, modality, kind, amount_ms, earned_on,
                                learned_at, watched_span_id, rule_version, created_at)
SELECT gen_random_uuid(), w.learner_id, w.class_id, c.outline_item_id, 'online', coalesce(i.kind, 'theory'),
       w.end_ms - w.start_ms - w.excess_ms, w."on",
       (SELECT min(p.heard_at) FROM elearn.watched_span p WHERE p.id = ANY (w.settles)),
       w.id, :rules, :now
FROM elearn.watched_span w
JOIN elearn.unit u ON u.id = w.unit_id
JOIN elearn.lesson l ON l.id = u.lesson_id
JOIN elearn.course c ON c.id = l.course_id
LEFT JOIN elearn.outline_item i ON i.id = c.outline_item_id
WHERE w.kind = 'final' AND w.heard_at >= :since AND w.end_ms - w.start_ms > w.excess_ms
  AND (CAST(:person AS uuid) IS NULL OR w.learner_id = :person)
  AND NOT EXISTS (SELECT FROM elearn.hours_entry e WHERE e.watched_span_id = w.id)
ON CONFLICT (watched_span_id) DO NOTHING
RETURNING person_id
""")

TAKE_BACK = sa.text("""
INSERT INTO elearn.hours_entry (id, person_id, class_id, outline_item_id, modality, kind, amount_ms, earned_on,
                                learned_at, watched_span_id, reverses_id, rule_version, created_at)
SELECT gen_random_uuid(), e.person_id, e.class_id, e.outline_item_id, e.modality, e.kind, -e.amount_ms, e.earned_on,
       e.learned_at, w.id, e.id, e.rule_version, :now
FROM elearn.watched_span w
JOIN elearn.hours_entry e ON e.watched_span_id = w.reverses_id
WHERE w.kind = 'reversal' AND w.heard_at >= :since
  AND (CAST(:person AS uuid) IS NULL OR w.learner_id = :person)
  AND NOT EXISTS (SELECT FROM elearn.hours_entry r WHERE r.watched_span_id = w.id)
ON CONFLICT DO NOTHING
RETURNING person_id
""")


def credit_final_spans(
    session: Session, *, now: datetime, since: datetime = BEGINNING, person_id: UUID | None = None
) -> Set[UUID]:
    """Enter what no entry mentions yet, of one person or of all; answers whose hours changed."""
    values = {"now": now, "since": since, "person": person_id, "rules": AQ8011_2023.version}
    earned = session.execute(EARN, values).scalars().all()
    taken = session.execute(TAKE_BACK, values).scalars().all()
    return {*earned, *taken}


@jobs.task(JOB, every="* * * * * */5")
def credit_and_record() -> None:
    """Every few seconds: enter new hours, and record what they change for whom."""
    session = db.session()
    now = utcnow()
    mark = session.execute(sa.text("SELECT looked_to FROM elearn.credit_mark WHERE id = 1")).scalar_one_or_none()
    changed = credit_final_spans(session, now=now, since=mark - LOOK_BACK if mark else BEGINNING)
    session.execute(
        sa.text(
            "INSERT INTO elearn.credit_mark (id, looked_to) VALUES (1, :now) "
            "ON CONFLICT (id) DO UPDATE SET looked_to = greatest(credit_mark.looked_to, excluded.looked_to)"
        ),
        {"now": now},
    )
    session.commit()
    for person_id in changed:
        records.record_person(session, person_id, now=now)
        session.commit()
    if changed:
        logger.info("credited", extra={"persons": len(changed)})


def bring_up_to_date(session: Session, person_id: UUID, *, now: datetime) -> None:
    """Credit and record one person before an answer about them, so that an exam system never reads stale hours."""
    credit_final_spans(session, now=now, person_id=person_id)
    records.record_person(session, person_id, now=now)
