"""Somebody comes by a link: signs in or registers, waits or belongs to the employer at once; a clerk decides.

Whoever types a document or a phone number that is known already is told to sign in, and nothing more: not whose it is,
nor where. What was typed by somebody whom nobody ever took in is forgotten after a while, so that the number is free
for the person whose it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.errors import Conflict, DomainError, NotFound
from elearn.people import organisations, persons
from elearn.people.accounts import account_key, find_account, open_account
from elearn.people.identity import DocumentKind, Keys
from elearn.people.joining import links
from elearn.people.joining.models import Joining, JoiningLink, State
from elearn.people.joining.rules import Stands
from elearn.people.models import Account, Membership, Organisation, Person
from elearn.people.registry import local_day
from elearn.people.tracing import traces

DECIDED_WITHIN = timedelta(days=30)
"""Who waits for longer is refused by time."""
FORGOTTEN_AFTER = timedelta(days=7)
"""Time for a clerk to find out that the refusal was a mistake, and for the person to come by another link."""
OF_AN_ACCOUNT = frozenset({"account", "joining", "consent", "device", "message", "identity_check"})
"""Where somebody stands who registered, and did and was nothing else."""


class Closed(DomainError):
    """The link opens nothing: `stands` says why."""

    code = "link_closed"

    def __init__(self, stands: Stands) -> None:
        super().__init__("This link does not open any more.")
        self.stands = stands


def come(session: Session, token: str, person_id: UUID, *, registered: bool = False, at: datetime) -> Joining:
    """The person comes by the link: waits for a clerk, or belongs to the employer from today on.

    Who waits already, at whichever link of this employer, still does, and that is all.
    Raises NotFound (no such link), Closed, Conflict `already_member`, `refused_before`.
    """
    link = links.find(session, token, lock=True)
    if link is None:
        raise NotFound("There is no such link.")
    today = local_day(at)
    if link.organisation_id in organisations.organisations_of(session, person_id, on=today):
        raise Conflict("You belong to this employer already.", code="already_member")
    before = _of_employer(session, link.organisation_id, person_id)
    waiting = next((one for one in before if one.state == State.WAITING), None)
    if waiting is not None:
        return waiting
    if any(one.state == State.REFUSED and one.link_id == link.id for one in before):
        raise Conflict("Your employer's clerk did not confirm you. Please ask there.", code="refused_before")
    now = links.how_it_stands(session, link, on=today)
    if now is not Stands.OPEN:
        raise Closed(now)
    came = Joining(link_id=link.id, person_id=person_id, state=State.WAITING.value, registered=registered, came_at=at)
    if not link.confirms:
        _take_in(session, link, came, None, at)
    session.add(came)
    session.flush()
    return came


def register(
    session: Session,
    token: str,
    *,
    name: str,
    document_kind: DocumentKind,
    document_number: str,
    account: str | None,
    phone: str | None,
    password: str,
    keys: Keys,
    at: datetime,
) -> tuple[Account, Joining]:
    """Somebody who never had an account comes by the link.

    Raises what `come` does; Malformed; Conflict `sign_in`: the document or the phone number is known, so its holder
    signs in; `account_taken`: another name.
    """
    known = persons.find_person(session, document_kind, document_number, keys) is not None
    if phone is not None and account_key(phone).startswith("+"):
        known = known or find_account(session, phone, keys=keys) is not None
    if known:
        raise to_sign_in()
    try:
        person = persons.add_person(
            session, name=name, document_kind=document_kind, document_number=document_number, keys=keys, at=at
        )
    except Conflict:  # somebody was faster with the same document
        raise to_sign_in() from None
    opened = open_account(session, person.id, name=account, phone=phone, password=password, keys=keys, at=at)
    return opened, come(session, token, person.id, registered=True, at=at)


def to_sign_in() -> Conflict:
    """The one sentence for every document and number that somebody has already."""
    return Conflict("Please sign in with your account.", code="sign_in")


def decide(session: Session, joining_id: UUID, *, accept: bool, by: UUID, at: datetime) -> Joining:
    """A clerk confirms who came, from the day of coming on, or refuses. Who may is the caller's question.

    Raises NotFound; Conflict `decided`, `already_member` (taken in by another way meanwhile: refuse).
    """
    came = _waiting(session, joining_id)
    if accept:
        _take_in(session, links.get(session, came.link_id), came, by, at)
    else:
        came.state, came.decided_by, came.decided_at = State.REFUSED.value, by, at
    session.flush()
    return came


def take_back(session: Session, joining_id: UUID, person_id: UUID, *, at: datetime) -> None:
    """Who came does not wait any longer. Raises NotFound, Conflict `decided`."""
    came = _waiting(session, joining_id)
    if came.person_id != person_id:
        raise NotFound("There is no such thing.")
    came.state, came.decided_by, came.decided_at = State.TAKEN_BACK.value, person_id, at
    session.flush()


@dataclass(frozen=True, slots=True)
class Came:
    """Somebody who came, as the clerk sees them."""

    joining: Joining
    person: Person


def of_link(session: Session, link_id: UUID, *, page: int, size: int) -> tuple[list[Came], int]:
    """A page of who came by a link: who waits first, then the newest; and how many there are."""
    total = session.scalar(sa.select(sa.func.count()).where(Joining.link_id == link_id)) or 0
    rows = session.execute(
        sa.select(Joining, Person)
        .join(Person, Person.id == Joining.person_id)
        .where(Joining.link_id == link_id)
        .order_by((Joining.state != State.WAITING.value), Joining.came_at.desc(), Joining.id)
        .limit(size)
        .offset((max(1, page) - 1) * size)
    )
    return [Came(*row) for row in rows], total


def waiting_of(session: Session, person_id: UUID) -> Sequence[tuple[Joining, Organisation]]:
    """Where the person still waits for a clerk, with the employer."""
    rows = session.execute(
        sa.select(Joining, Organisation)
        .join(JoiningLink, JoiningLink.id == Joining.link_id)
        .join(Organisation, Organisation.id == JoiningLink.organisation_id)
        .where(Joining.person_id == person_id, Joining.state == State.WAITING.value)
        .order_by(Joining.came_at)
    )
    return [(came, employer) for came, employer in rows]


def lapse(session: Session, *, at: datetime, most: int = 100) -> int:
    """Who waited for too long is refused by time; who registered, was not taken in and did nothing else is forgotten.

    Answers how many were forgotten. Runs again without harm.
    """
    old = (
        sa.select(Joining.id)
        .where(Joining.state == State.WAITING.value, Joining.came_at < at - DECIDED_WITHIN)
        .order_by(Joining.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    session.execute(sa.update(Joining).where(Joining.id.in_(old)).values(state=State.REFUSED.value, decided_at=at))
    still = sa.select(Joining.person_id).where(Joining.state.in_(links.TAKES_A_PLACE))
    found = session.scalars(
        sa.select(Joining.person_id)
        .join(Person, Person.id == Joining.person_id)
        .where(
            Joining.registered,
            Joining.decided_at < at - FORGOTTEN_AFTER,
            Person.erased_at.is_(None),
            Joining.person_id.not_in(still),
        )
        .distinct()
        .limit(most)
    ).all()
    gone = [one for one in found if traces(session, one).keys() <= OF_AN_ACCOUNT]
    for person_id in gone:
        persons.erase_person(session, person_id, at=at)
    return len(gone)


def _take_in(session: Session, link: JoiningLink, came: Joining, by: UUID | None, at: datetime) -> None:
    """`by` None: the link itself confirms.

    The membership is as old as the coming: who was registered by this employer's link was brought by this employer,
    whose clerk may therefore issue a one-time password (`organisations_that_brought`).
    """
    made: Membership = organisations.join(
        session,
        came.person_id,
        link.organisation_id,
        link.kind,
        local_day(came.came_at),
        unit_id=link.unit_id,
        post=link.post,
        category=link.category,
        firm=link.firm,
        at=came.came_at,
    )
    came.state, came.membership_id = State.JOINED.value, made.id
    came.decided_by, came.decided_at = by, at


def _waiting(session: Session, joining_id: UUID) -> Joining:
    came = session.get(Joining, joining_id, with_for_update=True)
    if came is None:
        raise NotFound("There is no such thing.")
    if came.state != State.WAITING:
        raise Conflict("This was decided already.", code="decided")
    return came


def _of_employer(session: Session, organisation_id: UUID, person_id: UUID) -> Sequence[Joining]:
    return session.scalars(
        sa.select(Joining)
        .join(JoiningLink, JoiningLink.id == Joining.link_id)
        .where(JoiningLink.organisation_id == organisation_id, Joining.person_id == person_id)
    ).all()
