"""Tables of what leaves on paper or as a file that travels."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Ledger


class TrainingProof(Ledger, Base):
    """A version of a record was made into a proof that its holder shows to others. One for each version."""

    __tablename__ = "training_proof"
    __table_args__ = (sa.UniqueConstraint("status_list", "status_index"),)

    code: Mapped[str] = mapped_column(primary_key=True)
    """130 random bits in 26 letters and digits: the address of the public page. Nobody can guess another's."""
    record_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.eligibility_record.id"), unique=True)
    status_list: Mapped[int]
    status_index: Mapped[int]
    """Where the credential's bit stands; drawn at random, so neighbours say nothing about each other."""
    made_at: Mapped[datetime]


class HouseKey(Base):
    """A key that the house made for itself, sealed under the sealing key."""

    __tablename__ = "house_key"

    name: Mapped[str] = mapped_column(primary_key=True)
    sealed: Mapped[bytes]
    made_at: Mapped[datetime]
