"""Reminds everybody of what is due (`reminding.py` says of what): once in the application, once a day on the phone.

Set-based: a page of people at a time, three statements each, however many assignments they have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from elearn.db import Base
from elearn.people.models import Account, Membership, Organisation
from elearn.people.registry import local_day
from elearn.training.keepers import keepers
from elearn.training.models import Assignment, Programme, State
from elearn.training.telling import messages, phones, sending
from elearn.training.telling.messages import Kind, Telling
from elearn.training.telling.reminding import ASSIGNED, BEFORE_DAYS, LEAVE_POST, Duty, may_ring, steps, summary
from elearn.training.telling.sending import Channel, Letter, Outgoing
from elearn.zone import LOCAL_ZONE

PEOPLE_AT_ONCE = 2_000
LOOK_BACK = timedelta(days=3)
"""A reminder that no phone was told of for so long is old news."""


class Reminder(Base):
    """An assignment's reminder that was told; `step` is a word of `reminding`."""

    __tablename__ = "reminder"

    assignment_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.assignment.id"), primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"), index=True)
    told_at: Mapped[datetime]
    lettered_on: Mapped[date | None]
    """The day whose letter to the phone said it."""


@dataclass(slots=True)
class _Open:
    """An open assignment of somebody, and what was told of it."""

    duty: Duty
    person_id: UUID
    organisation_id: UUID
    told: frozenset[str]
    unlettered: bool


@dataclass(slots=True)
class _Found:
    tellings: list[Telling] = field(default_factory=list)
    steps: list[tuple[UUID, str, UUID]] = field(default_factory=list)


def remind(session: Session, *, at: datetime, channels: Collection[Channel] = ()) -> int:
    """Tell everybody what is due; answers how many messages were new. Commits page by page: a second run goes on."""
    told = 0
    for people in _pages(session, local_day(at)):
        told += _tell(session, people, at=at)
        session.flush()
        if may_ring(at):
            _letters(session, people, channels, at=at)
        session.commit()
    return told


def _may_be_due(on: date) -> sa.ColumnElement[bool]:
    """Assignments of which anything may be told on a day."""
    return sa.and_(
        Assignment.state == State.OPEN,
        Assignment.assigned_on <= on,
        sa.or_(
            Assignment.due_on <= on + timedelta(days=max(BEFORE_DAYS)),
            Assignment.assigned_on >= on - timedelta(days=31),
        ),
    )


def _pages(session: Session, on: date) -> Iterator[list[UUID]]:
    """Everybody who may be told something, in pages."""
    last: UUID | None = None
    while True:
        query = sa.select(Assignment.person_id).where(_may_be_due(on)).distinct().order_by(Assignment.person_id)
        if last is not None:
            query = query.where(Assignment.person_id > last)
        people = list(session.scalars(query.limit(PEOPLE_AT_ONCE)))
        if not people:
            return
        yield people
        last = people[-1]


def _open(session: Session, people: Sequence[UUID], on: date) -> dict[UUID, list[_Open]]:
    """What these people have to do, by person. Who has left is reminded of nothing."""
    done = (
        sa.select(
            Reminder.assignment_id,
            sa.func.array_agg(Reminder.step).label("steps"),
            sa.func.bool_or(Reminder.lettered_on.is_(None) & (Reminder.told_at > sa.bindparam("since"))).label(
                "unsaid"
            ),
        )
        .where(Reminder.person_id.in_(people))
        .group_by(Reminder.assignment_id)
        .subquery()
    )
    rows = session.execute(
        sa.select(
            Assignment.id, Assignment.person_id, Assignment.organisation_id, Assignment.required_ms,
            Assignment.credited_ms, Assignment.assigned_on, Assignment.due_on, Assignment.bars_post,
            Programme.title, done.c.steps, done.c.unsaid,
        )
        .join(Programme, Programme.id == Assignment.programme_id)
        .join(Membership, Membership.id == Assignment.membership_id)
        .outerjoin(done, done.c.assignment_id == Assignment.id)
        .where(Assignment.person_id.in_(people), _may_be_due(on))
        .where(sa.or_(Membership.to_on.is_(None), Membership.to_on >= on))
        .order_by(Assignment.person_id, Assignment.due_on, Assignment.id),
        {"since": _since(on)},
    )  # fmt: skip
    found: dict[UUID, list[_Open]] = {}
    for row in rows:
        left_ms = max(0, row.required_ms - row.credited_ms)
        duty = Duty(row.id, row.title, left_ms, row.assigned_on, row.due_on, row.bars_post)
        told = frozenset(row.steps or ())
        found.setdefault(row.person_id, []).append(
            _Open(duty, row.person_id, row.organisation_id, told, bool(row.unsaid))
        )
    return found


def _since(on: date) -> datetime:
    return datetime.combine(on - LOOK_BACK, time.min, LOCAL_ZONE)


def _tell(session: Session, people: Sequence[UUID], *, at: datetime) -> int:
    on, found = local_day(at), _Found()
    for several in _open(session, people, on).values():
        _of_one(several, on, found)
    if found.steps:
        session.execute(
            REMINDED,
            {
                "assignments": [one for one, _step, _person in found.steps],
                "steps": [step for _one, step, _person in found.steps],
                "people": [person for _one, _step, person in found.steps],
                "at": at,
            },
        )
    return messages.tell(session, found.tellings, at=at)


REMINDED = sa.text("""
INSERT INTO elearn.reminder (assignment_id, step, person_id, told_at)
SELECT one.assignment_id, one.step, one.person_id, :at
FROM unnest(CAST(:assignments AS uuid[]), CAST(:steps AS text[]), CAST(:people AS uuid[]))
     AS one (assignment_id, step, person_id)
ON CONFLICT DO NOTHING
""")


def _of_one(several: Sequence[_Open], on: date, found: _Found) -> None:
    """What one person is told on a day: each new assignment, each post to leave, and one summary of the rest.

    That a post must be left says that the training is overdue: the summary of that day does not say it again.
    """
    due: list[_Open] = []
    for one in several:
        new = steps(one.duty, on, one.told)
        found.steps += [(one.duty.id, step, one.person_id) for step in new]
        facts = {"programme": one.duty.programme, "due_on": one.duty.due_on.isoformat()}
        if ASSIGNED in new:
            facts_of = {**facts, "left_ms": one.duty.left_ms, "bars_post": one.duty.bars_post}
            found.tellings.append(_telling(one, Kind.ASSIGNED, str(one.duty.id), facts_of))
        if LEAVE_POST in new:
            found.tellings.append(_telling(one, Kind.LEAVE_POST, str(one.duty.id), facts))
        elif new and ASSIGNED not in new:
            due.append(one)
    if due:
        cause = f"{on.isoformat()}:{due[0].duty.id}"
        found.tellings.append(_telling(due[0], Kind.DUE, cause, summary([one.duty for one in due], on)))


def _telling(one: _Open, kind: Kind, cause: str, facts: Mapping[str, Any]) -> Telling:
    return Telling(one.person_id, kind, cause, dict(facts), one.organisation_id)


def _letters(session: Session, people: Sequence[UUID], channels: Collection[Channel], *, at: datetime) -> None:
    """One letter a day to each of these who was told something that no phone said yet, and who can be reached."""
    on = local_day(at)
    said: set[UUID] = set()
    for channel in channels:
        reached = _reached(session, channel, people, on)
        letters: list[Letter] = []
        for person_id, several in _open(session, [one for one in people if one in reached], on).items():
            unsaid = [one for one in several if one.unlettered]
            if unsaid:
                facts = summary([one.duty for one in unsaid], on)
                letters.append(Letter(person_id, unsaid[0].organisation_id, Kind.DUE, on.isoformat(), facts))
                said |= {one.duty.id for one in unsaid}
        sending.queue(session, channel, letters, at=at)
    if said:
        session.execute(
            sa.update(Reminder)
            .where(Reminder.assignment_id.in_(said), Reminder.lettered_on.is_(None))
            .values(lettered_on=on)
        )


def _reached(session: Session, channel: Channel, people: Sequence[UUID], on: date) -> set[UUID]:
    """Who of these has an address of the channel and no letter of today."""
    query = sa.select(Account.person_id).where(
        Account.person_id.in_(people),
        phones.reached(channel),
        ~sa.exists().where(
            Outgoing.person_id == Account.person_id, Outgoing.channel == channel, Outgoing.cause == on.isoformat()
        ),
    )
    return set(session.scalars(query))


def tell_what_failed(session: Session, *, at: datetime) -> int:
    """Tell who keeps the people how many letters of the last day died. Does not commit."""
    rows = session.execute(
        sa.select(Outgoing.organisation_id, Organisation.name, sa.func.count().label("count"))
        .join(Organisation, Organisation.id == Outgoing.organisation_id)
        .where(Outgoing.state == sending.State.DEAD, Outgoing.made_at > at - timedelta(days=2))
        .where(Outgoing.made_at <= at - timedelta(days=1))
        .group_by(Outgoing.organisation_id, Organisation.name)
    ).all()
    who = keepers(session, {row.organisation_id for row in rows})
    cause = local_day(at).isoformat()
    return messages.tell(
        session,
        [
            Telling(
                person_id, Kind.SENDING_FAILED, f"{cause}:{row.organisation_id}",
                {"organisation": row.name, "count": row.count}, row.organisation_id,
            )
            for row in rows
            for person_id in who.get(row.organisation_id, ())
        ],
        at=at,
    )  # fmt: skip
