"""Time comes from one place, is aware and in UTC; ids made later sort later."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import default

from elearn import clock
from elearn.clock import DatabaseClock
from elearn.db import UtcDateTime, new_id
from tests.at_once import at_once


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_whole_milliseconds_survive_the_way_there_and_back(moment: datetime) -> None:
    there = clock.to_ms(moment)
    assert clock.to_ms(clock.from_ms(there)) == there
    assert timedelta(0) <= moment - clock.from_ms(there) < timedelta(milliseconds=1)


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class FarDatabase:
    """A database at the end of a line: each question is on its way for so many ms, and its answer for so many more.

    Its clock shows noon when this process began to count; `moved` is what somebody set it forward by since.
    """

    def __init__(self, *ways: tuple[int, int]) -> None:
        self.ways = iter(ways)
        self.passed_ms = 0
        self.asked = 0
        self.moved = timedelta(0)

    def monotonic(self) -> float:
        return 70 + self.passed_ms / 1000

    def now(self) -> datetime:
        return NOON + timedelta(milliseconds=self.passed_ms) + self.moved

    def ask(self) -> datetime:
        there_ms, back_ms = next(self.ways)
        self.asked += 1
        self.passed_ms += there_ms
        answer = self.now()
        self.passed_ms += back_ms
        return answer

    def clock(self) -> DatabaseClock:
        return DatabaseClock(self.ask, monotonic=self.monotonic)

    def off(self, read: DatabaseClock) -> timedelta:
        """By how much a reading is ahead of the database's clock."""
        shown = read()
        return shown - self.now()


def test_the_database_is_asked_once_and_time_goes_on_in_between() -> None:
    far = FarDatabase((0, 0))
    read = far.clock()
    assert read() == NOON
    far.passed_ms += 4_999
    assert read() == NOON + timedelta(milliseconds=4_999)
    assert far.asked == 1


@pytest.mark.parametrize("moved", [timedelta(days=1), timedelta(seconds=-3)])
def test_a_database_that_moves_its_clock_is_followed_after_the_refresh(moved: timedelta) -> None:
    far = FarDatabase((0, 0), (0, 0))
    read = far.clock()
    assert read() == NOON
    far.moved = moved
    far.passed_ms += 4_000
    assert far.off(read) == -moved
    far.passed_ms += 2_000
    assert far.off(read) == timedelta(0)


def test_a_connection_that_must_be_opened_first_does_not_set_the_clock() -> None:
    far = FarDatabase((350, 0), (1, 1))
    assert far.off(far.clock()) == timedelta(0)
    assert far.asked == 2


def test_the_shortest_of_five_round_trips_sets_the_clock_where_all_are_long() -> None:
    far = FarDatabase((350, 0), (40, 10), (20, 16), (90, 0), (0, 70))
    assert far.off(far.clock()) == timedelta(milliseconds=2)
    assert far.asked == 5


@pytest.mark.parametrize("way", [(400, 0), (0, 400), (150, 250)])
def test_a_slow_answer_takes_no_time_from_anybody_and_gives_none(way: tuple[int, int]) -> None:
    far = FarDatabase((1, 1), way, (1, 1))
    read = far.clock()
    for _ in range(3):
        assert far.off(read) == timedelta(0)
        far.passed_ms += 6_000
    assert far.asked == 3


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=5, max_size=15))
def test_no_reading_is_further_off_than_half_the_shortest_of_the_first_round_trips(ways: list[tuple[int, int]]) -> None:
    far = FarDatabase(*ways)
    read = far.clock()
    tried = ways[: next((n for n, way in enumerate(ways[:5], 1) if sum(way) <= 2), 5)]
    limit = timedelta(milliseconds=min(map(sum, tried))) / 2
    assert abs(far.off(read)) <= limit
    for _ in range(len(ways) - far.asked):
        far.passed_ms += 6_000
        assert abs(far.off(read)) <= limit


def test_who_asks_while_another_looks_goes_on_with_what_is_known() -> None:
    far = FarDatabase((0, 0), (0, 0))
    seen: list[datetime] = []

    def ask() -> datetime:
        if far.asked == 1:  # within the second look
            seen.append(read())
        return far.ask()

    read = DatabaseClock(ask, monotonic=far.monotonic)
    assert read() == NOON
    far.passed_ms += 6_000
    assert read() == NOON + timedelta(seconds=6)
    assert seen == [NOON + timedelta(seconds=6)]


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
    assert made[0].int >> 80 <= time.time_ns() // 1_000_000 < (made[0].int >> 80) + 60_000


def test_what_is_made_later_sorts_later_also_in_one_millisecond_and_in_many_threads() -> None:
    def some() -> list[UUID]:
        return [new_id() for _ in range(2000)]

    before, batches, after = new_id(), at_once(*[some] * 4), new_id()
    assert all(batch == sorted(batch) for batch in batches)
    whole = [one for batch in batches for one in batch]
    assert len({one.int >> 64 for one in whole}) == 8000, "no two share a moment"
    assert before < min(whole) < max(whole) < after


def test_a_clock_that_is_set_back_puts_nothing_new_before_what_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [new_id()]
    with monkeypatch.context() as back:
        back.setattr(time, "time_ns", lambda: 1_000_000_000)
        made += [new_id() for _ in range(3)]
    made.append(new_id())
    assert made == sorted(made)
