"""What the signals rest on, and what came of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base

SITTING = "elearn.sitting.id"


class SittingClient(Base):
    """What a sitting was opened with. Personal data of short use: a job removes it (`clients.KEPT_MS`)."""

    __tablename__ = "sitting_client"
    __table_args__ = (
        sa.Index(None, "learner_id", "opened_ms"),
        sa.Index(None, "device", "opened_ms"),
        sa.Index(None, "address", "opened_ms"),
        sa.Index(None, "opened_ms"),
    )

    sitting_id: Mapped[UUID] = mapped_column(ForeignKey(SITTING), primary_key=True)
    learner_id: Mapped[UUID]
    device: Mapped[str | None]
    """Thumbprint of the signing key; None of a player that cannot sign."""
    opened_ms: Mapped[int]
    address: Mapped[bytes | None]
    """Keyed hash of the IPv4 address or of the IPv6 /64: tells that two are the same, and not which."""
    network: Mapped[str | None]
    """Its IPv4 /24 or IPv6 /48: whose network, not whose line."""
    user_agent: Mapped[str | None]
    client: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """What the player says of itself: touch, webdriver, screen, zone; each may be missing."""
