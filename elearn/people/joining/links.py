"""Links: made by a clerk, found by their token, withdrawn.

The token is made from the link's id under the house's key, so that a poster can be printed again; the table holds only
its hash. 128 bits are nothing that anybody finds by trying.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.db import new_id
from elearn.errors import Malformed, NotFound
from elearn.people import tree
from elearn.people.joining.models import Joining, JoiningLink, State
from elearn.people.joining.rules import Stands, Terms, stands
from elearn.people.models import EmploymentKind, Organisation, OrganisationTree
from elearn.people.placements import checked_firm, checked_post

MOST_USES = 20_000
MOST_DAYS = 366
TOKEN_BYTES = 16
KINDS = tuple(one for one in EmploymentKind if one is not EmploymentKind.TRAINEE)
"""Trainees belong to institutions, which enrol them."""
TAKES_A_PLACE = (State.WAITING.value, State.JOINED.value)


@dataclass(frozen=True, slots=True)
class Line:
    """A link as the clerk's list shows it."""

    link: JoiningLink
    unit: str
    used: int
    waiting: int
    now: Stands


def make(
    session: Session,
    unit_id: UUID,
    *,
    kind: EmploymentKind,
    post: str = "",
    category: str | None = None,
    firm: str = "",
    from_on: date,
    until_on: date,
    most_uses: int,
    confirms: bool,
    secret: bytes,
    by: UUID,
    at: datetime,
) -> JoiningLink:
    """A link into this unit of an employer. Who may make it is the caller's question.

    Raises NotFound (no such unit of an enterprise), Malformed (`kind`, `dates`, `uses`, `post`, `firm`).
    """
    employer = tree.employer_of(session, unit_id)
    unit = session.get(Organisation, unit_id)
    if employer is None or unit is None or unit.closed_at is not None or employer.closed_at is not None:
        raise NotFound("There is no such unit.")
    if kind not in KINDS:
        raise Malformed("Nobody joins an enterprise in this way.", code="kind")
    if until_on < from_on or (until_on - from_on).days >= MOST_DAYS:
        raise Malformed("A link opens for at least a day and at most a year.", code="dates")
    if not 1 <= most_uses <= MOST_USES:
        raise Malformed("A link is for 1 to %(most)s people.", code="uses", most=MOST_USES)
    link_id = new_id()
    made = JoiningLink(
        id=link_id,
        organisation_id=employer.id,
        unit_id=unit_id,
        kind=kind,
        post=checked_post(post),
        category=category,
        firm=checked_firm(firm),
        from_on=from_on,
        until_on=until_on,
        most_uses=most_uses,
        confirms=confirms,
        token_hash=_hash(token_of(link_id, secret)),
        made_by=by,
        made_at=at,
    )
    session.add(made)
    session.flush()
    return made


def token_of(link_id: UUID, secret: bytes) -> str:
    """What stands in the address: 22 characters of base64url."""
    digest = hmac.digest(secret, b"joining link:" + link_id.bytes, hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:TOKEN_BYTES]).rstrip(b"=").decode()


def poster_token(link: JoiningLink, secret: bytes) -> str | None:
    """The token of a link; None when it was made under a key that the house no longer has."""
    token = token_of(link.id, secret)
    return token if hmac.compare_digest(_hash(token), link.token_hash) else None


def find(session: Session, token: str, *, lock: bool = False) -> JoiningLink | None:
    """The link of this token, however it stands."""
    query = sa.select(JoiningLink).where(JoiningLink.token_hash == _hash(token))
    return session.scalar(query.with_for_update() if lock else query)


def how_it_stands(session: Session, link: JoiningLink, *, on: date) -> Stands:
    """Whether it opens on a day."""
    row = session.execute(sa.select(_USED, _UNIT_OPEN).select_from(JoiningLink).where(JoiningLink.id == link.id)).one()
    return _stands(link, row[1], row[0], on)


def in_subtree(session: Session, node_id: UUID, *, on: date, page: int, size: int) -> tuple[list[Line], int]:
    """A page of the links into a node and what lies below it, the newest first, and how many there are: two queries."""
    inside = JoiningLink.unit_id.in_(sa.select(OrganisationTree.below_id).where(OrganisationTree.above_id == node_id))
    total = session.scalar(sa.select(sa.func.count()).select_from(JoiningLink).where(inside)) or 0
    rows = session.execute(
        sa.select(JoiningLink, Organisation.name, _USED, _WAITING, _UNIT_OPEN)
        .join(Organisation, Organisation.id == JoiningLink.unit_id)
        .where(inside)
        .order_by(JoiningLink.made_at.desc(), JoiningLink.id.desc())
        .limit(size)
        .offset((max(1, page) - 1) * size)
    )
    lines = [
        Line(link, unit, used, waiting, _stands(link, is_open, used, on)) for link, unit, used, waiting, is_open in rows
    ]
    return lines, total


def withdraw(session: Session, link_id: UUID, *, by: UUID, at: datetime) -> None:
    """It opens nothing from now on; who came already is not touched. Doing it twice does no harm. Raises NotFound."""
    link = get(session, link_id, lock=True)
    if link.withdrawn_at is None:
        link.withdrawn_at, link.withdrawn_by = at, by
        session.flush()


def get(session: Session, link_id: UUID, *, lock: bool = False) -> JoiningLink:
    """Raises NotFound."""
    link = session.get(JoiningLink, link_id, with_for_update=lock)
    if link is None:
        raise NotFound("There is no such link.")
    return link


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()


def _stands(link: JoiningLink, unit_open: bool, used: int, on: date) -> Stands:
    terms = Terms(link.from_on, link.until_on, link.most_uses, link.withdrawn_at is not None, unit_open)
    return stands(terms, today=on, used=used)


def _counted(states: Collection[str]) -> sa.ScalarSelect[int]:
    return (
        sa.select(sa.func.count())
        .where(Joining.link_id == JoiningLink.id, Joining.state.in_(list(states)))
        .correlate(JoiningLink)
        .scalar_subquery()
    )


_USED = _counted(TAKES_A_PLACE)
_WAITING = _counted((State.WAITING.value,))
_UNIT_OPEN = (
    sa.select(Organisation.closed_at.is_(None))
    .where(Organisation.id == JoiningLink.unit_id)
    .correlate(JoiningLink)
    .scalar_subquery()
)
