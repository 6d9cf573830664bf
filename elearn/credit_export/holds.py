"""What holds a record back from being granted, though all that the rules ask is there.

An open case of review about the learner's hours, or an appeal that nobody has decided (`tracking/signals`), and an
institution that is suspended (`findings`). A hold changes no judgement and takes nothing away: it keeps the platform
from granting by itself, until it is over. It is looked up when a step is decided and when a page is shown, so it is
over the moment the case is closed; the job of every minute then goes on where the platform stopped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.findings.reading import suspended_classes
from elearn.credit_export.lifecycle import Hold
from elearn.credit_export.models import EligibilityRecord

# A case is about the hours of one class; those of another outline are not in question. Watching for no class earns
# nothing that an exam may rely on, so a case about it holds nothing back.
REVIEWED = sa.text("""
SELECT DISTINCT c.learner_id, k.outline_id FROM elearn.review_case c
JOIN elearn.training_class k ON k.id = c.class_id
LEFT JOIN LATERAL (SELECT a.act FROM elearn.review_act a WHERE a.case_id = c.id ORDER BY a.number DESC LIMIT 1) last
  ON true
WHERE c.learner_id = ANY (:persons) AND (last.act IS NULL OR last.act IN ('propose', 'object'))
""")

LATELY = sa.text("""
SELECT DISTINCT c.learner_id FROM elearn.review_act a JOIN elearn.review_case c ON c.id = a.case_id
WHERE a.at >= :since AND a.act IN ('confirm', 'dismiss', 'uphold', 'reject')
""")

Lines = dict[tuple[UUID, UUID], frozenset[Hold]]


class OfLine(Protocol):
    """A record, or the case that one is made from."""

    @property
    def person_id(self) -> UUID: ...

    @property
    def outline_id(self) -> UUID: ...

    @property
    def class_id(self) -> UUID | None: ...


def holds_of(session: Session, records: Iterable[OfLine], on: date) -> Lines:
    """(person, outline) -> what holds these records back on a day. Two queries."""
    lines = {(one.person_id, one.outline_id): one.class_id for one in records}
    reviewed = {tuple(row) for row in session.execute(REVIEWED, {"persons": list({person for person, _ in lines})})}
    suspended = suspended_classes(session, {one for one in lines.values() if one is not None}, on)
    found: dict[tuple[UUID, UUID], set[Hold]] = defaultdict(set)
    for line, class_id in lines.items():
        if line in reviewed:
            found[line].add(Hold.UNDER_REVIEW)
        if class_id in suspended:
            found[line].add(Hold.INSTITUTION_SUSPENDED)
    return {line: frozenset(found[line]) for line in lines}


def holds_on(session: Session, record: EligibilityRecord, on: date) -> frozenset[Hold]:
    """The same of one record."""
    return holds_of(session, [record], on)[record.person_id, record.outline_id]


def lately_released(session: Session, since: datetime) -> Collection[UUID]:
    """The learners about whom a case was closed since then."""
    return session.scalars(LATELY, {"since": since}).all()
