"""Whether a document and a name belong together, asked over real HTTP."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.outgoing import Service
from elearn.people import persons, verifying
from elearn.people.models import Disclosure
from elearn.people.verifying import Gateway, IdentityCheck, Result
from elearn.settings import Settings, SettingsError
from tests import builders_people as people
from tests.builders_people import AT, KEYS
from tests.conftest import scalar
from tests.tracking.presence.services import SECRET, FakeService, a_service

Reply = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def gateway() -> Iterator[FakeService]:
    with a_service() as fake:
        yield fake


def asked(session: Session, gateway: FakeService, reply: Reply, *, timeout_s: float = 5.0) -> tuple[Result | None, Any]:
    person = people.a_person(session, name="李明")
    gateway.reply = reply
    verifier = Gateway(Service(gateway.url, SECRET, timeout_s))
    return verifying.verify(session, person.id, verifier, KEYS, at=AT), person


@pytest.mark.parametrize(
    ("reply", "wanted"),
    [
        ((200, {"result": "matches"}), Result.MATCHES),
        ((200, {"result": "differs"}), Result.DIFFERS),
        ((200, {"result": "unknown"}), Result.UNKNOWN),
        ((200, {"result": "unavailable"}), Result.UNAVAILABLE),
        ((200, {"result": "yes"}), Result.UNAVAILABLE),
        ((200, {"result": 1}), Result.UNAVAILABLE),
        ((200, {}), Result.UNAVAILABLE),
        ((422, {}), Result.UNKNOWN),
        ((500, {"result": "matches"}), Result.UNAVAILABLE),
        ((302, {"result": "matches"}), Result.UNAVAILABLE),
        ((0, {}), Result.UNAVAILABLE),
    ],
)
def test_what_each_answer_is_worth(
    session: Session, gateway: FakeService, reply: tuple[int, dict[str, Any]], wanted: Result
) -> None:
    found, person = asked(session, gateway, lambda body: reply)
    assert found is wanted
    check = verifying.newest(session, [person.id])[person.id]
    assert (check.result, check.what, check.asked_of) == (wanted.value, "name, resident_id", "127.0.0.1")


def test_the_request_is_signed_and_recorded_and_nothing_of_it_is_kept(session: Session, gateway: FakeService) -> None:
    number = people.a_resident_id()
    gateway.reply = lambda body: (200, {"result": "matches", "photo": "abc", "address": "昆明"})
    person = people.a_person(session, name="李明", document_number=number)
    verifier = Gateway(Service(gateway.url, SECRET))
    assert verifying.verify(session, person.id, verifier, KEYS, at=AT) is Result.MATCHES
    assert gateway.signed()
    assert gateway.heard[-1] == {"document_kind": "resident_id", "document_number": number, "name": "李明"}
    told = session.scalars(sa.select(Disclosure.what).where(Disclosure.person_id == person.id)).all()
    assert sorted(told) == ["document number", "name"]
    kept = str(scalar(session, "SELECT json_agg(t)::text FROM elearn.identity_check t"))
    assert not any(word in kept for word in (number, "李明", "昆明", "abc"))
    before = len(gateway.heard)
    assert verifying.verify(session, person.id, verifier, KEYS, at=AT) is None, "answered once is answered"
    assert len(gateway.heard) == before


def test_nothing_waits_for_the_service_and_what_leaves_is_on_record_before_it_does(session: Session) -> None:
    seen: list[tuple[bool, int | None]] = []

    class Watching:
        host = "gate.example"

        def ask(self, *asked: object) -> Result:
            open_then = session.in_transaction()
            seen.append((open_then, session.scalar(sa.select(sa.func.count()).select_from(Disclosure))))
            return Result.MATCHES

    verifying.verify(session, people.a_person(session).id, Watching(), KEYS, at=AT)
    assert seen == [(False, 2)]


def test_who_was_not_answered_about_is_asked_about_again_for_a_week(session: Session, gateway: FakeService) -> None:
    found, person = asked(session, gateway, lambda body: (503, {}))
    assert found is Result.UNAVAILABLE
    for after, wanted in ((10, []), (30, [person.id]), (8 * 24 * 60, [])):
        assert verifying.unanswered(session, at=AT + timedelta(minutes=after)) == wanted
    gateway.reply = lambda body: (200, {"result": "differs"})
    verifier = Gateway(Service(gateway.url, SECRET))
    later = AT + timedelta(minutes=30)
    assert verifying.verify(session, person.id, verifier, KEYS, at=later) is Result.DIFFERS
    assert verifying.unanswered(session, at=later + timedelta(hours=1)) == []
    assert scalar(session, "SELECT count(*) FROM elearn.identity_check") == 2


def test_nobody_is_asked_about_who_has_no_document_and_a_slow_service_is_not_waited_for(
    session: Session, gateway: FakeService
) -> None:
    verifier = Gateway(Service("http://127.0.0.1:9/", SECRET, 0.2))
    staff = persons.add_staff(session, name="赵", keys=KEYS, at=AT)
    assert verifying.verify(session, staff.id, verifier, KEYS, at=AT) is None
    gone = people.a_person(session)
    persons.erase_person(session, gone.id, at=AT)
    assert verifying.verify(session, gone.id, verifier, KEYS, at=AT) is None
    assert session.scalar(sa.select(sa.func.count()).select_from(Disclosure)) == 0
    assert verifying.verify(session, people.a_person(session).id, verifier, KEYS, at=AT) is Result.UNAVAILABLE
    assert session.scalars(sa.select(IdentityCheck.result)).all() == ["unavailable"]


def test_it_is_off_unless_it_is_set_up_and_then_whoever_joins_is_asked_about(
    app: Flask, session: Session, gateway: FakeService, settings: Settings
) -> None:
    waiting = "SELECT count(*) FROM procrastinate.procrastinate_jobs WHERE task_name = 'people.verify_identity'"
    person, parts = people.a_person(session), app.extensions["elearn"]
    verifying.want(session, person.id)
    assert scalar(session, waiting) == 0
    gateway.reply = lambda body: (200, {"result": "matches"})
    parts.settings = dataclasses.replace(settings, identity_url=gateway.url, identity_secret=SECRET)
    try:
        verifying.want(session, person.id)
        assert scalar(session, waiting) == 1
        verifying.verify_identity(str(person.id))
    finally:
        parts.settings = settings
    assert verifying.newest(session, [person.id])[person.id].result == "matches"
    env = {"ELEARN_DATA_DIR": "/nowhere", "DATABASE_URL": "x", "ELEARN_IDENTITY_URL": "http://gate.example"}
    with pytest.raises(SettingsError, match="ELEARN_IDENTITY_SECRET is missing"):
        Settings.from_env(env)
