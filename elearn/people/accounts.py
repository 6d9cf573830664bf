"""Accounts: what a person signs in with, a name or a phone number, one account each."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.errors import Malformed, NotFound
from elearn.people import passwords
from elearn.people.identity import Keys, Sealer, blind_index, check_phone, mask_phone
from elearn.people.models import Account, Person, Role
from elearn.people.persons import get_person
from elearn.people.registry import unless_taken
from elearn.people.roles import grant_role

ACCOUNT_NAME = re.compile(r"(?=.*[^\d])[\w.@\-]{3,64}")


def account_name(name: str) -> str:
    """An account name in its one form. Raises Malformed. All digits would be taken for a phone number."""
    normal = unicodedata.normalize("NFKC", name).strip().casefold()
    if not ACCOUNT_NAME.fullmatch(normal):
        raise Malformed(
            "An account name has 3 to 64 letters, digits or . _ - @, and not only digits.", code="name_form"
        )
    return normal


def account_key(typed: str) -> str:
    """What somebody typed to sign in, in one form whether or not there is such an account."""
    try:
        return check_phone(typed)
    except Malformed:
        return unicodedata.normalize("NFKC", typed).strip().casefold()[:64]


def find_account(session: Session, name_or_phone: str, *, keys: Keys) -> Account | None:
    """The account of this name or phone number, open or closed."""
    typed = account_key(name_or_phone)
    if typed.startswith("+"):
        return session.scalar(sa.select(Account).where(Account.phone_index == blind_index(keys.index, "phone", typed)))
    return session.scalar(sa.select(Account).where(Account.name == typed))


def open_account(
    session: Session,
    person_id: UUID,
    *,
    name: str | None = None,
    phone: str | None = None,
    password: str | None = None,
    keys: Keys,
    at: datetime,
) -> Account:
    """An account for a person, who is a learner with it. Without a password only a one-time password opens it.

    Raises Malformed; Conflict `account_taken` for a name or number in use and for a person who has one already.
    """
    if name is None and phone is None:
        raise Malformed("An account needs a name or a phone number.", code="name_form")
    person = get_person(session, person_id)
    normal_name = account_name(name) if name is not None else None
    number = check_phone(phone) if phone is not None else None
    if password is not None:
        passwords.check_new(password, not_like=tuple(one for one in (normal_name, number, person.name) if one))
    account = Account(
        person_id=person_id,
        name=normal_name,
        phone_sealed=Sealer(keys.sealing).seal(person.data_key, person_id, "phone", number) if number else None,
        phone_index=blind_index(keys.index, "phone", number) if number else None,
        password_hash=passwords.hash_password(password) if password is not None else None,
        must_change=False,
        session_epoch=0,
        created_at=at,
    )
    with unless_taken(session, "uq_account_", "This account name or phone number is taken.", "account_taken"):
        session.add(account)
    grant_role(session, account.id, Role.LEARNER, at=at)
    return account


def phone_masked(session: Session, account_id: UUID, keys: Keys) -> str:
    """The last four digits of the account's phone number; empty without one. Raises NotFound."""
    account = session.get(Account, account_id)
    if account is None:
        raise NotFound("There is no such account.")
    if account.phone_sealed is None:
        return ""
    person = get_person(session, account.person_id)
    return mask_phone(Sealer(keys.sealing).open(person.data_key, person.id, "phone", account.phone_sealed))


def list_accounts(session: Session) -> Sequence[tuple[Account, Person]]:
    """Every account with its person, oldest first."""
    rows = session.execute(
        sa.select(Account, Person).join(Person, Person.id == Account.person_id).order_by(Account.created_at, Account.id)
    )
    return [(account, person) for account, person in rows]
