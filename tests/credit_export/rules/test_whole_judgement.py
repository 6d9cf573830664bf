"""Who may sit which exam on which day in which region: the rules of the catalogue, each row with its rule in words."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elearn.courses.requirements.choosing import Catalogue
from elearn.courses.requirements.rows import Asked, Education, Group, Training
from elearn.courses.requirements.rows import Category as CategoryRow
from elearn.credit_export.dated_rules import Aim, rules_on
from elearn.credit_export.eligibility import (
    Candidate,
    Category,
    Eligible,
    EligibleExempt,
    Facts,
    Ineligible,
    Judgement,
    Reason,
    Rules,
    age_on,
    judge,
)
from elearn.credit_export.hours import AQ8011_2023, MINUTE_MS, Tally, named, rule_set
from tests.credit_export.rules.conftest import catalogue

SOMEBODY = Candidate(UUID(int=1))
HOLDER = Candidate(UUID(int=1), "S000033051234")
OLD, NEW = date(2026, 5, 20), date(2026, 7, 1)
LAST_OLD, FIRST_NEW = date(2026, 5, 31), date(2026, 6, 1)
KUNMING, LANZHOU, HANGZHOU, BEIJING = "530100", "620100", "330100", "110105"
ALL, NO_TEST = "all rows", frozenset[Reason]()
R = Reason


def hours(online: float = 0, offline: float = 0, practice: float = 0) -> Tally:
    """学时 by the country's lengths: 30 minutes online, 45 on site."""
    on_site = 45 * MINUTE_MS
    return Tally(round(online * 30 * MINUTE_MS), round(offline * on_site), round(practice * on_site))


def judged(
    category: str,
    on: date,
    done: Tally,
    *,
    training: Training = Training.INITIAL,
    region: str | None = None,
    person: Candidate = SOMEBODY,
    rows: Catalogue | None = None,
    outline: tuple[int, int] = (0, 0),
    ends: date | None = None,
    **facts: Any,
) -> Judgement:
    """Judged by the catalogue; the outline asks nothing of its own unless told so."""
    chosen = rules_on(rows or catalogue(), Aim(category, training, region, *outline), on)
    asked = Category(category, "1", chosen.required_theory, chosen.required_practice, date(2023, 10, 11), ends)
    known = Facts(**{"enrolled": True, "class_filed": True} | facts)
    return judge(person, asked, on, done, known, rules=chosen.rules)


def reasons(*arguments: Any, **more: Any) -> set[Reason]:
    judgement = judged(*arguments, **more)
    return set(judgement.reasons) if isinstance(judgement, Ineligible) else set()


LV = "so_lv_electric"
FULL = hours(61.6, 26.4, 60)
ADULT = {"born_on": date(1990, 1, 1), "health_certificate_to": NEW}
"""Who is of age and in health."""

WORKED = [
    ("online 88 and practice 60 without a lesson on site", LV, NEW, hours(88, 0, 60), {}, {R.OFFLINE_SHARE_LOW}),
    ("online 61.6, on site 26.4, practice 60", LV, NEW, FULL, {}, set()),
    (
        "换证 after 2026-06-01 trains theory only",
        LV,
        NEW,
        hours(0, 8),
        {"training": Training.RENEWAL, "outline": (8, 60)},
        set(),
    ),
    ("复审 before 2026-06-01 is 8 hours", LV, OLD, hours(0, 8), {"training": Training.REVIEW}, set()),
    ("复审 of 7.9 hours is short", LV, OLD, hours(0, 7.9), {"training": Training.REVIEW}, {R.HOURS_THEORY_SHORT}),
    (
        "复审 of 8 hours online lacks 30 % on site",
        LV,
        OLD,
        hours(8),
        {"training": Training.REVIEW},
        {R.OFFLINE_SHARE_LOW},
    ),
    ("复审 of 5.6 online and 2.4 on site", LV, OLD, hours(5.6, 2.4), {"training": Training.REVIEW}, set()),
    ("复审 is no more from 2026-06-01", LV, NEW, hours(0, 8), {"training": Training.REVIEW}, {R.OUTLINE_NOT_IN_FORCE}),
    (
        "换证 is no training of its own before 2026-06-01",
        LV,
        OLD,
        hours(0, 8),
        {"training": Training.RENEWAL, "outline": (8, 0)},
        {R.OUTLINE_NOT_IN_FORCE},
    ),
    (
        "换证: its outline's theory is asked",
        LV,
        NEW,
        hours(0, 7),
        {"training": Training.RENEWAL, "outline": (8, 60)},
        {R.HOURS_THEORY_SHORT},
    ),
]

CATEGORIES = [
    ("高压电工 82 + 72", "so_hv_electric", NEW, hours(57.4, 24.6, 72), {}, set()),
    ("高压电工, practice of the low one", "so_hv_electric", NEW, hours(57.4, 24.6, 60), {}, {R.HOURS_PRACTICE_SHORT}),
    ("电力电缆 64 + 40", "so_power_cable", NEW, hours(44.8, 19.2, 40), {}, set()),
    ("电力电缆, all theory on site", "so_power_cable", NEW, hours(0, 64, 40), {}, set()),
    ("继电保护 74 + 50", "so_relay", NEW, hours(51.8, 22.2, 50), {}, set()),
    ("继电保护 with nothing", "so_relay", NEW, hours(), {}, {R.HOURS_THEORY_SHORT, R.HOURS_PRACTICE_SHORT}),
    ("电气试验 56 + 70", "so_electric_test", NEW, hours(39.2, 16.8, 70), {}, set()),
    (
        "电气试验, one tenth of practice short",
        "so_electric_test",
        NEW,
        hours(39.2, 16.8, 69.9),
        {},
        {R.HOURS_PRACTICE_SHORT},
    ),
    ("防爆电气 60 + 22", "so_explosion_proof", NEW, hours(42, 18, 22), {}, set()),
    ("熔化焊接 68 + 40", "so_fusion_weld", NEW, hours(47.6, 20.4, 40), {}, set()),
    ("压力焊 68 + 40, online too much", "so_pressure_weld", NEW, hours(48, 20, 40), {}, {R.OFFLINE_SHARE_LOW}),
    ("钎焊 68 + 40", "so_brazing", NEW, hours(0, 68, 40), {}, set()),
    ("登高架设 40 + 60", "so_scaffold", NEW, hours(28, 12, 60), {}, set()),
    (
        "登高架设, more online does not replace practice",
        "so_scaffold",
        NEW,
        hours(400, 12, 59),
        {},
        {R.HOURS_PRACTICE_SHORT},
    ),
    (
        "高处安装 104: nobody knows the split, the outline's 50 + 54 holds",
        "so_height_install",
        NEW,
        hours(0, 50, 54),
        {"outline": (50, 54)},
        set(),
    ),
    (
        "高处安装: what an outline leaves out of 104 is theory",
        "so_height_install",
        NEW,
        hours(0, 40, 54),
        {"outline": (40, 54)},
        {R.HOURS_THEORY_SHORT},
    ),
    ("制冷运行 100 without an outline is theory", "so_refrigeration_run", NEW, hours(0, 100), {}, set()),
    (
        "煤矿: no hours are known, the outline's are asked",
        "so_coal",
        NEW,
        hours(0, 89),
        {"outline": (90, 0), "rows": ALL, **ADULT},
        {R.HOURS_THEORY_SHORT},
    ),
    (
        "an outline that asks more than the category counts",
        LV,
        NEW,
        FULL,
        {"outline": (90, 60)},
        {R.HOURS_THEORY_SHORT},
    ),
    ("an outline that asks less does not", LV, NEW, hours(28, 12, 60), {"outline": (40, 60)}, {R.HOURS_THEORY_SHORT}),
    ("一般行业主要负责人 32", "principal_general", NEW, hours(22.4, 9.6), {}, set()),
    ("一般行业主要负责人, 32 online", "principal_general", NEW, hours(32), {}, {R.OFFLINE_SHARE_LOW}),
    ("一般行业主要负责人, each year 12", "principal_general", NEW, hours(0, 12), {"training": Training.YEARLY}, set()),
    ("高危主要负责人 48", "principal_highrisk", NEW, hours(0, 47.9), {}, {R.HOURS_THEORY_SHORT}),
    ("高危主要负责人, each year 16", "principal_highrisk", NEW, hours(11.2, 4.8), {"training": Training.YEARLY}, set()),
    ("地下矿山主要负责人 54", "principal_mine_underground", NEW, hours(0, 53), {}, {R.HOURS_THEORY_SHORT}),
    ("危化生产安管人员 56", "manager_hazchem_production", NEW, hours(39.2, 16.8), {}, set()),
    ("金属冶炼安管人员 52", "manager_metallurgy", NEW, hours(0, 52), {}, set()),
    ("金属冶炼主要负责人 48", "principal_metallurgy", NEW, hours(0, 48), {}, set()),
    ("其他从业人员 24", "employee_general", NEW, hours(16.8, 7.2), {}, set()),
    ("高危从业人员 72", "employee_highrisk", NEW, hours(16.8, 7.2), {}, {R.HOURS_THEORY_SHORT}),
    ("高危从业人员, each year 20", "employee_highrisk", NEW, hours(0, 20), {"training": Training.YEARLY}, set()),
    (
        "特种设备 is another ministry's",
        "special_equipment_operator",
        NEW,
        hours(0, 500, 500),
        {},
        {R.OUTLINE_NOT_IN_FORCE},
    ),
    (
        "施工现场 is another ministry's",
        "construction_site_staff",
        NEW,
        hours(0, 500, 500),
        {},
        {R.OUTLINE_NOT_IN_FORCE},
    ),
    (
        "云南教师 40 a year",
        "safety_teacher",
        NEW,
        hours(28, 12),
        {"training": Training.YEARLY, "region": KUNMING},
        set(),
    ),
    (
        "云南教师 39",
        "safety_teacher",
        NEW,
        hours(28, 11),
        {"training": Training.YEARLY, "region": KUNMING},
        {R.HOURS_THEORY_SHORT},
    ),
    (
        "the rule of Yunnan is no rule of Zhejiang",
        "safety_teacher",
        NEW,
        hours(),
        {"training": Training.YEARLY, "region": HANGZHOU},
        set(),
    ),
    (
        "北京旧条例 is over from 2022-05-25",
        "employee_beijing_old",
        NEW,
        hours(0, 24),
        {"region": BEIJING},
        {R.OUTLINE_NOT_IN_FORCE},
    ),
]

DATES_AND_FACTS = [
    (
        "职业技能等级证书 on the last day of Order 30",
        LV,
        LAST_OLD,
        hours(),
        {"person": HOLDER},
        {R.HOURS_THEORY_SHORT, R.HOURS_PRACTICE_SHORT},
    ),
    ("职业技能等级证书 on the first day of Order 19", LV, FIRST_NEW, hours(), {"person": HOLDER}, set()),
    (
        "it exempts special operations, not principals",
        "principal_general",
        NEW,
        hours(),
        {"person": HOLDER},
        {R.HOURS_THEORY_SHORT},
    ),
    (
        "it exempts from the first training, not from 换证",
        LV,
        NEW,
        hours(),
        {"person": HOLDER, "training": Training.RENEWAL, "outline": (8, 0)},
        {R.HOURS_THEORY_SHORT},
    ),
    (
        "it has to be valid: not yet",
        LV,
        NEW,
        FULL,
        {"person": replace(HOLDER, skill_certificate_from=date(2026, 7, 2))},
        set(),
    ),
    (
        "it has to be valid: no more",
        LV,
        NEW,
        hours(0, 88),
        {"person": replace(HOLDER, skill_certificate_to=date(2026, 6, 30))},
        {R.HOURS_PRACTICE_SHORT},
    ),
    ("its last day counts", LV, NEW, hours(), {"person": replace(HOLDER, skill_certificate_to=NEW)}, set()),
    (
        "who holds it need not be in a class",
        LV,
        NEW,
        hours(),
        {"person": HOLDER, "enrolled": False, "class_filed": False},
        set(),
    ),
    (
        "who holds it must still be known",
        LV,
        NEW,
        hours(),
        {"person": HOLDER, "identified": False},
        {R.IDENTITY_UNVERIFIED},
    ),
    (
        "who holds it must not be on a blacklist",
        LV,
        NEW,
        hours(),
        {"person": HOLDER, "blacklisted": True},
        {R.BLACKLISTED},
    ),
    (
        "who holds it is not in question by a school's suspension",
        LV,
        NEW,
        hours(),
        {"person": HOLDER, "institution_suspended": True},
        set(),
    ),
    ("who holds it may be under review", LV, NEW, hours(), {"person": HOLDER, "under_review": True}, {R.UNDER_REVIEW}),
    ("a class that was not filed", LV, NEW, FULL, {"class_filed": False}, {R.CLASS_NOT_FILED}),
    ("a teacher known not to be valid", LV, NEW, FULL, {"teachers_valid": False}, {R.TEACHER_INVALID}),
    ("a teacher of whom nothing is known", LV, NEW, FULL, {}, set()),
    (
        "in Yunnan that is not enough, by a rule nobody has confirmed",
        LV,
        NEW,
        FULL,
        {"region": KUNMING, "rows": ALL, **ADULT},
        {R.TEACHER_INVALID},
    ),
    ("and production does not know that rule", LV, NEW, FULL, {"region": KUNMING}, set()),
    (
        "a valid teacher in Yunnan",
        LV,
        NEW,
        FULL,
        {"region": KUNMING, "rows": ALL, **ADULT, "teachers_valid": True},
        set(),
    ),
    ("a course test that is not passed", LV, NEW, FULL, {"course_tests": False}, {R.COURSE_TEST_MISSING}),
    ("courses without a test", LV, NEW, FULL, {"course_tests": None}, set()),
    ("tests that are passed", LV, NEW, FULL, {"course_tests": True}, set()),
    ("the institution is suspended", LV, NEW, FULL, {"institution_suspended": True}, {R.INSTITUTION_SUSPENDED}),
    ("the hours are under review", LV, NEW, FULL, {"under_review": True}, {R.UNDER_REVIEW}),
    ("on the blacklist", LV, NEW, FULL, {"blacklisted": True}, {R.BLACKLISTED}),
    ("no document", LV, NEW, FULL, {"identified": False}, {R.IDENTITY_UNVERIFIED}),
    (
        "in no class",
        LV,
        NEW,
        hours(),
        {"enrolled": False, "class_filed": False},
        {R.HOURS_THEORY_SHORT, R.HOURS_PRACTICE_SHORT, R.NO_RECORD},
    ),
    ("failed once under Order 30: one retake", LV, OLD, FULL, {"exams_failed": 1}, set()),
    ("failed twice under Order 30: trained again", LV, OLD, FULL, {"exams_failed": 2}, {R.PREREQ_RETRAINING}),
    ("failed nine times under Order 19: not trained again", LV, NEW, FULL, {"exams_failed": 9}, set()),
    (
        "admitted while the outline held, failed: it is over now, Order 19",
        LV,
        NEW,
        FULL,
        {"ends": LAST_OLD, "admitted_on": OLD},
        set(),
    ),
    ("never admitted while it held", LV, NEW, FULL, {"ends": LAST_OLD}, {R.OUTLINE_NOT_IN_FORCE}),
    ("Order 30 does not spare it", LV, LAST_OLD, FULL, {"ends": OLD, "admitted_on": OLD}, {R.OUTLINE_NOT_IN_FORCE}),
    (
        "危化 in Gansu: senior high school",
        "so_hazchem",
        NEW,
        hours(0, 90),
        {"rows": ALL, "region": LANZHOU, "outline": (90, 0), **ADULT, "education": Education.JUNIOR_HIGH},
        {R.PREREQ_EDUCATION},
    ),
    (
        "危化 in Gansu: nobody has shown any",
        "so_hazchem",
        NEW,
        hours(0, 90),
        {"rows": ALL, "region": LANZHOU, "outline": (90, 0), **ADULT},
        {R.PREREQ_EDUCATION},
    ),
    (
        "危化 in Gansu: college is more",
        "so_hazchem",
        NEW,
        hours(0, 90),
        {"rows": ALL, "region": LANZHOU, "outline": (90, 0), **ADULT, "education": Education.COLLEGE},
        set(),
    ),
    (
        "危化 in Zhejiang: none is asked",
        "so_hazchem",
        NEW,
        hours(0, 90),
        {"rows": ALL, "region": HANGZHOU, "outline": (90, 0), **ADULT},
        set(),
    ),
    ("电工 in Gansu: not of hazardous chemicals", LV, NEW, FULL, {"region": LANZHOU}, set()),
    ("junior high school was asked under Order 30", LV, LAST_OLD, FULL, {"rows": ALL, **ADULT}, {R.PREREQ_EDUCATION}),
    ("and is not under Order 19", LV, FIRST_NEW, FULL, {"rows": ALL, **ADULT}, set()),
    ("eighteen today", LV, NEW, FULL, {"rows": ALL, "born_on": date(2008, 7, 1), "health_certificate_to": NEW}, set()),
    (
        "eighteen tomorrow",
        LV,
        NEW,
        FULL,
        {"rows": ALL, "born_on": date(2008, 7, 2), "health_certificate_to": NEW},
        {R.PREREQ_AGE},
    ),
    (
        "a health certificate that ended yesterday",
        LV,
        NEW,
        FULL,
        {"rows": ALL, "born_on": date(1990, 1, 1), "health_certificate_to": date(2026, 6, 30)},
        {R.PREREQ_HEALTH},
    ),
    (
        "holding a skill certificate makes nobody older",
        LV,
        NEW,
        hours(),
        {"rows": ALL, "person": HOLDER, "born_on": date(2010, 1, 1), "health_certificate_to": NEW},
        {R.PREREQ_AGE},
    ),
    (
        "all that is wrong is told at once",
        LV,
        NEW,
        hours(),
        {
            "class_filed": False,
            "identified": False,
            "teachers_valid": False,
            "course_tests": False,
            "blacklisted": True,
            "institution_suspended": True,
            "under_review": True,
            "ends": OLD,
        },
        set(R)
        - {R.OFFLINE_SHARE_LOW, R.NO_RECORD, R.PREREQ_AGE, R.PREREQ_EDUCATION, R.PREREQ_HEALTH, R.PREREQ_RETRAINING},
    ),
]


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
        "exams_failed": st.integers(0, 3),
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
