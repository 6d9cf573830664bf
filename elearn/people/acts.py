"""Who did what to a membership, when and why: a record beside the facts themselves (membership, placement, absence).

Reasons are words of a short list and never free text: why somebody is away may be a matter of health, which no employer
needs here (PIPL, articles 6 and 28).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from elearn.db import Base, Ledger, new_id


class Act(StrEnum):
    """What was done."""

    MOVED = "moved"
    """Another unit, post or category (转岗)."""
    AWAY = "away"
    """离岗"""
    BACK = "back"
    ENDED = "ended"
    """By the employer."""
    LEFT = "left"
    """By the worker."""
    FIRM = "firm"
    """Which firm sent them was put right."""


class Reason(StrEnum):
    """Why; which of them go with which act stands in REASONS."""

    WORK = "work"
    REQUEST = "request"
    TRIAL = "trial"
    LEAVE = "leave"
    POSTED = "posted"
    STOPPAGE = "stoppage"
    CONTRACT_OVER = "contract_over"
    RESIGNED = "resigned"
    DISMISSED = "dismissed"
    RETIRED = "retired"
    OTHER = "other"


REASONS: dict[Act, tuple[Reason, ...]] = {
    Act.MOVED: (Reason.WORK, Reason.REQUEST, Reason.TRIAL, Reason.OTHER),
    Act.AWAY: (Reason.LEAVE, Reason.POSTED, Reason.STOPPAGE, Reason.OTHER),
    Act.BACK: (Reason.OTHER,),
    Act.ENDED: (Reason.CONTRACT_OVER, Reason.RESIGNED, Reason.DISMISSED, Reason.RETIRED, Reason.OTHER),
    Act.LEFT: (Reason.OTHER,),
    Act.FIRM: (Reason.OTHER,),
}


class EmploymentAct(Ledger, Base):
    """One act on one membership. Added and read only."""

    __tablename__ = "employment_act"
    __table_args__ = (
        sa.CheckConstraint("act IN ('moved', 'away', 'back', 'ended', 'left', 'firm')", name="act"),
        sa.Index(None, "membership_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    membership_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.membership.id"))
    act: Mapped[str]
    """An `Act`."""
    on: Mapped[date]
    """The first day on which it holds; of an end the last day that was worked."""
    reason: Mapped[str]
    """A `Reason`."""
    by_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"))
    at: Mapped[datetime]


def record(
    session: Session, membership_id: UUID, act: Act, on: date, *, reason: Reason = Reason.OTHER, by: UUID, at: datetime
) -> None:
    """ValueError: no such reason of such an act, which is a programming error."""
    if reason not in REASONS[act]:
        raise ValueError(f"nobody is {act.value} because of {reason.value}")
    session.add(EmploymentAct(membership_id=membership_id, act=act.value, on=on, reason=reason.value, by_id=by, at=at))
    session.flush()


def of(session: Session, membership_ids: Sequence[UUID]) -> Sequence[EmploymentAct]:
    """What was done to these, the newest first."""
    return session.scalars(
        sa.select(EmploymentAct)
        .where(EmploymentAct.membership_id.in_(membership_ids))
        .order_by(EmploymentAct.at.desc(), EmploymentAct.id.desc())
    ).all()
