"""A first sign-in by text message, from the clerk's roster to the worker's start page, and a forgotten password."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.people import persons
from elearn.people.by_phone import sending
from elearn.people.identity import Sealer
from elearn.people.models import Account, Person
from elearn.people.roster import drafts, looking, taking
from elearn.people.roster.models import RosterDraft
from elearn.people.roster.taking import Wishes
from elearn.training.telling import jobs as telling
from tests import builders_people as people
from tests.builders_people import KEYS, PASSWORD
from tests.conftest import ManualClock
from tests.pages.conftest import Browser, World, text_of, token_in
from tests.people.roster.sheets import text
from tests.tracking.presence.services import SECRET, FakeService, a_service

Opens = Callable[[Account | None], Browser]
PHONE = "13800138000"


@pytest.fixture(scope="module")
def service() -> Iterator[FakeService]:
    with a_service() as fake:
        yield fake


@pytest.fixture
def gateway(service: FakeService, app: Flask, monkeypatch: pytest.MonkeyPatch) -> FakeService:
    parts = app.extensions["elearn"]
    monkeypatch.setattr(parts, "settings", dataclasses.replace(parts.settings, sms_url=service.url, sms_secret=SECRET))
    service.reply = lambda body: (200, {})
    service.heard.clear()
    return service


def run_codes(session: Session) -> None:
    """What the worker process does with the jobs that wait for it."""
    waiting = sa.text(
        "DELETE FROM procrastinate.procrastinate_jobs WHERE task_name = 'people.send_sign_in_code' RETURNING args"
    )
    for (args,) in session.execute(waiting).all():
        arguments = json.loads(args) if isinstance(args, str) else args
        sending.send_sign_in_code(**arguments)


def a_roster(session: Session, world: World, clock: ManualClock) -> tuple[str, str]:
    """Two people with one phone are taken in; their documents' numbers."""
    numbers = people.a_resident_id(), people.a_resident_id()
    rows = [("王强", numbers[0], PHONE, "W-1"), ("王小强", numbers[1], PHONE, "W-2")]
    content = text(rows, header=("姓名", "证件号码", "手机号", "工号"))
    by = world.clerk.person_id
    draft = drafts.ask(
        session, world.enterprise, name="a.csv", content=content, categories={}, by=by, keys=KEYS, at=clock()
    )
    looking.read(session, draft.id, keys=KEYS, now=clock)
    taking.confirm(session, draft.id, Wishes(), by=by, at=clock())
    taking.take(session, draft.id, keys=KEYS, now=clock)
    session.commit()
    return numbers


def asks(phone: Browser, number: str = PHONE) -> None:
    phone.token = token_in(phone.get("/signin/phone"))
    answer = phone.post("/signin/phone", {"phone": number})
    assert (answer.status_code, answer.location) == (303, "/signin/phone/code"), text_of(answer)


def test_two_people_with_one_phone_come_in_for_the_first_time_and_one_forgets(
    world: World, browser: Opens, session: Session, gateway: FakeService, clock: ManualClock
) -> None:
    father, son = a_roster(session, world, clock)
    phone = browser(None)
    assert "First time here, or password forgotten?" in phone.page("/signin?next=/hours")
    asks(phone)
    run_codes(session)
    assert gateway.heard[0]["to"] == f"+86{PHONE}"
    code = str(gateway.heard[0]["code"])
    assert "a code is on its way" in phone.page("/signin/phone/code")
    for form, status in (
        ({}, 422), ({"code": code}, 422), ({"code": code, "tail": "000000"}, 422),
        ({"code": "1", "tail": son[-6:]}, 422),
    ):  # fmt: skip
        assert phone.post("/signin/phone/code", form).status_code == status, form
    assert phone.get("/signin/phone/password").status_code == 303, "nothing is proved yet"
    asks(phone)
    run_codes(session)
    code = str(gateway.heard[1]["code"])
    assert phone.post("/signin/phone/code", {"code": code, "tail": son[-6:].lower()}).status_code == 303
    page = phone.page("/signin/phone/password")
    assert "account name w-2@" in page, "the number is the father's sign-in name"
    for form in ({"new": "short", "again": "short"}, {"new": "quiet tunnel 9", "again": "other"}, {}):
        assert phone.post("/signin/phone/password", form).status_code == 422
    answer = phone.post("/signin/phone/password", {"new": "quiet tunnel 9", "again": "quiet tunnel 9"})
    assert (answer.status_code, answer.location) == (303, "/")
    assert "Your password holds from now on." in phone.page("/")
    boy = session.scalars(sa.select(Person).where(Person.name == "王小强")).one()
    account = session.scalars(sa.select(Account).where(Account.person_id == boy.id)).one()
    assert account.password_hash is not None
    again = browser(None)
    again.token = token_in(again.get("/signin"))
    assert again.post("/signin", {"name": account.name, "password": "quiet tunnel 9"}).status_code == 303
    # He forgets it: the other browser is out, and that is told.
    asks(phone := browser(None))
    run_codes(session)
    phone.post("/signin/phone/code", {"code": gateway.heard[2]["code"], "tail": son[-6:]})
    phone.post("/signin/phone/password", {"new": "loud tunnel 10", "again": "loud tunnel 10"})
    assert "Your password was set anew" in phone.page("/messages")
    assert again.get("/messages").status_code == 303
    # The father comes in with the number itself.
    asks(phone := browser(None))
    run_codes(session)
    phone.post("/signin/phone/code", {"code": gateway.heard[3]["code"], "tail": father})
    assert "phone number *" in phone.page("/signin/phone/password")
    assert phone.get("/signin/phone/password").text.count(PHONE) == 0


def test_where_the_house_sends_no_messages_nothing_is_offered(world: World, browser: Opens) -> None:
    phone = browser(None)
    page = phone.page("/signin")
    assert "First time here" not in page
    assert "Ask the clerk of your enterprise" in page
    for path in ("/signin/phone", "/signin/phone/code", "/signin/phone/password"):
        assert phone.get(path).status_code == 404


def test_what_is_wrong_is_said_in_chinese_too(world: World, browser: Opens, gateway: FakeService) -> None:
    phone = browser(None)
    phone.token = token_in(phone.get("/signin/phone"))
    assert phone.post("/signin/phone", {"phone": ""}).status_code == 422
    assert "not a phone number" in text_of(phone.post("/signin/phone", {"phone": "12"}))
    phone._forget()
    answer = phone.client.get("/signin/phone", headers={"Accept-Language": "zh"})
    assert "手机号" in answer.text


def test_unknown_and_known_numbers_answer_alike_page_by_page(
    world: World, browser: Opens, session: Session, gateway: FakeService, clock: ManualClock
) -> None:
    a_roster(session, world, clock)
    pages = []
    for number in (PHONE, "13900139000"):
        phone = browser(None)
        asks(phone, number)
        seen = [phone.page("/signin/phone/code")]
        for _ in range(5):
            answer = phone.post("/signin/phone/code", {"code": "000000", "tail": "000000"})
            seen.append(f"{answer.status_code} {text_of(answer)}")
        for _ in range(4):
            asks(phone, number)
        answer = phone.post("/signin/phone", {"phone": number})
        seen.append(f"{answer.status_code} {answer.headers['Retry-After']} {text_of(answer).replace(number, '')}")
        pages.append(seen)
    assert pages[0] == pages[1]


def test_a_signed_in_person_who_forgot_it_elsewhere_keeps_nothing_of_the_old_password(
    world: World, browser: Opens, session: Session, gateway: FakeService
) -> None:
    phone_number = people.a_phone()
    account = people.an_account(session, phone=phone_number, password=PASSWORD)
    session.commit()
    old = browser(account)
    person = persons.get_person(session, account.person_id)
    assert person.document_sealed is not None
    tail = Sealer(KEYS.sealing).open(person.data_key, person.id, "document", person.document_sealed)[-6:]
    asks(phone := browser(None), phone_number)
    run_codes(session)
    phone.post("/signin/phone/code", {"code": gateway.heard[0]["code"], "tail": tail})
    assert old.get("/me").status_code == 200, "nothing ends before the new password is there"
    assert phone.post("/signin/phone/password", {"new": "loud tunnel 10", "again": "loud tunnel 10"}).status_code == 303
    assert old.get("/me").status_code == 303
    again = browser(None)
    again.token = token_in(again.get("/signin"))
    assert again.post("/signin", {"name": phone_number, "password": PASSWORD}).status_code == 401


def test_a_clerk_tells_everybody_of_a_roster_how_to_sign_in(
    world: World, browser: Opens, session: Session, gateway: FakeService, clock: ManualClock
) -> None:
    a_roster(session, world, clock)
    draft_id = session.scalars(sa.select(RosterDraft.id)).one()
    clerk, path = browser(world.clerk), f"/people/import/{draft_id}"
    assert "2 people have a phone number and have never signed in" in clerk.page(path)
    assert browser(world.other_clerk).post(f"{path}/invite").status_code == 404
    form = {"once": "a" * 20}
    assert [clerk.post(f"{path}/invite", form).status_code for _ in range(2)] == [303, 303]
    name, args = "training.invite", []
    for (found,) in session.execute(
        sa.text("SELECT args FROM procrastinate.procrastinate_jobs WHERE task_name = :name"), {"name": name}
    ):
        args.append(json.loads(found) if isinstance(found, str) else found)
    assert len(args) == 1
    assert args[0]["address"] == "http://localhost/signin/phone"
    telling.invite(**args[0])
    telling.send()
    assert {one["to"] for one in gateway.heard} == {f"+86{PHONE}"}
    assert "2 of 2 messages sent" in clerk.page(path)
    assert telling.reminds_by() == []
