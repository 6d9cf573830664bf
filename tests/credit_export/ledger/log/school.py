"""Learners whose final time waits for the log, and what stands in the log afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.ledger.advancing import House
from elearn.credit_export.ledger_check import check_hours
from tests.builders_credit import LEARNED_AT, Learner, a_learner_with_hours, an_outline
from tests.builders_people import a_resident_id

OUTLINE = "log-outline"
NOW = LEARNED_AT + timedelta(hours=1)


def a_learner(session: Session, *, ms: int = 60_000) -> Learner:
    """Somebody new, with so much that is final."""
    if not session.scalar(sa.text("SELECT true FROM elearn.outline WHERE code = :code"), {"code": OUTLINE}):
        an_outline(session, code=OUTLINE)
    learner = a_learner_with_hours(session, ms=ms, outline=OUTLINE, document_number=a_resident_id())
    session.commit()
    return learner


@dataclass(frozen=True, slots=True)
class Sums:
    """One learner's hours, added up in three ways."""

    entries: int
    leaves: int
    total: int


def sums(session: Session, person_id: UUID) -> Sums:
    row = session.execute(
        sa.text("""
        SELECT (SELECT coalesce(sum(amount_ms), 0)::bigint FROM elearn.hours_entry WHERE person_id = :learner),
               coalesce(sum(l.ms), 0)::bigint, coalesce((array_agg(l.total ORDER BY l.n DESC))[1], 0)
        FROM elearn.ledger_leaf l JOIN elearn.watched_span w ON w.id = l.watched_span_id
        WHERE w.learner_id = :learner
        """),
        {"learner": person_id},
    ).one()
    return Sums(*row)


def leaves(session: Session, columns: str = "kind") -> list[Any]:
    """All leaves in order, of all logs."""
    rows = session.execute(sa.text(f"SELECT {columns} FROM elearn.ledger_leaf ORDER BY origin, index")).all()
    return [row[0] if len(row) == 1 else tuple(row) for row in rows]


def differences(session: Session, house: House) -> list[str]:
    """What `elearn ledger check` says of all that follows from watching, files and subjects too."""
    return [str(one) for one in check_hours(session, desk=house.desk, sealing_key=house.sealing_key)]
