"""What an admission rests on: hours first, then a certificate, then training of before; the blacklist beats all."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from elearn.credit_export.basis import Basis, Excuse, Found, judged
from elearn.credit_export.eligibility import Category, Eligible, EligibleExempt, Facts, Ineligible, Rules
from elearn.credit_export.hours import AQ8011_2023, Tally

CERTIFICATE = Excuse(UUID(int=1), Basis.SKILL_CERTIFICATE, "电工 三级")
EARLIER = Excuse(UUID(int=2), Basis.EARLIER_TRAINING, "培训证明")
ENOUGH, NOTHING = Tally(21 * 60_000, 27 * 30_000, 0), Tally(0, 0, 0)
NEW, OLD = date(2026, 6, 1), date(2026, 5, 31)
CATEGORY = Category("short", "1", 1, 0, date(2024, 7, 1))
IN_CLASS = Facts(enrolled=True, class_filed=True)

RULES = Rules(AQ8011_2023)

ROWS = [
    ("hours are enough", ENOUGH, NEW, (), True, [], Basis.HOURS),
    ("hours are enough, and a certificate is not needed", ENOUGH, NEW, (CERTIFICATE,), True, [], Basis.HOURS),
    ("no hours", NOTHING, NEW, (), True, ["HOURS_THEORY_SHORT"], Basis.HOURS),
    ("a certificate", NOTHING, NEW, (CERTIFICATE,), True, [], Basis.SKILL_CERTIFICATE),
    ("a certificate, the day before Order 19", NOTHING, OLD, (CERTIFICATE,), True, ["HOURS_THEORY_SHORT"], Basis.HOURS),
    ("trained before", NOTHING, NEW, (EARLIER,), True, [], Basis.EARLIER_TRAINING),
    ("trained before, the day before Order 19", NOTHING, OLD, (EARLIER,), True, ["HOURS_THEORY_SHORT"], Basis.HOURS),
    ("of two the certificate", NOTHING, NEW, (EARLIER, CERTIFICATE), True, [], Basis.SKILL_CERTIFICATE),
    ("a certificate says not who it is", NOTHING, NEW, (CERTIFICATE,), False,
     ["HOURS_THEORY_SHORT", "IDENTITY_UNVERIFIED"], Basis.HOURS),
    ("nor does earlier training", NOTHING, NEW, (EARLIER,), False,
     ["HOURS_THEORY_SHORT", "IDENTITY_UNVERIFIED"], Basis.HOURS),
]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "hours", "on", "excuses", "identified", "reasons", "basis"), ROWS, ids=[row[0] for row in ROWS]
)
def test_what_it_rests_on(
    what: str,
    hours: Tally,
    on: date,
    excuses: tuple[Excuse, ...],
    identified: bool,
    reasons: list[str],
    basis: Basis,
) -> None:
    facts = replace(IN_CLASS, identified=identified)
    found = judged(UUID(int=9), CATEGORY, on, hours, facts, Found(excuses), rules=RULES)
    given = list(found.judgement.reasons) if isinstance(found.judgement, Ineligible) else []
    assert given == reasons, what
    assert found.basis()["kind"] == basis
    if not reasons:
        assert isinstance(found.judgement, Eligible if basis is Basis.HOURS else EligibleExempt)


@pytest.mark.parametrize(("hours", "excuses"), [(ENOUGH, ()), (NOTHING, (CERTIFICATE,)), (NOTHING, (EARLIER,))])
def test_nobody_on_the_blacklist_is_eligible(hours: Tally, excuses: tuple[Excuse, ...]) -> None:
    found = judged(UUID(int=9), CATEGORY, NEW, hours, IN_CLASS, Found(excuses, blacklisted=True), rules=RULES)
    assert isinstance(found.judgement, Ineligible)
    assert list(found.judgement.reasons) == ["BLACKLISTED"]


@pytest.mark.parametrize(("asked_again", "exempt"), [(True, False), (False, True)])
def test_earlier_training_excuses_where_the_rules_of_the_day_train_nobody_again(
    asked_again: bool, exempt: bool
) -> None:
    rules = replace(RULES, exemption_from=date.max, retraining_after_failure=asked_again)
    found = judged(UUID(int=9), CATEGORY, NEW, NOTHING, IN_CLASS, Found((EARLIER, CERTIFICATE)), rules=rules)
    assert isinstance(found.judgement, EligibleExempt) is exempt
    assert found.basis()["kind"] == (Basis.EARLIER_TRAINING if exempt else Basis.HOURS)
