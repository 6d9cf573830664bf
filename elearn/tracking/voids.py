"""Final time taken back, and given back, because people decided so (`signals/reviews.py`). Rows are only added.

A void reverses final rows; the learner may watch that media again and earn it anew. A restoration adds final rows of
the same media behind the same passed check, without what was watched again in the meantime. Hours follow by
themselves: `credit_export` pulls reversals and finals alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import from_ms
from elearn.db import new_id
from elearn.errors import Conflict, NotFound
from elearn.tracking import policies
from elearn.tracking.models import BelievedSpan, Kind, LearnerWatch, WatchedSpan
from elearn.tracking.settling import believe, disbelieve, recompute_units
from elearn.tracking.signals.models import ReviewEffect
from elearn.tracking.spans import Span, subtract

VOIDED = "VOIDED"
"""The reason of a reversal that two people confirmed."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What a void took or a restoration gave: rows of the ledger, and milliseconds of media."""

    rows: tuple[UUID, ...]
    media_ms: int


def lock_learner(session: Session, learner_id: UUID, *, now_ms: int) -> int:
    """Lock the learner before anything is decided; answers the learner's time, which never runs backwards.

    Raises NotFound: nobody who ever watched anything.
    """
    stored_ms = session.scalars(
        sa.select(LearnerWatch.tau_ms).where(LearnerWatch.learner_id == learner_id).with_for_update(key_share=True)
    ).one_or_none()
    if stored_ms is None:
        raise NotFound("There is no such person.")
    return max(now_ms, stored_ms)


def void(session: Session, learner_id: UUID, span_ids: Collection[UUID], *, case_id: UUID, now_ms: int) -> Moved:
    """Take back final rows of one learner, all of them or none.

    Raises Conflict `span_changed`: one of them is not believed (any more), not final, or not this learner's.
    """
    tau_ms = lock_learner(session, learner_id, now_ms=now_ms)
    found = session.scalars(
        sa.select(WatchedSpan)
        .join(BelievedSpan, BelievedSpan.watched_span_id == WatchedSpan.id)
        .where(WatchedSpan.id.in_(span_ids), WatchedSpan.learner_id == learner_id, WatchedSpan.kind == Kind.FINAL.value)
        .order_by(WatchedSpan.id)
    ).all()
    if not found or len(found) != len(set(span_ids)):
        raise Conflict("These hours have changed in the meantime. Look at the case again.", code="span_changed")
    reversals = [
        _copy(one, tau_ms) | {"kind": Kind.REVERSAL.value, "settles": [], "reverses_id": one.id, "reason": VOIDED}
        for one in found
    ]
    _write(session, reversals, {row["id"]: row["reverses_id"] for row in reversals}, case_id)
    disbelieve(session, [one.id for one in found])
    _recompute(session, learner_id, found)
    return Moved(tuple(row["id"] for row in reversals), sum(one.end_ms - one.start_ms for one in found))


def restore(session: Session, learner_id: UUID, *, voided_by: UUID, case_id: UUID, now_ms: int) -> Moved:
    """Give back what the case `voided_by` took, as new final rows put there by the case `case_id`.

    What was watched and believed again since then stays as it is, so nothing counts twice.
    """
    tau_ms = lock_learner(session, learner_id, now_ms=now_ms)
    rows = session.execute(
        sa.select(ReviewEffect.watched_span_id, WatchedSpan)
        .join(WatchedSpan, WatchedSpan.id == ReviewEffect.undoes_id)
        .where(
            ReviewEffect.case_id == voided_by,
            WatchedSpan.learner_id == learner_id,
            WatchedSpan.kind == Kind.FINAL.value,
        )
        .order_by(WatchedSpan.id)
    ).all()
    finals: list[dict[str, Any]] = []
    undoes: dict[UUID, UUID] = {}
    for reversal_id, voided in rows:
        for piece in subtract(Span(voided.start_ms, voided.end_ms), _believed(session, voided)):
            row = _copy(voided, tau_ms) | {
                "kind": Kind.FINAL.value,
                "start_ms": piece.start_ms,
                "end_ms": piece.end_ms,
                "check_id": voided.check_id,
                "settles": list(voided.settles),
                # Rounded up: what does not count as hours is never less than its share.
                "excess_ms": -(-voided.excess_ms * piece.length_ms // (voided.end_ms - voided.start_ms)),
            }
            finals.append(row)
            undoes[row["id"]] = reversal_id
    if finals:
        _write(session, finals, undoes, case_id)
        believe(session, undoes)
        _recompute(session, learner_id, [voided for _reversal_id, voided in rows])
    return Moved(tuple(undoes), sum(row["end_ms"] - row["start_ms"] for row in finals))


def _copy(row: WatchedSpan, tau_ms: int) -> dict[str, Any]:
    """A new row about the same media of the same learner, day and class."""
    return {
        "id": new_id(),
        "learner_id": row.learner_id,
        "unit_id": row.unit_id,
        "class_id": row.class_id,
        "start_ms": row.start_ms,
        "end_ms": row.end_ms,
        "on": row.on,
        "late": row.late,
        "excess_ms": row.excess_ms,
        "policy": row.policy,
        "heard_at": from_ms(tau_ms),
    }


def _write(session: Session, rows: Sequence[Mapping[str, Any]], undoes: Mapping[UUID, UUID], case_id: UUID) -> None:
    session.execute(sa.insert(WatchedSpan), rows)
    session.execute(
        sa.insert(ReviewEffect),
        [{"watched_span_id": made, "undoes_id": undone, "case_id": case_id} for made, undone in undoes.items()],
    )


def _believed(session: Session, voided: WatchedSpan) -> list[Span]:
    """What of the row's media is believed now, by another sitting since then."""
    rows = session.execute(
        sa.text("""
        SELECT lower(media) AS start_ms, upper(media) AS end_ms FROM elearn.believed_span
        WHERE learner_id = :learner AND unit_id = :unit AND media && int8range(:start, :end)
        """),
        {"learner": voided.learner_id, "unit": voided.unit_id, "start": voided.start_ms, "end": voided.end_ms},
    )
    return [Span(row.start_ms, row.end_ms) for row in rows]


def _recompute(session: Session, learner_id: UUID, rows: Iterable[WatchedSpan]) -> None:
    for unit_id, digest in {one.unit_id: one.policy for one in rows}.items():
        recompute_units(session, learner_id, [unit_id], policies.by_digest(session, digest))


# -- for `elearn ledger check`

_UNCONFIRMED = sa.text("""
SELECT w.id, 'a void without two people of two sides' AS what
FROM elearn.watched_span w
LEFT JOIN elearn.review_effect e ON e.watched_span_id = w.id AND e.undoes_id = w.reverses_id
WHERE w.kind = 'reversal' AND w.reason = 'VOIDED' AND NOT EXISTS (
    SELECT FROM elearn.review_act p
    JOIN elearn.review_act c ON c.case_id = p.case_id AND c.act = 'confirm' AND c.number = p.number + 1
    JOIN elearn.review_case k ON k.id = p.case_id
    WHERE p.case_id = e.case_id AND p.act = 'propose' AND w.reverses_id = ANY (p.spans)
      AND p.by_person_id <> c.by_person_id AND p.side <> c.side
      AND w.learner_id NOT IN (p.by_person_id, c.by_person_id) AND k.learner_id = w.learner_id)
UNION ALL
SELECT w.id, 'a restoration without an appeal that a third person upheld'
FROM elearn.watched_span w
JOIN elearn.review_effect e ON e.watched_span_id = w.id
JOIN elearn.review_case a ON a.id = e.case_id
WHERE w.kind = 'final' AND NOT EXISTS (
    SELECT FROM elearn.review_act u
    WHERE u.case_id = a.id AND u.act = 'uphold' AND u.by_person_id <> w.learner_id AND a.learner_id = w.learner_id
      AND NOT EXISTS (SELECT FROM elearn.review_act o WHERE o.case_id = a.about_id
                      AND o.by_person_id = u.by_person_id AND o.act IN ('propose', 'confirm')))
ORDER BY 1
""")


def unconfirmed(session: Session) -> Iterator[tuple[UUID, str]]:
    """Rows that took back or gave back final time without the people it takes, each with what is wrong."""
    for row in session.execute(_UNCONFIRMED):
        yield row.id, row.what


RESTORED = """
SELECT f.id, f.start_ms, f.end_ms, v.start_ms AS from_ms, v.end_ms AS to_ms,
       v.start_ms <= f.start_ms AND f.end_ms <= v.end_ms AND f.settles = v.settles AND f.check_id = v.check_id
       AND (f.learner_id, f.unit_id, f."on") = (v.learner_id, v.unit_id, v."on")
       AND f.class_id IS NOT DISTINCT FROM v.class_id AS fits
FROM elearn.review_effect e
JOIN elearn.watched_span f ON f.id = e.watched_span_id AND f.kind = 'final'
JOIN elearn.watched_span r ON r.id = e.undoes_id
JOIN elearn.watched_span v ON v.id = r.reverses_id
"""
"""Restored rows against what was taken. That no media is believed twice is the exclusion constraint's to hold."""
