"""What is known of the people of a roster, many at once: who has a document, and what ties them to this employer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from elearn.people import persons
from elearn.people.by_phone.models import SharedPhone
from elearn.people.models import Account, Membership, Person, Placement, Role, RoleGrant
from elearn.people.roster.deciding import Held, Known
from elearn.people.roster.models import StaffNumber
from elearn.people.roster.units import Units


@dataclass(frozen=True, slots=True)
class Behind:
    """What taking a row needs beside what it is decided by."""

    data_key: bytes | None
    account_id: UUID | None


def known(
    session: Session, employer_id: UUID, rows: Mapping[bytes, bytes | None], units: Units, *, lock: bool = False
) -> dict[bytes, tuple[Known, Behind]]:
    """By document index; `rows` are document index -> index of the phone number that the row says.

    With `lock`, memberships at the employer wait for whoever else changes them. Five statements, however many rows.
    """
    documents = persons.documents()
    people = session.execute(
        sa.select(Person.id, Person.name, documents.c.document_index, Person.data_key)
        .join(documents, documents.c.person_id == Person.id)
        .where(documents.c.document_index.in_(list(rows)))
    ).all()
    ids = list({person.id for person in people})
    held = _held(session, employer_id, ids, units, lock=lock)
    accounts = _accounts(session, employer_id, ids)
    asked = sa.select(StaffNumber.person_id, StaffNumber.number).where(
        StaffNumber.organisation_id == employer_id, StaffNumber.person_id.in_(ids)
    )
    numbers = dict(session.execute(asked).all())
    found = {}
    for person in people:
        person_id = person.id
        account = accounts.get(person_id)
        phone = rows[person.document_index]
        found[person.document_index] = (
            Known(
                person_id,
                person.name,
                held.get(person_id),
                numbers.get(person_id, ""),
                may_change_phone=account is not None and bool(account.ours),
                has_phone=account is not None
                and phone is not None
                and phone in (account.phone_index, account.shared_index),
            ),
            Behind(person.data_key, None if account is None else account.id),
        )
    return found


def _held(
    session: Session, employer_id: UUID, people: Collection[UUID], units: Units, *, lock: bool
) -> dict[UUID, Held]:
    """Person -> the newest membership at the employer with its newest placement."""
    here = (Membership.organisation_id == employer_id) & Membership.person_id.in_(list(people))
    if lock:
        session.execute(sa.select(Membership.id).where(here).order_by(Membership.id).with_for_update())
    newest = (
        sa.select(Membership)
        .where(here)
        .ext(distinct_on(Membership.person_id))
        .order_by(Membership.person_id, Membership.from_on.desc())
        .subquery()
    )
    rows = session.execute(
        sa.select(
            newest.c.person_id,
            newest.c.id,
            newest.c.kind,
            newest.c.from_on,
            newest.c.to_on,
            newest.c.created_at,
            Placement.id,
            Placement.unit_id,
            Placement.post,
            Placement.category,
            Placement.from_on,
            newest.c.firm,
        )
        .join(Placement, Placement.membership_id == newest.c.id)
        .ext(distinct_on(newest.c.person_id))
        .order_by(newest.c.person_id, Placement.from_on.desc())
    )
    return {
        row[0]: Held(
            membership_id=row[1],
            employment=row[2].value,
            from_on=row[3],
            to_on=row[4],
            placement_id=row[6],
            unit_id=row[7],
            path=units.names.get(row[7], ("?",)),
            post=row[8],
            category=row[9],
            placed_on=row[10],
            noted_at=row[5],
            firm=row[11],
        )
        for row in rows
    }


def _accounts(session: Session, employer_id: UUID, people: Collection[UUID]) -> dict[UUID, sa.Row[*tuple[Any, ...]]]:
    """Person -> account, with `ours`: whether this employer may change its number.

    It may when the account came with it, nobody has chosen a password yet, and its holder is a learner and no more:
    it could issue a one-time password for such an account, too.
    """
    brought = sa.exists().where(
        Membership.person_id == Account.person_id,
        Membership.organisation_id == employer_id,
        Membership.created_at <= Account.created_at,
    )
    more = sa.exists().where(
        RoleGrant.account_id == Account.id, RoleGrant.revoked_at.is_(None), RoleGrant.role != Role.LEARNER
    )
    ours = Account.password_hash.is_(None) & Account.closed_at.is_(None) & brought & ~more
    rows = session.execute(
        sa.select(
            Account.person_id,
            Account.id,
            Account.phone_index,
            SharedPhone.phone_index.label("shared_index"),
            ours.label("ours"),
        )
        .outerjoin(SharedPhone, SharedPhone.account_id == Account.id)
        .where(Account.person_id.in_(list(people)))
    )
    return {row.person_id: row for row in rows}
