"""What holds in a region on a day: the nearest place, the newest that has begun, of one first day the last loaded."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.courses.requirements.choosing import Catalogue, Loaded, between, places
from elearn.courses.requirements.comparing import changes, told
from elearn.courses.requirements.rows import ClassHours, Group, Mode, Row, rule_name

DAY = date(2026, 6, 1)


def hour(minutes: int, **fields: Any) -> ClassHours:
    known: dict[str, Any] = {"id": "hour", "modality": Mode.ONLINE, "effective_from": DAY, "confirmed": True} | fields
    return ClassHours(minutes=minutes, **known)


def held(*rows: Row) -> Catalogue:
    return Catalogue([Loaded(number, "class_hours", row) for number, row in enumerate(rows, start=1)])


def minutes(catalogue: Catalogue, region: str | None = None, on: date = DAY, group: Group | None = None) -> int | None:
    found = catalogue.class_hour(Mode.ONLINE, group, region, on)
    return None if found is None else found.row.minutes


@pytest.mark.parametrize(
    ("rule", "rows", "region", "on", "expected"),
    [
        ("nothing holds before the first day", [hour(30)], None, date(2026, 5, 31), None),
        ("the first day counts", [hour(30)], None, DAY, 30),
        ("the last day counts", [hour(30, effective_to=date(2026, 7, 1))], None, date(2026, 7, 1), 30),
        ("the day after it does not", [hour(30, effective_to=date(2026, 7, 1))], None, date(2026, 7, 2), None),
        ("the newer one holds", [hour(30), hour(40, effective_from=date(2026, 7, 1))], None, date(2026, 7, 1), 40),
        (
            "until then the older one",
            [hour(30), hour(40, effective_from=date(2026, 7, 1))],
            None,
            date(2026, 6, 30),
            30,
        ),
        ("of one first day the last loaded holds", [hour(30), hour(35)], None, DAY, 35),
        (
            "a correction of the past does not outlive the newer row",
            [hour(30), hour(40, effective_from=date(2026, 7, 1)), hour(35)],
            None,
            date(2026, 8, 1),
            40,
        ),
        (
            "a newer row that is over does not wake the older one",
            [hour(30), hour(40, effective_from=date(2026, 7, 1), effective_to=date(2026, 7, 31))],
            None,
            date(2026, 8, 1),
            None,
        ),
        ("the province before the country", [hour(30), hour(40, region="530000")], "530100", DAY, 40),
        ("the city before the province", [hour(40, region="530000"), hour(50, region="530100")], "530102", DAY, 50),
        ("the county before the city", [hour(50, region="530100"), hour(60, region="530102")], "530102", DAY, 60),
        ("another province's is none", [hour(40, region="330000")], "530100", DAY, None),
        ("the country's holds everywhere", [hour(30)], "530102", DAY, 30),
        ("a province's does not hold in the country", [hour(40, region="530000")], None, DAY, None),
        ("another id of a nearer place wins too", [hour(30), hour(40, id="own", region="530000")], "530100", DAY, 40),
    ],
)
def test_what_holds(rule: str, rows: list[Row], region: str | None, on: date, expected: int | None) -> None:
    assert minutes(held(*rows), region, on) == expected, rule


def test_what_is_about_a_group_comes_before_what_is_about_everybody() -> None:
    rows = held(hour(30), hour(45, id="own", groups=(Group.EMPLOYEE,), modality=Mode.ANY))
    assert minutes(rows, group=Group.EMPLOYEE) == 45
    assert minutes(rows, group=Group.MANAGER) == 30
    assert minutes(rows) == 30


def test_places_from_the_nearest_to_the_widest() -> None:
    assert places("530102") == ["530102", "530100", "530000", "CN"]
    assert places("530000") == ["530000", "CN"]
    assert places(None) == places("CN") == ["CN"]


def test_a_better_comment_is_no_other_rule() -> None:
    row = hour(30, note="as it was")
    assert rule_name("class_hours", row) == rule_name("class_hours", hour(30, note="better", clause="4.4"))
    assert rule_name("class_hours", row) != rule_name("class_hours", hour(31, note="as it was"))


def test_what_changes_between_two_days() -> None:
    rows = held(hour(30, effective_to=date(2026, 6, 30)), hour(40, id="other", effective_from=date(2026, 7, 1)))
    assert between(rows, None, DAY, DAY) == []
    first, second = between(rows, None, DAY, date(2026, 7, 1))
    assert (first.before and first.before.row.id, first.after) == ("hour", None)
    assert (second.before, second.after and second.after.row.id) == (None, "other")


def test_a_file_adds_what_is_not_there_as_it_stands() -> None:
    catalogue = held(hour(30), hour(40, id="same"))
    found = changes(catalogue, [("class_hours", hour(31)), ("class_hours", hour(40, id="same")),
                                ("class_hours", hour(50, id="new", confirmed=False))])  # fmt: skip
    assert list(told(found, today=date(2026, 6, 2))) == [
        "~ class_hours/hour CN from 2026-06-01 (from a day that is over)",
        "    minutes: 30 -> 31",
        "+ class_hours/new CN from 2026-06-01 (from a day that is over) (not confirmed): modality online, minutes 50",
    ]
    assert changes(catalogue, [("class_hours", hour(30))]) == []


rows = st.builds(
    hour,
    st.integers(1, 60),
    id=st.sampled_from(["a", "b"]),
    region=st.sampled_from(["CN", "530000", "530100", "330000"]),
    effective_from=st.dates(date(2026, 1, 1), date(2026, 12, 31)),
)


@given(st.lists(rows, max_size=12), st.dates(date(2026, 1, 1), date(2027, 6, 1)), rows)
def test_what_is_loaded_for_later_changes_nothing_today(loaded: list[Row], on: date, later: ClassHours) -> None:
    more = held(*loaded, hour(later.minutes, id=later.id, region=later.region, effective_from=on + timedelta(days=1)))
    assert more.on("class_hours", "530100", on) == held(*loaded).on("class_hours", "530100", on)


@given(st.lists(rows, max_size=12), st.dates(date(2026, 1, 1), date(2027, 6, 1)))
def test_loading_everything_twice_changes_nothing(loaded: list[Row], on: date) -> None:
    once = held(*loaded)
    assert changes(once, [("class_hours", one.row) for one in once.newest()]) == []
    names = {one.name for one in once.on("class_hours", "530100", on)}
    assert {one.name for one in once.named(names).on("class_hours", "530100", on)} == names
