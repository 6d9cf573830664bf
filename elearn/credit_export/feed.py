"""The change feed: every step in the life of every version, in the order in which they became true.

A place is given out under a lock that is held until commit, so places become visible in order and a reader who asks
for what comes after the last place it saw skips nothing (ids alone are not handed out in commit order). What was told
once is told the same again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Bundle, Session

from elearn.courses.models import Outline
from elearn.credit_export.lifecycle import Act, Life, State
from elearn.credit_export.models import EligibilityRecord, EligibilityStep


@dataclass(frozen=True, slots=True)
class Change:
    """A version as it stood after one step: one line of the feed."""

    position: int
    """Where to go on reading: the cursor."""
    record: EligibilityRecord
    act: Act
    before: State | None
    """None: this version is new. Its `record.supersedes_id` names the one that it takes the place of."""
    life: Life
    """State, who granted it (None: the platform, or nobody yet) and when, and until when it holds."""
    reason: str
    """`lifecycle.Why`."""
    at: datetime


# Columns and not entities: a page of hundreds is read only, and this takes half as long.
_STEP: Bundle[Any] = Bundle("step", *(getattr(EligibilityStep, column.key) for column in EligibilityStep.__table__.c))
_RECORD: Bundle[Any] = Bundle("record", *(getattr(EligibilityRecord, one.key) for one in EligibilityRecord.__table__.c))


def lock(session: Session) -> None:
    """Taken before anything is decided about a record; held until commit."""
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('elearn eligibility feed'))"))


def last_position(session: Session) -> int:
    """The newest place that was given out; 0 when none was."""
    return session.scalar(sa.select(sa.func.max(EligibilityStep.position))) or 0


def feed(session: Session, outlines: Collection[str], after: int, limit: int) -> list[Change]:
    """At most `limit` changes after the place `after`, of outlines of these codes, in order. One query.

    A new version that takes the place of another comes as two changes in one commit: the old one is superseded,
    then the new one begins, in the state of the old one when what people did for that still holds
    (`lifecycle.carries`). So an admission that goes on with more hours reads: superseded, granted.
    """
    rows = session.execute(
        sa.select(_STEP, _RECORD)
        .select_from(EligibilityStep)
        .join(EligibilityRecord, EligibilityRecord.id == EligibilityStep.record_id)
        .join(Outline, Outline.id == EligibilityRecord.outline_id)
        .where(EligibilityStep.position > after, Outline.code.in_(outlines))
        .order_by(EligibilityStep.position)
        .limit(limit)
    )
    return [
        Change(
            position=step.position,
            record=record,
            act=Act(step.act),
            before=None if step.from_state is None else State(step.from_state),
            life=life_of(step),
            reason=step.reason,
            at=step.at,
        )
        for step, record in rows
    ]


def last_steps(session: Session, record_ids: Iterable[UUID]) -> dict[UUID, EligibilityStep]:
    """The last step of each of these versions. One query."""
    rows = session.scalars(
        sa.select(EligibilityStep)
        .where(EligibilityStep.record_id.in_(list(record_ids)))
        .ext(distinct_on(EligibilityStep.record_id))
        .order_by(EligibilityStep.record_id, EligibilityStep.number.desc())
    )
    return {step.record_id: step for step in rows}


def lives(session: Session, record_ids: Iterable[UUID]) -> dict[UUID, Life]:
    """Where each of these versions stands now. One query."""
    return {record_id: life_of(step) for record_id, step in last_steps(session, record_ids).items()}


def life_of(step: EligibilityStep) -> Life:
    return Life(
        state=State(step.to_state),
        submitted_by=step.submitted_by,
        checked_by=step.checked_by,
        verified_by=step.verified_by,
        granted_by=step.granted_by,
        granted_at=step.granted_at,
        expires_on=step.expires_on,
        returned=step.returned,
    )
