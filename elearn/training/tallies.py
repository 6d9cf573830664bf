"""How many assignments of each programme are not done and done: added up by triggers, so that nobody counts history.

    assignment ──trigger──► programme_tally (what this change adds) ─► fold, with the job of figures: one row each

Exact at any moment, in the transaction that changed something too. `differences` counts everything and compares.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

READ: Final = sa.text("""
SELECT programme_id, sum(unfinished)::bigint AS unfinished, sum(done)::bigint AS done
FROM elearn.programme_tally WHERE programme_id = ANY (:programmes) GROUP BY programme_id
""")
MOST_LATE = 500
LATE: Final = sa.text("""
SELECT p.programme_id, (SELECT count(*) FROM (
    SELECT FROM elearn.assignment a
    WHERE a.programme_id = p.programme_id AND a.state IN ('waiting', 'open') AND a.due_on < :today LIMIT :most
) x) AS late FROM unnest(CAST(:programmes AS uuid[])) p (programme_id)
""")
"""By an index of what is not done, as far as is counted: a quarter of a million late ones took 0.3 s."""
FOLD: Final = sa.text("""
WITH taken AS (
    DELETE FROM elearn.programme_tally WHERE programme_id IN (
        SELECT programme_id FROM elearn.programme_tally GROUP BY programme_id HAVING count(*) > 1
    ) RETURNING programme_id, unfinished, done
)
INSERT INTO elearn.programme_tally (programme_id, unfinished, done)
SELECT programme_id, sum(unfinished), sum(done) FROM taken GROUP BY programme_id
""")
COMPARE: Final = sa.text("""
SELECT programme_id, coalesce(t.unfinished, 0), coalesce(t.done, 0), coalesce(c.unfinished, 0), coalesce(c.done, 0)
FROM (
    SELECT programme_id, sum(unfinished)::bigint AS unfinished, sum(done)::bigint AS done
    FROM elearn.programme_tally GROUP BY programme_id
) t FULL JOIN (
    SELECT programme_id, count(*) FILTER (WHERE state IN ('waiting', 'open')) AS unfinished,
           count(*) FILTER (WHERE state = 'done') AS done
    FROM elearn.assignment WHERE state <> 'withdrawn' GROUP BY programme_id
) c USING (programme_id)
WHERE (coalesce(t.unfinished, 0), coalesce(t.done, 0)) <> (coalesce(c.unfinished, 0), coalesce(c.done, 0))
ORDER BY 1
""")


@dataclass(frozen=True, slots=True)
class Tally:
    """Of a programme, over everybody who was ever assigned it and not withdrawn."""

    unfinished: int = 0
    done: int = 0
    late: int = 0
    """Counted up to one more than `MOST_LATE`."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A programme whose tally is not what its assignments say."""

    programme_id: UUID
    unfinished: int
    done: int
    counted_unfinished: int
    counted_done: int


def of_programmes(session: Session, programmes: Collection[UUID], *, today: date) -> dict[UUID, Tally]:
    """Those of which something is assigned: two queries."""
    where = {"programmes": list(programmes), "today": today, "most": MOST_LATE + 1}
    late = {row.programme_id: row.late for row in session.execute(LATE, where)}
    return {
        row.programme_id: Tally(row.unfinished, row.done, late.get(row.programme_id, 0))
        for row in session.execute(READ, where)
    }


def fold(session: Session) -> None:
    """One row for each programme again. Does not commit; the caller is the only one who folds."""
    session.execute(FOLD)


def differences(session: Session) -> Iterator[Difference]:
    """Count every assignment and compare."""
    return (Difference(*row) for row in session.execute(COMPARE))
