"""Where receivers are pushed to: set, listed, paused, resumed; their secrets; their dead letters.

A secret signs, so it cannot be kept as a hash: it lies sealed, bound to its row. When it is changed the old one signs
along for a day, so that the receiver can change over without losing a message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn import webhooks
from elearn.credit_export import feed
from elearn.credit_export.exam_system import deliveries
from elearn.credit_export.exam_system.deliveries import Happened, Way
from elearn.credit_export.exam_system.delivery import Event
from elearn.credit_export.exam_system.models import PushMessage, PushTarget
from elearn.credit_export.exam_system.push_rules import Takes
from elearn.credit_export.exam_system.receivers import get_receiver
from elearn.errors import Malformed, NotFound
from elearn.sealing import seal, unseal

SIGNS_ALONG = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """A target, and what it has not got."""

    target: PushTarget
    waiting: int
    dead: int


def set_target(
    session: Session,
    client_id: str,
    *,
    url: str,
    sealing_key: bytes,
    at: datetime,
    takes: Takes = Takes.GRANTED,
    private: bool = False,
    from_now: bool = False,
) -> str | None:
    """Push to this receiver at `url` from now on. The secret when one was made: it is shown this once.

    A receiver that is pushed to already keeps its secret and its place. Raises NotFound, Malformed.
    """
    receiver = get_receiver(session, client_id)
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in ("http", "https") or parts.username or parts.fragment:
        raise Malformed("A push address is one like https://exam.example/hook, without a name in it.")
    if parts.scheme == "http" and not private:
        raise Malformed("A push address outside a private network must begin with https://.")
    target = session.get(PushTarget, receiver.id, with_for_update=True)
    if target is not None:
        target.url, target.private, target.takes = url, private, takes.value
        resume(target, at=at)
        return None
    secret = webhooks.new_secret()
    session.add(
        PushTarget(
            receiver_id=receiver.id,
            url=url,
            private=private,
            takes=takes.value,
            sealed_secret=seal(secret.encode(), sealing_key, _bound_to(receiver.id)),
            state="active",
            position=feed.last_position(session) if from_now else 0,
            sent=0,
            attempts=0,
            next_try_at=at,
            created_at=at,
        )
    )
    session.flush()
    return secret


def new_secret(session: Session, client_id: str, *, sealing_key: bytes, at: datetime) -> str:
    """Another secret, shown this once; the one before signs along for a day. Raises NotFound."""
    target = named(session, client_id)
    secret = webhooks.new_secret()
    target.sealed_before, target.before_until = target.sealed_secret, at + SIGNS_ALONG
    target.sealed_secret = seal(secret.encode(), sealing_key, _bound_to(target.receiver_id))
    return secret


def keys_of(target: PushTarget, sealing_key: bytes, *, at: datetime) -> list[bytes]:
    """What signs now, newest first. Raises cryptography's InvalidTag when the row or the sealing key is another."""
    sealed = [target.sealed_secret]
    if target.sealed_before is not None and target.before_until is not None and at < target.before_until:
        sealed.append(target.sealed_before)
    return [webhooks.key_of(unseal(one, sealing_key, _bound_to(target.receiver_id)).decode()) for one in sealed]


def named(session: Session, client_id: str) -> PushTarget:
    """The push address of a receiver, locked. Raises NotFound."""
    receiver = get_receiver(session, client_id)
    target = session.get(PushTarget, receiver.id, with_for_update=True, populate_existing=True)
    if target is None:
        raise NotFound("This receiver is pushed nothing.")
    return target


def standings(session: Session) -> dict[UUID, Standing]:
    """All targets by their receiver, in two queries."""
    counted = session.execute(
        sa.select(PushMessage.receiver_id, PushMessage.state, sa.func.count())
        .where(PushMessage.state != "done")
        .group_by(PushMessage.receiver_id, PushMessage.state)
    )
    counts = {(receiver_id, state): int(count) for receiver_id, state, count in counted}
    return {
        one.receiver_id: Standing(
            one, counts.get((one.receiver_id, "waiting"), 0), counts.get((one.receiver_id, "dead"), 0)
        )
        for one in session.scalars(sa.select(PushTarget))
    }


def messages(session: Session, receiver_id: UUID, state: str, *, limit: int = 100) -> Sequence[PushMessage]:
    """What waits, or is dead, oldest first."""
    return session.scalars(
        sa.select(PushMessage)
        .where(PushMessage.receiver_id == receiver_id, PushMessage.state == state)
        .order_by(PushMessage.position, PushMessage.id)
        .limit(limit)
    ).all()


def pause(target: PushTarget) -> None:
    """It is sent nothing until it is resumed; then it goes on where it stood."""
    target.state = "paused"


def resume(target: PushTarget, *, at: datetime) -> None:
    """It is tried at once, however long it was waiting."""
    target.state, target.attempts, target.next_try_at, target.last_error = "active", 0, at, None


def resend(session: Session, receiver_id: UUID, message_id: UUID | None = None, *, at: datetime) -> int:
    """Send dead letters, or this one, again; how many. The receiver is tried at once."""
    chosen = sa.select(PushMessage).where(PushMessage.receiver_id == receiver_id, PushMessage.state == "dead")
    if message_id is not None:
        chosen = chosen.where(PushMessage.id == message_id)
    found = session.scalars(chosen.order_by(PushMessage.position).with_for_update()).all()
    for message in found:
        message.state, message.attempts, message.first_failed_at, message.next_try_at = "waiting", 0, None, at
    if found:
        events = [Happened(message.record_id, Event.RESEND) for message in found]
        deliveries.note(session, receiver_id, events, way=Way.OPERATOR, at=at)
        target = session.get(PushTarget, receiver_id, with_for_update=True)
        if target is not None:
            target.attempts, target.next_try_at = 0, at
    session.flush()
    return len(found)


def _bound_to(receiver_id: UUID) -> bytes:
    return b"elearn push secret\0" + receiver_id.bytes
