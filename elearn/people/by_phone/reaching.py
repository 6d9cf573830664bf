"""Whom a phone number reaches: who signs in with it, and who shares it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.people.by_phone.models import SharedPhone
from elearn.people.by_phone.rules import Candidate
from elearn.people.identity import Keys, Sealer
from elearn.people.models import Account, OtherDocument, Person, Role, RoleGrant

MOST = 200
"""Of one number: a crew. A number that stands beside more people is no phone number of theirs."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Somebody behind a number, still sealed."""

    account_id: UUID
    person_id: UUID
    data_key: bytes
    document_sealed: bytes | None
    phone_sealed: bytes


def may_come_in() -> sa.ColumnElement[bool]:
    """Accounts that a code may open: open, of somebody known, and learners and no more, as for a clerk's one-time
    password.
    """
    more = sa.exists().where(
        RoleGrant.account_id == Account.id, RoleGrant.revoked_at.is_(None), RoleGrant.role != Role.LEARNER
    )
    return sa.and_(Account.closed_at.is_(None), Person.data_key.is_not(None), ~more)


def behind(session: Session, phone_index: bytes) -> list[Reached]:
    """Everybody whom the number reaches and whom a code may let in: one query, whoever they are."""
    own = sa.select(Account.id.label("account_id"), Account.phone_sealed).where(Account.phone_index == phone_index)
    shared = sa.select(SharedPhone.account_id, SharedPhone.phone_sealed).where(SharedPhone.phone_index == phone_index)
    reached = sa.union_all(own, shared).subquery()
    rows = session.execute(
        sa.select(Account.id, Person.id, Person.data_key, Person.document_sealed, reached.c.phone_sealed)
        .join(reached, reached.c.account_id == Account.id)
        .join(Person, Person.id == Account.person_id)
        .where(may_come_in())
        .order_by(Account.created_at, Account.id)
        .limit(MOST + 1)
    ).all()
    return [Reached(*row) for row in rows] if len(rows) <= MOST else []


def candidates(session: Session, people: list[Reached], keys: Keys) -> list[Candidate]:
    """The same with the numbers of their documents."""
    sealer = Sealer(keys.sealing)
    numbers: dict[UUID, list[str]] = defaultdict(list)
    data_keys = {one.person_id: one.data_key for one in people}
    for one in people:
        if one.document_sealed is not None:
            numbers[one.person_id].append(sealer.open(one.data_key, one.person_id, "document", one.document_sealed))
    others = session.execute(
        sa.select(OtherDocument.person_id, OtherDocument.document_sealed).where(
            OtherDocument.person_id.in_(list(data_keys))
        )
    )
    for person_id, sealed in others:
        numbers[person_id].append(sealer.open(data_keys[person_id], person_id, "document", sealed))
    return [Candidate(one.account_id, tuple(numbers[one.person_id])) for one in people]


def number_of(one: Reached, keys: Keys) -> str:
    """The number itself, in E.164."""
    return Sealer(keys.sealing).open(one.data_key, one.person_id, "phone", one.phone_sealed)
