"""Reminders by e-mail: over a real socket, to an address that its owner has confirmed, and to nobody else's."""

from __future__ import annotations

import dataclasses
import email
import email.policy
import re
from contextlib import nullcontext
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.outgoing import NotUsable, OutOfOrder
from elearn.people.models import Disclosure
from elearn.settings import MailServer
from elearn.training.telling import emailing, reminders, sending
from elearn.training.telling.emailing import EmailAddress, Emails
from elearn.training.telling.sending import Channel, Outgoing
from elearn.training.telling.wording import Said
from tests import builders_people as people
from tests.conftest import ManualClock
from tests.pages.conftest import Browser
from tests.training.a_mail_server import FakeMail, a_mail_server
from tests.training.test_sending import MORNING, a_programme, a_worker, assigned

WORDS = Said("待完成的培训", ("安全再培训：还差 2 小时",))


def server(fake: FakeMail, security: str = "none") -> MailServer:
    return MailServer("127.0.0.1", fake.port, security, "reminders@school.example", timeout_s=2.0)


@pytest.mark.parametrize(
    ("case", "changes", "raised", "letters"),
    [
        ("it is taken", {}, None, 1),
        ("nobody of this name there", {"rcpt": "550 unknown"}, NotUsable, 0),
        ("grey-listed", {"rcpt": "451 later"}, OutOfOrder, 0),
        ("taken for spam", {"data": "554 no"}, NotUsable, 0),
        ("full for now", {"data": "452 later"}, OutOfOrder, 0),
        ("hangs up", {"hangs_up": True}, OutOfOrder, 0),
    ],
)
def test_what_a_mail_server_answers(
    case: str, changes: dict[str, str], raised: type[Exception] | None, letters: int
) -> None:
    with a_mail_server() as fake:
        vars(fake).update(changes)
        with nullcontext() if raised is None else pytest.raises(raised) as told:
            emailing.post(server(fake), "worker@mail.example", WORDS, "id-1", MORNING)
    assert len(fake.letters) == letters, case
    assert told is None or type(told.value) is raised, "what is refused for good is more than out of order"


def test_a_server_that_offers_no_encryption_gets_nothing_where_it_was_asked_for() -> None:
    with a_mail_server() as fake, pytest.raises(OutOfOrder):
        emailing.post(server(fake, "starttls"), "worker@mail.example", WORDS, "id-1", MORNING)
    assert not {"MAIL", "DATA"} & set(fake.commands)
    with a_mail_server() as fake, pytest.raises(OutOfOrder):
        emailing.post(server(fake, "tls"), "worker@mail.example", WORDS, "id-1", MORNING)
    assert fake.letters == []


def test_an_address_is_confirmed_by_its_owner_and_then_reminded(
    app: Flask, session: Session, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    enterprise = people.an_organisation(session)
    worker, other = a_worker(session, enterprise, phone=False), a_worker(session, enterprise, phone=False)
    programme = a_programme(session, enterprise)
    for account in (worker, other):
        assigned(session, programme, account, due=date(2026, 10, 31))
    session.commit()
    mine = Browser(app, session, worker)
    assert mine.get("/messages/email").status_code == 404, "this house sends none"
    assert "Reminders by e-mail" not in mine.page("/messages")
    parts = app.extensions["elearn"]
    with a_mail_server() as fake:
        monkeypatch.setattr(parts, "settings", dataclasses.replace(parts.settings, mail=server(fake)))
        assert "Reminders by e-mail" in mine.page("/messages")
        for wrong in ("", "me", "me@host", "me@host.example\nBcc: you@host.example", f"{'x' * 65}@host.example"):
            assert mine.post("/messages/email", {"address": wrong}).status_code == 422, wrong
        assert fake.commands == []
        assert mine.post("/messages/email", {"address": "worker@mail.example"}).status_code == 303
        assert mine.post("/messages/email", {"address": "worker@mail.example"}).status_code == 429
        subject = str(email.message_from_string(fake.letters[0], policy=email.policy.default)["Subject"])
        code = re.findall(r"\d{6}", subject)[0]
        row = session.scalars(sa.select(EmailAddress)).one()
        assert b"worker@mail.example" not in row.address_sealed
        assert code not in row.code_hash
        reminders.remind(session, at=MORNING, channels=[Channel.EMAIL])
        assert session.scalars(sa.select(Outgoing)).all() == [], "not confirmed"
        wrong = "000000" if code != "000000" else "111111"
        assert mine.post("/messages/email/code", {"code": wrong}).status_code == 422
        assert mine.post("/messages/email/code", {"code": code}).status_code == 303
        assert "address confirmed" in mine.page("/messages/email")
        assert "worker@mail.example" not in Browser(app, session, other).page("/messages/email")

        reminders.remind(session, at=MORNING, channels=[Channel.SMS, Channel.EMAIL])
        [letter] = session.scalars(sa.select(Outgoing))
        assert (letter.person_id, letter.channel) == (worker.person_id, Channel.EMAIL)
        carrier = Emails(server(fake), people.KEYS)
        assert sending.send_due(session, carrier, now=lambda: MORNING) == 1
        sent = email.message_from_string(fake.letters[-1], policy=email.policy.default)
        assert (str(sent["Subject"]), str(sent["To"])) == ("待完成的培训", "worker@mail.example")
        assert str(sent["Message-ID"]) == f"<{letter.id}@school.example>"
        body = sent.get_body()
        assert body is not None
        assert "安全再培训：还差 2 小时 15 分钟，2026年10月31日前完成。" in body.get_content()
        left = session.scalars(sa.select(Disclosure.reason).where(Disclosure.person_id == worker.person_id)).all()
        assert sorted(left) == ["code to confirm it", "training reminder"]

        clock.now += timedelta(minutes=2)
        mine.post("/messages/email", {"address": "new@mail.example"})
        for _ in range(emailing.MOST_TRIES):
            mine.post("/messages/email/code", {"code": "x"})
        assert mine.post("/messages/email/code", {"code": "x"}).status_code == 303
        assert "This code no longer holds." in mine.page("/messages/email")
        assert mine.post("/messages/email/forget").status_code == 303
        assert session.scalars(sa.select(EmailAddress)).all() == []
