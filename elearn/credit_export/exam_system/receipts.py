"""What a receiver answers about the records it was told of: accepted, rejected with a code, withdrawal known.

A receipt carries the receiver's own number for it. The same number with the same words is the same receipt and gets
the same answer, word for word, however often and however late it comes; with other words it is a conflict. A receipt
for a record that was revoked meanwhile is kept, and the answer says that it no longer holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Outline
from elearn.credit_export import feed
from elearn.credit_export.exam_system import deliveries
from elearn.credit_export.exam_system.deliveries import Happened, Way
from elearn.credit_export.exam_system.delivery import Event, State, after
from elearn.credit_export.exam_system.models import Receipt
from elearn.credit_export.exam_system.push_rules import ENDED
from elearn.credit_export.models import EligibilityRecord, ReceiverOutline


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    """It knows that the record no longer holds."""


EVENTS = {Outcome.ACCEPTED: Event.ACCEPT, Outcome.REJECTED: Event.REJECT, Outcome.WITHDRAWN: Event.CONFIRM}


class Answered(StrEnum):
    TAKEN = "taken"
    UNKNOWN_RECORD = "unknown_record"
    """No such record, or not one of this receiver's outlines: the two are not told apart."""
    OTHER_VERSION = "other_version"
    """The record has this id and another version."""
    CONFLICT = "conflict"
    """This number was given to another receipt before."""
    NOT_WITHDRAWN = "not_withdrawn"
    """Nothing was withdrawn that could be confirmed."""


STATUS = {
    Answered.TAKEN: 200,
    Answered.UNKNOWN_RECORD: 404,
    Answered.OTHER_VERSION: 409,
    Answered.CONFLICT: 409,
    Answered.NOT_WITHDRAWN: 409,
}
"""What each would be as an answer of its own."""


@dataclass(frozen=True, slots=True)
class Given:
    """One receipt as it came."""

    receipt_id: str
    record_id: UUID
    version: int
    outcome: Outcome
    code: str | None = None
    detail: str | None = None

    @property
    def words(self) -> tuple[object, ...]:
        return self.record_id, self.outcome.value, self.code, self.detail


def take(
    session: Session, receiver_id: UUID, given: Sequence[Given], *, way: Way, at: datetime
) -> list[dict[str, Any]]:
    """The answer to each, in order. What is taken stands in the ledger of receipts and of deliveries; does not commit.

    An answer: `receipt_id, record_id, version, answer` (`Answered`), `status` (as of HTTP), and of what was taken
    `record_status` (of the record then) and `delivery` (its state then).
    """
    deliveries.lock(session, receiver_id)
    had = _had(session, receiver_id, given)
    known = _known(session, receiver_id, {one.record_id for one in given})
    lives = feed.lives(session, known)
    stands: dict[UUID, State | None] = dict(deliveries.states(session, receiver_id, known))
    told: list[dict[str, Any]] = []
    for one in given:
        before = had.get(one.receipt_id)
        if before is not None:
            same = (before.record_id, before.outcome, before.code, before.detail) == one.words
            told.append(before.answer if same else _answer(one, Answered.CONFLICT))
            continue
        record = known.get(one.record_id)
        if record is None:
            told.append(_answer(one, Answered.UNKNOWN_RECORD))
            continue
        if record.version != one.version:
            told.append(_answer(one, Answered.OTHER_VERSION))
            continue
        events = [Happened(record.id, EVENTS[one.outcome], one.code, one.detail)]
        if after(stands.get(record.id), EVENTS[one.outcome]) is None:
            if lives[record.id].state not in ENDED:
                told.append(_answer(one, Answered.NOT_WITHDRAWN))
                continue
            # Who reads the feed hears of an end without a notice of ours.
            before_it = (Event.WITHDRAW,) if stands.get(record.id) else (Event.SEND, Event.WITHDRAW)
            events[:0] = [Happened(record.id, event) for event in before_it]
        state = stands[record.id] = deliveries.note(session, receiver_id, events, way=way, at=at)[record.id]
        answer = _answer(one, Answered.TAKEN) | {
            "record_status": lives[record.id].state.value,
            "delivery": state.value if state else None,
        }
        had[one.receipt_id] = kept = Receipt(
            receiver_id=receiver_id,
            receipt_id=one.receipt_id,
            record_id=record.id,
            outcome=one.outcome.value,
            code=one.code,
            detail=one.detail,
            way=way.value,
            received_at=at,
            answer=answer,
        )
        session.add(kept)
        session.flush()
        told.append(answer)
    return told


def _answer(one: Given, answered: Answered) -> dict[str, Any]:
    return {
        "receipt_id": one.receipt_id,
        "record_id": str(one.record_id),
        "version": one.version,
        "answer": answered.value,
        "status": STATUS[answered],
    }


def _had(session: Session, receiver_id: UUID, given: Iterable[Given]) -> dict[str, Receipt]:
    rows = session.scalars(
        sa.select(Receipt).where(
            Receipt.receiver_id == receiver_id, Receipt.receipt_id.in_({one.receipt_id for one in given})
        )
    )
    return {row.receipt_id: row for row in rows}


def _known(session: Session, receiver_id: UUID, record_ids: set[UUID]) -> dict[UUID, EligibilityRecord]:
    """Those of the records that the receiver may see."""
    rows = session.scalars(
        sa.select(EligibilityRecord)
        .join(Outline, Outline.id == EligibilityRecord.outline_id)
        .join(ReceiverOutline, ReceiverOutline.outline_code == Outline.code)
        .where(ReceiverOutline.receiver_id == receiver_id, EligibilityRecord.id.in_(record_ids))
    )
    return {row.id: row for row in rows}
