"""From lines of confirmed attendance lists to attend leaves, and from lines that take them back to void leaves.

A list belongs to the batch of evidence in which its answer was written, so what it rests on is proved before its
leaves stand in the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.ledger import abandoned, subjects
from elearn.credit_export.ledger.appending import Log, Standing

VOIDED = "ATTENDANCE_VOIDED"
"""`why` of a void leaf of attendance."""

LINES = sa.text("""
SELECT n.id, n.person_id, s.class_id, s.kind, n.from_at, n.to_at, n.ms, n."on", t.doc, a.proposed_by, a.by_id,
       n.reverses_id, l.origin, l.index AS place, l.hash, l.sub, l.counts_as, l.ms AS leaf_ms
FROM elearn.attendance_answer a
JOIN elearn.attendance_list t ON t.id = a.list_id
JOIN elearn.class_session s ON s.id = t.session_id
JOIN elearn.attendance_line n ON n.list_id = t.id
LEFT JOIN elearn.ledger_leaf l ON l.attendance_line_id = n.reverses_id AND l.origin = ANY (:logs)
WHERE a.confirmed AND n.refused_as IS NULL
  AND (a.evidence_batch > :after AND a.evidence_batch <= :batch OR n.id = ANY (:also))
  AND NOT EXISTS (SELECT FROM elearn.ledger_leaf x WHERE x.attendance_line_id = n.id AND x.origin = ANY (:logs))
ORDER BY a.at, a.list_id, n.from_at, n.id
""")


@dataclass(frozen=True, slots=True)
class Attended:
    """A line that the log must say: somebody was there, or it was taken back."""

    id: UUID
    person_id: UUID
    class_id: UUID
    kind: str
    from_at: datetime
    to_at: datetime
    ms: int
    on: date
    doc: str
    by: tuple[UUID, UUID]
    reverses: UUID | None
    standing: Standing | None
    """What it takes back, when that stood in a log before this batch."""

    @property
    def counts_as(self) -> str:
        return f"offline/{self.kind}"


def class_urn(class_id: UUID) -> str:
    return f"urn:elearn:class:{class_id}"


def attended(
    session: Session, *, after: int, batch: int, logs: Sequence[str], given_up: Sequence[str]
) -> list[Attended]:
    """Lines of lists that were answered in (after, batch] and have no leaf, in the order in which they were answered.

    With them come those that an abandoned log holds and never published. What stood in one and is taken back now is
    said once more, before its void.
    """
    where: dict[str, object] = {"logs": list(logs)}
    stranded = abandoned.stranded(session, "attendance_line_id", given_up, logs=logs)
    found = _lines(session, {**where, "after": after, "batch": batch, "also": stranded})
    here = {one.id for one in found}
    gone = [one.reverses for one in found if one.reverses and one.standing is None and one.reverses not in here]
    if stood := abandoned.stood(session, "attendance_line_id", given_up, gone):
        found = _lines(session, {**where, "after": 0, "batch": -1, "also": stood}) + found
    return found


def append(logs: Mapping[str, Log], current: Log, found: Sequence[Attended], subs: Mapping[UUID, str]) -> None:
    """The leaves of these lines. Who was erased before gets none: there is no name to write it under."""
    placed: dict[UUID, Standing] = {}
    for one in found:
        by = subjects.two_names(subs, one.by)
        if one.reverses is None:
            if one.person_id in subs:
                placed[one.id] = current.attend(
                    subs[one.person_id], one.counts_as, one.id, class_=class_urn(one.class_id), kind=one.kind,
                    from_=one.from_at, to=one.to_at, ms=one.ms, day=one.on, doc=one.doc, by=by,
                )  # fmt: skip
            continue
        taken = one.standing or placed.get(one.reverses)
        if taken is not None:
            logs[taken.origin].void(taken, None, line_id=one.id, why=VOIDED, by=by)


def _lines(session: Session, values: Mapping[str, object]) -> list[Attended]:
    rows: Sequence[Any] = session.execute(LINES, values).all()
    return [
        Attended(
            id=row.id,
            person_id=row.person_id,
            class_id=row.class_id,
            kind=row.kind,
            from_at=row.from_at,
            to_at=row.to_at,
            ms=row.ms,
            on=row.on,
            doc=row.doc,
            by=(row.proposed_by, row.by_id),
            reverses=row.reverses_id,
            standing=Standing.joined(row),
        )
        for row in rows
    ]
