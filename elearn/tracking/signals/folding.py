"""Reports are read once, and folded into their sitting's trace (`traces.py`)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from elearn.tracking import policies
from elearn.tracking.messages import claim_in
from elearn.tracking.signals.models import SittingTrace
from elearn.tracking.signals.traces import Move, Trace, fold

_NEW_REPORTS = sa.text("""
SELECT r.sitting_id, r.seq, r.tau_ms, r.sent_cm_ms, r.credited, kept.raw, s.learner_id, s.unit_id, s.opened_ms, s.policy
FROM elearn.report r
JOIN elearn.sitting s ON s.id = r.sitting_id
LEFT JOIN elearn.sitting_trace t ON t.sitting_id = r.sitting_id
JOIN elearn.statement_id there ON there.id = r.statement_id
JOIN elearn.statement kept ON kept.stored_at = there.stored_at AND kept.id = there.id
WHERE r.sitting_id = ANY(:sittings) AND r.refused_as IS NULL AND r.seq > coalesce(t.seq, 0)
ORDER BY r.sitting_id, r.seq
""")


def fold_reports(session: Session, sittings: Collection[UUID]) -> int:
    """Fold what these sittings reported since last time into their traces; answers how many reports."""
    rows = session.execute(_NEW_REPORTS, {"sittings": list(sittings)}).all()
    if not rows:
        return 0
    wanted = {row.sitting_id for row in rows}
    traces = {
        kept.sitting_id: Trace.read(kept.seq, kept.heard_ms, kept.trace)
        for kept in session.execute(
            sa.select(SittingTrace.sitting_id, SittingTrace.seq, SittingTrace.heard_ms, SittingTrace.trace).where(
                SittingTrace.sitting_id.in_(wanted)
            )
        )
    }
    whose: dict[UUID, tuple[UUID, UUID]] = {}
    for row in rows:
        whose[row.sitting_id] = (row.learner_id, row.unit_id)
        trace = traces.setdefault(row.sitting_id, Trace())
        fold(trace, _move(row), policies.by_digest(session, row.policy).zone)
    values = [
        {
            "sitting_id": sitting_id,
            "learner_id": whose[sitting_id][0],
            "unit_id": whose[sitting_id][1],
            "seq": traces[sitting_id].seq,
            "heard_ms": traces[sitting_id].heard_ms,
            "trace": traces[sitting_id].as_json(),
        }
        for sitting_id in sorted(wanted)
    ]
    written = insert(SittingTrace).values(values)
    # Two runs at once read the same reports and fold them to the same trace; the one that got further stays.
    session.execute(
        written.on_conflict_do_update(
            index_elements=[SittingTrace.sitting_id],
            set_={name: written.excluded[name] for name in ("seq", "heard_ms", "trace")},
            where=SittingTrace.seq < written.excluded.seq,
        )
    )
    return len(rows)


def _move(row: Any) -> Move:
    report, statement = claim_in(row.raw, row.sent_cm_ms)
    claim = statement.result.extensions.report
    waited_ms = max(0, report.sent_cm_ms - report.cm_ms)
    return Move(
        seq=row.seq,
        event=claim.event,
        a_ms=report.a_ms,
        b_ms=report.b_ms,
        cm_ms=report.cm_ms,
        play_ms=report.play_ms,
        touches=claim.touches,
        heard_ms=row.tau_ms,
        ended_ms=max(row.opened_ms, row.tau_ms - waited_ms),
        credited=tuple((piece[1] - piece[0], date.fromisoformat(piece[2]), bool(piece[3])) for piece in row.credited),
    )
