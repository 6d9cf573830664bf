"""Personal data that packages to the right keep or send: sealed under the person's own key, recorded when it leaves.

Erasing a person deletes that key, so whatever was sealed here cannot be read afterwards, wherever it lies.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.people.by_phone.models import SharedPhone
from elearn.people.identity import Keys, Sealer
from elearn.people.models import Account, Disclosure, Person


def seal(session: Session, person_id: UUID, keys: Keys, purpose: str, text: str) -> bytes:
    """`text` sealed for `purpose`. Raises Erased."""
    return Sealer(keys.sealing).seal(_data_key(session, person_id), person_id, purpose, text)


def open_sealed(session: Session, person_id: UUID, keys: Keys, purpose: str, *sealed: bytes) -> list[str]:
    """What was sealed, in this order. Raises Erased, Unsealable."""
    sealer, data_key = Sealer(keys.sealing), _data_key(session, person_id)
    return [sealer.open(data_key, person_id, purpose, one) for one in sealed]


def open_many(session: Session, keys: Keys, purpose: str, sealed: Collection[tuple[UUID, bytes]]) -> list[str | None]:
    """The same of many people, each (person, what was sealed), in this order: at most one query. None: erased.

    Raises Unsealable.
    """
    if not sealed:
        return []
    people = {person_id for person_id, _one in sealed}
    rows = session.execute(
        sa.select(Person.id, Person.data_key).where(Person.id.in_(people), Person.data_key.is_not(None))
    )
    data_keys = {row.id: row.data_key for row in rows}
    sealer = Sealer(keys.sealing)
    return [
        sealer.open(data_keys[person_id], person_id, purpose, one) if person_id in data_keys else None
        for person_id, one in sealed
    ]


def record_disclosures(
    session: Session, person_id: UUID, what: Sequence[str], *, receiver: str, reason: str, at: datetime
) -> None:
    """These data leave this system (DESIGN 3.14)."""
    session.add_all(
        Disclosure(person_id=person_id, receiver=receiver, what=one, reason=reason, disclosed_at=at) for one in what
    )
    session.flush()


def has_phone(session: Session, person_id: UUID) -> bool:
    """Is there a number to send a text message to?"""
    return _phone(session, person_id) is not None


def reveal_phone(session: Session, person_id: UUID, keys: Keys, *, receiver: str, reason: str, at: datetime) -> str:
    """The whole number in E.164, for a gateway and nothing else; the disclosure is recorded.

    LookupError without one: ask `has_phone` first.
    """
    sealed = _phone(session, person_id)
    if sealed is None:
        raise LookupError("this person has no phone number")
    [number] = open_sealed(session, person_id, keys, "phone", sealed)
    record_disclosures(session, person_id, ["phone number"], receiver=receiver, reason=reason, at=at)
    return number


def reveal_phones(
    session: Session, person_ids: Collection[UUID], keys: Keys, *, receiver: str, reason: str, at: datetime
) -> dict[UUID, str]:
    """The same of many, for a receiver that was given them; who has none, or was erased, is left out.

    Also of who shares a number that another account signs in with.
    """
    rows = session.execute(
        sa.select(
            Person.id,
            Person.data_key,
            sa.func.coalesce(Account.phone_sealed, SharedPhone.phone_sealed).label("phone_sealed"),
        )
        .join(Account, Account.person_id == Person.id)
        .outerjoin(SharedPhone, SharedPhone.account_id == Account.id)
        .where(
            Person.id.in_(list(person_ids)),
            Person.data_key.is_not(None),
            sa.or_(Account.phone_sealed.is_not(None), SharedPhone.account_id.is_not(None)),
            Account.closed_at.is_(None),
        )
    )
    sealer = Sealer(keys.sealing)
    found = {row.id: sealer.open(row.data_key, row.id, "phone", row.phone_sealed) for row in rows}
    session.add_all(
        Disclosure(person_id=one, receiver=receiver, what="phone number", reason=reason, disclosed_at=at)
        for one in found
    )
    session.flush()
    return found


def _phone(session: Session, person_id: UUID) -> bytes | None:
    open_account = sa.select(Account.phone_sealed).where(Account.person_id == person_id, Account.closed_at.is_(None))
    return session.scalars(open_account).one_or_none()


def _data_key(session: Session, person_id: UUID) -> bytes | None:
    return session.scalars(sa.select(Person.data_key).where(Person.id == person_id)).one()
