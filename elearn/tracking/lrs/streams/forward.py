"""Statements go on to one target: gather a batch, send it, record what became of it, again until nothing is left."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import random
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from elearn.tracking.lrs.models import ForwardTarget
from elearn.tracking.lrs.statements import answers, attachments, store
from elearn.tracking.lrs.statements.store import Kept
from elearn.tracking.lrs.streams import feed, outbox
from elearn.tracking.lrs.streams.peer import Letter, Peer
from elearn.tracking.lrs.streams.sending import Answer, Away, Refused, Taken, deliver
from elearn.tracking.lrs.versions import LATEST_1, LATEST_2, is_second

logger = logging.getLogger(__name__)

DOUBTS_AFTER = 6
"""Rounds in a row that a target broke, after which a statement is suspected."""
BUDGET_S = 60.0
"""A job begins no further batch after that: the next one goes on."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a round needs besides the database."""

    now: Callable[[], datetime]
    through: Callable[[Session], datetime]
    """Up to when all statements can be read."""
    home_page: str
    reach: Callable[[ForwardTarget], Peer]


def forward(session: Session, target_id: UUID, means: Means, *, budget_s: float = BUDGET_S) -> None:
    """Send a target what it has not got, as long as there is something, it takes it, and time is left. Commits."""
    ends = time.monotonic() + budget_s
    while _one_batch(session, target_id, means) and time.monotonic() < ends:
        continue
    _failures_again(session, target_id, means, ends)
    outbox.release(session, target_id)
    session.commit()


def _one_batch(session: Session, target_id: UUID, means: Means) -> bool:
    """Whether there is more to be sent now."""
    target = _ready(session, target_id, means)
    if target is None:
        session.commit()
        return False
    went = outbox.gather(session, target, through=means.through(session))
    letters = _letters(session, went.page.statements, home_page=means.home_page)
    send, doubting = _way_to(target, means), target.attempts >= DOUBTS_AFTER
    session.commit()  # nothing stays open while the other side is waited for
    if not letters:
        return False
    more = went.page.more or len(letters) < len(went.page.statements)
    sent = deliver(letters, send, doubting=doubting)
    counts = outbox.record(session, target_id, went, sent, at=means.now(), chance=random())
    session.commit()
    refused = sum(one is not None for one in sent.decided)
    facts = {"target": str(target_id), "taken": len(sent.decided) - refused, "refused": refused}
    logger.info("statements sent on", extra=facts)
    if sent.away is not None:
        logger.warning("record store not to be had", extra={"target": str(target_id), "why": sent.away.why})
    return counts and sent.away is None and more


def _failures_again(session: Session, target_id: UUID, means: Means, ends: float) -> None:
    """Offer what failed before once more, one by one."""
    target = _ready(session, target_id, means)
    ids: Sequence[UUID] = () if target is None else outbox.due_failures(session, target_id, at=means.now())
    for id_ in ids:
        target = _ready(session, target_id, means)
        kept = store.get(session, id_)
        if target is None or kept is None or time.monotonic() >= ends:
            break
        letters, send = _letters(session, [kept], home_page=means.home_page), _way_to(target, means)
        session.commit()
        answer = send(letters)
        if isinstance(answer, Away) and answer.suspect:
            answer = Refused(None, answer.why, final=False)
        if isinstance(answer, Taken):
            outbox.taken(session, target_id, id_, at=means.now())
        elif isinstance(answer, Refused):
            outbox.fail(session, target_id, id_, answer, at=means.now(), chance=random())
        else:
            outbox.hold(target, answer, at=means.now(), chance=random())
        session.commit()
        if isinstance(answer, Away):
            break
    session.commit()


def _ready(session: Session, target_id: UUID, means: Means) -> ForwardTarget | None:
    """The target, if it is to be sent to now."""
    target = session.get(ForwardTarget, target_id, populate_existing=True)
    if target is None or target.state != "active" or target.next_try_at > means.now():
        return None
    return target


def _way_to(target: ForwardTarget, means: Means) -> Callable[[Sequence[Letter]], Answer]:
    """How letters of one version go to a target: by its peer, unless it does not speak their version."""
    peer, speaks = means.reach(target), tuple(target.speaks)

    def send(letters: Sequence[Letter]) -> Answer:
        version = letters[0].version
        return peer.send(letters) if version in speaks else Refused(None, f"it does not speak xAPI {version}")

    return send


def _letters(session: Session, statements: Sequence[Kept], *, home_page: str) -> list[Letter]:
    """The first of `statements` as they go out in one request: of one version, with the data of their attachments.

    What this store adds goes along, so that it is the same there (the id, the time it was stored as its `timestamp`),
    but not what the other one must set for itself: `stored` and `authority`.
    """
    found: list[Letter] = []
    for kept in statements:
        members = answers.completed(kept, home_page=home_page)
        del members["stored"], members["authority"]
        version = LATEST_2 if is_second(kept.version) else LATEST_1
        if found and version != found[0].version:
            break
        found.append(Letter(kept.id, msgspec.json.encode(members), version))
    attached = [
        (number, kept) for number, kept in enumerate(statements[: len(found)]) if feed.may_have_attachments(kept)
    ]
    if attached:
        places: list[feed.Place] = [(kept.stored_at, kept.id) for _, kept in attached]
        fitting = attachments.fitting(session, places)
        for number, kept in attached[:fitting]:
            contents = tuple(attachments.of(session, [(kept.stored_at, kept.id)]))
            found[number] = replace(found[number], contents=contents)
        if fitting < len(attached):
            del found[attached[fitting][0] :]
    return found
