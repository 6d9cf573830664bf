"""The record stores that statements go on to: made, listed, paused, resumed, removed; their dead letters.

A target's secret must be sent, so it cannot be kept as a hash: it lies sealed, bound to its row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.db import new_id
from elearn.errors import Conflict, Malformed, NotFound
from elearn.sealing import seal, unseal
from elearn.tracking.lrs.models import ForwardFailure, ForwardTarget
from elearn.tracking.lrs.streams import feed
from elearn.tracking.lrs.versions import LATEST, LATEST_1


@dataclass(frozen=True, slots=True)
class Standing:
    """A target, and how much of what it should have it has not got."""

    target: ForwardTarget
    failing: int
    """Statements to be tried again."""
    dead: int


def add(
    session: Session,
    *,
    label: str,
    endpoint: str,
    key: str,
    secret: str,
    sealing_key: bytes,
    at: datetime,
    organisation_id: UUID | None = None,
    speaks: Sequence[str] = (LATEST_1,),
    private: bool = False,
    after: feed.Place | None = None,
) -> ForwardTarget:
    """A new target; it gets what was stored after `after` (None: everything there is). Raises Malformed, Conflict."""
    parts = urlsplit(endpoint)
    if not parts.hostname or parts.scheme not in ("http", "https") or parts.username or parts.query or parts.fragment:
        raise Malformed("An endpoint is an address like https://lrs.example/xapi/, without a name or a query.")
    if parts.scheme == "http" and not private:
        raise Malformed("An endpoint outside a private network must begin with https://.")
    if not (key + secret).isascii() or not (key + secret).isprintable() or ":" in key:
        raise Malformed("A key and its secret must be printable ASCII, and the key without a colon.")
    if not speaks or not set(speaks) <= set(LATEST):
        raise Malformed("The version must be one of: %(versions)s", versions=", ".join(LATEST))
    if session.scalar(sa.select(ForwardTarget.id).where(ForwardTarget.label == label)) is not None:
        raise Conflict("There is a target of this name already.")
    id_ = new_id()
    made = ForwardTarget(
        id=id_,
        label=label,
        endpoint=endpoint.rstrip("/") + "/",
        key=key,
        sealed_secret=seal(secret.encode(), sealing_key, _bound_to(id_)),
        organisation_id=organisation_id,
        speaks=sorted(set(speaks)),
        private=private,
        state="active",
        cursor_stored_at=None if after is None else after[0],
        cursor_id=None if after is None else after[1],
        sent=0,
        attempts=0,
        next_try_at=at,
        created_at=at,
    )
    session.add(made)
    session.flush()
    return made


def named(session: Session, label: str) -> ForwardTarget:
    """The target of this name, locked. Raises NotFound."""
    found = session.scalar(
        sa.select(ForwardTarget)
        .where(ForwardTarget.label == label, ForwardTarget.state != "removed")
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound("There is no such target.")
    return found


def standings(session: Session) -> list[Standing]:
    """All targets that are not removed, oldest first."""
    targets = session.scalars(
        sa.select(ForwardTarget).where(ForwardTarget.state != "removed").order_by(ForwardTarget.created_at)
    ).all()
    dead = sa.func.count().filter(ForwardFailure.dead)
    counted = sa.select(ForwardFailure.target_id, sa.func.count(), dead).group_by(ForwardFailure.target_id)
    counts = {id_: (failures, dead_ones) for id_, failures, dead_ones in session.execute(counted)}
    found: list[Standing] = []
    for target in targets:
        failures, dead_ones = counts.get(target.id, (0, 0))
        found.append(Standing(target, failures - dead_ones, dead_ones))
    return found


def failures(session: Session, target: ForwardTarget) -> Sequence[ForwardFailure]:
    """What a target did not take, oldest failure first."""
    found = sa.select(ForwardFailure).where(ForwardFailure.target_id == target.id)
    return session.scalars(found.order_by(ForwardFailure.failed_at, ForwardFailure.statement_id)).all()


def pause(target: ForwardTarget) -> None:
    """It gets nothing until it is resumed; then it goes on where it stood."""
    target.state = "paused"


def resume(target: ForwardTarget, *, at: datetime) -> None:
    """It is tried at once, however long it was waiting."""
    target.state, target.attempts, target.next_try_at = "active", 0, at


def retry(session: Session, target: ForwardTarget, statement_id: UUID | None = None, *, at: datetime) -> int:
    """Dead letters, or the one of `statement_id`, are offered again; how many. A waiting target is tried at once."""
    chosen = sa.update(ForwardFailure).where(ForwardFailure.target_id == target.id)
    if statement_id is not None:
        chosen = chosen.where(ForwardFailure.statement_id == statement_id)
    again = chosen.values(dead=False, attempts=0, next_try_at=at).returning(ForwardFailure.statement_id)
    count = len(session.scalars(again, execution_options={"synchronize_session": False}).all())
    target.attempts, target.next_try_at = 0, at
    return count


def remove(session: Session, target: ForwardTarget) -> None:
    """It gets nothing any more and its secret is gone. That it was there, and how far it got, stays on record."""
    target.state, target.sealed_secret = "removed", b""
    target.label = f"{target.label} (removed, {target.id})"
    session.execute(
        sa.delete(ForwardFailure).where(ForwardFailure.target_id == target.id),
        execution_options={"synchronize_session": False},
    )


def secret_of(target: ForwardTarget, sealing_key: bytes) -> str:
    """In the clear. Raises cryptography's InvalidTag when the row or the sealing key is another."""
    return unseal(target.sealed_secret, sealing_key, _bound_to(target.id)).decode()


def _bound_to(target_id: UUID) -> bytes:
    return b"elearn forward secret\0" + target_id.bytes
