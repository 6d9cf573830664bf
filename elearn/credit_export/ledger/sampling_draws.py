"""What an authority may ask the raw evidence of: draws, and what somebody ordered.

A draw belongs to a published checkpoint that the authority names, at a time of its own choosing, and covers the leaves
since its draw before. So each leaf is drawn from once for each authority, and whoever writes evidence knows neither
when nor by which root. An order names leaves one by one; a person gives it, with a reason (`elearn ledger order`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.ledger.models import EvidenceDraw, LedgerCheckpoint, LedgerLeaf
from elearn.credit_export.ledger.sampling import is_drawn, percent_of
from elearn.errors import Conflict, NotFound


def draw(
    session: Session, receiver_id: UUID, origin: str, size: int, *, per_million: int, at: datetime
) -> EvidenceDraw:
    """The draw of that checkpoint; asked for again, the same one. The caller has locked the receiver.

    Raises NotFound: no such published checkpoint; Conflict: a larger one was drawn from, and this one was not.
    """
    root = session.scalar(
        sa.select(LedgerCheckpoint.root).where(LedgerCheckpoint.origin == origin, LedgerCheckpoint.size == size)
    )
    if root is None:
        raise NotFound("No checkpoint of this size was published.", code="no_checkpoint")
    earlier = [one for one in all_of(session, receiver_id, origin) if one.root is not None]
    same = next((one for one in earlier if one.to_index == size), None)
    if same is not None:
        return same
    begin = max((one.to_index for one in earlier), default=0)
    if begin > size:
        raise Conflict("You drew from a larger checkpoint before, which covers these leaves.", code="drawn_before")
    made = EvidenceDraw(
        receiver_id=receiver_id, origin=origin, from_index=begin, to_index=size, root=root, per_million=per_million,
        at=at,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def order(session: Session, receiver_id: UUID, origin: str, index: int, *, reason: str, by: str, at: datetime) -> None:
    """Let a receiver ask for one leaf whatever was drawn. Raises NotFound: there is no such credit."""
    leaf = session.get(LedgerLeaf, (origin, index))
    if leaf is None or leaf.kind != "credit":
        raise NotFound("There is no such leaf.")
    session.add(
        EvidenceDraw(
            receiver_id=receiver_id, origin=origin, from_index=index, to_index=index + 1, reason=reason, ordered_by=by,
            at=at,
        )
    )  # fmt: skip
    session.flush()


def all_of(session: Session, receiver_id: UUID, origin: str) -> Sequence[EvidenceDraw]:
    """Draws and orders of a receiver, in the order of leaves."""
    return session.scalars(
        sa.select(EvidenceDraw)
        .where(EvidenceDraw.receiver_id == receiver_id, EvidenceDraw.origin == origin)
        .order_by(EvidenceDraw.to_index, EvidenceDraw.at)
    ).all()


def may_ask(session: Session, receiver_id: UUID, origin: str, index: int) -> bool:
    """Whether one of its draws drew this leaf, or an order names it."""
    found = session.scalars(
        sa.select(EvidenceDraw).where(
            EvidenceDraw.receiver_id == receiver_id,
            EvidenceDraw.origin == origin,
            EvidenceDraw.from_index <= index,
            EvidenceDraw.to_index > index,
        )
    )
    return any(one.root is None or is_drawn(one.root, index, percent_of(one.per_million or 0)) for one in found)
