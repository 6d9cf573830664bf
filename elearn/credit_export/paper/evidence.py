"""The log's own proof of hours, to travel with the paper: the newest entry of each kind, as far as published.

Whoever holds it needs neither us nor our database: `elearn ledger verify` checks it with the log's public key.
"""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.hours_proof import HoursProof
from elearn.credit_export.ledger.log_files import LogFiles
from elearn.credit_export.ledger.models import LedgerLeaf, SubjectKey
from elearn.credit_export.ledger.naming import directory_of
from elearn.credit_export.ledger.subjects import subjects_of
from elearn.credit_export.paper.sheets import LogProof


def log_proofs(session: Session, person_id: UUID, *, sealing_key: bytes, ledger_dir: Path) -> list[LogProof]:
    """One for each kind and modality, out of the newest log that knows the person; none when no log does."""
    if session.get(SubjectKey, person_id) is None:
        return []
    sub = subjects_of(session, [person_id], sealing_key=sealing_key).get(person_id)
    newest = session.execute(
        sa.select(LedgerLeaf.origin).where(LedgerLeaf.sub == sub).order_by(LedgerLeaf.at.desc()).limit(1)
    ).scalar()
    if sub is None or newest is None:
        return []
    files = LogFiles(directory_of(ledger_dir, newest))
    note = files.checkpoint()
    if note is None:
        return []
    published = Checkpoint.read(note.text)
    rows = session.execute(
        sa.select(
            LedgerLeaf.counts_as, LedgerLeaf.total, LedgerLeaf.index.label("place"), LedgerLeaf.hash, LedgerLeaf.raw
        )
        .where(LedgerLeaf.origin == newest, LedgerLeaf.sub == sub, LedgerLeaf.index < published.size)
        .ext(distinct_on(LedgerLeaf.counts_as))
        .order_by(LedgerLeaf.counts_as, LedgerLeaf.n.desc())
    )
    nodes = files.nodes(published.size)
    return [
        LogProof(
            subject=sub,
            counts_as=str(row.counts_as),
            total_ms=int(row.total or 0),
            origin=newest,
            index=row.place,
            size=published.size,
            leaf_hash=row.hash.hex(),
            text=HoursProof.made(row.raw.encode(), row.place, published.size, nodes, note).write(),
        )
        for row in rows
    ]
