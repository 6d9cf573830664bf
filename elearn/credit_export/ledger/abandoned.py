"""What logs that an operator gave up hold, of rows of watching and of attendance. `column` is the leaf's: whose row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

Column = Literal["watched_span_id", "attendance_line_id"]

STRANDED = """
SELECT l.{column} FROM elearn.ledger_leaf l
LEFT JOIN (SELECT origin, max(size) AS size FROM elearn.ledger_checkpoint GROUP BY origin) c ON c.origin = l.origin
WHERE l.origin = ANY (:abandoned) AND l.{column} IS NOT NULL AND l.index >= coalesce(c.size, 0)
  AND NOT EXISTS (SELECT FROM elearn.ledger_leaf t WHERE t.{column} = l.{column} AND t.origin = ANY (:logs))
"""

STOOD = "SELECT {column} FROM elearn.ledger_leaf WHERE origin = ANY (:abandoned) AND {column} = ANY (:rows)"


def stranded(session: Session, column: Column, abandoned: Sequence[str], *, logs: Sequence[str]) -> Sequence[UUID]:
    """Rows that these logs hold and never published, and that no log of ours says."""
    if not abandoned:
        return []
    query = sa.text(STRANDED.format(column=column))
    return session.scalars(query, {"abandoned": list(abandoned), "logs": list(logs)}).all()


def stood(session: Session, column: Column, abandoned: Sequence[str], rows: Sequence[UUID]) -> Sequence[UUID]:
    """Those of these rows that stood in one of these logs."""
    if not abandoned or not rows:
        return []
    query = sa.text(STOOD.format(column=column))
    return session.scalars(query, {"abandoned": list(abandoned), "rows": list(rows)}).all()
