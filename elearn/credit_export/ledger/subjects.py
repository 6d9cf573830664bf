"""Who is who in the log: `sub`, a name that nobody can tie to a person without that person's own key.

The key is random and sealed. Erasing a person deletes it (a trigger of migration 0021): the leaves stay, and with them
the proof that nobody changed a sum, but whose they are is forgotten.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from elearn import sealing
from elearn.credit_export.ledger.block_evidence import sub_of
from elearn.credit_export.ledger.models import SubjectKey

KEY_BYTES = 32


def subjects_of(session: Session, person_ids: Collection[UUID], *, sealing_key: bytes) -> dict[UUID, str]:
    """The name of each in the log; who has none yet gets a key. Who was erased is left out."""
    wanted = list(set(person_ids))
    sealed = _kept(session, wanted)
    missing = [one for one in wanted if one not in sealed]
    if missing:
        # Whoever erases one of them meanwhile waits, and the trigger then sees the key.
        alive = session.scalars(
            sa.text("SELECT id FROM elearn.person WHERE id = ANY (:ids) AND erased_at IS NULL ORDER BY id FOR SHARE"),
            {"ids": missing},
        ).all()
        fresh = [
            {"person_id": one, "sealed": sealing.seal(os.urandom(KEY_BYTES), sealing_key, bound(one))} for one in alive
        ]
        if fresh:
            session.execute(insert(SubjectKey).on_conflict_do_nothing(), fresh)
            sealed |= _kept(session, alive)
    return {one: sub_of(one, sealing.unseal(key, sealing_key, bound(one))) for one, key in sealed.items()}


def two_names(subs: Mapping[UUID, str], by: tuple[UUID, UUID]) -> tuple[str, str]:
    """Who proposed and who confirmed, as the log calls them; who was erased has the name of the part."""
    return subs.get(by[0], "erased-proposer"), subs.get(by[1], "erased-confirmer")


def kept_subjects(session: Session, *, sealing_key: bytes) -> dict[str, UUID]:
    """Every name whose key is kept, and whose it is: for whoever checks the whole log."""
    kept = session.execute(sa.select(SubjectKey.person_id, SubjectKey.sealed).execution_options(yield_per=1_000))
    return {sub_of(row.person_id, sealing.unseal(row.sealed, sealing_key, bound(row.person_id))): row.person_id
            for row in kept}  # fmt: skip


def _kept(session: Session, person_ids: Collection[UUID]) -> dict[UUID, bytes]:
    rows = session.execute(
        sa.select(SubjectKey.person_id, SubjectKey.sealed).where(SubjectKey.person_id.in_(person_ids))
    )
    return {row.person_id: row.sealed for row in rows}


def bound(person_id: UUID) -> bytes:
    """What a sealed key is bound to."""
    return b"subject of the log:" + person_id.bytes
