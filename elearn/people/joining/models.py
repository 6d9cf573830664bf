"""Links by which people join an employer, and who came by them."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, new_id
from elearn.people.models import EmploymentKind

PERSON = "elearn.person.id"


class State(StrEnum):
    """How far somebody who came is."""

    WAITING = "waiting"
    """For the clerk."""
    JOINED = "joined"
    REFUSED = "refused"
    """By a clerk, or by nobody within the time that there is."""
    TAKEN_BACK = "taken_back"
    """By who came."""


class JoiningLink(Base):
    """A link that takes people on: into one unit, as one kind of employment, at one post."""

    __tablename__ = "joining_link"
    __table_args__ = (
        sa.CheckConstraint("until_on >= from_on", name="ends_after_start"),
        sa.CheckConstraint("most_uses > 0", name="some_uses"),
        sa.CheckConstraint("length(firm) <= 100", name="firm"),
        sa.CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="withdrawn_whole"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.organisation.id"), index=True)
    """Who employs: a legal entity."""
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.organisation.id"), index=True)
    """Where in its tree whoever comes is placed."""
    kind: Mapped[EmploymentKind] = mapped_column(
        sa.Enum(
            EmploymentKind,
            native_enum=False,
            create_constraint=False,
            validate_strings=True,
            length=40,
            values_callable=lambda members: [member.value for member in members],
        )
    )
    post: Mapped[str]
    category: Mapped[str | None]
    """As in `Placement`."""
    firm: Mapped[str] = mapped_column(default="", server_default="")
    """As in `Membership`."""
    from_on: Mapped[date]
    until_on: Mapped[date]
    """Both are days on which it opens."""
    most_uses: Mapped[int]
    confirms: Mapped[bool]
    """A clerk confirms each who comes; False: the link does."""
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    """SHA-256 of the token: who reads this table can open nothing."""
    made_by: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    made_at: Mapped[datetime]
    withdrawn_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey(PERSON))
    withdrawn_at: Mapped[datetime | None]


class Joining(Base):
    """Somebody came by a link."""

    __tablename__ = "joining"
    __table_args__ = (
        sa.CheckConstraint("state IN ('waiting', 'joined', 'refused', 'taken_back')", name="state"),
        sa.CheckConstraint("(state = 'joined') = (membership_id IS NOT NULL)", name="joined_is_a_member"),
        sa.CheckConstraint("(state = 'waiting') = (decided_at IS NULL)", name="waiting_is_undecided"),
        sa.Index(
            "uq_joining_waiting", "link_id", "person_id", unique=True, postgresql_where=sa.text("state = 'waiting'")
        ),
        sa.Index("ix_joining_open", "came_at", postgresql_where=sa.text("state = 'waiting'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    link_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.joining_link.id"), index=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON), index=True)
    state: Mapped[str]
    """A `State`."""
    registered: Mapped[bool]
    """The account was opened by this coming: what they said of themselves nobody had said before."""
    came_at: Mapped[datetime]
    membership_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.membership.id"))
    decided_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey(PERSON))
    """None: the link itself, or time."""
    decided_at: Mapped[datetime | None]
