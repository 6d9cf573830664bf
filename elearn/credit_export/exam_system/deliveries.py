"""What happened to records on their way to receivers, written down event by event, and how each stands now.

All ways out write here: pushes (`pushing.py`), receipts (`receipts.py`), packages and paper. The rule is the table of
`delivery.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from elearn.credit_export.exam_system.delivery import Event, State, after
from elearn.credit_export.exam_system.models import DeliveryEvent


class Way(StrEnum):
    PUSH = "push"
    PULL = "pull"
    PACKAGE = "package"
    PAPER = "paper"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of one record version."""

    record_id: UUID
    event: Event
    code: str | None = None
    detail: str | None = None


def lock(session: Session, receiver_id: UUID) -> None:
    """Taken before anything is decided about deliveries to a receiver; held until commit."""
    session.execute(
        sa.text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"elearn delivery {receiver_id}"}
    )


def note(
    session: Session, receiver_id: UUID, happened: Sequence[Happened], *, way: Way, at: datetime
) -> dict[UUID, State | None]:
    """Write the events down, in order; answers the state of each record afterwards.

    An event that cannot happen to a delivery as it stands is left out: its record's state is what it was. Does not
    commit.
    """
    lock(session, receiver_id)
    last = _last(session, receiver_id, {one.record_id for one in happened})
    states: dict[UUID, State | None] = {one.record_id: None for one in happened}
    steps = {record_id: event.step for record_id, event in last.items()}
    states.update({record_id: State(event.state) for record_id, event in last.items()})
    for one in happened:
        then = after(states[one.record_id], one.event)
        if then is None:
            continue
        states[one.record_id] = then
        steps[one.record_id] = steps.get(one.record_id, 0) + 1
        session.add(
            DeliveryEvent(
                receiver_id=receiver_id,
                record_id=one.record_id,
                step=steps[one.record_id],
                event=one.event.value,
                state=then.value,
                way=way.value,
                code=one.code,
                detail=one.detail,
                at=at,
            )
        )
    session.flush()
    return states


def states(session: Session, receiver_id: UUID, record_ids: Iterable[UUID]) -> Mapping[UUID, State]:
    """How these versions stand with a receiver; those of which nothing was ever told are left out."""
    return {id_: State(event.state) for id_, event in _last(session, receiver_id, set(record_ids)).items()}


def history(session: Session, receiver_id: UUID, record_id: UUID) -> Sequence[DeliveryEvent]:
    """All that happened to one version on its way to one receiver, oldest first."""
    return session.scalars(
        sa.select(DeliveryEvent)
        .where(DeliveryEvent.receiver_id == receiver_id, DeliveryEvent.record_id == record_id)
        .order_by(DeliveryEvent.step)
    ).all()


def counts(session: Session, receiver_id: UUID) -> Mapping[State, int]:
    """How many versions stand in each state with a receiver."""
    newest = (
        sa.select(DeliveryEvent.state)
        .where(DeliveryEvent.receiver_id == receiver_id)
        .ext(distinct_on(DeliveryEvent.record_id))
        .order_by(DeliveryEvent.record_id, DeliveryEvent.step.desc())
        .subquery()
    )
    rows = session.execute(sa.select(newest.c.state, sa.func.count()).group_by(newest.c.state))
    return {State(state): int(count) for state, count in rows}


def _last(session: Session, receiver_id: UUID, record_ids: set[UUID]) -> dict[UUID, DeliveryEvent]:
    rows = session.scalars(
        sa.select(DeliveryEvent)
        .where(DeliveryEvent.receiver_id == receiver_id, DeliveryEvent.record_id.in_(record_ids))
        .ext(distinct_on(DeliveryEvent.record_id))
        .order_by(DeliveryEvent.record_id, DeliveryEvent.step.desc())
    )
    return {event.record_id: event for event in rows}
