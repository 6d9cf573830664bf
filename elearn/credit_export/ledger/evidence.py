"""The evidence of a minute: one root over all that was reported, handed out and checked in it.

A row of watching belongs to the batch that is open when it is written (`tracking.models.evidence_batch`), so it does
not matter what time it is about or which clock went back. Closing a batch opens the next; when the transactions of
that moment are over, the closed one holds all it ever will, and `root_of_batch` can be computed by anybody who has the
rows: docs/ledger.md says how each is written. The first leaf of the tree is the root before, so the newest root stands
for all evidence there ever was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import to_ms
from elearn.credit_export.ledger.leaves import digest_bytes
from elearn.credit_export.ledger.models import EvidenceClosing, LedgerLeaf
from elearn.credit_export.ledger.tree import EMPTY, Tree, leaf_hash

AT_ONCE = 2_000
"""Rows that are read at once; a batch may be larger than memory."""

MS_OF = re.compile(r"MS\((\w+)\)")

IN_BATCH = "evidence_batch > :after AND evidence_batch <= :batch"

KINDS = {
    "check": """
        SELECT 'check', id::text, learner_id::text, sitting_id::text, unit_id::text, method, question_id::text, number,
               shown, from_ms, to_ms, policy, put_ms, deadline_ms, tries, outcome, decided_ms
        FROM elearn.presence_check WHERE evidence_batch > :after AND evidence_batch <= :batch ORDER BY id""",
    "delivery": """
        SELECT 'delivery', learner_id::text, unit_id::text, block, sitting_id::text, given_ms
        FROM elearn.delivery WHERE evidence_batch > :after AND evidence_batch <= :batch
        ORDER BY learner_id, unit_id, block""",
    "licence": """
        SELECT 'licence', id::text, learner_id::text, unit_id::text, sitting_id::text, device, agreement, issued_ms,
               expires_ms, policy
        FROM elearn.licence WHERE evidence_batch > :after AND evidence_batch <= :batch ORDER BY id""",
    "page": """
        SELECT 'page', sitting_id::text, number, page, shown_ms, after_seq
        FROM elearn.page_view WHERE evidence_batch > :after AND evidence_batch <= :batch ORDER BY sitting_id, number""",
    "report": """
        SELECT 'report', id::text, sitting_id::text, seq, encode(sha256, 'hex'), encode(prev, 'hex'),
               encode(sig, 'hex'), nonce, statement_id::text, tau_ms, sent_cm_ms, refused_as, chain_broken, credited,
               refused, seen
        FROM elearn.report WHERE evidence_batch > :after AND evidence_batch <= :batch ORDER BY id""",
    "class_session": """
        SELECT 'class_session', id::text, class_id::text, coalesce(outline_item_id, unit_id)::text, kind,
               teacher_id::text, place, MS(from_at), MS(to_at), planned_by::text, MS(planned_at)
        FROM elearn.class_session WHERE evidence_batch > :after AND evidence_batch <= :batch ORDER BY id""",
    "class_session_cancelled": """
        SELECT 'class_session_cancelled', session_id::text, by_id::text, reason, MS(at)
        FROM elearn.class_session_cancelled WHERE evidence_batch > :after AND evidence_batch <= :batch
        ORDER BY session_id""",
    "attendance_scan": """
        SELECT 'attendance_scan', id::text, session_id::text, person_id::text, number, act, slot, MS(at)
        FROM elearn.attendance_scan WHERE evidence_batch > :after AND evidence_batch <= :batch ORDER BY id""",
    "attendance_file": """
        SELECT 'attendance_file', id::text, class_id::text, coalesce(session_id, unit_id)::text, sha256,
               encode(sha256(content), 'hex'), name, media_type, by_id::text, MS(at)
        FROM elearn.attendance_file WHERE evidence_batch > :after AND evidence_batch <= :batch ORDER BY id""",
    "attendance_mark": """
        SELECT 'attendance_mark', id::text, session_id::text, person_id::text, number, present, MS(from_at), MS(to_at),
               encode(sha256(reason_sealed), 'hex'), file_id::text, by_id::text, MS(at)
        FROM elearn.attendance_mark WHERE evidence_batch > :after AND evidence_batch <= :batch ORDER BY id""",
    "attendance_list": """
        SELECT 'attendance_list', id::text, session_id::text, act, by_id::text, reason, files, doc, MS(at)
        FROM elearn.attendance_list WHERE evidence_batch > :after AND evidence_batch <= :batch ORDER BY id""",
    "attendance_line": """
        SELECT 'attendance_line', id::text, list_id::text, person_id::text, how, MS(from_at), MS(to_at), ms,
               "on"::text, refused_as, reverses_id::text
        FROM elearn.attendance_line WHERE evidence_batch > :after AND evidence_batch <= :batch ORDER BY id""",
    "attendance_answer": """
        SELECT 'attendance_answer', list_id::text, proposed_by::text, confirmed, by_id::text, note, MS(at)
        FROM elearn.attendance_answer WHERE evidence_batch > :after AND evidence_batch <= :batch ORDER BY list_id""",
}
"""What is evidence, in this order; each row is the JSON array of what its query answers. `MS(x)` of a time is its whole
milliseconds since 1970."""

ANY = sa.text("""
SELECT EXISTS (SELECT FROM elearn.watched_span WHERE evidence_batch > :after AND kind <> 'pending')
    OR EXISTS (SELECT FROM elearn.report WHERE evidence_batch > :after)
    OR EXISTS (SELECT FROM elearn.delivery WHERE evidence_batch > :after)
    OR EXISTS (SELECT FROM elearn.page_view WHERE evidence_batch > :after)
    OR EXISTS (SELECT FROM elearn.licence WHERE evidence_batch > :after)
    OR EXISTS (SELECT FROM elearn.presence_check WHERE evidence_batch > :after)
    OR EXISTS (SELECT FROM elearn.class_session WHERE evidence_batch > :after)
    OR EXISTS (SELECT FROM elearn.class_session_cancelled WHERE evidence_batch > :after)
    OR EXISTS (SELECT FROM elearn.attendance_scan WHERE evidence_batch > :after)
    OR EXISTS (SELECT FROM elearn.attendance_file WHERE evidence_batch > :after)
    OR EXISTS (SELECT FROM elearn.attendance_mark WHERE evidence_batch > :after)
    OR EXISTS (SELECT FROM elearn.attendance_list WHERE evidence_batch > :after)
    OR EXISTS (SELECT FROM elearn.attendance_answer WHERE evidence_batch > :after)
""")

OWN_NUMBER = sa.text("SELECT pg_current_xact_id()::text::bigint")

WHOLE = sa.text("""
SELECT pg_snapshot_xmax(s.now)::text::bigint <= :number
    OR NOT EXISTS (SELECT FROM pg_snapshot_xip(s.now) AS x WHERE x::text::bigint < :number)
FROM (SELECT pg_current_snapshot() AS now) AS s
""")
"""No transaction older than that one goes on, but for our own. A number that is still to come is another server's, from
which this database was restored: none of its transactions goes on here."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A closed batch: rows of numbers in (after, batch], written in [from_ms, to_ms)."""

    batch: int
    after: int
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Proved:
    """What an evidence leaf says of a batch."""

    root: bytes
    count: int


def close_batch(session: Session, *, now: datetime, minute_ms: int) -> bool:
    """Close the open batch when its minute is over and something is in it. One at a time: the caller holds the lock.

    A clock that went back does not stop it: the closing is then a millisecond after the one before.
    """
    last = session.scalars(sa.select(EvidenceClosing).order_by(EvidenceClosing.batch.desc()).limit(1)).one_or_none()
    after, from_ms = (last.batch, last.to_ms) if last else (-1, 0)
    now_ms = to_ms(now)
    if last and from_ms <= now_ms < from_ms + minute_ms:
        return False
    if not session.scalar(ANY, {"after": after}):
        return False
    batch = session.scalar(sa.text("SELECT nextval('elearn.evidence_batch') - 1"))
    # Asked for after the batch went up: whoever has read the old one had locked the learner before, so its transaction
    # has a number already, and a smaller one.
    waits_for = session.scalar(OWN_NUMBER)
    session.add(EvidenceClosing(batch=batch, from_ms=from_ms, to_ms=max(now_ms, from_ms + 1), waits_for=waits_for))
    session.flush()
    return True


def unproved(session: Session) -> EvidenceClosing | None:
    """The oldest closed batch that has no leaf."""
    proved = sa.select(sa.func.max(LedgerLeaf.batch)).scalar_subquery()
    return session.scalars(
        sa.select(EvidenceClosing)
        .where(EvidenceClosing.batch > sa.func.coalesce(proved, -1))
        .order_by(EvidenceClosing.batch)
        .limit(1)
    ).one_or_none()


def is_whole(session: Session, closing: EvidenceClosing) -> bool:
    """Whether nobody writes into the batch any more."""
    return bool(session.scalar(WHOLE, {"number": closing.waits_for}))


def batch_of(session: Session, closing: EvidenceClosing) -> Batch:
    after = session.scalar(sa.select(sa.func.max(EvidenceClosing.batch)).where(EvidenceClosing.batch < closing.batch))
    return Batch(closing.batch, -1 if after is None else after, closing.from_ms, closing.to_ms)


def all_batches(session: Session) -> Iterator[Batch]:
    """Every closing, oldest first."""
    after = -1
    for row in session.scalars(sa.select(EvidenceClosing).order_by(EvidenceClosing.batch)).all():
        yield Batch(row.batch, after, row.from_ms, row.to_ms)
        after = row.batch


def root_before(session: Session, batch: Batch) -> bytes:
    """The newest root before this batch; at first that of an empty tree."""
    raw = session.scalar(
        sa.select(LedgerLeaf.raw).where(LedgerLeaf.batch < batch.batch).order_by(LedgerLeaf.batch.desc()).limit(1)
    )
    return EMPTY if raw is None else digest_bytes(json.loads(raw)["root"])


def prove(session: Session, batch: Batch, before: bytes) -> Proved:
    """Root and number of all rows of a batch; `before` is the root before."""
    tree = Tree()
    tree.append(leaf_hash(before))
    for row in canonical_rows(session, batch):
        tree.append(leaf_hash(row))
    return Proved(tree.root(), tree.size - 1)


def canonical_rows(session: Session, batch: Batch) -> Iterator[bytes]:
    """Every row of evidence of a batch, as it is hashed."""
    values = {"after": batch.after, "batch": batch.batch}
    for query in KINDS.values():
        said = MS_OF.sub(r"floor(extract(epoch FROM \1) * 1000)::bigint", query)
        for row in session.execute(sa.text(said).execution_options(yield_per=AT_ONCE), values):
            yield canonical(row)


def chosen_rows(session: Session, kind: str, condition: str, **values: object) -> list[tuple[int, bytes]]:
    """Some rows of one kind, as they are hashed, each behind the number of its batch; those of no batch are left out.

    `condition` is SQL of ours over the kind's table.
    """
    query = KINDS[kind].replace("SELECT ", "SELECT evidence_batch, ", 1)
    query = query.replace(IN_BATCH, f"evidence_batch IS NOT NULL AND {condition}")
    return [(batch, canonical(row)) for batch, *row in session.execute(sa.text(query), values)]


def canonical(row: Any) -> bytes:
    """A JSON array by RFC 8785: the rows hold whole numbers, text, true, false, null, arrays and objects of these."""
    return json.dumps(list(row), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
