"""How many 学时 the law asks, by clause, region and day; whether so much time is enough; what rules give together."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given as whatever
from hypothesis import strategies as st

from elearn.courses.requirements.choosing import Catalogue, Loaded
from elearn.courses.requirements.reading import read
from elearn.courses.requirements.rows import AskedHours, Category, ClassHours, Group, Mode, Row, Training
from elearn.courses.requirements.service import shipped
from elearn.credit_export.hours import MICRO
from elearn.training import law_words
from elearn.training.law_hours import (
    Gives,
    LawAsks,
    Learned,
    Lengths,
    Verdict,
    asks,
    counts_for,
    given,
    judge,
    year_of,
)
from elearn.training.words import Occasion, Purpose

TODAY = date(2026, 6, 20)
HOUR_MS = 3_600_000
ONLINE, ON_SITE = HOUR_MS // 2, HOUR_MS * 3 // 4
INITIAL, YEARLY = Training.INITIAL, Training.YEARLY


@cache
def the_law(*, unconfirmed: bool = False) -> Catalogue:
    """What travels with the program, as production loads it, or whole."""
    taken = [one for one in read(shipped()).rows if unconfirmed or one[1].confirmed]
    return Catalogue([Loaded(number, section, row) for number, (section, row) in enumerate(taken, start=1)])


def with_row(section: str, row: Row) -> Catalogue:
    held = the_law()
    return Catalogue([*held.rows, Loaded(held.number + 1, section, row)])


@pytest.mark.parametrize(
    ("clause", "category", "region", "on", "training", "hours"),
    [
        ("令3 第九条", "principal_general", None, TODAY, INITIAL, 32),
        ("令3 第九条", "manager_general", None, TODAY, YEARLY, 12),
        ("令3 第九条", "principal_highrisk", None, TODAY, INITIAL, 48),
        ("令3 第九条", "manager_highrisk", "530100", TODAY, YEARLY, 16),
        ("令3 第十三条", "employee_general", None, TODAY, INITIAL, 24),
        ("令3 第十三条", "employee_general", "110105", TODAY, INITIAL, 24),
        ("令3 第十三条", "employee_highrisk", None, TODAY, INITIAL, 72),
        ("令3 第十三条", "employee_highrisk", None, TODAY, YEARLY, 20),
        ("令3 第十三条: each year, and nobody has seen how many hours", "employee_general", None, TODAY, YEARLY, None),
        ("第二十五条 (北京旧条例), on its last day", "employee_beijing_old", "110000", date(2022, 5, 24), YEARLY, 8),
        ("it is over a day later", "employee_beijing_old", "110000", date(2022, 5, 25), YEARLY, None),
        ("nor does it hold elsewhere", "employee_beijing_old", "530000", date(2022, 5, 24), YEARLY, None),
        ("before any row that is known", "employee_general", None, date(2021, 6, 9), INITIAL, None),
        ("a certificate is learned for at an institution", "so_lv_electric", None, TODAY, INITIAL, None),
        ("of another ministry", "construction_site_staff", None, TODAY, YEARLY, None),
        ("a category that nobody knows", "shoe_shiner", None, TODAY, INITIAL, None),
        ("a post without a category", None, None, TODAY, INITIAL, None),
    ],
)  # fmt: skip
def test_the_law_asks_by_category_region_and_day(
    clause: str, category: str | None, region: str | None, on: date, training: Training, hours: int | None
) -> None:
    for law in (the_law(), the_law(unconfirmed=True)):
        found = asks(law, category, region, on, training)
        assert found.hours == hours, clause
        if hours is not None:
            assert found.clause.startswith(clause.split(" (")[0].split(",")[0])
            assert found.rule.startswith(f"categories/{category}@")


def a_category(**said: Any) -> Category:
    made: dict[str, Any] = {
        "name": "甲",
        "group": Group.EMPLOYEE,
        "effective_from": date(2026, 1, 1),
        "confirmed": True,
    }
    return Category(**made | said)


def test_a_region_has_its_own_number_and_one_that_nobody_confirmed_is_never_a_default() -> None:
    hours = {INITIAL: AskedHours(40)}
    place = with_row(
        "categories", a_category(id="employee_general", region="530000", hours=hours, clause="云南 第三条")
    )
    assert asks(place, "employee_general", "530102", TODAY, INITIAL).hours == 40
    assert asks(place, "employee_general", "330000", TODAY, INITIAL).hours == 24
    weak = with_row("categories", a_category(id="employee_general", region="530000", hours=hours, confirmed=False))
    found = asks(weak, "employee_general", "530102", TODAY, INITIAL)
    assert (found.hours, found.name) == (None, "甲"), "neither its number nor the country's: nobody knows"
    untitled = with_row("categories", a_category(id="x", hours=hours, source=("ORDER3",)))
    assert asks(untitled, "x", None, TODAY, INITIAL).clause == "生产经营单位安全培训规定", "the title of its source"


def test_a_class_hour_is_as_long_as_a_confirmed_row_says_else_as_the_standard() -> None:
    def lengths(law: Catalogue, region: str | None = None) -> Lengths:
        return asks(law, "employee_general", region, TODAY, INITIAL).lengths

    assert lengths(the_law()) == Lengths(ONLINE, ON_SITE), "AQ 8011-2023, 4.4"
    assert lengths(the_law(unconfirmed=True)) == Lengths(ONLINE, ON_SITE), "45 of enterprises: nobody confirmed it"
    row = ClassHours(id="here", modality=Mode.ANY, minutes=60, groups=(Group.EMPLOYEE,), region="530000",
                     effective_from=date(2026, 1, 1), confirmed=True)  # fmt: skip
    assert lengths(with_row("class_hours", row), "530000") == Lengths(HOUR_MS, HOUR_MS)
    assert lengths(with_row("class_hours", row), "330000") == Lengths(ONLINE, ON_SITE)
    assert lengths(Catalogue()) == Lengths(ONLINE, ON_SITE)


GENERAL = LawAsks(INITIAL, 24, "令3 第十三条")


@pytest.mark.parametrize(
    ("rule", "learned", "asked", "verdict", "has", "short"),
    [
        ("24 hours online are 12 by the clock", Learned(24 * ONLINE), GENERAL, Verdict.ENOUGH, 24 * MICRO, 0),
        ("24 on site are 18 by the clock", Learned(0, 24 * ON_SITE), GENERAL, Verdict.ENOUGH, 24 * MICRO, 0),
        ("both are added", Learned(12 * ONLINE, 12 * ON_SITE), GENERAL, Verdict.ENOUGH, 24 * MICRO, 0),
        ("a third online and two thirds on site are one", Learned(23 * ONLINE + ONLINE // 3, ON_SITE * 2 // 3),
         GENERAL, Verdict.ENOUGH, 24 * MICRO, 0),
        ("a quarter is missing", Learned(18 * ONLINE), GENERAL, Verdict.SHORT, 18 * MICRO, 6 * MICRO),
        ("a millisecond is missing", Learned(24 * ONLINE - 1), GENERAL, Verdict.SHORT, 24 * MICRO - 1, 1),
        ("nothing is learned", Learned(), GENERAL, Verdict.SHORT, 0, 24 * MICRO),
        ("more was taken back than given", Learned(-5, 24 * ON_SITE), GENERAL, Verdict.ENOUGH, 24 * MICRO, 0),
        ("nobody knows how much", Learned(24 * ONLINE), LawAsks(YEARLY), Verdict.UNKNOWN, 24 * MICRO, 0),
        ("nothing is asked", Learned(), replace(GENERAL, hours=0), Verdict.ENOUGH, 0, 0),
        ("where an hour is longer", Learned(24 * ONLINE), replace(GENERAL, lengths=Lengths(HOUR_MS, HOUR_MS)),
         Verdict.SHORT, 12 * MICRO, 12 * MICRO),
    ],
)  # fmt: skip
def test_time_is_enough_or_short_by_so_much(
    rule: str, learned: Learned, asked: LawAsks, verdict: Verdict, has: int, short: int
) -> None:
    found = judge(learned, asked)
    assert (found.verdict, found.has, found.short) == (verdict, has, short), rule


TIMES = st.integers(-HOUR_MS, 100 * HOUR_MS)
MORE = st.integers(0, 5 * HOUR_MS)


@whatever(TIMES, TIMES, MORE, MORE, st.integers(0, 120), st.integers(1, 90), st.integers(1, 90))
def test_more_credited_time_never_makes_it_worse(
    online: int, on_site: int, more_online: int, more_on_site: int, hours: int, minutes: int, minutes_on_site: int
) -> None:
    asked = LawAsks(INITIAL, hours, lengths=Lengths(minutes * 60_000, minutes_on_site * 60_000))
    before = judge(Learned(online, on_site), asked)
    after = judge(Learned(online, on_site) + Learned(more_online, more_on_site), asked)
    assert (after.has, -after.short) >= (before.has, -before.short)
    assert (after.verdict is Verdict.ENOUGH) >= (before.verdict is Verdict.ENOUGH)
    for one in (before, after):
        assert (one.verdict is Verdict.SHORT) == (one.short > 0)
        assert one.short == max(0, hours * MICRO - one.has)


@pytest.mark.parametrize(
    ("occasion", "purpose", "training"),
    [
        (Occasion.HIRE, Purpose.THREE_LEVEL_FACTORY, INITIAL),
        (Occasion.HIRE, Purpose.OTHER, INITIAL),
        (Occasion.APPOINTMENT, Purpose.OTHER, INITIAL),
        (Occasion.YEARLY, Purpose.OTHER, YEARLY),
        (Occasion.BY_HAND, Purpose.THREE_LEVEL_TEAM, INITIAL),
        (Occasion.BY_HAND, Purpose.YEARLY, YEARLY),
        (Occasion.BY_HAND, Purpose.CAMPAIGN, None),
        (Occasion.TRANSFER, Purpose.THREE_LEVEL_TEAM, None),
        (Occasion.BACK, Purpose.THREE_LEVEL_WORKSHOP, None),
        (Occasion.CONTRACTOR_ENTRY, Purpose.OTHER, None),
        (Occasion.CAMPAIGN, Purpose.YEARLY, None),
    ],
)  # fmt: skip
def test_what_an_assignment_counts_for(occasion: Occasion, purpose: Purpose, training: Training | None) -> None:
    assert counts_for(occasion, purpose) is training


@pytest.mark.parametrize(
    ("rule", "causes", "began", "first", "last"),
    [
        ("the calendar's", [], date(2025, 12, 31), date(2026, 1, 1), date(2026, 12, 31)),
        ("said by its cause", ["yearly:2026", "hire:2024-01-01"], date(2024, 1, 1), date(2026, 1, 1),
         date(2026, 12, 31)),
        ("the newest anniversary", ["yearly:2025-03-01", "yearly:2026-03-01"], date(2024, 3, 1), date(2026, 3, 1),
         date(2027, 2, 28)),
        ("one that has not come does not count", ["yearly:2026-09-01"], date(2024, 9, 1), date(2026, 1, 1),
         date(2026, 12, 31)),
    ],
)  # fmt: skip
def test_a_year_of_training(rule: str, causes: list[str], began: date, first: date, last: date) -> None:
    assert year_of(TODAY, causes, began) == (first, last), rule


def test_who_came_this_year_had_the_hours_before_the_post() -> None:
    assert year_of(TODAY, [], date(2026, 1, 1)) is None


A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)


def gives(number: int = 9, *held: UUID, training: Training = INITIAL, **said: Any) -> Gives:
    return Gives(UUID(int=number), training, {one: Learned(one.int * HOUR_MS) for one in held}, **said)


@pytest.mark.parametrize(
    ("rule", "mine", "beside", "leads", "hours"),
    [
        ("its own programmes", gives(9, A, B), [], False, 3),
        ("another that finds everybody adds its own", gives(9, A), [gives(8, B)], False, 3),
        ("one that both name is learned once", gives(9, A, B), [gives(8, B, C)], False, 6),
        ("of the year's, nothing", gives(9, A), [gives(8, B, training=YEARLY)], False, 1),
        ("one for other categories, nothing", gives(9, A), [gives(8, B, categories=["y"])], False, 1),
        ("one for this category", gives(9, A), [gives(8, B, categories=["x", "y"])], False, 3),
        ("one for some posts is not sure to find them", gives(9, A), [gives(8, B, posts=["电工"])], False, 1),
        ("unless these are of them", gives(9, A, posts=["电工"]), [gives(8, B, posts=["电工", "焊工"])], False, 3),
        ("and not all of them", gives(9, A, posts=["电工", "木工"]), [gives(8, B, posts=["电工"])], False, 1),
        ("the same of employment", gives(9, A, kinds=["flexible"]), [gives(8, B, kinds=["intern"])], False, 1),
        ("an appointment is of principals and managers", gives(9, A), [gives(8, B, leading=True)], False, 1),
        ("who are found by it", gives(9, A), [gives(8, B, leading=True)], True, 3),
    ],
)  # fmt: skip
def test_rules_give_together(rule: str, mine: Gives, beside: list[Gives], leads: bool, hours: int) -> None:
    assert given(mine, "x", [mine, *beside], leads=leads).online_ms == hours * HOUR_MS, rule


def test_words_round_what_there_is_down_and_what_is_missing_up() -> None:
    def say(message: str, /, **facts: object) -> str:
        return message % facts if facts else message

    text = law_words.hours_text
    assert text(18 * MICRO, 24, "令3 第十三条", say) == "18 of 24 class hours (令3 第十三条)"
    assert text(24 * MICRO - 1, 24, "", say) == "23.9 of 24 class hours"
    assert text(0, None, "x", say) == "no confirmed rule for this post here"
    assert text(MICRO, None, "", say) == "1 class hours · no confirmed rule for this post here"
    assert law_words.verdict_text(Verdict.SHORT, 1, say) == "0.1 short"
    said = law_words.short_text("甲", 24 * MICRO, 72, "令3 第十三条", say)
    assert said == "72 class hours for “甲”, this gives 24 (令3 第十三条)"
