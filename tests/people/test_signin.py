"""Signing in, staying in, getting out; choosing passwords; one-time passwords."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from flask import Flask
from flask import session as cookie
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.db import db
from elearn.errors import Forbidden, Malformed, NotFound, NotSignedIn
from elearn.people import accounts, organisations, passwords, signin
from elearn.people.callers import Caller, caller_of
from elearn.people.models import Account, BrowserSession, EmploymentKind, PasswordReset, Role
from tests.builders_people import (
    KEYS,
    PASSWORD,
    a_member,
    a_person,
    a_phone,
    an_account,
    an_institution,
    an_organisation,
    signed_in,
)
from tests.conftest import ManualClock

NOW = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
HERE = "203.0.113.7"
ENROL = {"jwk": {"kty": "EC"}}
"""Refused as malformed, but only after the caller was let in."""


@pytest.fixture
def in_request(session: Session, app: Flask) -> Iterator[Session]:
    """A session inside a request, for services that write the cookie."""
    with app.test_request_context():
        yield session


def sign_in(session: Session, name: str, password: str = PASSWORD, *, at: datetime = NOW) -> Caller:
    return signin.sign_in(session, name, password, heard_at=at, address=HERE)


def caller(session: Session, account: Account) -> Caller:
    found = caller_of(session, account.id)
    assert found is not None
    return found


# --- by name or phone number -----------------------------------------------------------------------------------------


def test_a_person_signs_in_by_account_name_however_it_is_typed(in_request: Session) -> None:
    account = an_account(in_request, name="Zhang.San")
    assert sign_in(in_request, " zhang.san ").id == account.id
    assert sign_in(in_request, "ＺＨＡＮＧ.SAN").id == account.id


def test_a_person_signs_in_by_phone_number_however_it_is_typed(in_request: Session) -> None:
    phone = a_phone()
    account = an_account(in_request, phone=phone)
    for typed in (phone, f"+86 {phone[:3]} {phone[3:7]} {phone[7:]}", f"0086{phone}"):
        assert sign_in(in_request, typed).id == account.id


@pytest.mark.parametrize("why", ["wrong password", "unknown name", "closed account", "account without password"])
def test_every_refusal_says_the_same(in_request: Session, why: str) -> None:
    account = an_account(in_request, name="wang")
    name, password = "wang", PASSWORD
    match why:
        case "wrong password":
            password = "something else 9"
        case "unknown name":
            name = "wangg"
        case "closed account":
            account.closed_at = NOW
        case "account without password":
            account.password_hash = None
    in_request.flush()
    with pytest.raises(NotSignedIn, match=r"^The name or the password is wrong\.$"):
        sign_in(in_request, name, password)


def test_an_unknown_name_takes_as_long_as_a_wrong_password(in_request: Session) -> None:
    an_account(in_request, name="wang")

    def seconds(name: str) -> float:
        taken = []
        for round_ in range(5):
            begun = time.perf_counter()
            with pytest.raises(NotSignedIn):
                sign_in(in_request, name, f"wrong number {round_}")
            taken.append(time.perf_counter() - begun)
        return statistics.median(taken)

    seconds("nobody-first")  # makes the hash that stands for nobody's
    unknown, wrong = seconds("nobody"), seconds("wang")
    assert 1 / 3 < unknown / wrong < 3


def test_a_hash_of_an_older_cost_is_made_anew_at_sign_in(in_request: Session) -> None:
    account = an_account(in_request, name="wang")
    account.password_hash = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    in_request.flush()
    assert passwords.is_outdated(account.password_hash)
    sign_in(in_request, "wang")
    assert not passwords.is_outdated(account.password_hash)
    assert passwords.verify(account.password_hash, PASSWORD)


# --- sessions --------------------------------------------------------------------------------------------------------


def test_signing_in_starts_a_new_session_and_ends_the_one_before(in_request: Session) -> None:
    an_account(in_request, name="wang")
    first = sign_in(in_request, "wang")
    token = cookie.get("elearn_csrf")
    second = sign_in(in_request, "wang")
    assert first.browser_session_id != second.browser_session_id
    assert token is None or cookie.get("elearn_csrf") != token
    rows = in_request.scalars(sa.select(BrowserSession.ended_at).order_by(BrowserSession.id)).all()
    assert rows == [NOW, None]


def test_what_a_host_keeps_in_the_cookie_stays(in_request: Session) -> None:
    an_account(in_request, name="wang")
    cookie["basket"] = "full"
    sign_in(in_request, "wang")
    signin.sign_out(in_request, at=NOW)
    assert cookie["basket"] == "full"


def test_a_copied_cookie_is_worth_nothing_after_signing_out(client: FlaskClient, session: Session) -> None:
    header = signed_in(client, session, an_account(session))
    with client.session_transaction() as stored:
        copied = dict(stored)
    assert client.post("/devices", json=ENROL, headers=header).status_code == 400
    with client.application.test_request_context():
        cookie.update(copied)
        signin.sign_out(session, at=NOW)
        session.commit()
    assert client.post("/devices", json=ENROL, headers=header).status_code == 401


def test_raising_the_epoch_signs_out_everywhere(client: FlaskClient, session: Session) -> None:
    account = an_account(session)
    other = client.application.test_client()
    headers = [signed_in(client, session, account), signed_in(other, session, account)]
    signin.sign_out_everywhere(session, account.id)
    session.commit()
    for one, header in zip((client, other), headers, strict=True):
        assert one.post("/devices", json=ENROL, headers=header).status_code == 401


@pytest.mark.parametrize(
    ("role", "every", "times", "status"),
    [
        pytest.param(Role.LEARNER, timedelta(days=7), 1, 400, id="a learner may be away for seven days"),
        pytest.param(Role.LEARNER, timedelta(days=7, seconds=1), 1, 401, id="but not longer"),
        pytest.param(Role.LEARNER, timedelta(days=6), 4, 400, id="a learner who comes back often stays"),
        pytest.param(Role.LEARNER, timedelta(days=6), 5, 401, id="for thirty days"),
        pytest.param(Role.OPERATOR, timedelta(hours=2), 1, 400, id="staff may be away for two hours"),
        pytest.param(Role.OPERATOR, timedelta(hours=2, seconds=1), 1, 401, id="but not longer"),
        pytest.param(Role.OPERATOR, timedelta(hours=1), 11, 400, id="staff stay for a working day"),
        pytest.param(Role.OPERATOR, timedelta(hours=1), 12, 401, id="of twelve hours"),
    ],
)
def test_a_session_ends_by_itself(
    client: FlaskClient,
    session: Session,
    clock: ManualClock,
    role: Role,
    every: timedelta,
    times: int,
    status: int,
) -> None:
    header = signed_in(client, session, an_account(session, role))
    for _ in range(times):
        clock.now += every
        answer = client.post("/devices", json=ENROL, headers=header)
    assert answer.status_code == status


def test_a_closed_account_is_out_with_its_next_request(client: FlaskClient, session: Session) -> None:
    account = an_account(session)
    header = signed_in(client, session, account)
    account.closed_at = NOW
    session.commit()
    assert client.post("/devices", json=ENROL, headers=header).status_code == 401


@pytest.mark.parametrize("forged", ["", "1", "not an id", "0190f3b0-0000-7000-8000-000000000000"])
def test_a_cookie_that_names_no_session_is_nobody(client: FlaskClient, forged: str) -> None:
    with client.session_transaction() as stored:
        stored.update({"_user_id": forged, "elearn_seen": 1_782_867_600_000})
    with client.application.test_request_context():
        cookie.update({"_user_id": forged, "elearn_seen": 1_782_867_600_000})
        assert signin.current_account() is None


# --- passwords -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "taken"),
    [
        pytest.param("k7fq2xz", False, id="seven characters"),
        pytest.param("k7fq2xzb", True, id="eight characters"),
        pytest.param("k" * 120 + "7fq2xzbw", True, id="128 characters"),
        pytest.param("k" * 121 + "7fq2xzbw", False, id="129 characters"),
        pytest.param("Password1", False, id="a usual one, whatever its letters"),
        pytest.param("12345678", False, id="a run"),
        pytest.param("87654321", False, id="a run downwards"),
        pytest.param("11112222", False, id="fewer than four different characters"),
        pytest.param("wangxiaoming", False, id="the account's own name"),
        pytest.param("wangxiaoming1", False, id="the account's own name and little more"),
        pytest.param("wangxiaoming likes 7 ducks", True, id="the account's own name and a lot more"),
        pytest.param("安全第一预防为主综合治理", True, id="Chinese"),
    ],
)
def test_which_passwords_are_taken(password: str, taken: bool) -> None:
    if taken:
        passwords.check_new(password, not_like=("wangxiaoming",))
    else:
        with pytest.raises(Malformed):
            passwords.check_new(password, not_like=("wangxiaoming",))


def test_full_width_typing_is_the_same_password() -> None:
    assert passwords.verify(passwords.hash_password("ｈｅｌｍｅｔ７７"), "helmet77")


def test_a_new_password_needs_the_old_one_and_signs_out_elsewhere(in_request: Session) -> None:
    account = an_account(in_request, name="wang")
    elsewhere = sign_in(in_request, "wang")
    in_request.execute(sa.update(BrowserSession).values(ended_at=None))
    cookie.clear()
    sign_in(in_request, "wang")
    with pytest.raises(Forbidden, match="old password"):
        signin.change_password(in_request, "wrong one 77", "helmet and rope", heard_at=NOW, address=HERE)
    now = signin.change_password(in_request, PASSWORD, "helmet and rope", heard_at=NOW, address=HERE)
    rows = {row.id: row for row in in_request.scalars(sa.select(BrowserSession))}
    assert now.browser_session_id is not None
    assert elsewhere.browser_session_id is not None
    assert rows[now.browser_session_id].epoch == account.session_epoch
    assert rows[elsewhere.browser_session_id].epoch < account.session_epoch
    assert sign_in(in_request, "wang", "helmet and rope").id == account.id


# --- one-time passwords ----------------------------------------------------------------------------------------------


def test_a_clerk_helps_somebody_who_forgot_the_password(in_request: Session) -> None:
    company = an_organisation(in_request)
    clerk = an_account(in_request, Role.ENTERPRISE_CLERK, organisation_id=company.id)
    worker = a_member(in_request, company.id)
    worker.name = "forgetful"
    one_time = signin.issue_reset(in_request, caller(in_request, clerk), worker.id, at=NOW)

    with pytest.raises(NotSignedIn):
        sign_in(in_request, "forgetful", PASSWORD)
    came_in = sign_in(in_request, "forgetful", one_time.upper().replace("-", " "), at=NOW + timedelta(hours=23))
    assert came_in.must_change
    with pytest.raises(NotSignedIn):
        sign_in(in_request, "forgetful", one_time)  # used up

    record = in_request.scalars(sa.select(PasswordReset)).one()
    assert (record.issued_by, record.organisation_id, record.account_id) == (clerk.id, company.id, worker.id)
    assert record.used_at == NOW + timedelta(hours=23)
    assert one_time not in repr(vars(record))


def test_after_a_one_time_password_nothing_is_open_but_choosing_a_new_one(
    client: FlaskClient, session: Session
) -> None:
    account = an_account(session, name="wang")
    one_time = signin.issue_reset(session, None, account.id, at=NOW)
    with client.application.test_request_context():
        assert sign_in(session, "wang", one_time).must_change
        kept = dict(cookie)
    header = signed_in(client, session, account)
    refused = client.post("/devices", json=ENROL, headers=header)
    assert (refused.status_code, refused.json) == (
        403,
        {"error": "must_change_password", "detail": "请先设置自己的密码。"},
    )
    with client.application.test_request_context():
        cookie.update(kept)
        assert not signin.change_password(session, "", "helmet and rope", heard_at=NOW, address=HERE).must_change


def test_a_one_time_password_ends_after_a_day(in_request: Session) -> None:
    account = an_account(in_request, name="wang")
    one_time = signin.issue_reset(in_request, None, account.id, at=NOW)
    with pytest.raises(NotSignedIn):
        sign_in(in_request, "wang", one_time, at=NOW + timedelta(hours=24))


def test_a_newer_one_time_password_withdraws_the_older(in_request: Session) -> None:
    account = an_account(in_request, name="wang")
    older = signin.issue_reset(in_request, None, account.id, at=NOW)
    newer = signin.issue_reset(in_request, None, account.id, at=NOW)
    with pytest.raises(NotSignedIn):
        sign_in(in_request, "wang", older)
    assert sign_in(in_request, "wang", newer).must_change


def test_issuing_a_one_time_password_ends_every_session(client: FlaskClient, session: Session) -> None:
    account = an_account(session)
    header = signed_in(client, session, account)
    signin.issue_reset(session, None, account.id, at=NOW)
    session.commit()
    assert client.post("/devices", json=ENROL, headers=header).status_code == 401


@pytest.mark.parametrize(
    ("by", "target", "where", "allowed"),
    [
        pytest.param(Role.ENTERPRISE_CLERK, Role.LEARNER, "own", True, id="a clerk, a worker of the same company"),
        pytest.param(Role.ENTERPRISE_CLERK, Role.LEARNER, "other", False, id="not another company's"),
        pytest.param(Role.ENTERPRISE_CLERK, Role.LEARNER, "left", False, id="not one who left yesterday"),
        pytest.param(Role.ENTERPRISE_CLERK, Role.ENTERPRISE_CLERK, "own", False, id="not a fellow clerk"),
        pytest.param(Role.ENTERPRISE_CLERK, Role.OPERATOR, "own", False, id="not one who may do more"),
        pytest.param(Role.INSTITUTION_CLERK, Role.LEARNER, "own", True, id="an institution's clerk, a trainee"),
        pytest.param(Role.INSTITUTION_CLERK, Role.INSTITUTION_MANAGER, "own", False, id="not the manager"),
        pytest.param(Role.INSTITUTION_MANAGER, Role.TEACHER, "own", True, id="a manager, a teacher"),
        pytest.param(Role.INSTITUTION_MANAGER, Role.INSTITUTION_CLERK, "own", True, id="a manager, a clerk"),
        pytest.param(Role.ENTERPRISE_CLERK, Role.LEARNER, "later", False, id="whose account is older than the bond"),
        pytest.param(Role.TEACHER, Role.LEARNER, "own", False, id="a teacher may not"),
        pytest.param(Role.AUDITOR, Role.LEARNER, "own", False, id="an auditor changes nothing"),
        pytest.param(Role.OPERATOR, Role.INSTITUTION_MANAGER, "other", True, id="the operator, anybody"),
    ],
)
def test_who_may_issue_a_one_time_password_for_whom(
    session: Session, by: Role, target: Role, where: str, allowed: bool
) -> None:
    own, other = an_institution(session), an_institution(session, name="另一家")
    issuer = caller(session, an_account(session, by, organisation_id=own.id))
    place = other if where == "other" else own
    account = an_account(session, target, organisation_id=place.id)
    organisations.join(
        session,
        account.person_id,
        place.id,
        EmploymentKind.EMPLOYEE,
        date(2026, 1, 1),
        at=NOW if where == "later" else account.created_at,
        to_on=date(2026, 6, 30) if where == "left" else None,
    )
    if allowed:
        assert signin.issue_reset(session, issuer, account.id, at=NOW)
    else:
        with pytest.raises(NotFound, match="no such account"):
            signin.issue_reset(session, issuer, account.id, at=NOW)
        assert account.password_hash is not None


def test_a_last_day_is_still_a_day_of_membership_in_china(session: Session) -> None:
    company = an_organisation(session)
    clerk = caller(session, an_account(session, Role.ENTERPRISE_CLERK, organisation_id=company.id))
    worker = a_member(session, company.id)
    organisations.leave(session, worker.person_id, company.id, date(2026, 7, 1))
    late = datetime(2026, 7, 1, 15, 59, tzinfo=UTC)  # 23:59 in China
    assert signin.issue_reset(session, clerk, worker.id, at=late)
    with pytest.raises(NotFound):
        signin.issue_reset(session, clerk, worker.id, at=late + timedelta(minutes=1))


def test_a_new_account_without_password_waits_for_a_one_time_password(in_request: Session) -> None:
    account = accounts.open_account(in_request, a_person(in_request).id, name="fresh", keys=KEYS, at=NOW)
    one_time = signin.issue_reset(in_request, None, account.id, at=NOW)
    assert sign_in(in_request, "fresh", one_time).must_change


def test_two_browsers_at_once_cannot_use_one_one_time_password(own_app: Flask) -> None:
    with own_app.app_context():
        account = an_account(db.session(), name="wang")
        one_time = signin.issue_reset(db.session(), None, account.id, at=NOW)
        db.session.commit()
    together = threading.Barrier(4)

    def try_it(_: int) -> bool:
        with own_app.test_request_context():
            db.session.scalar(sa.text("SELECT 1"))
            together.wait()
            try:
                sign_in(db.session(), "wang", one_time)
            except NotSignedIn:
                return False
            time.sleep(0.2)  # the others decide while this one has not committed
            db.session.commit()
            return True

    with ThreadPoolExecutor(4) as browsers:
        assert sorted(browsers.map(try_it, range(4))) == [False, False, False, True]
