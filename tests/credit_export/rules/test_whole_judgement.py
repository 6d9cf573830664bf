"""Who may sit which exam on which day in which region, by the catalogue: its cases, and what always holds."""

from __future__ import annotations

import time
from datetime import date
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elearn.courses.requirements.choosing import Catalogue
from elearn.courses.requirements.rows import Asked, Education, Group, Training
from elearn.courses.requirements.rows import Category as CategoryRow
from elearn.credit_export.dated_rules import Aim, rules_on
from elearn.credit_export.eligibility import (
    Category,
    Eligible,
    EligibleExempt,
    Facts,
    Ineligible,
    Reason,
    Rules,
    age_on,
    judge,
)
from elearn.credit_export.hours import AQ8011_2023, MINUTE_MS, Tally, named, rule_set
from tests.credit_export.rules.a_catalogue import catalogue
from tests.credit_export.rules.cases import ALL, CATEGORIES, DATES_AND_FACTS, WORKED
from tests.credit_export.rules.judging import (
    BEIJING,
    FIRST_NEW,
    FULL,
    HANGZHOU,
    HOLDER,
    KUNMING,
    LANZHOU,
    LV,
    NEW,
    OLD,
    SOMEBODY,
    hours,
    judged,
    reasons,
)  # fmt: skip


def rows_of(changes: dict[str, Any]) -> dict[str, Any]:
    return changes | {"rows": catalogue(unconfirmed=True)} if changes.get("rows") == ALL else changes


@pytest.mark.parametrize(
    ("rule", "category", "on", "done", "changes", "expected"),
    [pytest.param(*row, id=row[0]) for row in (*WORKED, *CATEGORIES, *DATES_AND_FACTS)],
)
def test_the_rule_of_the_day(
    rule: str, category: str, on: date, done: Tally, changes: dict[str, Any], expected: set[Reason]
) -> None:
    assert reasons(category, on, done, **rows_of(changes)) == expected, rule


def test_there_are_more_than_sixty_rows_beside_the_worked_cases() -> None:
    assert len(CATEGORIES) + len(DATES_AND_FACTS) >= 60


def test_who_is_exempt_is_told_apart_and_by_which_paper() -> None:
    judgement = judged(LV, FIRST_NEW, hours(), person=HOLDER)
    assert isinstance(judgement, EligibleExempt)
    assert judgement.basis == "S000033051234"
    assert any(name.startswith("exemptions/skill_certificate@CN@2026-06-01#") for name in judgement.rules.split("; "))


def test_a_judgement_names_every_row_it_used() -> None:
    judgement = judged(LV, NEW, FULL)
    assert isinstance(judgement, Eligible)
    first, outline, *rows = judgement.rules.split("; ")
    assert (first, outline) == ("cn-aq8011-2023", "so_lv_electric@1")
    assert [name.rpartition("#")[0] for name in rows] == [
        "class_hours/online_aq8011@CN@2024-07-01",
        "class_hours/offline_aq8011@CN@2024-07-01",
        "modality_limits/theory_online_share@CN@2024-07-01",
        "categories/so_lv_electric@CN@2023-10-11",
        "certificates/special_operation@CN@2026-06-01",
        "modality_limits/practice_offline_only@CN@2024-07-01",
        "exemptions/skill_certificate@CN@2026-06-01",
    ]


def test_the_rows_that_a_judgement_names_are_enough_to_make_it_again() -> None:
    held = catalogue(unconfirmed=True)
    some = ("so_lv_electric", "so_hazchem", "principal_general", "employee_general", "employee_beijing_old")
    days = (OLD, NEW, date(2024, 1, 1))
    for region, category, on, training in product((None, KUNMING, LANZHOU, BEIJING), some, days, Training):
        aim = Aim(category, training, region, 40, 10)
        chosen = rules_on(held, aim, on)
        assert rules_on(held.named(chosen.rules.names), aim, on) == chosen


def test_with_nothing_loaded_all_is_as_without_a_catalogue() -> None:
    chosen = rules_on(Catalogue(), Aim("so_lv_electric", Training.INITIAL, KUNMING, 88, 60), NEW)
    assert chosen.rules == Rules(AQ8011_2023)
    assert (chosen.required_theory, chosen.required_practice) == (88, 60)


@pytest.mark.parametrize(
    ("group", "category", "version"),
    [
        ("the standard's lengths are the standard", LV, "cn-aq8011-2023"),
        (
            "an enterprise's own hour is 45 minutes either way, where that is taken",
            "employee_general",
            "hours-45-45-70",
        ),
    ],
)
def test_how_long_an_hour_is_comes_from_the_catalogue(group: str, category: str, version: str) -> None:
    chosen = rules_on(catalogue(unconfirmed=True), Aim(category, Training.INITIAL, None, 0, 0), NEW)
    assert chosen.rules.hours.version == version, group
    assert named(f"{version}; x@1") == chosen.rules.hours


def test_the_version_of_a_rule_set_says_its_values() -> None:
    assert named("cn-aq8011-2023; a@1") is AQ8011_2023
    assert rule_set(30, 45, 70) is AQ8011_2023
    other = rule_set(40, 45, 50)
    assert (other.version, other.online_hour_ms, other.online_theory_percent) == ("hours-40-45-50", 2_400_000, 50)
    assert named(other.version) == other


@pytest.mark.parametrize(
    ("born", "on", "age"),
    [
        (date(2008, 7, 1), date(2026, 6, 30), 17),
        (date(2008, 7, 1), date(2026, 7, 1), 18),
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2028, 2, 29), 20),
    ],
)
def test_full_years_of_age(born: date, on: date, age: int) -> None:
    assert age_on(born, on) == age


CATEGORY_IDS = sorted(one.row.id for one in catalogue(unconfirmed=True).newest() if isinstance(one.row, CategoryRow))
amounts = st.integers(0, 200 * 45 * MINUTE_MS)
tallies = st.builds(Tally, amounts, amounts, amounts)
situations = st.fixed_dictionaries(
    {
        "training": st.sampled_from(Training),
        "region": st.sampled_from([None, KUNMING, LANZHOU, HANGZHOU, BEIJING]),
        "person": st.sampled_from([SOMEBODY, HOLDER]),
        "outline": st.tuples(st.integers(0, 100), st.integers(0, 60)),
        "class_filed": st.booleans(),
        "course_tests": st.sampled_from([None, True, False]),
        "train_again": st.booleans(),
        "education": st.sampled_from([None, *Education]),
    }
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(CATEGORY_IDS), st.dates(date(2023, 1, 1), date(2028, 1, 1)), tallies, tallies, situations,
    st.booleans(),
)  # fmt: skip
def test_more_hours_never_make_a_person_less_eligible(
    category: str, on: date, done: Tally, more: Tally, situation: dict[str, Any], unconfirmed: bool
) -> None:
    rows = catalogue(unconfirmed=unconfirmed)
    both = Tally(
        done.online_theory_ms + more.online_theory_ms,
        done.offline_theory_ms + more.offline_theory_ms,
        done.offline_practice_ms + more.offline_practice_ms,
    )
    before, after = (reasons(category, on, each, rows=rows, **situation) for each in (done, both))
    # Theory that was short may turn out to be online for the greater part: that is one reason for another.
    assert len(after) <= len(before)
    assert after - before <= {Reason.OFFLINE_SHARE_LOW}
    if not before:
        assert not after


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(CATEGORY_IDS), st.dates(date(2023, 1, 1), date(2028, 1, 1)), situations)
def test_every_category_on_every_day_has_an_answer(category: str, on: date, situation: dict[str, Any]) -> None:
    assert judged(category, on, hours(500, 500, 500), rows=catalogue(unconfirmed=True), **situation)


def test_a_judgement_with_its_rules_takes_less_than_a_millisecond() -> None:
    judged(LV, NEW, FULL)  # what is in force on a day is found once
    began = time.perf_counter()
    for _ in range(200):
        judged(LV, NEW, FULL)
    assert (time.perf_counter() - began) / 200 < 0.001


def test_asked_and_not_known_is_no() -> None:
    strict = Rules(AQ8011_2023, course_tests=Asked.ASKED, teachers=Asked.ASKED)
    asked = Category("x", "1", 1, 0, date(2024, 1, 1))
    found = judge(SOMEBODY, asked, NEW, hours(0, 1), Facts(True, True), rules=strict)
    assert isinstance(found, Ineligible)
    assert set(found.reasons) == {Reason.TEACHER_INVALID, Reason.COURSE_TEST_MISSING}


def test_groups_of_the_seeds_are_all_there() -> None:
    rows = [one.row for one in catalogue(unconfirmed=True).newest() if isinstance(one.row, CategoryRow)]
    assert len(rows) == 52
    assert {row.group for row in rows} == set(Group)
