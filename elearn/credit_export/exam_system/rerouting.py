"""A matter (a person and an outline) is given to another receiver: the one is told no more, the other from now on."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Outline
from elearn.credit_export import feed
from elearn.credit_export.exam_system import deliveries, pushing
from elearn.credit_export.exam_system.answers import outlines_of
from elearn.credit_export.exam_system.deliveries import Happened, Way
from elearn.credit_export.exam_system.delivery import Event, State, may_have_arrived
from elearn.credit_export.exam_system.models import PushMessage, PushTarget
from elearn.credit_export.exam_system.push_rules import Kind
from elearn.credit_export.exam_system.receivers import get_receiver
from elearn.credit_export.models import EligibilityRecord
from elearn.errors import Conflict, NotFound

REASON = "REROUTED"


def reroute(session: Session, record_id: UUID, *, away_from: str, to: str, at: datetime) -> None:
    """Give the record's matter from one receiver (client id) to another. Does not commit.

    Who has it is sent a withdrawal notice; what had not gone out yet does not go out. The other one gets the version
    as it stands now; both must examine its outline. Raises NotFound; Conflict: the first was told nothing of it.
    """
    record = session.get(EligibilityRecord, record_id)
    giver, taker = get_receiver(session, away_from), get_receiver(session, to)
    if record is None or giver.id == taker.id:
        raise NotFound("There is no such record, or the receivers are the same.")
    code = session.get_one(Outline, record.outline_id).code
    if not all(code in outlines_of(session, one.id) for one in (giver, taker)):
        raise NotFound("One of the receivers does not examine this outline.")
    stands = deliveries.states(session, giver.id, [record.id]).get(record.id)
    if stands in (None, State.REROUTED):
        raise Conflict("The receiver was told nothing of this record that could be given to another.")
    position = feed.last_steps(session, [record.id])[record.id].position
    tried = _take_back(session, giver.id, record, at=at)
    deliveries.note(
        session, giver.id, [Happened(record.id, Event.REROUTE, REASON, taker.client_id)], way=Way.OPERATOR, at=at
    )
    if session.get(PushTarget, giver.id) is not None and (tried or may_have_arrived(stands)):
        pushing.put(session, giver.id, record, position, Kind.WITHDRAWAL, why=REASON, at=at)
    deliveries.note(
        session, taker.id, [Happened(record.id, Event.QUEUE, REASON, giver.client_id)], way=Way.OPERATOR, at=at
    )
    if session.get(PushTarget, taker.id) is not None:
        pushing.put(session, taker.id, record, position, Kind.CHANGE, why=None, at=at)


def _take_back(session: Session, receiver_id: UUID, record: EligibilityRecord, *, at: datetime) -> bool:
    """What of the matter has not gone out stays here; whether any of it was tried, and may have arrived."""
    found = session.scalars(
        sa.select(PushMessage)
        .where(
            PushMessage.receiver_id == receiver_id,
            PushMessage.person_id == record.person_id,
            PushMessage.outline_id == record.outline_id,
            PushMessage.state != "done",
        )
        .with_for_update()
    ).all()
    for message in found:
        message.state, message.done_at, message.last_error = "done", at, "given to another receiver"
    return any(message.attempts for message in found)
