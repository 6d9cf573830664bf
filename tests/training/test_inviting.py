"""Who never signed in is told how to, once; the failed ones again; and who sent the roster hears that it is in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.outgoing import Service
from elearn.people import organisations, persons
from elearn.people.by_phone.models import SharedPhone
from elearn.people.identity import Sealer, blind_index, check_phone
from elearn.people.models import Account, EmploymentKind, Organisation
from elearn.people.roster.models import DraftState, RosterDraft
from elearn.training.telling import inviting, sending
from elearn.training.telling.messages import Kind, Message
from elearn.training.telling.sending import State, TextMessages
from elearn.training.telling.wording import said
from tests import builders_people as people
from tests.builders_people import KEYS
from tests.conftest import statements
from tests.tracking.presence.services import SECRET, FakeService, a_service

MORNING = datetime(2026, 10, 17, 1, 5, tzinfo=UTC)
PAGE = "https://train.example/signin/phone"


@pytest.fixture(scope="module")
def gateway() -> Iterator[FakeService]:
    with a_service() as fake:
        yield fake


def a_worker(session: Session, employer: Organisation, *, phone: str = "", signed_in: bool = False) -> Account:
    account = people.an_account(session, phone=phone or None)
    if not signed_in:
        account.password_hash = None
    organisations.join(session, account.person_id, employer.id, EmploymentKind.EMPLOYEE, date(2026, 1, 1), at=people.AT)
    session.flush()
    return account


def shares(session: Session, account: Account, phone: str) -> None:
    number, person = check_phone(phone), persons.get_person(session, account.person_id)
    sealed = Sealer(KEYS.sealing).seal(person.data_key, person.id, "phone", number)
    index = blind_index(KEYS.index, "phone", number)
    session.add(SharedPhone(account_id=account.id, phone_index=index, phone_sealed=sealed, noted_at=MORNING))
    session.flush()


def test_each_is_told_once_and_the_failed_ones_again(session: Session, gateway: FakeService) -> None:
    employer, other = people.an_organisation(session), people.an_organisation(session, name="金沙")
    phone = people.a_phone()
    first, alone = a_worker(session, employer, phone=phone), a_worker(session, employer, phone=people.a_phone())
    shares(session, a_worker(session, employer), phone)
    a_worker(session, employer, phone=people.a_phone(), signed_in=True)
    a_worker(session, employer)
    a_worker(session, other, phone=people.a_phone())
    ours = [employer.id]
    assert inviting.progress(session, ours, at=MORNING).waiting == 3
    with statements(session) as sent:
        assert inviting.invite(session, ours, PAGE, at=MORNING) == 3
    assert len([one for one in sent if one.startswith(("SELECT", "INSERT"))]) < 6, "no query for each person"
    assert inviting.invite(session, ours, PAGE, at=MORNING) == 0
    shown = inviting.progress(session, ours, at=MORNING)
    assert (shown.waiting, shown.written, shown.settled) == (0, 3, 0)

    def reply(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return (422, {}) if body["to"] != f"+86{phone}" else (200, {})

    gateway.reply, carrier = reply, TextMessages(Service(gateway.url, SECRET), KEYS)
    sending.send_due(session, carrier, now=lambda: MORNING)
    assert sorted(one["to"] == f"+86{phone}" for one in gateway.heard) == [False, True, True]
    shown = inviting.progress(session, ours, at=MORNING)
    assert (shown.settled, shown.letters[State.DEAD]) == (3, 1)
    names = {one["text"].split(" · ")[0] for one in gateway.heard if one["to"] == f"+86{phone}"}
    assert names == {"张*"}, "whose message it is, on a phone of several"
    [text] = [one["text"] for one in gateway.heard if one["to"] != f"+86{phone}"]
    assert PAGE in text
    assert "张" not in text
    gateway.heard.clear()
    gateway.reply = lambda body: (200, {})
    assert inviting.again(session, [other.id], at=MORNING) == 0
    assert inviting.again(session, ours, at=MORNING) == 1
    sending.send_due(session, carrier, now=lambda: MORNING)
    assert len(gateway.heard) == 1, "only the one that failed"
    assert first.id != alone.id
    late = a_worker(session, employer, phone=people.a_phone())
    assert inviting.invite(session, ours, PAGE, at=MORNING) == 1, "who came since"
    assert late.password_hash is None


@pytest.mark.parametrize(
    ("state", "days_ago", "told"),
    [(DraftState.DONE, 0, 1), (DraftState.DONE, 4, 0), (DraftState.TAKING, 0, 0), (DraftState.READY, 0, 0)],
)
def test_who_confirmed_a_roster_hears_once_that_it_is_in(
    session: Session, state: DraftState, days_ago: int, told: int
) -> None:
    employer, clerk = people.an_organisation(session), people.a_person(session, name="文员")
    draft = RosterDraft(
        organisation_id=employer.id, asked_by=clerk.id, state=state, file_name="", categories={}, total=9, done=9,
        counts={}, new_units=[], present=0, missing=0, wishes={}, created_at=MORNING, taken_by=clerk.id,
        taken_at=MORNING - timedelta(days=days_ago), result={"new": 5, "unchanged": 2, "refused": 2},
    )  # fmt: skip
    session.add(draft)
    session.flush()
    assert inviting.tell_rosters(session, at=MORNING) == told
    assert inviting.tell_rosters(session, at=MORNING) == 0
    for one in session.scalars(sa.select(Message)):
        assert (one.person_id, one.kind, one.facts["taken"]) == (clerk.id, Kind.ROSTER_DONE, 7)
        assert said(one.kind, one.facts).title
