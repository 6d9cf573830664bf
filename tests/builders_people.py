"""People for tests: say only what matters. Document and phone numbers are made up here, with their check digits."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from functools import cache
from uuid import UUID

from flask import session as cookie
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.people import accounts, csrf, organisations, passwords, permissions, persons, signin
from elearn.people.identity import DocumentKind, Keys, resident_check_digit
from elearn.people.models import Account, EmploymentKind, Organisation, OrganisationKind, Person, Role
from elearn.people.roles import grant_role

KEYS = Keys(sealing=b"e" * 32, index=b"i" * 32)
"""The keys of the tests' settings."""
PASSWORD = "correct horse 7"
AT = datetime(2026, 6, 20, 2, 0, tzinfo=UTC)

_numbers = itertools.count(1)


def a_resident_id(*, born: date = date(1990, 1, 1), serial: int | None = None) -> str:
    """A well-formed number of nobody: its region 999999 does not exist."""
    number = next(_numbers) if serial is None else serial
    first = f"{999999 - number // 1000:06}{born:%Y%m%d}{number % 1000:03}"
    return first + resident_check_digit(first)


def a_phone() -> str:
    return f"199{next(_numbers):08}"


def a_person(session: Session, *, name: str = "张三", document_number: str | None = None) -> Person:
    return persons.add_person(
        session,
        name=name,
        document_kind=DocumentKind.RESIDENT_ID,
        document_number=document_number or a_resident_id(),
        keys=KEYS,
        at=AT,
    )


def an_organisation(
    session: Session, kind: OrganisationKind = OrganisationKind.ENTERPRISE, *, name: str = "云岭建设有限公司"
) -> Organisation:
    return organisations.add_organisation(session, kind=kind, name=name, at=AT)


def an_institution(session: Session, *, name: str = "滇池安全培训中心") -> Organisation:
    return an_organisation(session, OrganisationKind.INSTITUTION, name=name)


@cache
def _hash_of_password() -> str:
    """Made once a process: hashing is slow by intention, and thousands of tests want accounts."""
    return passwords.hash_password(PASSWORD)


def an_account(
    session: Session,
    *roles: Role,
    organisation_id: UUID | None = None,
    region: str | None = None,
    person: Person | None = None,
    name: str | None = None,
    phone: str | None = None,
    password: str | None = None,
) -> Account:
    """An open account of a new person, signed in with `PASSWORD`; each role reaches what it asks for."""
    account = accounts.open_account(
        session,
        (person or a_person(session)).id,
        name=name or f"worker-{next(_numbers)}",
        phone=phone,
        password=password,
        keys=KEYS,
        at=AT,
    )
    if password is None:
        account.password_hash = _hash_of_password()
        session.flush()
    for role in roles:
        if role is Role.LEARNER:
            continue  # every account has it
        wanted = permissions.REACH[role]
        grant_role(
            session,
            account.id,
            role,
            organisation_id=organisation_id if wanted is permissions.Reach.ORGANISATION else None,
            region=region if wanted is permissions.Reach.REGION else None,
            at=AT,
        )
    return account


def a_member(
    session: Session, organisation_id: UUID, *, kind: EmploymentKind = EmploymentKind.EMPLOYEE, name: str = "李四"
) -> Account:
    """An account whose person belongs to the organisation."""
    account = an_account(session, person=a_person(session, name=name))
    organisations.join(session, account.person_id, organisation_id, kind, date(2026, 1, 1), at=AT)
    return account


def signed_in(client: FlaskClient, session: Session, account: Account) -> dict[str, str]:
    """Sign `account` in on this client without typing; answers the header that unsafe requests must carry."""
    app = client.application
    with app.test_request_context():
        signin.begin(session, account, app.extensions["elearn"].clock())
        token = csrf.token()
        session.commit()
        values = dict(cookie)
    with client.session_transaction() as stored:
        stored.update(values)
    return {csrf.HEADER: token}
