"""Codes that were asked for, and numbers that several people share."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, new_id

ACCOUNT = "elearn.account.id"


class SignInCode(Base):
    """Somebody asked for a code. No code stands here: it is made of the id (`rules.code_of`).

    One that was used stays: it is the record of who got a new password this way, and when.
    """

    __tablename__ = "sign_in_code"
    __table_args__ = (
        sa.CheckConstraint(
            "(proved_at IS NULL) = (account_id IS NULL) AND (proved_at IS NULL) = (session_epoch IS NULL)"
            " AND (proved_at IS NULL) = (was_first IS NULL)",
            name="proved_whole",
        ),
        sa.CheckConstraint("used_at IS NULL OR proved_at IS NOT NULL", name="used_was_proved"),
        sa.Index(None, "phone_index", "asked_at"),
        sa.Index("ix_sign_in_code_asked_at", "asked_at", postgresql_where=sa.text("used_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    phone_index: Mapped[bytes]
    """Of the number that was said, known or not."""
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    wrong_ends: Mapped[int] = mapped_column(default=0)
    """Tries with the right code and a wrong end of the document: by who holds the phone."""
    account_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey(ACCOUNT), index=True)
    """Whose it turned out to be."""
    session_epoch: Mapped[int | None]
    """The account's, when it was proved: a password that was chosen since closes this way."""
    was_first: Mapped[bool | None]
    """The account had no password then."""
    proved_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class SharedPhone(Base):
    """The number that an employer gave for somebody, where another account signs in with it: a family's, a crew's."""

    __tablename__ = "shared_phone"
    __table_args__ = (sa.Index(None, "phone_index"),)

    account_id: Mapped[UUID] = mapped_column(sa.ForeignKey(ACCOUNT), primary_key=True)
    phone_index: Mapped[bytes]
    phone_sealed: Mapped[bytes]
    """As in `Account`."""
    noted_at: Mapped[datetime]
