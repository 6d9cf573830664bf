"""What pages read of people: who stands in an organisation or below it, documents masked; who may still be enrolled."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Enrolment
from elearn.db import among, plan_each_time
from elearn.errors import Malformed
from elearn.locale import gettext as _
from elearn.pages.forms import said
from elearn.people import naming, persons, tree
from elearn.people.callers import Caller
from elearn.people.identity import DocumentKind, Keys
from elearn.people.models import (
    Account,
    EmploymentKind,
    Membership,
    OrganisationTree,
    Person,
    Placement,
    Role,
    RoleGrant,
)
from elearn.people.naming import SPELLED, called
from elearn.people.permissions import organisation_to_reset_in
from elearn.people.persons import PersonFacts
from elearn.runtime import runtime

PAGE = 50
MOST_COUNTED = 10_000
"""More than these are `more`: counting everybody of a group costs more than the page does."""
MOST_FOUND = 1_000
"""The same for those of a name: whoever looks for one of them writes more of it."""
MAX_LINES = 500
LINE = re.compile(r"(.+?)[\s,，;；]+([0-9A-Za-z\-]+)")

Shown = tuple[UUID, UUID]
"""A membership, and where it stands."""
SO_SPELLED = sa.text(f"""
SELECT least(count(*), :most), (array_agg(member))[:skip + 1 : :skip + :size],
       (array_agg(place))[:skip + 1 : :skip + :size]
FROM (
    SELECT s.membership_id AS member, stands.id AS place FROM (
        SELECT s.name, s.membership_id FROM elearn.member_letter s WHERE {SPELLED}
        ORDER BY s.name, s.membership_id OFFSET 0
    ) s CROSS JOIN LATERAL (
        SELECT p.id FROM elearn.membership m
        JOIN elearn.placement p ON p.membership_id = m.id AND p.from_on <= :on AND (p.to_on IS NULL OR p.to_on >= :on)
        JOIN elearn.organisation_tree t ON t.below_id = p.unit_id AND t.above_id = :node
        WHERE m.id = s.membership_id AND m.from_on <= :on AND (m.to_on IS NULL OR m.to_on >= :on)
          AND (CAST(:kind AS text) IS NULL OR m.kind = :kind) OFFSET 0
    ) stands ORDER BY s.name, s.membership_id LIMIT greatest(:most, :skip + :size)
) x
""")
"""Names first, each looked at until enough are counted and the page is full: whatever is expected of a surname."""


@dataclass(frozen=True, slots=True)
class MemberLine:
    """A person of an organisation as its clerk sees them."""

    facts: PersonFacts
    membership_id: UUID
    kind: EmploymentKind
    from_on: date
    firm: str
    """Who sent them; empty: nobody, or nobody has said."""
    unit: list[str]
    """Names from below the organisation that is looked at down to where the person stands; empty: there itself."""
    post: str
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
    return sa.and_(Membership.organisation_id == organisation_id, _holds(Membership, on))


def _holds(table: type[Membership] | type[Placement], on: date) -> sa.ColumnElement[bool]:
    return sa.and_(table.from_on <= on, table.to_on.is_(None) | (table.to_on >= on))


def members_of(
    session: Session,
    organisation_id: UUID,
    by: Caller,
    *,
    on: date,
    page: int = 1,
    search: str = "",
    kind: EmploymentKind | None = None,
) -> tuple[list[MemberLine], int]:
    """One page of who stands in the organisation or below it today, by name, and how many there are, counted up to one
    more than `most_counted`: four queries.
    """
    plan_each_time(session)
    text, skip = search.strip(), (max(1, page) - 1) * PAGE
    chosen = [] if kind is None else [Membership.kind == kind]
    found = naming.find(session, organisation_id, text, most=MOST_FOUND) if text else naming.Found()
    if found.employing:
        values = {"node": organisation_id, "employing": found.employing, "name": text, "on": on, "kind": kind}
        shown, total = _so_spelled(session, values, skip)
    else:
        if found.persons is not None:
            chosen.append(among(Membership.person_id, found.persons))
        elif text:
            chosen.append(called(text))
        shown, total = _standing(session, organisation_id, chosen, on, skip, text)
    return _told(session, organisation_id, by, shown), total


def most_counted(search: str) -> int:
    return MOST_FOUND if search else MOST_COUNTED


def member(session: Session, organisation_id: UUID, person_id: UUID, by: Caller, *, on: date) -> MemberLine | None:
    """One of them; of somebody who stands there twice, where a password may be reset."""
    plan_each_time(session)
    shown, _total = _standing(session, organisation_id, [Membership.person_id == person_id], on)
    return min(_told(session, organisation_id, by, shown), key=lambda one: not one.may_reset, default=None)


def _standing(
    session: Session, organisation_id: UUID, chosen: Sequence[sa.ColumnElement[bool]], on: date, skip: int = 0,
    search: str = "",
) -> tuple[Sequence[Shown], int]:  # fmt: skip
    """A page of who stands there, by name, and how many there are."""
    standing = sa.join(OrganisationTree, Placement, Placement.unit_id == OrganisationTree.below_id).join(
        Membership, Membership.id == Placement.membership_id
    )
    named = standing.join(Person, Person.id == Membership.person_id)
    there = sa.and_(
        OrganisationTree.above_id == organisation_id, _holds(Placement, on), _holds(Membership, on), *chosen
    )
    among = sa.select(sa.literal(1)).select_from(named if search else standing)
    counted = among.where(there).limit(most_counted(search) + 1).subquery()
    total = session.scalar(sa.select(sa.func.count()).select_from(counted)) or 0
    # Names and ids first: an index has them in this order, and only one page of the rest is read.
    shown = session.execute(
        sa.select(Membership.id, Placement.id)
        .select_from(named)
        .where(there)
        .order_by(Person.name, Person.id)
        .limit(PAGE)
        .offset(skip)
    )
    return [(member, placement) for member, placement in shown], total


def _so_spelled(session: Session, values: dict[str, Any], skip: int) -> tuple[Sequence[Shown], int]:
    """The same of a common name."""
    asked = values | {"most": MOST_FOUND + 1, "skip": skip, "size": PAGE}
    total, members, places = session.execute(SO_SPELLED, asked).one()
    return list(zip(members or (), places or (), strict=True)), total


def _told(session: Session, organisation_id: UUID, by: Caller, shown: Sequence[Shown]) -> list[MemberLine]:
    """All that a list tells of these: two queries."""
    held = (
        sa.select(sa.func.array_agg(RoleGrant.role))
        .where(RoleGrant.account_id == Account.id, RoleGrant.revoked_at.is_(None))
        .correlate(Account)
        .scalar_subquery()
    )
    rows = session.execute(
        sa.select(Person, Membership, Placement, Account, held.label("roles"))
        .join(Membership, Membership.person_id == Person.id)
        .join(Placement, Placement.membership_id == Membership.id)
        .outerjoin(Account, Account.person_id == Person.id)
        .where(Membership.id.in_([one for one, _placement in shown]), Placement.id.in_([one for _m, one in shown]))
        .order_by(Person.name, Person.id, Membership.id)
    ).all()
    paths = tree.paths(session, {placement.unit_id for _p, _m, placement, _a, _r in rows})
    found = []
    for person, membership, placement, account, roles in rows:
        # The person was just read, so asking for the facts costs no query.
        facts = persons.person_facts(session, person.id, keys())
        of_account = frozenset(Role(role) for role in roles or ())
        path = paths[placement.unit_id]
        above = [one for one, _name in path]
        brought = account is not None and membership.created_at <= account.created_at
        may = brought and organisation_to_reset_in(by, of_account, frozenset(above)) is not None
        state = account_state(account)
        found.append(
            MemberLine(
                facts=facts,
                membership_id=membership.id,
                kind=membership.kind,
                from_on=membership.from_on,
                firm=membership.firm,
                unit=[name for _one, name in path[above.index(organisation_id) + 1 :]],
                post=placement.post,
                account_id=account.id if account else None,
                account_name=(account.name or "") if account else "",
                has_phone=account is not None and account.phone_sealed is not None,
                account_state=state,
                may_reset=may and state in ("open", "waiting"),
            )
        )
    return found


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
