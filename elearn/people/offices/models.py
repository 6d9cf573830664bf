"""Invitations of staff, and what was done to organisations."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Ledger, new_id
from elearn.people.models import Role


class Change(StrEnum):
    """What was done to an organisation."""

    OPENED = "opened"
    RENAMED = "renamed"
    CREDIT_CODE = "credit_code"
    REGION = "region"
    MOVED = "moved"
    CLOSED = "closed"


class OrganisationAct(Ledger, Base):
    """Somebody changed an organisation. Added and read only."""

    __tablename__ = "organisation_act"
    __table_args__ = (
        sa.CheckConstraint(
            "change IN ('opened', 'renamed', 'credit_code', 'region', 'moved', 'closed')", name="change"
        ),
        sa.Index(None, "organisation_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.organisation.id"))
    change: Mapped[str]
    """A `Change`."""
    before: Mapped[str]
    after: Mapped[str]
    """As it read then and since: a name, a code, the name of the unit above. Empty: nothing."""
    by_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.account.id"))
    """None: from the command line."""
    at: Mapped[datetime]


class Invitation(Base):
    """A link by which somebody comes to hold a role in an organisation: once, and for a while.

    Whom it is for is said in words only until it is used or withdrawn; afterwards the grant says who came.
    """

    __tablename__ = "invitation"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.organisation.id"), index=True)
    role: Mapped[Role] = mapped_column(
        sa.Enum(
            Role,
            native_enum=False,
            create_constraint=False,
            validate_strings=True,
            length=40,
            values_callable=lambda members: [member.value for member in members],
        )
    )
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    """SHA-256 of the token: who reads this table can open nothing."""
    for_whom: Mapped[str]
    made_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.account.id"))
    """None: from the command line."""
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.account.id"))
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.account.id"))
