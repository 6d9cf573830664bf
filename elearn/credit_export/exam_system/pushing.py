"""Records are pushed to receivers: pulled out of the feed by position, sent, recorded; each step may run twice.

Nothing is kept open while the other side is waited for. A process that dies before it has recorded an answer sends
the same message again under the same webhook-id, by which the receiver knows it. What goes out is written down
before it goes (`persons.reveal_documents`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import random
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session, aliased

from elearn import webhooks
from elearn.credit_export import feed
from elearn.credit_export.exam_system import answers, deliveries, push_rules, push_targets
from elearn.credit_export.exam_system.answers import Desk, Telling
from elearn.credit_export.exam_system.deliveries import Happened, Way
from elearn.credit_export.exam_system.delivery import Event, State, after
from elearn.credit_export.exam_system.models import DeliveryEvent, PushMessage, PushTarget
from elearn.credit_export.exam_system.push_rules import Answer, Broken, Kind, Refused, Taken, Takes
from elearn.credit_export.models import EligibilityRecord, EligibilityStep, Receiver
from elearn.db import new_id

logger = logging.getLogger(__name__)

PAGE = 200
"""Changes looked at in one transaction."""
BATCH = 20
"""Messages between two records of what became of them; to a receiver that was away, one."""
BUDGET_S = 60.0
"""A job begins no further batch after that: the next one goes on."""
LEASE = timedelta(minutes=15)
"""How long a target stays claimed at most; a job ends long before."""
EVENTS = {Kind.CHANGE: Event.QUEUE, Kind.WITHDRAWAL: Event.WITHDRAW}


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it goes out."""

    id: UUID
    record_id: UUID
    matter: tuple[UUID, UUID]
    """Person and outline: within one, order is kept."""
    idempotency_key: str
    attempts: int
    body: bytes = field(repr=False)

    @property
    def webhook_id(self) -> str:
        return webhook_id(self.id)


Post = Callable[[PushTarget, dict[str, str], bytes], Answer]
"""Send headers and body to where a target is. Raises nothing of the network's."""


@dataclass(frozen=True, slots=True)
class Means:
    """What pushing needs besides the database."""

    now: Callable[[], datetime]
    desk: Callable[[Session, Receiver], Desk]
    sealing_key: bytes = field(repr=False)
    post: Post


def webhook_id(message_id: UUID) -> str:
    return f"msg_{message_id.hex}"


def claim_due(session: Session, *, at: datetime) -> list[UUID]:
    """The receivers that there is something for now; each is given to one caller. Does not commit."""
    newer = sa.exists().where(EligibilityStep.position > PushTarget.position)
    waiting = sa.exists().where(
        PushMessage.receiver_id == PushTarget.receiver_id,
        PushMessage.state == "waiting",
        PushMessage.next_try_at <= at,
    )
    due = (
        sa.select(PushTarget.receiver_id)
        .join(Receiver, Receiver.id == PushTarget.receiver_id)
        .where(PushTarget.state == "active", PushTarget.next_try_at <= at, Receiver.revoked_at.is_(None))
        .where(sa.or_(PushTarget.claimed_until.is_(None), PushTarget.claimed_until <= at))
        .where(sa.or_(newer, waiting))
        .with_for_update(of=PushTarget, skip_locked=True)
    )
    claim = sa.update(PushTarget).where(PushTarget.receiver_id.in_(due)).values(claimed_until=at + LEASE)
    taken = claim.returning(PushTarget.receiver_id)
    return list(session.scalars(taken, execution_options={"synchronize_session": False}))


def push(session: Session, receiver_id: UUID, means: Means, *, budget_s: float = BUDGET_S) -> None:
    """Send a receiver what it has not got, as long as there is something, it takes it, and time is left. Commits."""
    ends = time.monotonic() + budget_s
    while gather(session, receiver_id, at=means.now()):
        session.commit()
    session.commit()
    while _one_batch(session, receiver_id, means) and time.monotonic() < ends:
        continue
    session.execute(sa.update(PushTarget).where(PushTarget.receiver_id == receiver_id).values(claimed_until=None))
    session.commit()


def gather(session: Session, receiver_id: UUID, *, at: datetime) -> bool:
    """Bring what is new in the feed into the outbox; whether there may be more. Does not commit."""
    target = session.get(PushTarget, receiver_id, with_for_update=True, populate_existing=True)
    if target is None:
        return False
    deliveries.lock(session, receiver_id)
    newest = feed.last_position(session)
    page = feed.feed(session, answers.outlines_of(session, receiver_id), target.position, PAGE)
    stands: dict[UUID, State | None] = dict(
        deliveries.states(session, receiver_id, {change.record.id for change in page})
    )
    elsewhere = _rerouted(session, receiver_id, {change.record.person_id for change in page})
    happened: list[Happened] = []
    for change in page:
        record = change.record
        kind = push_rules.what_to_tell(
            change.life.state,
            stands.get(record.id),
            Takes(target.takes),
            rerouted=(record.person_id, record.outline_id) in elsewhere,
        )
        if kind is None:
            continue
        put(session, receiver_id, record, change.position, kind, why=change.reason, at=at)
        happened.append(Happened(record.id, EVENTS[kind], change.reason if kind is Kind.WITHDRAWAL else None))
        stands[record.id] = after(stands.get(record.id), EVENTS[kind])
    if happened:
        deliveries.note(session, receiver_id, happened, way=Way.PUSH, at=at)
    last = page[-1].position if page else 0
    # A page that is not full was looked at up to the newest place of before it was read, also of others' outlines.
    target.position = last if len(page) == PAGE else max(newest, last, target.position)
    session.flush()
    return len(page) == PAGE


def put(
    session: Session,
    receiver_id: UUID,
    record: EligibilityRecord,
    position: int,
    kind: Kind,
    *,
    why: str | None,
    at: datetime,
) -> None:
    """One message into the outbox; the same one twice is one. Does not commit."""
    session.execute(
        postgresql.insert(PushMessage)
        .values(
            id=new_id(),
            receiver_id=receiver_id,
            position=position,
            kind=kind.value,
            why=why if kind is Kind.WITHDRAWAL else None,
            record_id=record.id,
            person_id=record.person_id,
            outline_id=record.outline_id,
            state="waiting",
            attempts=0,
            next_try_at=at,
            made_at=at,
        )
        .on_conflict_do_nothing(index_elements=["receiver_id", "position", "kind"])
    )


def _rerouted(session: Session, receiver_id: UUID, people: set[UUID]) -> set[tuple[UUID, UUID]]:
    """Matters (person, outline) whose newest delivery here was given to another receiver."""
    newest = (
        sa.select(EligibilityRecord.person_id, EligibilityRecord.outline_id, DeliveryEvent.state)
        .join(EligibilityRecord, EligibilityRecord.id == DeliveryEvent.record_id)
        .where(DeliveryEvent.receiver_id == receiver_id, EligibilityRecord.person_id.in_(people))
        .ext(postgresql.distinct_on(EligibilityRecord.person_id, EligibilityRecord.outline_id))
        .order_by(
            EligibilityRecord.person_id,
            EligibilityRecord.outline_id,
            EligibilityRecord.version.desc(),
            DeliveryEvent.step.desc(),
        )
    )
    return {(row.person_id, row.outline_id) for row in session.execute(newest) if row.state == State.REROUTED}


def _one_batch(session: Session, receiver_id: UUID, means: Means) -> bool:
    """Whether there may be more to be sent now."""
    at = means.now()
    target = session.get(PushTarget, receiver_id, populate_existing=True)
    receiver = session.get(Receiver, receiver_id, populate_existing=True)
    if target is None or target.state != "active" or target.next_try_at > at:
        return False
    if receiver is None or receiver.revoked_at is not None:
        return False
    due = _due(session, receiver_id, at=at)
    if target.attempts:
        due = push_rules.probe(
            due, matter=lambda one: (one.person_id, one.outline_id), attempts=lambda one: one.attempts
        )
    if not due:
        return False
    letters = _letters(session, due, means.desk(session, receiver), at=at)
    keys = push_targets.keys_of(target, means.sealing_key, at=at)
    sending = [Happened(letter.record_id, Event.SEND) for letter in letters]
    deliveries.note(session, receiver_id, sending, way=Way.PUSH, at=at)
    session.expunge(target)
    session.commit()  # nothing stays open while the other side is waited for

    def send(letter: Letter) -> Answer:
        at_s = int(means.now().timestamp())
        headers = webhooks.headers(keys, letter.webhook_id, at_s, letter.body)
        headers |= {"Content-Type": "application/json", "Idempotency-Key": f'"{letter.idempotency_key}"'}
        return means.post(target, headers, letter.body)

    sent = push_rules.deliver(
        letters, send, matter=lambda letter: letter.matter, attempts=lambda letter: letter.attempts
    )
    goes_on = record(session, receiver_id, letters, sent, at=means.now(), chance=random())
    session.commit()
    taken = sum(isinstance(answer, Taken) for _, answer in sent.answers)
    facts = {"receiver": str(receiver_id), "taken": taken, "of": len(letters)}
    logger.info("records pushed", extra=facts)
    if sent.away is not None:
        logger.warning("receiver not to be had", extra={"receiver": str(receiver_id), "why": sent.away.why})
    return goes_on


def _due(session: Session, receiver_id: UUID, *, at: datetime) -> list[PushMessage]:
    """What is to be sent now, in order: not what follows something of the same matter that has to wait."""
    earlier = aliased(PushMessage)
    held = sa.exists().where(
        earlier.receiver_id == receiver_id,
        earlier.person_id == PushMessage.person_id,
        earlier.outline_id == PushMessage.outline_id,
        earlier.state == "waiting",
        earlier.next_try_at > at,
        earlier.position < PushMessage.position,
    )
    return list(
        session.scalars(
            sa.select(PushMessage)
            .where(
                PushMessage.receiver_id == receiver_id,
                PushMessage.state == "waiting",
                PushMessage.next_try_at <= at,
                ~held,
            )
            .order_by(PushMessage.position, PushMessage.id)
            .limit(BATCH)
        )
    )


def _letters(session: Session, due: list[PushMessage], desk: Desk, *, at: datetime) -> list[Letter]:
    """The messages as they go out, each saying what the feed says at its place."""
    found = []
    for message in due:
        page = feed.feed(session, desk.outlines, message.position - 1, 1)
        if page and page[0].position == message.position:
            found.append((message, page[0]))
        else:  # the receiver no longer examines this outline
            message.state, message.done_at, message.last_error = "done", at, "not of its outlines any more"
    data = answers.told(session, [Telling.of_change(change) for _, change in found], desk, door="push")
    letters = []
    for (message, change), record in zip(found, data, strict=True):
        body: dict[str, object] = {
            "cursor": str(change.position),
            "record": record,
            "jws": answers.signed(record, desk, at=change.at),
        }
        kind = f"eligibility.{change.life.state}"
        if message.kind == Kind.WITHDRAWAL:
            kind = "eligibility.withdrawn"
            body["withdrawal"] = {"reason": message.why}
        text = msgspec.json.encode({"type": kind, "timestamp": change.at.isoformat(), "data": body})
        key = f"{record['record_id']}:{record['version']}:{message.position}:{message.kind}"
        matter = (message.person_id, message.outline_id)
        letters.append(Letter(message.id, message.record_id, matter, key, message.attempts, text))
    return letters


def record(
    session: Session,
    receiver_id: UUID,
    letters: list[Letter],
    sent: push_rules.Sent[Letter],
    *,
    at: datetime,
    chance: float,
) -> bool:
    """Write down what became of each letter; whether to go on now. Does not commit."""
    target = session.get(PushTarget, receiver_id, with_for_update=True, populate_existing=True)
    if target is None:
        return False
    rows = session.scalars(
        sa.select(PushMessage)
        .where(PushMessage.id.in_([letter.id for letter in letters]))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    messages = {message.id: message for message in rows}
    tried = {letter.id for letter, _ in sent.answers}
    happened = [
        _became(messages[letter.id], answer, target, at=at, chance=chance)
        for letter, answer in sent.answers
        if messages[letter.id].state == "waiting"
    ]
    happened += [
        Happened(letter.record_id, Event.FAIL, detail="not tried") for letter in letters if letter.id not in tried
    ]
    deliveries.note(session, receiver_id, happened, way=Way.PUSH, at=at)
    if sent.away is None:
        target.attempts, target.last_error, target.next_try_at = 0, None, at
    else:
        target.attempts += 1
        target.last_error = sent.away.why
        wait_s = push_rules.waiting_s(target.attempts, chance=chance, asked_s=sent.away.retry_after_s)
        target.next_try_at = at + timedelta(seconds=wait_s)
        if sent.away.gone:
            push_targets.pause(target)
    session.flush()
    return sent.away is None and bool(sent.answers)


def _became(message: PushMessage, answer: Answer, target: PushTarget, *, at: datetime, chance: float) -> Happened:
    """What an answer makes of a message."""
    message.attempts += 1
    message.last_status = answer.status
    if isinstance(answer, Taken):
        message.state, message.done_at, message.last_error = "done", at, None
        target.sent += 1
        target.last_sent_at = at
        return Happened(message.record_id, Event.ACKNOWLEDGE, str(answer.status))
    message.last_error = answer.why
    code = None if answer.status is None else str(answer.status)
    if isinstance(answer, Broken):
        message.first_failed_at = message.first_failed_at or at
        wait_s = push_rules.waiting_s(message.attempts, chance=chance)
        message.next_try_at = at + timedelta(seconds=wait_s)
    if isinstance(answer, Refused) or (
        isinstance(answer, Broken) and push_rules.is_given_up(message.first_failed_at or at, at=at)
    ):
        message.state = "dead"
        return Happened(message.record_id, Event.DIE, code, answer.why)
    return Happened(message.record_id, Event.FAIL, code, answer.why)
