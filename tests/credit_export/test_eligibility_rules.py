"""Who may sit the exam: worked cases of the field, each row with its rule in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.credit_export.eligibility import (
    Candidate,
    Category,
    Eligible,
    EligibleExempt,
    Facts,
    Ineligible,
    Reason,
    Rules,
    judge,
)
from elearn.credit_export.hours import (
    AQ8011_2023,
    Amount,
    Kind,
    Modality,
    Tally,
    as_text,
    shown_tenths,
    standing,
    tally,
)

ELECTRICIAN = Category("dianya-diangong", "2023", 88, 60, date(2024, 7, 1))
"""低压电工: 88 theory and 60 practice (RULES 2.1)."""

ONLINE_HOUR, OFFLINE_HOUR = 30 * 60_000, 45 * 60_000
SUMMER = date(2026, 7, 1)
SOMEBODY = Candidate(UUID(int=1))
IN_A_FILED_CLASS = Facts(enrolled=True, class_filed=True)
RULES = Rules(AQ8011_2023)


def hours(online: float = 0, offline: float = 0, practice: float = 0) -> Tally:
    return Tally(int(online * ONLINE_HOUR), int(offline * OFFLINE_HOUR), int(practice * OFFLINE_HOUR))


FULL = hours(61.6, 26.4, 60)


def reasons(**changes: Any) -> set[Reason]:
    arguments: dict[str, Any] = {
        "person": SOMEBODY,
        "category": ELECTRICIAN,
        "on": SUMMER,
        "hours": FULL,
        "facts": IN_A_FILED_CLASS,
        "rules": RULES,
    } | changes
    judgement = judge(**arguments)
    return set(judgement.reasons) if isinstance(judgement, Ineligible) else set()


@pytest.mark.parametrize(
    ("rule", "done", "expected"),
    [
        ("online 61.6 + offline 26.4 + practice 60 is enough", FULL, set()),
        ("all offline is enough", hours(0, 88, 60), set()),
        ("online alone never is: the offline share is missing", hours(88, 0, 60), {Reason.OFFLINE_SHARE_LOW}),
        ("more online does not replace offline", hours(500, 26.3, 60), {Reason.OFFLINE_SHARE_LOW}),
        ("too little theory in all", hours(40, 20, 60), {Reason.HOURS_THEORY_SHORT}),
        ("one millisecond of theory short", replace(FULL, offline_theory_ms=FULL.offline_theory_ms - 1), {
            Reason.HOURS_THEORY_SHORT
        }),
        ("no practice", hours(61.6, 26.4, 0), {Reason.HOURS_PRACTICE_SHORT}),
        ("one millisecond of practice short", replace(FULL, offline_practice_ms=FULL.offline_practice_ms - 1), {
            Reason.HOURS_PRACTICE_SHORT
        }),
        ("nothing at all: every reason is told at once", hours(), {
            Reason.HOURS_THEORY_SHORT,
            Reason.HOURS_PRACTICE_SHORT,
        }),
    ],
)  # fmt: skip
def test_hours_of_a_low_voltage_electrician(rule: str, done: Tally, expected: set[Reason]) -> None:
    assert reasons(hours=done) == expected, rule


@pytest.mark.parametrize(
    ("rule", "changes", "expected"),
    [
        ("a class must be filed", {"facts": Facts(True, False)}, {Reason.CLASS_NOT_FILED}),
        ("nobody knows this person", {"facts": Facts(False, False)}, {Reason.NO_RECORD}),
        ("the day before the outline holds", {"on": date(2024, 6, 30)}, {Reason.OUTLINE_NOT_IN_FORCE}),
        ("the first day on which it holds", {"on": date(2024, 7, 1)}, set()),
        (
            "the last day on which it holds",
            {"category": replace(ELECTRICIAN, in_force_to=SUMMER)},
            set(),
        ),
        (
            "the day after its last",
            {"category": replace(ELECTRICIAN, in_force_to=date(2026, 6, 30))},
            {Reason.OUTLINE_NOT_IN_FORCE},
        ),
    ],
)
def test_what_else_is_asked(rule: str, changes: dict[str, Any], expected: set[Reason]) -> None:
    assert reasons(**changes) == expected, rule


@pytest.mark.parametrize(("on", "exempt"), [(date(2026, 5, 31), False), (date(2026, 6, 1), True)])
def test_a_skill_certificate_takes_the_place_of_training_from_order_19_on(on: date, exempt: bool) -> None:
    judgement = judge(
        Candidate(UUID(int=1), "S000033051234"), ELECTRICIAN, on, hours(), Facts(False, False), rules=RULES
    )
    assert isinstance(judgement, EligibleExempt) is exempt
    if isinstance(judgement, EligibleExempt):
        assert judgement.basis == "S000033051234"


def test_a_judgement_names_the_rules_it_used() -> None:
    judgement = judge(SOMEBODY, ELECTRICIAN, SUMMER, FULL, IN_A_FILED_CLASS, rules=RULES)
    assert judgement == Eligible("cn-aq8011-2023; dianya-diangong@2023")


def test_practice_done_online_counts_for_nothing() -> None:
    assert tally([Amount(Modality.ONLINE, Kind.PRACTICE, 10**9)]) == Tally()


def test_a_reversal_takes_back_what_it_names() -> None:
    earned = [Amount(Modality.ONLINE, Kind.THEORY, 90_000), Amount(Modality.ONLINE, Kind.THEORY, -30_000)]
    assert tally(earned).online_theory_ms == 60_000


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "0.0"), (179_999, "0.0"), (180_000, "0.1"), (1_800_000, "1.0"), (1_979_999, "1.0")]
)
def test_hours_are_shown_rounded_down_once(ms: int, text: str) -> None:
    assert as_text(shown_tenths(ms, ONLINE_HOUR)) == text


amounts = st.integers(0, 200 * OFFLINE_HOUR)
tallies = st.builds(Tally, amounts, amounts, amounts)


@given(tallies, tallies)
def test_more_hours_never_make_a_person_less_eligible(done: Tally, more: Tally) -> None:
    both = Tally(
        done.online_theory_ms + more.online_theory_ms,
        done.offline_theory_ms + more.offline_theory_ms,
        done.offline_practice_ms + more.offline_practice_ms,
    )
    assert not reasons(hours=done) or len(reasons(hours=both)) <= len(reasons(hours=done))
    if not reasons(hours=done):
        assert not reasons(hours=both)


@given(tallies, st.integers(0, 200))
def test_online_never_counts_for_more_than_its_share(done: Tally, required: int) -> None:
    found = standing(done, required_theory=required, rules=AQ8011_2023)
    alone = standing(replace(done, offline_theory_ms=0), required_theory=required, rules=AQ8011_2023)
    assert alone.theory <= required * 700_000
    assert found.theory <= found.theory_if_all_online_counted
