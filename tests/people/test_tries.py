"""How many tries to sign in are taken, also when Redis is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from redis import Redis
from sqlalchemy.orm import Session

from elearn.db import db
from elearn.errors import NotSignedIn, TooMany
from elearn.people import signin, tries
from elearn.people.tries import Tries
from elearn.runtime import runtime
from elearn.web import refuse
from tests.builders_people import PASSWORD, an_account

NOW = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
"""The beginning of a window."""


def lost_redis() -> Redis:
    """Nobody listens at this address."""
    return Redis.from_url("unix:///nonexistent/redis.sock")


@pytest.fixture(params=["in Redis", "in the database"])
def counters(request: pytest.FixtureRequest, own_app: Flask) -> Iterator[Tries]:
    with own_app.app_context():
        redis = runtime().redis if request.param == "in Redis" else lost_redis()
        runtime().redis.flushdb()
        yield Tries(redis, db.engine, b"i" * 32)


def count(counters: Tries, times: int, *, account: str = "wang", address: str | None = "203.0.113.7") -> int:
    """How many of so many tries were taken."""
    taken = 0
    for _ in range(times):
        try:
            counters.count(account, address, now=NOW)
        except TooMany:
            continue
        taken += 1
    return taken


def test_one_account_from_one_address_is_tried_eight_times(counters: Tries) -> None:
    assert count(counters, 10) == tries.MOST_PAIR == 8
    assert count(counters, 1, address="203.0.113.8") == 1
    assert count(counters, 1, account="li") == 1


def test_one_account_from_many_addresses_is_tried_24_times(counters: Tries) -> None:
    taken = sum(count(counters, 1, address=f"203.0.113.{number}") for number in range(40))
    assert taken == tries.MOST_ACCOUNT == 24


def test_one_address_tries_240_times_whatever_the_accounts(counters: Tries) -> None:
    taken = sum(count(counters, 1, account=f"worker-{number}") for number in range(250))
    assert taken == tries.MOST_ADDRESS == 240


def test_a_whole_ipv6_network_is_one_address(counters: Tries) -> None:
    taken = sum(count(counters, 1, address=f"2001:db8:0:7::{number:x}") for number in range(1, 12))
    assert taken == tries.MOST_PAIR
    assert count(counters, 1, address="2001:db8:0:8::1") == 1


def test_an_ipv4_address_is_the_same_written_in_ipv6(counters: Tries) -> None:
    assert count(counters, 8) == 8
    assert count(counters, 1, address="::ffff:203.0.113.7") == 0


def test_the_refusal_says_when_to_come_back_and_then_it_holds(counters: Tries) -> None:
    count(counters, 8)
    with pytest.raises(TooMany) as refused:
        counters.count("wang", "203.0.113.7", now=NOW + timedelta(minutes=10))
    assert refused.value.retry_after_s == 5 * 60
    counters.count("wang", "203.0.113.7", now=NOW + timedelta(minutes=15))


def test_coming_in_forgets_the_accounts_tries_but_of_the_addresss_only_the_right_one(counters: Tries) -> None:
    wrong = tries.MOST_PAIR - 1
    for _ in range(tries.MOST_ADDRESS // wrong):
        assert count(counters, tries.MOST_PAIR) == tries.MOST_PAIR
        counters.forget("wang", "203.0.113.7", now=NOW)
    assert count(counters, tries.MOST_PAIR) == tries.MOST_ADDRESS % wrong


def test_a_whole_training_room_signs_in_at_once_from_one_address(counters: Tries) -> None:
    for number in range(2 * tries.MOST_ADDRESS):
        counters.count(f"worker-{number}", "203.0.113.7", now=NOW)
        counters.forget(f"worker-{number}", "203.0.113.7", now=NOW)


def test_no_name_and_no_address_is_stored(counters: Tries) -> None:
    count(counters, 2)
    with db.engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT t::text FROM elearn.sign_in_try t")).scalars().all()
    stored = f"{runtime().redis.keys('elearn:tries:*')} {rows}"
    assert stored != "[] []"
    assert not any(secret in stored for secret in ("wang", "203.0.113", b"wang".hex()))


def test_old_windows_are_swept_from_the_database(own_app: Flask) -> None:
    with own_app.app_context():
        counters = Tries(lost_redis(), db.engine, b"i" * 32)
        count(counters, 1)
        counters.count("li", "203.0.113.9", now=NOW + timedelta(hours=1))
        with db.engine.connect() as connection:
            assert connection.execute(sa.text('SELECT count(DISTINCT "window") FROM elearn.sign_in_try')).scalar() == 1


def test_without_redis_people_sign_in_and_guessing_is_still_limited(own_app: Flask) -> None:
    own_app.extensions["elearn"].redis.close()
    own_app.extensions["elearn"].redis = lost_redis()

    def sign_in(session: Session, password: str) -> None:
        try:
            signin.sign_in(session, "wang", password, heard_at=NOW, address="203.0.113.7")
            session.commit()
        finally:
            session.rollback()  # as a request that failed does

    with own_app.test_request_context():
        an_account(db.session(), name="wang")
        db.session.commit()
        sign_in(db.session(), PASSWORD)
        for _ in range(tries.MOST_PAIR):
            with pytest.raises(NotSignedIn):
                sign_in(db.session(), "a wrong guess")
        with pytest.raises(TooMany) as refused:
            sign_in(db.session(), PASSWORD)
        answer = refuse(refused.value)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) == refused.value.retry_after_s == tries.WINDOW_S
