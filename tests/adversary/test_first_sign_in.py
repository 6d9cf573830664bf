"""Several phones at once, each with the right code: one password, one use of each code, and no more tries."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from flask import Flask
from sqlalchemy.orm import Session

from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import Conflict, DomainError, TooMany
from elearn.people import passwords, persons, signin
from elearn.people.by_phone import asking, proving, rules
from elearn.people.identity import Sealer
from elearn.people.models import Account
from tests import builders_people as people
from tests.at_once import at_once
from tests.builders_people import KEYS
from tests.conftest import scalar

SECRET = b"s" * 32


def a_worker(app: Flask) -> tuple[str, str, UUID]:
    """Phone number, end of the document, account."""
    with app.app_context():
        session, phone = db.session(), people.a_phone()
        account = people.an_account(session, phone=phone)
        person = persons.get_person(session, account.person_id)
        assert person.document_sealed is not None
        number = Sealer(KEYS.sealing).open(person.data_key, person.id, "document", person.document_sealed)
        session.commit()
        return phone, number[-6:], account.id


def ask(app: Flask, phone: str) -> UUID | DomainError:
    with app.app_context():
        session, tries = db.session(), signin.counted_tries()
        try:
            made = asking.ask(session, phone, language="zh", address="192.0.2.1", keys=KEYS, tries=tries, at=utcnow())
        except DomainError as error:
            return error
        session.commit()
        return made


def prove(app: Flask, code_id: UUID, tail: str, code: str | None = None) -> bool | DomainError:
    with app.app_context():
        session: Session = db.session()
        said = rules.code_of(SECRET, code_id) if code is None else code
        try:
            tried = proving.prove(session, code_id, said, tail, secret=SECRET, keys=KEYS, at=utcnow())
        except DomainError as error:
            return error
        session.commit()
        return tried.fits


def finish(app: Flask, code_id: UUID, password: str) -> str | DomainError:
    with app.test_request_context():
        session = db.session()
        try:
            proving.finish(session, code_id, password, at=utcnow())
        except DomainError as error:
            return error
        session.commit()
        return password


def test_phones_that_race_get_no_more_than_one_after_the_other(own_app: Flask) -> None:
    phone, tail, account_id = a_worker(own_app)
    asked = at_once(*[partial(ask, own_app, phone)] * 8)
    ids = [one for one in asked if isinstance(one, UUID)]
    assert len(ids) == rules.MOST_AN_HOUR
    assert all(isinstance(one, (UUID, TooMany)) for one in asked)
    # Eight guesses at one code: five are looked at.
    guessed = at_once(*[partial(prove, own_app, ids[0], tail, "000000")] * 8)
    assert [one for one in guessed if one is False] == [False] * rules.MOST_TRIES
    # One code in two hands: it proves once.
    proved = at_once(*[partial(prove, own_app, ids[1], tail)] * 3)
    assert [one for one in proved if one is True] == [True]
    assert all(one is True or isinstance(one, Conflict) for one in proved)
    # Two codes, both proved: the first password stands, and the other is told to begin anew.
    assert prove(own_app, ids[2], tail) is True
    ended = at_once(
        partial(finish, own_app, ids[1], "quiet tunnel 9"),
        partial(finish, own_app, ids[2], "loud tunnel 10"),
        partial(finish, own_app, ids[1], "third tunnel 11"),
    )
    done = [one for one in ended if isinstance(one, str)]
    assert len(done) == 1
    assert all(isinstance(one, (str, Conflict)) for one in ended)
    with own_app.app_context():
        account = db.session().get_one(Account, account_id)
        assert account.session_epoch == 1
        assert passwords.verify(account.password_hash, done[0])
        assert scalar(db.session(), "SELECT count(*) FROM elearn.sign_in_code WHERE used_at IS NOT NULL") == 1


def test_ends_guessed_in_many_browsers_at_once_are_still_so_many_a_day(own_app: Flask) -> None:
    phone, tail, _account = a_worker(own_app)
    ids = [one for one in (ask(own_app, phone) for _ in range(rules.MOST_AN_HOUR)) if isinstance(one, UUID)]
    guesses = [partial(prove, own_app, one, f"{number:06}") for one in ids for number in range(rules.MOST_TRIES)]
    at_once(*guesses)
    with own_app.app_context():
        wrong = scalar(db.session(), "SELECT sum(wrong_ends) FROM elearn.sign_in_code")
    assert wrong == rules.MOST_WRONG_A_DAY
    last = [prove(own_app, one, tail) for one in ids]
    assert all(isinstance(one, (TooMany, Conflict)) for one in last)
