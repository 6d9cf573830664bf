"""A role by a link: whoever opens it first and signs in, or opens an account, holds the role. Once, and for a while.

The token is 256 random bits and only its SHA-256 is kept, so it is shown in the answer that made it and never again.
Who made the link must still be allowed to give that role when it is used: links do not outlive their maker's role.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.errors import Conflict, Malformed, NotFound
from elearn.people import accounts, persons
from elearn.people.callers import Caller, caller_of
from elearn.people.identity import Keys
from elearn.people.models import Account, Organisation, OrganisationTree, Person, Role
from elearn.people.offices import rules
from elearn.people.offices.granting import place_of, refusal
from elearn.people.offices.models import Invitation
from elearn.people.roles import grant_role
from elearn.people.signin import live_as_staff

DAYS = (1, 7, 30)
"""For how long a link may hold."""
USUAL_DAYS = 7
MOST_WORDS = 100
MOST_LISTED = 50
WORDS_KEPT = timedelta(days=30)
"""So long after its end it still says whom a link was for that nobody used."""
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class State(StrEnum):
    """What became of a link."""

    OPEN = "open"
    USED = "used"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


GONE = {
    State.USED: "This invitation was used already. Whoever sent it can send another.",
    State.EXPIRED: "This invitation has run out. Whoever sent it can send another.",
    State.WITHDRAWN: "This invitation was withdrawn. Please ask whoever sent it.",
}
FORGED = "This is no invitation of ours. Please check that the link is complete."


@dataclass(frozen=True, slots=True)
class Line:
    """An invitation as those who may make it see it."""

    id: UUID
    role: Role
    organisation: str
    for_whom: str
    by: str
    made_at: datetime
    expires_at: datetime
    state: State
    used_by: str


def state_of(invitation: Invitation, at: datetime) -> State:
    """What became of the link by a moment."""
    if invitation.used_at is not None:
        return State.USED
    if invitation.withdrawn_at is not None:
        return State.WITHDRAWN
    return State.EXPIRED if invitation.expires_at <= at else State.OPEN


def invite(
    session: Session,
    caller: Caller | None,
    organisation_id: UUID,
    role: Role,
    *,
    for_whom: str,
    days: int,
    at: datetime,
) -> tuple[Invitation, str]:
    """A new link, and its token. `caller` None: the command line.

    Raises NotFound; Forbidden, Malformed, Conflict (`refusal`); Malformed `words`, `days`.
    """
    place = place_of(session, organisation_id)
    no = rules.No.DOES_NOT_FIT if role not in rules.FITS[place.kind] else None
    no = no if caller is None else rules.why_not_give(caller.grants, role, place)
    if no is not None:
        raise refusal(no)
    words = " ".join(for_whom.split())
    if not 1 <= len(words) <= MOST_WORDS:
        raise Malformed("Say in 1 to 100 characters whom the invitation is for.", code="words")
    if days not in DAYS:
        raise Malformed("An invitation holds for 1, 7 or 30 days.", code="days")
    _forget_words(session, organisation_id, at)
    token = secrets.token_urlsafe(32)
    made = Invitation(
        organisation_id=organisation_id,
        role=role,
        token_hash=_hash(token),
        for_whom=words,
        made_by=caller.id if caller else None,
        made_at=at,
        expires_at=at + timedelta(days=days),
    )
    session.add(made)
    session.flush()
    return made, token


def withdraw(session: Session, caller: Caller, invitation_id: UUID, organisation_id: UUID, *, at: datetime) -> None:
    """The link at or below the organisation opens nothing any more. Again changes nothing.

    Raises NotFound; Forbidden: the caller could not have made it; Conflict `used`.
    """
    found = session.scalar(
        sa.select(Invitation)
        .join(OrganisationTree, OrganisationTree.below_id == Invitation.organisation_id)
        .where(OrganisationTree.above_id == organisation_id, Invitation.id == invitation_id)
        .with_for_update(of=Invitation)
    )
    if found is None:
        raise NotFound("There is no such invitation.")
    no = rules.why_not_give(caller.grants, found.role, place_of(session, found.organisation_id))
    if no is rules.No.NOT_YOURS:
        raise refusal(no)
    if found.used_at is not None:
        raise Conflict("This invitation was used already. Withdraw the role instead.", code="used")
    if found.withdrawn_at is None:
        found.withdrawn_at, found.withdrawn_by, found.for_whom = at, caller.id, ""
        session.flush()


def listed(session: Session, organisation_id: UUID, *, at: datetime) -> list[Line]:
    """Links into the node and what lies below, newest first; at most 50."""
    maker, maker_person = sa.orm.aliased(Account), sa.orm.aliased(Person)
    user, user_person = sa.orm.aliased(Account), sa.orm.aliased(Person)
    rows = session.execute(
        sa.select(Invitation, Organisation.name, maker_person.name, user_person.name)
        .join(OrganisationTree, OrganisationTree.below_id == Invitation.organisation_id)
        .join(Organisation, Organisation.id == Invitation.organisation_id)
        .outerjoin(maker, maker.id == Invitation.made_by)
        .outerjoin(maker_person, maker_person.id == maker.person_id)
        .outerjoin(user, user.id == Invitation.used_by)
        .outerjoin(user_person, user_person.id == user.person_id)
        .where(OrganisationTree.above_id == organisation_id)
        .order_by(Invitation.made_at.desc(), Invitation.id)
        .limit(MOST_LISTED)
    )
    return [
        Line(
            one.id, one.role, place, one.for_whom, by or "", one.made_at, one.expires_at, state_of(one, at), used or ""
        )
        for one, place, by, used in rows
    ]


def look(session: Session, token: str, *, at: datetime, lock: bool = False) -> Invitation:
    """The open invitation of this token. Raises NotFound: no such; Conflict `used`, `expired`, `withdrawn`."""
    query = sa.select(Invitation).where(Invitation.token_hash == _hash(token))
    found = session.scalar(query.with_for_update() if lock else query) if TOKEN.fullmatch(token) else None
    if found is None:
        raise NotFound(FORGED)
    state = state_of(found, at)
    if state is State.OPEN and not _stands(session, found):
        state = State.WITHDRAWN
    if state is not State.OPEN:
        raise Conflict(GONE[state], code=state.value)
    return found


def accept(session: Session, account_id: UUID, token: str, *, at: datetime) -> Invitation:
    """The account holds the role from now on, and the link opens nothing more: of two at once the first.

    Raises as `look`; Conflict `already_granted`: then the link stays open for somebody else.
    """
    found = look(session, token, at=at, lock=True)
    grant_role(session, account_id, found.role, organisation_id=found.organisation_id, at=at, by=found.made_by)
    found.used_at, found.used_by, found.for_whom = at, account_id, ""
    session.flush()
    live_as_staff(session, account_id, at=at)
    return found


def accept_new(
    session: Session,
    token: str,
    *,
    person_name: str,
    name: str | None,
    phone: str | None,
    password: str,
    keys: Keys,
    at: datetime,
) -> Account:
    """Somebody without an account opens one, with a password of their own and no document, and holds the role.

    Raises as `accept`; Malformed; Conflict `account_taken`.
    """
    look(session, token, at=at, lock=True)
    person = persons.add_staff(session, name=person_name, keys=keys, at=at)
    account = accounts.open_account(session, person.id, name=name, phone=phone, password=password, keys=keys, at=at)
    accept(session, account.id, token, at=at)
    return account


def _stands(session: Session, found: Invitation) -> bool:
    """Whether who made it may still give that role there. By command line: the place need only be open."""
    place = place_of(session, found.organisation_id)
    if found.made_by is None:
        return not place.closed
    maker = caller_of(session, found.made_by)
    return maker is not None and rules.why_not_give(maker.grants, found.role, place) is None


def _forget_words(session: Session, organisation_id: UUID, at: datetime) -> None:
    session.execute(
        sa.update(Invitation)
        .where(
            Invitation.organisation_id == organisation_id,
            Invitation.expires_at < at - WORDS_KEPT,
            Invitation.for_whom != "",
        )
        .values(for_whom="")
    )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
