"""What pages read of people: an organisation's members with masked documents, and who may still be enrolled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Enrolment
from elearn.errors import Malformed
from elearn.locale import gettext as _
from elearn.pages.forms import said
from elearn.people import persons
from elearn.people.callers import Caller
from elearn.people.identity import DocumentKind, Keys
from elearn.people.models import Account, EmploymentKind, Membership, Person, Role, RoleGrant
from elearn.people.permissions import organisation_to_reset_in
from elearn.people.persons import PersonFacts
from elearn.runtime import runtime

PAGE = 50
MAX_LINES = 500
LINE = re.compile(r"(.+?)[\s,，;；]+([0-9A-Za-z\-]+)")


@dataclass(frozen=True, slots=True)
class MemberLine:
    """A person of an organisation as its clerk sees them."""

    facts: PersonFacts
    kind: EmploymentKind
    from_on: date
    account_id: UUID | None
    account_name: str
    has_phone: bool
    account_state: str
    """none, waiting (only a one-time password opens it), open, closed."""
    may_reset: bool


def keys() -> Keys:
    settings = runtime().settings
    return Keys(sealing=settings.sealing_key, index=settings.index_key)


def _present(organisation_id: UUID, on: date) -> sa.ColumnElement[bool]:
    return sa.and_(
        Membership.organisation_id == organisation_id,
        Membership.from_on <= on,
        Membership.to_on.is_(None) | (Membership.to_on >= on),
    )


def members_of(
    session: Session, organisation_id: UUID, by: Caller, *, on: date, page: int = 1, search: str = ""
) -> tuple[list[MemberLine], int]:
    """One page of who belongs to the organisation today, by name, and how many there are: two queries."""
    chosen = _present(organisation_id, on)
    if search.strip():
        chosen = sa.and_(chosen, Person.name.icontains(search.strip(), autoescape=True))
    return _lines(session, organisation_id, chosen, by, page)


def member(session: Session, organisation_id: UUID, person_id: UUID, by: Caller, *, on: date) -> MemberLine | None:
    """One of them."""
    chosen = sa.and_(_present(organisation_id, on), Membership.person_id == person_id)
    found, _total = _lines(session, organisation_id, chosen, by, 1)
    return found[0] if found else None


def _lines(
    session: Session, organisation_id: UUID, chosen: sa.ColumnElement[bool], by: Caller, page: int
) -> tuple[list[MemberLine], int]:
    joined = sa.join(Membership, Person, Person.id == Membership.person_id)
    total = session.scalar(sa.select(sa.func.count()).select_from(joined).where(chosen)) or 0
    held = (
        sa.select(sa.func.array_agg(RoleGrant.role))
        .where(RoleGrant.account_id == Account.id, RoleGrant.revoked_at.is_(None))
        .correlate(Account)
        .scalar_subquery()
    )
    rows = session.execute(
        sa.select(Person, Membership, Account, held.label("roles"))
        .select_from(joined)
        .outerjoin(Account, Account.person_id == Person.id)
        .where(chosen)
        .order_by(Person.name, Person.id)
        .limit(PAGE)
        .offset((max(1, page) - 1) * PAGE)
    )
    found = []
    for person, membership, account, roles in rows:
        # The person was just read, so asking for the facts costs no query.
        facts = persons.person_facts(session, person.id, keys())
        of_account = frozenset(Role(role) for role in roles or ())
        brought = account is not None and membership.created_at <= account.created_at
        may = brought and organisation_to_reset_in(by, of_account, frozenset({organisation_id})) is not None
        state = account_state(account)
        found.append(
            MemberLine(
                facts=facts,
                kind=membership.kind,
                from_on=membership.from_on,
                account_id=account.id if account else None,
                account_name=(account.name or "") if account else "",
                has_phone=account is not None and account.phone_sealed is not None,
                account_state=state,
                may_reset=may and state in ("open", "waiting"),
            )
        )
    return found, total


def account_state(account: Account | None) -> str:
    if account is None:
        return "none"
    if account.closed_at is not None:
        return "closed"
    return "waiting" if account.password_hash is None else "open"


@dataclass(frozen=True, slots=True)
class Candidate:
    person_id: UUID
    name: str


def not_enrolled(session: Session, organisation_id: UUID, class_id: UUID, *, on: date) -> list[Candidate]:
    """Members of the organisation with a document who are not in the class, by name; at most 500."""
    enrolled = sa.exists().where(
        Enrolment.class_id == class_id, Enrolment.person_id == Person.id, Enrolment.withdrawn_at.is_(None)
    )
    rows = session.execute(
        sa.select(Person.id, Person.name)
        .join(Membership, Membership.person_id == Person.id)
        .where(_present(organisation_id, on), Person.document_kind.is_not(None), ~enrolled)
        .order_by(Person.name, Person.id)
        .limit(MAX_LINES)
    )
    return [Candidate(*row) for row in rows]


def read_lines(session: Session, text: str, kind: str, *, keys: Keys) -> tuple[list[UUID], list[tuple[int, str]]]:
    """The persons that lines of `name number` name, and what is wrong with lines: (line, sentence).

    A document that nobody has, and one that somebody of another name has, get the same sentence: who does not know
    both learns nothing.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if len(lines) > MAX_LINES:
        raise Malformed("At most %(most)s lines are taken at once.", most=MAX_LINES)
    if kind not in list(DocumentKind):
        raise Malformed("This page is out of date. Load it again and repeat.")
    found: list[UUID] = []
    problems: list[tuple[int, str]] = []
    for number, line in lines:
        parts = LINE.fullmatch(line)
        if parts is None:
            problems.append((number, _("A line is a name and a document number.")))
            continue
        try:
            person = persons.find_person(session, DocumentKind(kind), parts[2], keys)
        except Malformed as error:
            problems.append((number, said(error)))
            continue
        if person is None or person.name != " ".join(parts[1].split()):
            problems.append((number, _("Nobody with this name and document is registered. Add them under People.")))
            continue
        found.append(person.id)
    return found, problems
