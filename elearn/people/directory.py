"""Persons, accounts, organisations, memberships and roles: adding, finding, showing, erasing.

A document number is sealed when it comes in and found by its blind index. Pages get `PersonFacts`, with the number
masked; the whole number leaves only through `reveal_document`, which records to whom.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.db import new_id
from elearn.errors import Conflict, Malformed, NotFound
from elearn.people import passwords
from elearn.people.identity import (
    DocumentKind,
    Erased,
    Keys,
    Sealer,
    blind_index,
    check_credit_code,
    check_document,
    check_phone,
    mask_document,
    mask_phone,
)
from elearn.people.models import (
    Account,
    BrowserSession,
    Device,
    Disclosure,
    EmploymentKind,
    Membership,
    Organisation,
    OrganisationKind,
    PasswordReset,
    Person,
    Role,
    RoleGrant,
)
from elearn.people.permissions import REACH, Reach

logger = logging.getLogger(__name__)

LOCAL_ZONE = ZoneInfo("Asia/Shanghai")
ACCOUNT_NAME = re.compile(r"(?=.*[^\d])[\w.@\-]{3,64}")


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What pages and other packages may know of a person."""

    id: UUID
    name: str
    document_kind: DocumentKind | None
    document_masked: str
    ref: str
    """The pseudonym: 128 bits, base64url; empty after erasure."""


@dataclass(frozen=True, slots=True)
class Member:
    """A person in an organisation on one day."""

    person_id: UUID
    account_id: UUID | None
    name: str
    kind: EmploymentKind
    from_on: date
    to_on: date | None


def local_day(moment: datetime) -> date:
    """The calendar day in China; dates of membership are such days."""
    return moment.astimezone(LOCAL_ZONE).date()


@contextmanager
def _unless_taken(session: Session, constraint: str, detail: str, code: str) -> Iterator[None]:
    """A row that breaks `constraint` is a Conflict, and only that row is undone."""
    try:
        with session.begin_nested():
            yield
            session.flush()
    except IntegrityError as error:
        if constraint in str(error.orig):
            raise Conflict(detail, code=code) from None  # the driver's message holds the values
        raise


# --- persons ---------------------------------------------------------------------------------------------------------


def add_person(
    session: Session, *, name: str, document_kind: DocumentKind, document_number: str, keys: Keys, at: datetime
) -> Person:
    """A new person with a document. Raises Malformed; Conflict `already_registered` when the document is known."""
    number = check_document(document_kind, document_number, today=local_day(at))
    person = _new_person(name, keys, at)
    person.document_kind = document_kind
    person.document_sealed = Sealer(keys.sealing).seal(person.data_key, person.id, "document", number)
    person.document_index = blind_index(keys.index, document_kind, number)
    with _unless_taken(
        session, "uq_person_document_index", "This document is already registered.", "already_registered"
    ):
        session.add(person)
    return person


def add_staff(session: Session, *, name: str, keys: Keys, at: datetime) -> Person:
    """A new person without a document: who only works here gives no number (as little data as the task needs)."""
    person = _new_person(name, keys, at)
    session.add(person)
    session.flush()
    return person


def _new_person(name: str, keys: Keys, at: datetime) -> Person:
    sealer, person_id = Sealer(keys.sealing), new_id()
    data_key = sealer.new_data_key(person_id)
    return Person(
        id=person_id,
        name=_checked_name(name),
        data_key=data_key,
        pseudonym=sealer.pseudonym(data_key, person_id),
        created_at=at,
    )


def _checked_name(name: str) -> str:
    normal = " ".join(unicodedata.normalize("NFC", name).split())
    if not 1 <= len(normal) <= 100 or any(unicodedata.category(letter) in ("Cc", "Cf") for letter in normal):
        raise Malformed("A name has 1 to 100 characters.", code="name_form")
    return normal


def find_person(session: Session, kind: DocumentKind, number: str, keys: Keys) -> Person | None:
    """The person with this document. Raises Malformed for a number that cannot be one."""
    index = blind_index(keys.index, kind, check_document(kind, number))
    return session.scalar(sa.select(Person).where(Person.document_index == index))


def take_in(
    session: Session, *, name: str, document_kind: DocumentKind, document_number: str, keys: Keys, at: datetime
) -> Person:
    """The person with this document, added when new: an employer who takes somebody on brings no second person.

    Raises Conflict `name_differs` when the document is known under another name.
    """
    found = find_person(session, document_kind, document_number, keys)
    if found is None:
        return add_person(
            session, name=name, document_kind=document_kind, document_number=document_number, keys=keys, at=at
        )
    if found.name != _checked_name(name):
        raise Conflict("This document is registered under another name. Please check both.", code="name_differs")
    return found


def person_facts(session: Session, person_id: UUID, keys: Keys) -> PersonFacts:
    """Raises NotFound. After erasure the name and number are empty."""
    person = _person(session, person_id)
    masked = ""
    if person.document_sealed is not None:
        masked = mask_document(_document(person, keys))
    return PersonFacts(person.id, person.name, person.document_kind, masked, person.pseudonym or "")


def reveal_document(
    session: Session, person_id: UUID, keys: Keys, *, receiver: str, reason: str, at: datetime
) -> tuple[DocumentKind, str]:
    """The whole document number, for a receiver's own package and nothing else; the disclosure is recorded.

    Raises NotFound: no such person, or no document. Erased.
    """
    person = _person(session, person_id)
    if person.data_key is None:
        raise Erased("This person's data was erased.")
    if person.document_sealed is None or person.document_kind is None:
        raise NotFound("This person has no document on record.")
    number = _document(person, keys)
    session.add(
        Disclosure(person_id=person_id, receiver=receiver, what="document number", reason=reason, disclosed_at=at)
    )
    session.flush()
    return person.document_kind, number


def reveal_documents(
    session: Session, person_ids: Collection[UUID], keys: Keys, *, receiver: str, reason: str, at: datetime
) -> dict[UUID, tuple[Person, DocumentKind, str]]:
    """The same for many persons in two statements; who has no document, or was erased, is left out."""
    found = {
        person.id: (person, person.document_kind, _document(person, keys))
        for person in session.scalars(sa.select(Person).where(Person.id.in_(person_ids)))
        if person.data_key is not None and person.document_sealed is not None and person.document_kind is not None
    }
    session.add_all(
        Disclosure(person_id=one, receiver=receiver, what="document number", reason=reason, disclosed_at=at)
        for one in found
    )
    session.flush()
    return found


def pseudonym(session: Session, person_id: UUID) -> str:
    """The name that statements and the log carry: 22 characters of base64url. Raises NotFound, Erased."""
    found = _person(session, person_id).pseudonym
    if found is None:
        raise Erased("This person's data was erased.")
    return found


def person_by_pseudonym(session: Session, name: str) -> UUID | None:
    """Whose pseudonym this is."""
    return session.scalar(sa.select(Person.id).where(Person.pseudonym == name))


def erase_person(session: Session, person_id: UUID, *, at: datetime) -> None:
    """Forget who this is: the key goes and with it all that was sealed; the account closes. Ledgers keep sums."""
    person = _person(session, person_id, lock=True)
    person.name = ""
    person.data_key = person.document_sealed = person.document_index = person.document_kind = person.pseudonym = None
    person.erased_at = person.erased_at or at
    account = session.scalar(sa.select(Account).where(Account.person_id == person_id))
    if account is not None:
        account.name = account.phone_sealed = account.phone_index = account.password_hash = None
        account.session_epoch += 1
        account.closed_at = account.closed_at or at
        for table in (BrowserSession, PasswordReset):
            session.execute(sa.delete(table).where(table.account_id == account.id))
    session.execute(sa.delete(Device).where(Device.person_id == person_id))
    session.flush()


def _person(session: Session, person_id: UUID, *, lock: bool = False) -> Person:
    person = session.get(Person, person_id, with_for_update=lock)
    if person is None:
        raise NotFound("There is no such person.")
    return person


def _document(person: Person, keys: Keys) -> str:
    assert person.document_sealed is not None
    return Sealer(keys.sealing).open(person.data_key, person.id, "document", person.document_sealed)


# --- accounts --------------------------------------------------------------------------------------------------------


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
    person = _person(session, person_id)
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
    with _unless_taken(session, "uq_account_", "This account name or phone number is taken.", "account_taken"):
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
    person = _person(session, account.person_id)
    return mask_phone(Sealer(keys.sealing).open(person.data_key, person.id, "phone", account.phone_sealed))


def list_accounts(session: Session) -> Sequence[tuple[Account, Person]]:
    """Every account with its person, oldest first."""
    rows = session.execute(
        sa.select(Account, Person).join(Person, Person.id == Account.person_id).order_by(Account.created_at, Account.id)
    )
    return [(account, person) for account, person in rows]


# --- organisations ---------------------------------------------------------------------------------------------------


def add_organisation(
    session: Session,
    *,
    kind: OrganisationKind,
    name: str,
    credit_code: str | None = None,
    region: str | None = None,
    at: datetime,
) -> Organisation:
    """A new organisation. A credit code whose check fails is taken, with a warning in the log (RULES 2.4).

    Raises Malformed; Conflict `already_registered` when the credit code is known.
    """
    code = None
    if credit_code:
        code, holds = check_credit_code(credit_code)
        if not holds:
            logger.warning("a credit code's check character does not hold", extra={"credit_code": code})
    organisation = Organisation(
        kind=kind, name=_checked_name(name), credit_code=code, region=_checked_region(region), created_at=at
    )
    with _unless_taken(
        session,
        "uq_organisation_credit_code",
        "An organisation with this credit code is already registered.",
        "already_registered",
    ):
        session.add(organisation)
    return organisation


def list_organisations(session: Session) -> Sequence[Organisation]:
    """Every organisation, oldest first."""
    return session.scalars(sa.select(Organisation).order_by(Organisation.created_at, Organisation.id)).all()


def _checked_region(region: str | None) -> str | None:
    if region is not None and not re.fullmatch(r"[1-9]\d{5}", region, re.ASCII):
        raise Malformed("A region is six digits (GB/T 2260).", code="region_form")
    return region


def join(
    session: Session,
    person_id: UUID,
    organisation_id: UUID,
    kind: EmploymentKind,
    from_on: date,
    *,
    at: datetime,
    to_on: date | None = None,
) -> Membership:
    """The person belongs to the organisation from a day on. Raises NotFound; Conflict `already_member`; Malformed."""
    _person(session, person_id)
    _organisation(session, organisation_id)
    if to_on is not None and to_on < from_on:
        raise Malformed("The last day is before the first.", code="dates")
    membership = Membership(
        person_id=person_id, organisation_id=organisation_id, kind=kind, from_on=from_on, to_on=to_on, created_at=at
    )
    with _unless_taken(
        session,
        "ex_membership_once_at_a_time",
        "This person already belongs to the organisation in that time.",
        "already_member",
    ):
        session.add(membership)
    return membership


def leave(session: Session, person_id: UUID, organisation_id: UUID, last_on: date) -> Membership:
    """The person's open membership ends with this day. Raises NotFound; Malformed when it began later."""
    membership = session.scalar(
        sa.select(Membership)
        .where(
            Membership.person_id == person_id,
            Membership.organisation_id == organisation_id,
            Membership.to_on.is_(None),
        )
        .with_for_update()
    )
    if membership is None:
        raise NotFound("This person does not belong to the organisation.")
    if last_on < membership.from_on:
        raise Malformed("The last day is before the first.", code="dates")
    membership.to_on = last_on
    session.flush()
    return membership


def organisations_of(session: Session, person_id: UUID, *, on: date) -> frozenset[UUID]:
    """The organisations that the person belongs to on a day."""
    return frozenset(
        session.scalars(sa.select(Membership.organisation_id).where(Membership.person_id == person_id, _holds_on(on)))
    )


def organisations_that_brought(session: Session, account: Account, *, on: date) -> frozenset[UUID]:
    """Those among them that the person belonged to already when the account was opened.

    Only they may put another password on it: anybody's name and document number are enough to take somebody in, so
    an organisation that comes later could else take over the account of a worker who never heard of it.
    """
    known = (Membership.person_id == account.person_id) & (Membership.created_at <= account.created_at)
    return frozenset(session.scalars(sa.select(Membership.organisation_id).where(known, _holds_on(on))))


def members(session: Session, organisation_id: UUID, *, on: date) -> list[Member]:
    """Who belongs to the organisation on a day, by name."""
    rows = session.execute(
        sa.select(Person.id, Account.id, Person.name, Membership.kind, Membership.from_on, Membership.to_on)
        .join(Person, Person.id == Membership.person_id)
        .outerjoin(Account, Account.person_id == Person.id)
        .where(Membership.organisation_id == organisation_id, _holds_on(on))
        .order_by(Person.name, Person.id)
    )
    return [Member(*row) for row in rows]


def _holds_on(on: date) -> sa.ColumnElement[bool]:
    return sa.and_(Membership.from_on <= on, sa.or_(Membership.to_on.is_(None), Membership.to_on >= on))


def _organisation(session: Session, organisation_id: UUID) -> Organisation:
    organisation = session.get(Organisation, organisation_id)
    if organisation is None:
        raise NotFound("There is no such organisation.")
    return organisation


# --- roles -----------------------------------------------------------------------------------------------------------


def grant_role(
    session: Session,
    account_id: UUID,
    role: Role,
    *,
    organisation_id: UUID | None = None,
    region: str | None = None,
    at: datetime,
    by: UUID | None = None,
) -> RoleGrant:
    """The account holds a role from now on, in force with its next request.

    Raises Malformed when the role asks for an organisation or region that is not named, or the other way round;
    NotFound; Conflict `already_granted`.
    """
    wanted = REACH[role]
    if (organisation_id is not None) != (wanted is Reach.ORGANISATION) or (region is not None) != (
        wanted is Reach.REGION
    ):
        raise Malformed(wanted.value, code="reach")
    if session.get(Account, account_id) is None:
        raise NotFound("There is no such account.")
    if organisation_id is not None:
        _organisation(session, organisation_id)
    grant = RoleGrant(
        account_id=account_id,
        role=role,
        organisation_id=organisation_id,
        region=_checked_region(region),
        granted_at=at,
        granted_by=by,
    )
    with _unless_taken(session, "uq_role_grant_live", "The account holds this role already.", "already_granted"):
        session.add(grant)
    return grant


def revoke_role(
    session: Session,
    account_id: UUID,
    role: Role,
    *,
    organisation_id: UUID | None = None,
    region: str | None = None,
    at: datetime,
    by: UUID | None = None,
) -> None:
    """The account no longer holds the role, from its next request on. Raises NotFound."""
    revoked = session.execute(
        sa.update(RoleGrant)
        .where(
            RoleGrant.account_id == account_id,
            RoleGrant.role == role,
            RoleGrant.organisation_id.is_not_distinct_from(organisation_id),
            RoleGrant.region.is_not_distinct_from(region),
            RoleGrant.revoked_at.is_(None),
        )
        .values(revoked_at=at, revoked_by=by)
        .returning(RoleGrant.id)
    )
    if revoked.first() is None:
        raise NotFound("The account does not hold this role.")


def list_grants(session: Session, account_id: UUID | None = None) -> Sequence[RoleGrant]:
    """The live grants, of one account or of all, oldest first."""
    query = sa.select(RoleGrant).where(RoleGrant.revoked_at.is_(None)).order_by(RoleGrant.granted_at, RoleGrant.id)
    if account_id is not None:
        query = query.where(RoleGrant.account_id == account_id)
    return session.scalars(query).all()
