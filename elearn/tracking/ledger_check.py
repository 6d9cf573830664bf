"""Adding everything up again: does what is believed follow from the ledger, and each verdict from what it saw?

Nothing here trusts a sum. `believed_span` and `unit_watch` are rebuilt from `watched_span`; the ledger's pending
rows are compared with what the reports were credited; and each report is judged once more by the same pure
functions that judged it first. A `Difference` names what does not agree; none is the good answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.tracking import policies, replay, voids
from elearn.tracking.messages import claim_in
from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span, frontier_ms, merge, total_ms

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Difference:
    """`what` disagrees at `where` (an id, or learner/unit): `stored` there, `computed` from the ledger."""

    what: str
    where: str
    stored: object
    computed: object


def check_ledger(session: Session) -> list[Difference]:
    """Every disagreement in the watching of everybody; reads only, in one snapshot when the caller opened one."""
    return [
        *_spans_that_are_believed(session),
        *_units(session),
        *_learners(session),
        *_finals(session),
        *_voids(session),
        *_pending_rows(session),
        *_licences(session),
        *_pages_shown(session),
        *_verdicts(session),
    ]


def _spans_that_are_believed(session: Session) -> Iterator[Difference]:
    """Live rows of the ledger (neither settled nor reversed) are exactly `believed_span`."""
    rows = session.execute(
        sa.text("""
        WITH settled AS (
            SELECT unnest(settles) AS id FROM elearn.watched_span WHERE kind = 'final'
        ), live AS (
            SELECT w.id, w.learner_id, w.unit_id, w.kind AS state, int8range(w.start_ms, w.end_ms) AS media
            FROM elearn.watched_span w
            WHERE w.kind IN ('pending', 'final')
              AND NOT EXISTS (SELECT FROM elearn.watched_span r WHERE r.reverses_id = w.id)
              AND NOT EXISTS (SELECT FROM settled WHERE settled.id = w.id)
        ), believed AS (
            SELECT watched_span_id AS id, learner_id, unit_id, state, media FROM elearn.believed_span
        )
        SELECT coalesce(b.id, l.id) AS id,
               CASE WHEN b.id IS NOT NULL THEN concat_ws(' ', b.learner_id, b.unit_id, b.state, b.media) END AS stored,
               CASE WHEN l.id IS NOT NULL THEN concat_ws(' ', l.learner_id, l.unit_id, l.state, l.media) END AS computed
        FROM believed b FULL JOIN live l ON l.id = b.id
        WHERE (b.learner_id, b.unit_id, b.state, b.media) IS DISTINCT FROM (l.learner_id, l.unit_id, l.state, l.media)
        """)
    )
    for row in rows:
        yield Difference("believed_span", str(row.id), row.stored, row.computed)


def _units(session: Session) -> Iterator[Difference]:
    """Frontier and coverage follow from what is believed."""
    policy = Policy()
    known: dict[tuple[UUID, UUID], list[Span]] = defaultdict(list)
    spans = session.execute(
        sa.text("SELECT learner_id, unit_id, lower(media) AS start_ms, upper(media) AS end_ms FROM believed_span")
    )
    for row in spans:
        known[row.learner_id, row.unit_id].append(Span(row.start_ms, row.end_ms))
    stored = {
        (row.learner_id, row.unit_id): (row.frontier_ms, row.covered_ms)
        for row in session.execute(sa.text("SELECT learner_id, unit_id, frontier_ms, covered_ms FROM unit_watch"))
    }
    for whose in sorted(known.keys() | stored.keys()):
        there = known.get(whose, [])
        computed = (frontier_ms(there, bridge_ms=policy.delta_ms), total_ms(there))
        if stored.get(whose) != computed:
            yield Difference("unit_watch", "/".join(map(str, whose)), stored.get(whose), computed)


def _learners(session: Session) -> Iterator[Difference]:
    """What a learner has pending is the sum of the believed pending spans; what a day used, of its ledger rows."""
    rows = session.execute(
        sa.text("""
        SELECT w.learner_id, w.pending_ms AS stored, coalesce(sum(upper(b.media) - lower(b.media)), 0) AS computed
        FROM elearn.learner_watch w
        LEFT JOIN elearn.believed_span b ON b.learner_id = w.learner_id AND b.state = 'pending'
        GROUP BY w.learner_id HAVING w.pending_ms <> coalesce(sum(upper(b.media) - lower(b.media)), 0)
        """)
    )
    for row in rows:
        yield Difference("learner_watch.pending_ms", str(row.learner_id), row.stored, int(row.computed))
    days = session.execute(
        sa.text("""
        WITH earned AS (
            SELECT learner_id, "on", sum(end_ms - start_ms - excess_ms)::bigint AS used_ms,
                   coalesce(sum(end_ms - start_ms - excess_ms) FILTER (WHERE late), 0)::bigint AS late_ms
            FROM elearn.watched_span WHERE kind = 'pending' GROUP BY learner_id, "on"
        )
        SELECT learner_id, "on", d.used_ms, d.late_ms, e.used_ms AS earned_ms, e.late_ms AS earned_late_ms
        FROM elearn.day_use d FULL JOIN earned e USING (learner_id, "on")
        WHERE (d.used_ms, d.late_ms) IS DISTINCT FROM (e.used_ms, e.late_ms)
        """)
    )
    for row in days:
        where = f"{row.learner_id}/{row.on}"
        yield Difference("day_use", where, (row.used_ms, row.late_ms), (row.earned_ms, row.earned_late_ms))


def _finals(session: Session) -> Iterator[Difference]:
    """A final row holds exactly the media of the pending rows it settles, behind a check that was passed."""
    rows = session.execute(
        sa.text("""
        SELECT f.id, f.start_ms, f.end_ms, f.excess_ms, sum(p.excess_ms)::bigint AS excess, c.outcome,
               c.learner_id = f.learner_id AS own,
               array_agg(p.start_ms ORDER BY p.start_ms) AS starts, array_agg(p.end_ms ORDER BY p.start_ms) AS ends,
               count(p.id) = cardinality(f.settles) AND bool_and(p.kind = 'pending' AND p.learner_id = f.learner_id
                   AND p.unit_id = f.unit_id AND p.class_id IS NOT DISTINCT FROM f.class_id AND p."on" = f."on") AS fits
        FROM elearn.watched_span f
        JOIN elearn.presence_check c ON c.id = f.check_id
        LEFT JOIN elearn.watched_span p ON p.id = ANY(f.settles)
        WHERE f.kind = 'final' AND NOT EXISTS (SELECT FROM elearn.review_effect e WHERE e.watched_span_id = f.id)
        GROUP BY f.id, c.id
        """)
    )
    for row in rows:
        joined = merge(Span(*pair) for pair in zip(row.starts, row.ends, strict=True) if None not in pair)
        computed = (joined, row.excess, row.outcome, row.own and row.fits)
        stored = ((Span(row.start_ms, row.end_ms),), row.excess_ms, "passed", True)
        if computed != stored:
            yield Difference("final row", str(row.id), stored, computed)


def _voids(session: Session) -> Iterator[Difference]:
    """Time is taken back and given back by the people it takes; what is given back lies in what was taken."""
    for which, what in voids.unconfirmed(session):
        yield Difference("void", str(which), "in the ledger", what)
    for row in session.execute(sa.text(voids.RESTORED)):
        if not row.fits:
            yield Difference("restored row", str(row.id), Span(row.start_ms, row.end_ms), Span(row.from_ms, row.to_ms))


def _pending_rows(session: Session) -> Iterator[Difference]:
    """Pending rows are what the reports were credited, no more and no less."""
    rows = session.execute(
        sa.text("""
        WITH credited AS (
            SELECT r.statement_id, (c->>0)::bigint AS start_ms, (c->>1)::bigint AS end_ms, c->>2 AS "on",
                   (c->>3)::boolean AS late, coalesce((c->>4)::bigint, 0) AS excess_ms
            FROM elearn.report r, jsonb_array_elements(r.credited) AS c
        ), pending AS (
            SELECT statement_id, start_ms, end_ms, "on"::text AS "on", late, excess_ms
            FROM elearn.watched_span WHERE kind = 'pending'
        )
        (SELECT 'stored' AS side, * FROM (SELECT * FROM pending EXCEPT ALL SELECT * FROM credited) AS more)
        UNION ALL
        (SELECT 'computed', * FROM (SELECT * FROM credited EXCEPT ALL SELECT * FROM pending) AS less)
        """)
    )
    for row in rows:
        piece = (row.start_ms, row.end_ms, row.on, row.late, row.excess_ms)
        stored, computed = (piece, None) if row.side == "stored" else (None, piece)
        yield Difference("pending row", str(row.statement_id), stored, computed)


def _licences(session: Session) -> Iterator[Difference]:
    """A licence is of the sitting it names while that was live, lasts as its rules say, and delivered all blocks."""
    rows = session.execute(
        sa.text("""
        SELECT l.id, l.policy, l.expires_ms - l.issued_ms AS lasts_ms,
               (s.learner_id, s.unit_id, s.device, s.policy) IS NOT DISTINCT FROM
                   (l.learner_id, l.unit_id, l.device, l.policy)
               AND s.opened_ms <= l.issued_ms AND l.issued_ms <= coalesce(s.ended_ms, s.expires_ms) AS fits,
               ARRAY(SELECT b.index FROM elearn.unit_block b WHERE b.unit_id = l.unit_id AND NOT EXISTS (
                   SELECT FROM elearn.delivery d WHERE d.learner_id = l.learner_id AND d.unit_id = l.unit_id
                   AND d.block = b.index AND d.given_ms <= l.issued_ms) ORDER BY 1) AS missing
        FROM elearn.licence l JOIN elearn.sitting s ON s.id = l.sitting_id
        """)
    )
    for row in rows:
        policy = policies.if_kept(session, row.policy)
        stored = (row.lasts_ms, row.fits, tuple(row.missing))
        computed = (policy.licence_ms if policy else None, True, ())
        if stored != computed:
            yield Difference("licence", str(row.id), stored, computed)


def _pages_shown(session: Session) -> Iterator[Difference]:
    """A verdict about a page saw the page that its sitting showed last before it; each page shown was delivered."""
    rows = session.execute(
        sa.text("""
        WITH judged AS (
            SELECT r.sitting_id, r.seq, r.seen->'page' AS saw, CASE WHEN u.kind IN ('pages', 'case') THEN coalesce((
                SELECT jsonb_build_array(b.start_ms, b.end_ms, v.shown_ms, v.after_seq)
                FROM elearn.page_view v JOIN elearn.unit_block b ON b.unit_id = s.unit_id AND b.index = v.page
                WHERE v.sitting_id = s.id AND v.after_seq < r.seq ORDER BY v.number DESC LIMIT 1
            ), '[0, 0, 0, -1]') END AS shown
            FROM elearn.report r JOIN elearn.sitting s ON s.id = r.sitting_id JOIN elearn.unit u ON u.id = s.unit_id
            WHERE r.refused_as IS NULL AND (u.kind IN ('pages', 'case') OR r.seen ? 'page')
        )
        SELECT 'page seen by a verdict' AS what, sitting_id || '/' || seq AS whose, saw::text, shown::text
        FROM judged WHERE saw IS DISTINCT FROM shown
        UNION ALL
        SELECT 'page shown', v.sitting_id || '/' || v.number, v.page::text, NULL
        FROM elearn.page_view v JOIN elearn.sitting s ON s.id = v.sitting_id
        WHERE NOT EXISTS (SELECT FROM elearn.delivery d WHERE d.learner_id = s.learner_id AND d.unit_id = s.unit_id
            AND d.block = v.page AND d.given_ms <= v.shown_ms)
        """)
    )
    for row in rows:
        yield Difference(row.what, row.whose, row.saw, row.shown)


_DECIDED = """
SELECT r.id, r.seq, r.sha256, r.tau_ms, r.sent_cm_ms, r.credited, r.refused, r.seen, kept.raw, r.sitting_id
FROM elearn.report r
LEFT JOIN elearn.statement_id AS there ON there.id = r.statement_id
LEFT JOIN elearn.statement AS kept ON kept.stored_at = there.stored_at AND kept.id = there.id
WHERE r.refused_as IS NULL ORDER BY r.sitting_id, r.seq
"""


def _verdicts(session: Session) -> Iterator[Difference]:
    """Each decided report, judged again, comes out the same; and each saw the sitting as the one before left it."""
    left: tuple[UUID, Sequence[Any]] | None = None
    rows = session.execute(sa.text(_DECIDED).execution_options(yield_per=BATCH))
    for row in rows:
        where = f"{row.sitting_id}/{row.seq}"
        if row.raw is None:
            yield Difference("statement of a report", where, None, "missing from the record store")
            continue
        if sha256(row.raw.encode()).digest() != row.sha256:
            yield Difference("bytes of a statement", where, row.sha256.hex(), sha256(row.raw.encode()).hexdigest())
        if row.seen is None:
            yield Difference("what a verdict saw", where, None, "missing")
            continue
        policy = policies.if_kept(session, str(row.seen.get("policy")))
        if policy is None:
            yield Difference("policy of a verdict", where, row.seen.get("policy"), "unknown")
            continue
        report, _statement = claim_in(row.raw, row.sent_cm_ms)
        verdict = replay.again(report, row.tau_ms, row.seen, policy)
        computed = (replay.credited_rows(verdict), replay.refused_rows(verdict))
        if (row.credited, row.refused) != computed:
            yield Difference("verdict", where, (row.credited, row.refused), computed)
        # The end of a sitting comes from outside; all else is as the report before left it.
        saw = _left_by_reports(row.seen)
        if left is not None and left[0] == row.sitting_id and list(left[1]) != saw:
            yield Difference("sitting seen by a verdict", where, saw, list(left[1]))
        after = replay.pack(verdict.sitting, verdict.learner, replay.unpack(row.seen)[2], "")
        left = (row.sitting_id, _left_by_reports(after))


def _left_by_reports(seen: Mapping[str, Any]) -> list[Any]:
    """Of the sitting that a verdict saw, what nothing but the reports before it can have made."""
    return [*seen["sitting"][:-1], seen.get("real_carry_ms", 0)]
