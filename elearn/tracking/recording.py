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
from elearn.tracking.standing import Locked, driver
from elearn.tracking.verifier import Credited, DayUse

# All of it in one parameter of one type: the driver prepares the statement once, and the server plans it once.
_WRITE = """
WITH given AS MATERIALIZED (
    SELECT * FROM json_to_record(%(given)s::json) AS g(learner_id uuid, sitting_id uuid, unit_id uuid, class_id uuid,
        policy text, tau_ms bigint, pending_ms bigint, e_ms bigint, carry_ms bigint, last_cm_ms bigint, seq bigint,
        last_digest text, gap_late_ms bigint, real_carry_ms bigint,
        nonces text[], ended_ms bigint, ended_reason text, frontier_ms bigint,
        covered_ms bigint, days json, reports json, spans json)
), learner AS (
    UPDATE elearn.learner_watch w SET tau_ms = g.tau_ms, pending_ms = g.pending_ms
    FROM given g WHERE w.learner_id = g.learner_id
), sitting AS (
    UPDATE elearn.sitting s SET e_ms = g.e_ms, carry_ms = g.carry_ms, last_cm_ms = g.last_cm_ms, seq = g.seq,
        last_digest = decode(g.last_digest, 'hex'), gap_late_ms = g.gap_late_ms,
        real_carry_ms = g.real_carry_ms, nonces = g.nonces, ended_ms = g.ended_ms, ended_reason = g.ended_reason
    FROM given g WHERE s.id = g.sitting_id
), unit AS (
    UPDATE elearn.unit_watch u SET frontier_ms = g.frontier_ms, covered_ms = g.covered_ms
    FROM given g WHERE u.learner_id = g.learner_id AND u.unit_id = g.unit_id AND u.covered_ms <> g.covered_ms
), days AS (
    INSERT INTO elearn.day_use (learner_id, "on", used_ms, late_ms)
    SELECT g.learner_id, d."on", d.used_ms, d.late_ms
    FROM given g, json_to_recordset(g.days) AS d("on" date, used_ms bigint, late_ms bigint)
    ON CONFLICT (learner_id, "on") DO UPDATE SET used_ms = excluded.used_ms, late_ms = excluded.late_ms
), reports AS (
    INSERT INTO elearn.report (id, sitting_id, seq, sha256, prev, sig, nonce, statement_id, tau_ms, sent_cm_ms,
        raw, refused_as, chain_broken, credited, refused, seen)
    SELECT r.id, g.sitting_id, r.seq, decode(r.sha256, 'hex'), decode(r.prev, 'hex'), decode(r.sig, 'hex'), r.nonce,
        r.statement_id, r.tau_ms, r.sent_cm_ms, r.raw, r.refused_as, r.chain_broken, r.credited, r.refused, r.seen
    FROM given g, json_to_recordset(g.reports) AS r(id uuid, seq bigint, sha256 text, prev text, sig text,
        nonce text, statement_id uuid, tau_ms bigint, sent_cm_ms bigint, raw text, refused_as text,
        chain_broken boolean, credited jsonb, refused jsonb, seen jsonb)
    -- The same evidence twice is one row; a number decided twice would be an error, and is one.
    ON CONFLICT (sitting_id, seq, sha256) WHERE refused_as IS NOT NULL DO NOTHING
), earned AS (
    INSERT INTO elearn.watched_span (id, kind, learner_id, unit_id, class_id, sitting_id, start_ms, end_ms, "on",
        late, excess_ms, statement_id, settles, policy, heard_at)
    SELECT s.id, 'pending', g.learner_id, g.unit_id, g.class_id, g.sitting_id, s.start_ms, s.end_ms, s."on",
        s.late, s.excess_ms, s.statement_id, '{}', g.policy, s.heard_at
    FROM given g, json_to_recordset(g.spans) AS s(id uuid, start_ms bigint, end_ms bigint, "on" date,
        late boolean, excess_ms bigint, statement_id uuid, heard_at timestamptz)
    RETURNING id, learner_id, unit_id, start_ms, end_ms
)
INSERT INTO elearn.believed_span (watched_span_id, learner_id, unit_id, state, media)
SELECT id, learner_id, unit_id, 'pending', int8range(start_ms, end_ms) FROM earned
"""

_json = msgspec.json.Encoder()


def span_row(span_id: UUID, piece: Credited, statement_id: UUID, tau_ms: int) -> dict[str, Any]:
    """One pending row of the watched ledger, for `write`."""
    return {
        "id": span_id,
        "start_ms": piece.span.start_ms,
        "end_ms": piece.span.end_ms,
        "on": piece.on,
        "late": piece.late,
        "excess_ms": piece.excess_ms,
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
    given = {
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
        "last_digest": locked.last_digest.hex() if locked.last_digest else None,
        "gap_late_ms": locked.gap_late_ms,
        "real_carry_ms": locked.real_carry_ms,
        "nonces": locked.nonces,
        "ended_ms": locked.ended_ms,
        "ended_reason": locked.ended_reason,
        "frontier_ms": frontier_ms,
        "covered_ms": covered_ms,
        "days": used,
        "reports": reports,
        "spans": spans,
    }
    driver(session).execute(_WRITE, {"given": _json.encode(given).decode()})


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
