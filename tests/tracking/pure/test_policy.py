"""The policy's values, what follows from them, and its identity in the ledger."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from elearn.tracking.policy import Policy
from tests.tracking.pure.script import POLICY_NAMES, policy_of

CORPUS = yaml.safe_load((Path(__file__).parents[2] / "integrity" / "cases.yaml").read_text(encoding="utf-8"))
MIDNIGHT = 1_767_574_800_000 + 15 * 3_600_000  # 2026-01-06 00:00 in Shanghai


def test_the_defaults_are_the_corpus() -> None:
    assert set(CORPUS["policy_default"]) == {*POLICY_NAMES, "STRICT_ORDER"}
    assert policy_of(CORPUS["policy_default"]) == Policy()


@pytest.mark.parametrize(
    ("rule", "elapsed_ms", "permille", "worth_ms"),
    [
        ("one percent more than the clock", 15_000, 1_000, 15_150),
        ("rounded down", 99, 1_000, 99),
        ("a hundred milliseconds earn the first extra one", 100, 1_000, 101),
        ("at the rate that is allowed", 15_000, 1_250, 18_937),
        ("nothing for nothing", 0, 1_000, 0),
    ],
)
def test_worth(rule: str, elapsed_ms: int, permille: int, worth_ms: int) -> None:
    assert Policy(rate_max_permille=permille).worth_ms(elapsed_ms) == worth_ms, rule


def test_carry_is_media_and_grows_with_the_rate() -> None:
    assert Policy(rate_max_permille=1_250).carry_max_ms == 37_500


@pytest.mark.parametrize(("duration_ms", "tail_ms"), [(120_000, 2_000), (200_000, 2_000), (600_000, 6_000)])
def test_tail_is_one_percent_and_two_seconds_at_least(duration_ms: int, tail_ms: int) -> None:
    assert Policy().tail_ms(duration_ms) == tail_ms


def test_days_are_local_and_end_at_midnight() -> None:
    fifth, sixth, seventh = date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7)
    day_ms = 86_400_000
    policy = Policy()
    assert policy.day(MIDNIGHT - 1) == fifth
    assert policy.day(MIDNIGHT) == sixth
    assert list(policy.days(MIDNIGHT - 5, MIDNIGHT)) == [(fifth, MIDNIGHT)]
    assert list(policy.days(MIDNIGHT, MIDNIGHT)) == [(sixth, MIDNIGHT)]
    assert list(policy.days(MIDNIGHT - 5, MIDNIGHT + day_ms + 1)) == [
        (fifth, MIDNIGHT),
        (sixth, MIDNIGHT + day_ms),
        (seventh, MIDNIGHT + day_ms + 1),
    ]


def test_a_day_with_a_clock_change_ends_at_its_own_midnight() -> None:
    berlin = Policy(zone="Europe/Berlin")
    start_ms = 1_774_738_800_000  # 2026-03-29 00:00 in Berlin, a day of 23 hours
    spring = list(berlin.days(start_ms, start_ms + 24 * 3_600_000))
    assert [until_ms - start_ms for _, until_ms in spring] == [23 * 3_600_000, 24 * 3_600_000]


def test_a_scaled_policy_shortens_checks_and_pending_only() -> None:
    usual, short = asdict(Policy()), asdict(Policy().scaled(20))
    changed = {name: value for name, value in short.items() if value != usual[name]}
    assert changed == {"presence_min_ms": 15_000, "presence_max_ms": 45_000, "pend_max_ms": 45_000}


def test_the_canonical_form_is_sorted_and_dense_and_complete() -> None:
    text = Policy().canonical()
    assert Policy.read(text) == Policy()
    assert set(json.loads(text)) == set(asdict(Policy()))
    assert text.startswith(b'{"answer_grace_ms":10000,"answer_ms":60000,"block_ms":30000,')
    assert b" " not in text


def test_a_policy_kept_before_a_value_existed_is_read_with_that_value_s_default() -> None:
    older = {name: value for name, value in json.loads(Policy(carry_ms=7).canonical()).items() if name != "licence_ms"}
    assert Policy.read(json.dumps(older)) == Policy(carry_ms=7)


def test_every_value_changes_the_digest() -> None:
    digests = {Policy().digest()}
    for name, value in asdict(Policy()).items():
        other: Any
        match name:
            case "zone":
                other = "UTC"
            case "presence_methods":
                other = (*value, "webauthn")
            case "presence_max_ms":
                other = value - 1
            case _:
                other = not value if isinstance(value, bool) else value + 1
        digests.add(replace(Policy(), **{name: other}).digest())
    assert len(digests) == 1 + len(asdict(Policy()))
    assert Policy().digest().startswith("sha256:")
    assert len(Policy().digest()) == 71


@pytest.mark.parametrize(
    ("rule", "values"),
    [
        ("a check must fall due before pending is full", {"presence_max_ms": 900_001}),
        ("the draw needs an interval", {"presence_min_ms": 900_001}),
        ("a rate of nothing lets nobody finish", {"rate_max_permille": 0}),
        ("times are not negative", {"carry_ms": -1}),
    ],
)
def test_a_policy_nobody_could_finish_under_is_refused(rule: str, values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"below zero|need 0 <|must be above"):
        Policy(**values)
