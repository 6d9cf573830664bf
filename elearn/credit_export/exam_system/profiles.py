"""Which mapping profile a receiver has: the newest that was loaded for it, else the default. They are only added."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from elearn.credit_export.exam_system.mapping import Profile, default_text, read_profile
from elearn.db import Base, Ledger


class MappingProfile(Ledger, Base):
    """A profile as it was reviewed and loaded. The newest holds; a package names the one it was made by."""

    __tablename__ = "mapping_profile"

    receiver_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.receiver.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """1, 2, 3 ... of this receiver."""
    text: Mapped[str]
    loaded_at: Mapped[datetime]


def profile_of(session: Session, receiver_id: UUID) -> Profile:
    """The profile that holds for a receiver."""
    return read_profile(text_of(session, receiver_id))


def text_of(session: Session, receiver_id: UUID) -> str:
    """The same as it was loaded."""
    newest = _newest(session, receiver_id)
    return newest.text if newest else default_text()


def keep_profile(session: Session, receiver_id: UUID, text: str, *, at: datetime) -> Profile:
    """Make `text` the receiver's profile from now on; the same again adds nothing. Raises Malformed."""
    profile = read_profile(text)
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"elearn profile {receiver_id}"})
    newest = _newest(session, receiver_id)
    if newest is None or newest.text != text:
        version = newest.version + 1 if newest else 1
        session.add(MappingProfile(receiver_id=receiver_id, version=version, text=text, loaded_at=at))
        session.flush()
    return profile


def _newest(session: Session, receiver_id: UUID) -> MappingProfile | None:
    return session.scalars(
        sa.select(MappingProfile)
        .where(MappingProfile.receiver_id == receiver_id)
        .order_by(MappingProfile.version.desc())
        .limit(1)
    ).one_or_none()
