"""A link with which an inspector reads a node's figures, lists and archives until a day; nothing else opens with it.

A principal or safety manager makes it, for a node of theirs and one year or all. Names are masked unless they chose
otherwise. The token is 256 random bits, shown once; its SHA-256 is kept. Every look is written down: when, at what,
from which network (not which address). Withdrawn, it is closed at once; closed, expired and never made look the same.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from elearn.db import Base, Ledger, new_id, one_of
from elearn.errors import Malformed, NotFound
from elearn.people import tree
from elearn.people.models import Organisation, Person

DAYS = (1, 3, 7, 14, 30)
"""How long a link may hold."""
MOST_WORDS = 100
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
LOOKS = 50
"""The newest, on the page of who looked."""


class Looked(StrEnum):
    """At what."""

    BOARD = "board"
    PEOPLE = "people"
    FILE = "file"
    ARCHIVE = "archive"


class InspectorLink(Base):
    """Somebody may read a node's training until a moment, without an account."""

    __tablename__ = "inspector_link"
    __table_args__ = (
        sa.CheckConstraint("expires_at > made_at", name="expires"),
        sa.CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="withdrawn"),
        sa.CheckConstraint("year = 0 OR year BETWEEN 2000 AND 2999", name="year"),
        sa.Index(None, "unit_id", "made_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.organisation.id"))
    year: Mapped[int]
    """0: all of it."""
    full_names: Mapped[bool]
    whom: Mapped[str]
    """For which inspection, in words."""
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    made_by: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.person.id"))

    def open_at(self, at: datetime) -> bool:
        return self.withdrawn_at is None and at < self.expires_at


class InspectorLook(Ledger, Base):
    """Somebody looked with a link."""

    __tablename__ = "inspector_look"
    __table_args__ = (one_of("what", Looked, "what"), sa.Index(None, "link_id", "at"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    link_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.inspector_link.id"))
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.organisation.id"))
    what: Mapped[str]
    network: Mapped[str]
    """`203.0.113.0/24`, `2001:db8:1::/48`; empty: not known."""
    at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Listed:
    link: InspectorLink
    by: str
    looks: int
    last_at: datetime | None


def make(
    session: Session, unit_id: UUID, *, year: int, days: int, full_names: bool, whom: str, by: UUID, at: datetime
) -> tuple[InspectorLink, str]:
    """A new link and its token, which nobody can read again. Raises Malformed `whom`, `days`, `year`."""
    said = " ".join(whom.split())
    if not said or len(said) > MOST_WORDS:
        raise Malformed("Say for which inspection, in at most 100 characters.", code="whom")
    if days not in DAYS:
        raise Malformed("A link holds for 1, 3, 7, 14 or 30 days.", code="days")
    if year != 0 and not 2000 <= year <= 2999:
        raise Malformed("This is no year.", code="year")
    token = secrets.token_urlsafe(32)
    made = InspectorLink(
        unit_id=unit_id, year=year, full_names=full_names, whom=said, token_hash=_hash(token), made_by=by, made_at=at,
        expires_at=at + timedelta(days=days),
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made, token


def withdraw(session: Session, link_id: UUID, *, by: UUID, at: datetime) -> None:
    """Close it now; closed already, nothing changes. Whether the caller may is for the caller. Raises NotFound."""
    link = session.get(InspectorLink, link_id, with_for_update=True)
    if link is None:
        raise NotFound("There is no such link.")
    if link.withdrawn_at is None:
        link.withdrawn_at, link.withdrawn_by = at, by
        session.flush()


def opened(
    session: Session, token: str, unit_id: UUID | None, what: Looked, *, address: str | None, at: datetime
) -> tuple[InspectorLink, Organisation]:
    """The link and the node that is looked at (None: its own); the look is written down. Commit it.

    Raises NotFound: no such link, not open any more, or the node is none of it; nothing tells which.
    """
    link = (
        session.scalar(sa.select(InspectorLink).where(InspectorLink.token_hash == _hash(token)))
        if TOKEN.fullmatch(token)
        else None
    )
    wanted = unit_id or (link.unit_id if link else None)
    if link is None or wanted is None or not link.open_at(at) or not tree.lies_in(session, wanted, {link.unit_id}):
        raise NotFound("This link is not open.")
    session.add(InspectorLook(link_id=link.id, unit_id=wanted, what=what.value, network=network_of(address), at=at))
    session.flush()
    return link, session.get_one(Organisation, wanted)


def links_of(session: Session, unit_id: UUID) -> list[Listed]:
    """The links of a node, the newest first, with how often each was used."""
    looks = (
        sa.select(InspectorLook.link_id, sa.func.count().label("many"), sa.func.max(InspectorLook.at).label("last"))
        .join(InspectorLink, InspectorLink.id == InspectorLook.link_id)
        .where(InspectorLink.unit_id == unit_id)
        .group_by(InspectorLook.link_id)
        .subquery()
    )
    rows = session.execute(
        sa.select(InspectorLink, Person.name, sa.func.coalesce(looks.c.many, 0), looks.c.last)
        .join(Person, Person.id == InspectorLink.made_by)
        .outerjoin(looks, looks.c.link_id == InspectorLink.id)
        .where(InspectorLink.unit_id == unit_id)
        .order_by(InspectorLink.made_at.desc(), InspectorLink.id)
        .limit(LOOKS)
    )
    return [Listed(*row) for row in rows]


def newest_looks(session: Session, unit_id: UUID) -> list[tuple[InspectorLook, str, str]]:
    """Who looked last with links of a node: the look, for which inspection, at which node."""
    rows = session.execute(
        sa.select(InspectorLook, InspectorLink.whom, Organisation.name)
        .join(InspectorLink, InspectorLink.id == InspectorLook.link_id)
        .join(Organisation, Organisation.id == InspectorLook.unit_id)
        .where(InspectorLink.unit_id == unit_id)
        .order_by(InspectorLook.at.desc(), InspectorLook.id.desc())
        .limit(LOOKS)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def network_of(address: str | None) -> str:
    """The network that an address is in, as coarse as says where somebody sat and not who they are."""
    try:
        found = ipaddress.ip_address((address or "").split("%")[0])
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
