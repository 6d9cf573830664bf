"""Time comes from one place, is aware and in UTC; ids made later sort later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import default

from elearn import clock
from elearn.clock import DatabaseClock
from elearn.db import UtcDateTime, new_id


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_whole_milliseconds_survive_the_way_there_and_back(moment: datetime) -> None:
    there = clock.to_ms(moment)
    assert clock.to_ms(clock.from_ms(there)) == there
    assert timedelta(0) <= moment - clock.from_ms(there) < timedelta(milliseconds=1)


def test_the_database_is_asked_once_and_time_goes_on_in_between() -> None:
    asked: list[int] = []

    def ask() -> datetime:
        asked.append(1)
        return datetime(2026, 1, 1, tzinfo=UTC)

    read = DatabaseClock(ask)
    first, second = read(), read()
    assert first >= datetime(2026, 1, 1, tzinfo=UTC)
    assert second >= first
    assert len(asked) == 1


def test_a_database_that_moves_its_clock_is_followed_after_the_refresh() -> None:
    answers = iter([datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)])
    read = DatabaseClock(lambda: next(answers), refresh_s=0)
    assert read().day == 1
    assert read().day == 2


def test_the_application_asks_the_clock_it_was_given(app: Flask) -> None:
    with app.app_context():
        assert clock.utcnow() == datetime(2026, 7, 1, 1, 0, tzinfo=UTC)


def test_a_time_without_zone_cannot_be_stored() -> None:
    with pytest.raises(ValueError, match="without zone"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), default.DefaultDialect())  # noqa: DTZ001


def test_ids_are_uuid_version_7_and_never_meet() -> None:
    made = [new_id() for _ in range(2000)]
    assert len(set(made)) == 2000
    assert {one.version for one in made} == {7}
    assert {one.variant for one in made} == {"specified in RFC 4122"}
    assert made[0].int >> 80 <= made[-1].int >> 80
