"""Until when a certificate holds: both sides of 2026-06-01, and when its end is told."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.training.certificates.rules import (
    STAGES,
    CheckState,
    EndsBy,
    Life,
    Regime,
    Standing,
    life,
    masked,
    stage,
    standing,
)
from elearn.training.law import add_months

ORDER_19 = date(2026, 6, 1)


def operations(on: date) -> Regime:
    """Order 30 until the end of May 2026, Order 19 from then on."""
    return Regime(72, None) if on >= ORDER_19 else Regime(72, 36)


def assessments(on: date) -> Regime:
    return Regime(36, None)


@pytest.mark.parametrize(
    ("case", "from_on", "to_on", "reviewed_on", "expected"),
    [
        ("begun under Order 19: six years, no review", "2026-06-01", None, None, Life(date(2032, 5, 31), EndsBy.RULE)),
        ("the paper says its last day", "2026-07-01", "2030-01-01", None, Life(date(2030, 1, 1), EndsBy.PAPER)),
        (
            "the review fell due before Order 19 and is not recorded",
            "2023-05-31", None, None, Life(date(2026, 5, 30), EndsBy.REVIEW),
        ),
        (
            "the review would have fallen due on the first day of Order 19",
            "2023-06-01", None, None, Life(date(2029, 5, 31), EndsBy.RULE),
        ),
        ("reviewed in time", "2023-05-31", None, "2026-04-10", Life(date(2029, 5, 30), EndsBy.RULE)),
        ("reviewed late, still recorded", "2021-01-10", None, "2024-03-01", Life(date(2027, 1, 9), EndsBy.RULE)),
        ("a review of the first year is none", "2021-01-10", None, "2021-05-01", Life(date(2024, 1, 9), EndsBy.REVIEW)),
        ("the paper ends before a review", "2022-01-01", "2023-01-01", None, Life(date(2023, 1, 1), EndsBy.PAPER)),
    ],
)  # fmt: skip
def test_a_certificate_of_special_operations_holds_by_the_rules_of_each_day(
    case: str, from_on: str, to_on: str | None, reviewed_on: str | None, expected: Life
) -> None:
    found = life(
        date.fromisoformat(from_on),
        date.fromisoformat(to_on) if to_on else None,
        date.fromisoformat(reviewed_on) if reviewed_on else None,
        operations,
    )
    assert found == expected, case


def test_other_certificates_hold_as_their_rules_or_their_paper_says() -> None:
    assert life(date(2025, 3, 1), None, None, assessments) == Life(date(2028, 2, 29), EndsBy.RULE)
    assert life(date(2025, 3, 1), None, None, lambda on: None) == Life(None, None)
    assert life(date(2025, 3, 1), date(2026, 3, 1), None, lambda on: None) == Life(date(2026, 3, 1), EndsBy.PAPER)


@given(st.dates(date(2010, 7, 1), date(2035, 1, 1)))
def test_nobody_is_asked_for_a_review_that_falls_due_under_order_19(from_on: date) -> None:
    found = life(from_on, None, None, operations)
    assert found.holds_to is not None
    if found.ends_by is EndsBy.REVIEW:
        assert found.holds_to + timedelta(days=1) < ORDER_19
    else:
        assert found.holds_to == add_months(from_on, 72) - timedelta(days=1)
        assert add_months(from_on, 36) >= ORDER_19


@given(st.dates(date(2000, 1, 1), date(2060, 1, 1)), st.integers(-600, 600))
def test_months_stay_within_their_month(on: date, months: int) -> None:
    found = add_months(on, months)
    assert (found.year * 12 + found.month) - (on.year * 12 + on.month) == months
    assert found.day == on.day or (found.day < on.day and (found + timedelta(days=1)).day == 1)


TO = date(2026, 12, 31)


@pytest.mark.parametrize(
    ("case", "on", "check", "ended", "ends_by", "expected"),
    [
        ("long to go", "2026-07-01", "unchecked", None, "paper", Standing.VALID),
        ("ninety-one days to go", "2026-10-01", "agrees", None, "paper", Standing.VALID),
        ("ninety days to go", "2026-10-02", "agrees", None, "paper", Standing.EXPIRING),
        ("its last day", "2026-12-31", "agrees", None, "paper", Standing.EXPIRING),
        ("the day after", "2027-01-01", "agrees", None, "paper", Standing.EXPIRED),
        ("the day after, for want of a review", "2027-01-01", "agrees", None, "review", Standing.REVIEW_MISSED),
        ("before its first day", "2025-12-31", "agrees", None, "paper", Standing.NOT_YET),
        ("the issuer knows another one", "2026-07-01", "differs", None, "paper", Standing.DIFFERS),
        ("withdrawn today", "2026-07-01", "agrees", "2026-07-01", "paper", Standing.ENDED),
        ("withdrawn tomorrow", "2026-07-01", "agrees", "2026-07-02", "paper", Standing.VALID),
    ],
)
def test_how_a_certificate_stands(
    case: str, on: str, check: str, ended: str | None, ends_by: str, expected: Standing
) -> None:
    found = standing(
        date(2026, 1, 1), TO, EndsBy(ends_by), CheckState(check), date.fromisoformat(ended) if ended else None,
        date.fromisoformat(on),
    )  # fmt: skip
    assert found is expected, case


@pytest.mark.parametrize(
    ("left", "expected"), [(91, None), (90, 90), (61, 90), (60, 60), (31, 60), (30, 30), (0, 30), (-1, None)]
)
def test_the_end_is_told_ninety_sixty_and_thirty_days_before(left: int, expected: int | None) -> None:
    assert stage(TO, TO - timedelta(days=left)) == expected
    assert expected is None or expected in STAGES


def test_a_number_is_masked() -> None:
    assert masked("T110105194912310020") == "T****************20"
    assert (masked("1234"), masked("")) == ("****", "")
