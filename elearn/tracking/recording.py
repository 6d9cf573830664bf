"""Writing down what was decided: one statement for a whole message, its rows in JSON parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import from_ms
from elearn.tracking.models import HeldReport
from elearn.tracking.standing import Locked
from elearn.tracking.verifier import DayUse

_WRITE = """
WITH learner AS (
    UPDATE elearn.learner_watch SET tau_ms = %(tau_ms)s, pending_ms = %(pending_ms)s
    WHERE learner_id = %(learner_id)s
), sitting AS (
    UPDATE elearn.sitting SET e_ms = %(e_ms)s, carry_ms = %(carry_ms)s, last_cm_ms = %(last_cm_ms)s, seq = %(seq)s,
        last_digest = %(last_digest)s, gap_late_ms = %(gap_late_ms)s, nonces = %(nonces)s,
        ended_ms = %(ended_ms)s, ended_reason = %(ended_reason)s
    WHERE id = %(sitting_id)s
), unit AS (
    UPDATE elearn.unit_watch SET frontier_ms = %(frontier_ms)s, covered_ms = %(covered_ms)s
    WHERE learner_id = %(learner_id)s AND unit_id = %(unit_id)s AND covered_ms <> %(covered_ms)s
), days AS (
    INSERT INTO elearn.day_use (learner_id, "on", used_ms, late_ms)
    SELECT %(learner_id)s, d."on", d.used_ms, d.late_ms
    FROM jsonb_to_recordset(%(days)s::jsonb) AS d("on" date, used_ms bigint, late_ms bigint)
    ON CONFLICT (learner_id, "on") DO UPDATE SET used_ms = excluded.used_ms, late_ms = excluded.late_ms
), reports AS (
    INSERT INTO elearn.report (id, sitting_id, seq, sha256, prev, sig, nonce, statement_id, tau_ms, sent_cm_ms,
        raw, refused_as, chain_broken, credited, refused, seen)
    SELECT r.id, %(sitting_id)s, r.seq, decode(r.sha256, 'hex'), decode(r.prev, 'hex'), decode(r.sig, 'hex'), r.nonce,
        r.statement_id, r.tau_ms, r.sent_cm_ms, r.raw, r.refused_as, r.chain_broken, r.credited, r.refused, r.seen
    FROM jsonb_to_recordset(%(reports)s::jsonb) AS r(id uuid, seq bigint, sha256 text, prev text, sig text,
        nonce text, statement_id uuid, tau_ms bigint, sent_cm_ms bigint, raw text, refused_as text,
        chain_broken boolean, credited jsonb, refused jsonb, seen jsonb)
    -- The same evidence twice is one row; a number decided twice would be an error, and is one.
    ON CONFLICT (sitting_id, seq, sha256) WHERE refused_as IS NOT NULL DO NOTHING
), earned AS (
    INSERT INTO elearn.watched_span (id, kind, learner_id, unit_id, class_id, sitting_id, start_ms, end_ms, "on",
        late, statement_id, settles, policy, heard_at)
    SELECT s.id, 'pending', %(learner_id)s, %(unit_id)s, %(class_id)s, %(sitting_id)s, s.start_ms, s.end_ms, s."on",
        s.late, s.statement_id, '{}', %(policy)s, s.heard_at
    FROM jsonb_to_recordset(%(spans)s::jsonb) AS s(id uuid, start_ms bigint, end_ms bigint, "on" date,
        late boolean, statement_id uuid, heard_at timestamptz)
    RETURNING id, start_ms, end_ms
)
INSERT INTO elearn.believed_span (watched_span_id, learner_id, unit_id, state, media)
SELECT id, %(learner_id)s, %(unit_id)s, 'pending', int8range(start_ms, end_ms) FROM earned
"""

_json = msgspec.json.Encoder()


def span_row(
    span_id: UUID, start_ms: int, end_ms: int, on: date, late: bool, statement_id: UUID, tau_ms: int
) -> dict[str, Any]:
    """One pending row of the watched ledger, for `write`."""
    return {
        "id": span_id,
        "start_ms": start_ms,
        "end_ms": end_ms,
        "on": on,
        "late": late,
        "statement_id": statement_id,
        "heard_at": from_ms(tau_ms),
    }


def write(
    session: Session,
    locked: Locked,
    *,
    frontier_ms: int,
    covered_ms: int,
    days: Mapping[date, DayUse],
    reports: Sequence[Mapping[str, Any]],
    spans: Sequence[Mapping[str, Any]],
) -> None:
    """Store the learner, the sitting, the unit, the days that changed, the reports and what they earned."""
    used = [{"on": on, "used_ms": use.used_ms, "late_ms": use.late_ms} for on, use in days.items()]
    session.connection().exec_driver_sql(
        _WRITE,
        {
            "learner_id": locked.learner_id,
            "sitting_id": locked.sitting_id,
            "unit_id": locked.unit_id,
            "class_id": locked.class_id,
            "policy": locked.policy,
            "tau_ms": locked.tau_ms,
            "pending_ms": locked.pending_ms,
            "e_ms": locked.e_ms,
            "carry_ms": locked.carry_ms,
            "last_cm_ms": locked.last_cm_ms,
            "seq": locked.seq,
            "last_digest": locked.last_digest,
            "gap_late_ms": locked.gap_late_ms,
            "nonces": locked.nonces,
            "ended_ms": locked.ended_ms,
            "ended_reason": locked.ended_reason,
            "frontier_ms": frontier_ms,
            "covered_ms": covered_ms,
            "days": _json.encode(used).decode(),
            "reports": _json.encode(reports).decode(),
            "spans": _json.encode(spans).decode(),
        },
    )


def keep_waiting(
    session: Session, sitting_id: UUID, hold: Sequence[Mapping[str, Any]], released: Sequence[int]
) -> None:
    """Keep reports whose predecessor is missing, and let those go that were decided."""
    if hold:
        session.execute(sa.insert(HeldReport), [{"sitting_id": sitting_id, **row} for row in hold])
    if released:
        session.execute(
            sa.delete(HeldReport)
            .where(HeldReport.sitting_id == sitting_id, HeldReport.seq.in_(released))
            .execution_options(synchronize_session=False)
        )
