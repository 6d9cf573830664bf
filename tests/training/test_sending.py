"""Reminders leave the house: once a day, in daytime, tried again, and what failed is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.outgoing import Service
from elearn.people import organisations, placements
from elearn.people.models import Account, Disclosure, EmploymentKind, Membership, Organisation, Role
from elearn.training.models import Assignment, Occasion, Programme, Purpose, State
from elearn.training.telling import messages, reminders, sending
from elearn.training.telling.messages import Kind, Message
from elearn.training.telling.sending import Channel, Outgoing, TextMessages
from elearn.training.telling.wording import said
from tests import builders_courses as courses
from tests import builders_people as people
from tests.conftest import statements
from tests.tracking.presence.services import SECRET, FakeService, a_service

MORNING = datetime(2026, 10, 17, 1, 5, tzinfo=UTC)
"""09:05 in China, a fortnight before what is due at the end of the month."""
DAY = timedelta(days=1)


def standing_at(at: datetime) -> Callable[[], datetime]:
    """A clock that says always this."""
    return lambda: at


def a_programme(session: Session, enterprise: Organisation, title: str = "安全再培训") -> Programme:
    held = courses.a_class(
        session, people.an_institution(session, name=f"培训 {title}").id, courses.an_outline(session)
    )
    made = Programme(
        organisation_id=enterprise.id, title=title, purpose=Purpose.YEARLY, class_id=held.id, required_ms=8_100_000,
        due_days=30, created_by=people.a_person(session).id, created_at=people.AT,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def assigned(
    session: Session, programme: Programme, worker: Account, *, due: date = date(2026, 10, 31), bars_post: bool = False,
    assigned_on: date = date(2026, 9, 1), state: State = State.OPEN,
) -> Assignment:  # fmt: skip
    membership = session.scalars(sa.select(Membership).where(Membership.person_id == worker.person_id)).one()
    made = Assignment(
        programme_id=programme.id, organisation_id=programme.organisation_id, membership_id=membership.id,
        person_id=worker.person_id, occasion=Occasion.YEARLY, cause=f"yearly:{due}", position=1, state=state,
        assigned_on=assigned_on, due_on=due, bars_post=bars_post, required_ms=8_100_000, created_at=people.AT,
        done_at=people.AT if state is State.DONE else None,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def a_worker(session: Session, enterprise: Organisation, *, phone: bool = True) -> Account:
    account = people.an_account(session, phone=people.a_phone() if phone else None)
    organisations.join(
        session, account.person_id, enterprise.id, EmploymentKind.FLEXIBLE, date(2026, 1, 1), at=people.AT
    )
    return account


def told(session: Session, person_id: UUID) -> list[Kind]:
    return list(
        session.scalars(
            sa.select(Message.kind).where(Message.person_id == person_id).order_by(Message.created_at, Message.id)
        )
    )


def remind(session: Session, at: datetime) -> int:
    return reminders.remind(session, at=at, channels=[Channel.SMS])


def outbox(session: Session) -> list[Outgoing]:
    session.expire_all()
    return list(session.scalars(sa.select(Outgoing).order_by(Outgoing.made_at, Outgoing.id)))


def test_several_trainings_are_one_message_a_day_and_one_letter(session: Session) -> None:
    enterprise = people.an_organisation(session)
    worker, silent = a_worker(session, enterprise), a_worker(session, enterprise, phone=False)
    programmes = [a_programme(session, enterprise, f"课程 {number}") for number in range(3)]
    for programme in programmes:
        for account in (worker, silent):
            assigned(session, programme, account)
    assigned(session, a_programme(session, enterprise, "做完的"), worker, state=State.DONE)

    assert remind(session, MORNING) == 2, "one summary each"
    assert remind(session, MORNING + timedelta(hours=3)) == 0, "never twice"
    [summary] = session.scalars(sa.select(Message).where(Message.person_id == worker.person_id))
    assert [line["programme"] for line in summary.facts["lines"]] == ["课程 0", "课程 1", "课程 2"]
    assert summary.facts["lines"][0]["left_ms"] == 8_100_000
    [letter] = outbox(session)
    assert (letter.person_id, letter.channel, letter.facts) == (worker.person_id, Channel.SMS, summary.facts)


def test_what_is_new_is_told_at_night_and_rings_in_the_morning(session: Session) -> None:
    enterprise = people.an_organisation(session)
    worker, programme = a_worker(session, enterprise), a_programme(session, enterprise)
    night = datetime(2026, 10, 16, 15, 5, tzinfo=UTC)
    assigned(session, programme, worker, assigned_on=date(2026, 10, 16), due=date(2026, 10, 29), bars_post=True)
    assert remind(session, night) == 1
    assert told(session, worker.person_id) == [Kind.ASSIGNED]
    assert outbox(session) == []
    remind(session, MORNING)
    [letter] = outbox(session)
    assert [line["programme"] for line in letter.facts["lines"]] == ["安全再培训"]
    assert told(session, worker.person_id) == [Kind.ASSIGNED], "its last fortnight began as it was assigned"


def test_whoever_is_late_is_told_every_week_and_to_leave_the_post_once(session: Session) -> None:
    enterprise = people.an_organisation(session)
    worker, left = a_worker(session, enterprise), a_worker(session, enterprise)
    programme = a_programme(session, enterprise)
    assigned(session, programme, worker, bars_post=True)
    assigned(session, programme, left, bars_post=True)
    [membership] = session.scalars(sa.select(Membership).where(Membership.person_id == left.person_id))
    membership.to_on = date(2026, 10, 31)
    placements.end(session, membership.id, date(2026, 10, 31))
    for day in range(16):
        remind(session, datetime(2026, 11, 1, 1, 5, tzinfo=UTC) + day * DAY)
    assert sorted(told(session, worker.person_id)) == sorted([Kind.LEAVE_POST, Kind.DUE, Kind.DUE]), "once for both"
    assert told(session, left.person_id) == [], "nobody is reminded by an employer they have left"
    assert len(outbox(session)) == 3
    assert session.scalars(sa.select(Message).where(Message.kind == Kind.LEAVE_POST)).one().facts == {
        "programme": "安全再培训", "due_on": "2026-10-31",
    }  # fmt: skip


def test_of_two_that_are_overdue_on_one_day_each_is_told_once(session: Session) -> None:
    enterprise = people.an_organisation(session)
    worker = a_worker(session, enterprise)
    assigned(session, a_programme(session, enterprise), worker, bars_post=True)
    assigned(session, a_programme(session, enterprise), worker, bars_post=False)
    remind(session, datetime(2026, 11, 1, 1, 5, tzinfo=UTC))
    assert sorted(told(session, worker.person_id)) == sorted([Kind.LEAVE_POST, Kind.DUE])
    [due] = session.scalars(sa.select(Message).where(Message.kind == Kind.DUE))
    assert [line["bars_post"] for line in due.facts["lines"]] == [False]
    [leave] = session.scalars(sa.select(Message).where(Message.kind == Kind.LEAVE_POST))
    told_of = " ".join((said(leave.kind, leave.facts).title, *said(leave.kind, leave.facts).lines))
    assert "2026年10月31日" in told_of, "that it is overdue"
    assert "离岗" in told_of, "and what follows"


def test_the_statements_do_not_grow_with_the_people(session: Session) -> None:
    enterprise = people.an_organisation(session)
    programme = a_programme(session, enterprise)

    def sent_for(count: int, at: datetime) -> int:
        for _ in range(count):
            assigned(session, programme, a_worker(session, enterprise))
        with statements(session) as sent:
            assert remind(session, at) == count
        return sum("SAVEPOINT" not in one for one in sent)

    assert sent_for(2, MORNING) == sent_for(12, MORNING + timedelta(minutes=1))


def carrier(fake: FakeService) -> TextMessages:
    return TextMessages(Service(fake.url, SECRET, timeout_s=2.0), people.KEYS)


def test_a_letter_says_what_and_how_long_and_its_leaving_is_recorded(app: Flask, session: Session) -> None:
    enterprise = people.an_organisation(session)
    worker = a_worker(session, enterprise)
    assigned(session, a_programme(session, enterprise), worker)
    remind(session, MORNING)
    with a_service() as fake:
        assert sending.send_due(session, carrier(fake), now=lambda: MORNING.replace(hour=14)) == 0, "22:00 in China"
        assert sending.send_due(session, carrier(fake), now=lambda: MORNING) == 1
        assert sending.send_due(session, carrier(fake), now=lambda: MORNING) == 0
        assert fake.signed()
    [heard] = fake.heard
    assert heard["to"].startswith("+86199")
    assert heard["text"] == "待完成的培训\n安全再培训：还差 2 小时 15 分钟，2026年10月31日前完成。"
    [letter] = outbox(session)
    assert (letter.state, letter.attempts, letter.done_at) == (sending.State.DONE, 1, MORNING)
    [left] = session.scalars(sa.select(Disclosure).where(Disclosure.person_id == worker.person_id))
    assert (left.receiver, left.what, left.reason) == ("127.0.0.1", "phone number", "training reminder")


@pytest.mark.parametrize(
    ("status", "state", "error"), [(422, "dead", "refused"), (500, "waiting", "away"), (0, "waiting", "away")]
)
def test_what_the_gateway_cannot_use_is_dead_and_what_finds_nobody_waits(
    app: Flask, session: Session, status: int, state: str, error: str
) -> None:
    enterprise = people.an_organisation(session)
    worker = a_worker(session, enterprise)
    assigned(session, a_programme(session, enterprise), worker)
    remind(session, MORNING)
    with a_service() as fake:
        fake.reply = lambda body: (status, {"said": body["to"]})
        sending.send_due(session, carrier(fake), now=lambda: MORNING)
    [letter] = outbox(session)
    assert (letter.state, letter.last_error, letter.attempts, letter.claimed_until) == (state, error, 1, None)
    assert letter.state == "dead" or letter.next_try_at > MORNING


def test_a_gateway_that_is_away_is_asked_three_times_and_for_one_day(app: Flask, session: Session) -> None:
    enterprise = people.an_organisation(session)
    clerk = people.an_account(session, Role.ENTERPRISE_CLERK, organisation_id=enterprise.id)
    programme = a_programme(session, enterprise)
    for _ in range(5):
        assigned(session, programme, a_worker(session, enterprise))
    remind(session, MORNING)
    with a_service() as fake:
        fake.reply = lambda body: (503, {})
        assert sending.send_due(session, carrier(fake), now=lambda: MORNING) == 3, "then it is taken to be away"
        assert len(fake.heard) == 3
        assert all(letter.state == sending.State.WAITING for letter in outbox(session))
        later = MORNING + DAY + timedelta(hours=1)
        for minutes in range(0, 60, 20):
            at = later + timedelta(minutes=minutes)
            session.execute(sa.update(Outgoing).values(next_try_at=at))
            sending.send_due(session, carrier(fake), now=standing_at(at))
    assert {letter.state for letter in outbox(session)} == {sending.State.DEAD}
    evening = MORNING.replace(hour=12, minute=30) + DAY
    assert reminders.tell_what_failed(session, at=evening) == 1
    assert reminders.tell_what_failed(session, at=evening) == 0
    [message] = messages.newest(session, clerk.person_id)[0]
    assert (message.kind, message.facts["count"]) == (Kind.SENDING_FAILED, 5)


def test_nothing_leaves_for_somebody_without_a_number(app: Flask, session: Session) -> None:
    enterprise = people.an_organisation(session)
    worker = a_worker(session, enterprise)
    assigned(session, a_programme(session, enterprise), worker)
    remind(session, MORNING)
    session.execute(sa.update(Account).where(Account.id == worker.id).values(phone_sealed=None, phone_index=None))
    with a_service() as fake:
        sending.send_due(session, carrier(fake), now=lambda: MORNING)
    assert fake.heard == []
    [letter] = outbox(session)
    assert (letter.state, letter.last_error) == (sending.State.DEAD, "no_address")


def test_a_letter_is_queued_once(session: Session) -> None:
    enterprise = people.an_organisation(session)
    facts: dict[str, Any] = {"lines": [], "more": 0}
    letter = sending.Letter(a_worker(session, enterprise).person_id, enterprise.id, Kind.DUE, "2026-10-17", facts)
    assert sending.queue(session, Channel.SMS, [letter, letter], at=MORNING) == 1
    assert sending.queue(session, Channel.SMS, [letter], at=MORNING) == 0
    assert sending.queue(session, Channel.SMS, [], at=MORNING) == 0
