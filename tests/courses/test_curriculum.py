"""What an outline asks, which version holds on a day, and what to watch next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

import pytest

from elearn.courses.curriculum import ItemHours, in_force, next_unit, required_hours


@dataclass(frozen=True)
class Version:
    name: str
    effective_from: date
    effective_to: date | None


# The law changed on 2026-06-01 (DESIGN 3.7); both sides of that date must come out right.
OLD = Version("old", date(2010, 7, 1), date(2026, 5, 31))
NEW = Version("new", date(2026, 6, 1), None)


@pytest.mark.parametrize(
    ("rule", "on", "expected"),
    [
        ("before any version none holds", date(2010, 6, 30), None),
        ("from its first day", date(2010, 7, 1), OLD),
        ("to its last day", date(2026, 5, 31), OLD),
        ("from the day after the next", date(2026, 6, 1), NEW),
        ("an open version holds for good", date(2040, 1, 1), NEW),
    ],
)
def test_one_version_of_an_outline_holds_on_a_day(rule: str, on: date, expected: Version | None) -> None:
    assert in_force([NEW, OLD], on) == expected, rule


def test_theory_and_practice_are_asked_apart() -> None:
    # 低压电工: 148 = 88 + 60 (RULES 2.1)
    items = [ItemHours("theory", 80), ItemHours("theory", 8), ItemHours("practice", 60)]
    assert required_hours(items) == {"theory": 88, "practice": 60}
    assert required_hours([]) == {"theory": 0, "practice": 0}


def test_the_next_unit_is_the_first_that_is_not_complete() -> None:
    one, two, three = (UUID(int=number) for number in (1, 2, 3))
    assert next_unit([one, two, three], {one, three}) == two
    assert next_unit([one, two], {one, two}) is None
    assert next_unit([], ()) is None
