"""Which reminders are due when: the table, and what never happens."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.training.telling.reminding import Duty, may_ring, next_ring, steps, summary

DUE = date(2026, 10, 31)


def a_duty(
    *, assigned: date = date(2026, 9, 1), due: date = DUE, bars_post: bool = False, left_ms: int = 60_000
) -> Duty:
    return Duty(uuid4(), "安全再培训", left_ms, assigned, due, bars_post)


@pytest.mark.parametrize(
    ("case", "on", "told", "expected"),
    [
        ("before it is assigned", "2026-08-31", "", ""),
        ("on its first day", "2026-09-01", "", "assigned"),
        ("the next day it was told already", "2026-09-02", "assigned", ""),
        ("the first day was missed", "2026-09-05", "", "assigned"),
        ("15 days before", "2026-10-16", "assigned", ""),
        ("14 days before", "2026-10-17", "assigned", "before_14"),
        ("13 days before, told", "2026-10-18", "assigned before_14", ""),
        ("13 days before, yesterday was missed", "2026-10-18", "assigned", "before_14"),
        ("7 days before", "2026-10-24", "assigned before_14", "before_7"),
        ("3 days before, and nothing was told for weeks", "2026-10-28", "assigned", "before_3"),
        ("the last day before", "2026-10-30", "assigned before_3", "before_1"),
        ("on the day", "2026-10-31", "assigned before_1", "due"),
        ("on the day, again", "2026-10-31", "assigned before_1 due", ""),
        ("the day after", "2026-11-01", "due", "overdue_0"),
        ("six days later", "2026-11-07", "due overdue_0", ""),
        ("a week later", "2026-11-08", "due overdue_0", "overdue_1"),
        ("three weeks later, two were missed", "2026-11-22", "due overdue_0", "overdue_3"),
        ("its day was put off after it was told", "2026-10-17", "assigned before_3", ""),
    ],
)
def test_what_is_told_on_a_day(case: str, on: str, told: str, expected: str) -> None:
    found = steps(a_duty(), date.fromisoformat(on), told.split())
    assert found == tuple(expected.split()), case


def test_what_is_due_soon_after_it_was_assigned_is_told_once_that_day() -> None:
    duty = a_duty(assigned=date(2026, 10, 29))
    assert steps(duty, date(2026, 10, 29), []) == ("assigned",)
    assert steps(duty, date(2026, 10, 30), ["assigned"]) == ("before_1",)
    assert steps(a_duty(assigned=DUE), DUE, []) == ("assigned",), "due on its first day: one word is enough"


def test_the_post_must_be_left_at_once_and_that_is_told_once() -> None:
    duty = a_duty(bars_post=True)
    assert steps(duty, DUE, ["before_1"]) == ("due",)
    assert steps(duty, DUE + timedelta(days=1), ["due"]) == ("overdue_0", "leave_post")
    assert steps(duty, DUE + timedelta(days=8), ["overdue_0", "leave_post"]) == ("overdue_1",)


@given(st.integers(0, 120), st.booleans(), st.sets(st.integers(0, 220), max_size=60), st.integers(0, 100))
def test_nothing_is_ever_told_twice_and_never_more_than_two_a_day(
    days: int, bars_post: bool, runs: set[int], moved: int
) -> None:
    first = date(2026, 1, 1)
    due = first + timedelta(days=days)
    told: list[str] = []
    for run in sorted(runs):
        if run > 150:
            due = max(due, first + timedelta(days=moved))  # put off
        found = steps(a_duty(assigned=first, due=due, bars_post=bars_post), first + timedelta(days=run), told)
        assert len(found) <= 1 + bars_post
        assert not set(found) & set(told)
        told += found
        again = steps(a_duty(assigned=first, due=due, bars_post=bars_post), first + timedelta(days=run), told)
        assert again == ()


@pytest.mark.parametrize(
    ("utc_hour", "rings", "next_hour"),
    [(0, True, 0), (12, True, 12), (13, False, 24), (15, False, 24), (16, False, 24), (23, False, 24)],
)
def test_a_phone_keeps_quiet_at_night_in_china(utc_hour: int, rings: bool, next_hour: int) -> None:
    at = datetime(2026, 7, 1, utc_hour, 0, tzinfo=UTC)
    assert may_ring(at) is rings
    assert next_ring(at) == datetime(2026, 7, 1, tzinfo=UTC) + timedelta(hours=next_hour)


@given(st.integers(0, 400 * 24 * 60))
def test_the_next_ring_is_never_at_night_and_never_earlier(minutes: int) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    found = next_ring(at)
    assert may_ring(found)
    assert timedelta(0) <= found - at <= timedelta(hours=11)


def test_a_summary_says_the_most_urgent_first_and_counts_the_rest() -> None:
    on = date(2026, 11, 5)
    barred = a_duty(due=date(2026, 11, 4), bars_post=True)
    duties = [a_duty(due=date(2026, 11, day)) for day in (9, 8, 7, 3, 2)]
    found = summary([*duties, barred], on)
    assert [line["due_on"][-2:] for line in found["lines"]] == ["04", "02", "03", "07", "08"]
    assert [line["overdue"] for line in found["lines"]] == [True, True, True, False, False]
    assert found["more"] == 1
