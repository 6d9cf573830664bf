"""Cases: the end of one counts when every question about it was answered right (DESIGN 3.6a). Reads only.

A case is pages that end in questions. Reading it is watched as reading pages is. What its last part brings waits until
the learner has passed a check with each live question of the case: then the next check is due at once, and asks what
is left. Everything before the end is confirmed by any check, as everywhere.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span

OWED = sa.text("""
SELECT u.id AS unit_id, u.duration_ms, max(b.start_ms) AS last_ms,
       ARRAY(SELECT q.id FROM elearn.question q
             WHERE q.unit_id = u.id AND q.retired_at IS NULL AND NOT EXISTS (
                 SELECT FROM elearn.presence_check c
                 WHERE c.learner_id = :learner AND c.question_id = q.id AND c.outcome = 'passed')) AS questions
FROM elearn.unit u JOIN elearn.unit_block b ON b.unit_id = u.id
WHERE u.id = ANY (:units) AND u.kind = 'case'
GROUP BY u.id
""")


class Waiting(Protocol):
    """A piece of the watched ledger that waits for a check."""

    @property
    def unit_id(self) -> UUID: ...
    @property
    def span(self) -> Span: ...


@dataclass(frozen=True, slots=True)
class Owed:
    """What a learner still has to answer of a case."""

    duration_ms: int
    end_ms: int
    """Where its end begins: with the last page, or earlier, so that without it the case is not complete."""
    questions: frozenset[UUID]

    def holds(self, piece: Waiting) -> bool:
        """Whether this piece waits for the questions."""
        return piece.span.end_ms > self.end_ms


def owed(session: Session, learner_id: UUID, unit_ids: Collection[UUID], policy: Policy) -> dict[UUID, Owed]:
    """By unit: the cases of these of which the learner still owes answers. One query."""
    if not unit_ids:
        return {}
    rows: list[Any] = list(session.execute(OWED, {"learner": learner_id, "units": list(unit_ids)}))
    return {
        row.unit_id: Owed(
            row.duration_ms,
            max(0, min(row.last_ms, row.duration_ms - policy.tail_ms(row.duration_ms) - 1)),
            frozenset(row.questions),
        )
        for row in rows
        if row.questions
    }
