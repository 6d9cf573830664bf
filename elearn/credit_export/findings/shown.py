"""What somebody has shown of all that is asked beside training: age, education, health, training anew. Reads only.

The day of birth is in the number of a resident identity card; of other documents, and for all else, two people state
it (`rules.SHOWN`). What is over is told too: a health certificate of last year has its last day, and the judgement says
that it ended.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.requirements.rows import Education
from elearn.credit_export.eligibility import Facts
from elearn.credit_export.findings.rules import Kind

SHOWN_BY = sa.text("""
SELECT p.id AS person_id, p.born_on, f.kind, f.outline_code, f.level, f.from_on, f.to_on
FROM elearn.person p
LEFT JOIN (elearn.finding f JOIN elearn.finding_answer a ON a.finding_id = f.id AND a.confirmed)
  ON f.person_id = p.id AND f.ends_id IS NULL AND f.from_on <= :on
  AND f.kind IN ('train_again', 'education', 'health_certificate', 'born_on')
  AND NOT EXISTS (SELECT FROM elearn.finding e JOIN elearn.finding_answer b ON b.finding_id = e.id AND b.confirmed
                  WHERE e.ends_id = f.id AND e.from_on <= :on)
WHERE p.id = ANY (:persons)
ORDER BY p.id, f.at, f.id
""")


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of one person."""

    born_on: date | None = None
    education: Education | None = None
    """The highest."""
    health_certificate_to: date | None = None
    """The latest last day."""
    train_again: frozenset[str] = frozenset()
    """Codes of the outlines in which training begins anew."""

    def added_to(self, facts: Facts, outline_code: str) -> Facts:
        return replace(
            facts,
            born_on=self.born_on,
            education=self.education,
            health_certificate_to=self.health_certificate_to,
            train_again=outline_code in self.train_again,
        )


NOTHING_SHOWN = Shown()


def shown_by(session: Session, person_ids: Collection[UUID], on: date) -> dict[UUID, Shown]:
    """By person: what was shown on that day. One query."""
    rows: dict[UUID, list[Any]] = {}
    for row in session.execute(SHOWN_BY, {"persons": list(person_ids), "on": on}):
        rows.setdefault(row.person_id, []).append(row)
    return {person: _together(own, on) for person, own in rows.items()}


def _together(rows: Iterable[Any], on: date) -> Shown:
    """One person's rows, the latest last: of days of birth the last that was stated holds, and a document's before all.

    A diploma or an order to train anew that is over says nothing any more.
    """
    found = Shown()
    for row in rows:
        found = replace(found, born_on=row.born_on or found.born_on)
        running = row.kind is not None and (row.to_on is None or on <= row.to_on)
        match row.kind and Kind(row.kind):
            case Kind.BORN_ON if row.born_on is None:
                found = replace(found, born_on=row.from_on)
            case Kind.EDUCATION if running:
                levels = [one for one in (found.education, Education(row.level)) if one is not None]
                found = replace(found, education=max(levels, key=lambda one: one.rank))
            case Kind.HEALTH_CERTIFICATE:
                found = replace(found, health_certificate_to=max(row.to_on, found.health_certificate_to or row.to_on))
            case Kind.TRAIN_AGAIN if running:
                found = replace(found, train_again=found.train_again | {row.outline_code})
            case _:
                pass
    return found
