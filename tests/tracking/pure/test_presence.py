"""Presence checks: when, whether passed, and what follows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import pytest

from elearn.tracking.policy import Policy
from elearn.tracking.presence import (
    Judgement,
    check_due,
    is_complete,
    judge_tries,
    judged_right,
    next_check_after_ms,
    settle,
)
from elearn.tracking.verifier import Refusal

POLICY = Policy()


def test_the_next_check_is_drawn_evenly_between_five_and_fifteen_minutes() -> None:
    drawn = [next_check_after_ms(b"secret", b"learner", counter, POLICY) for counter in range(4_000)]
    assert all(300_000 <= one <= 900_000 for one in drawn)
    tenths = [sum(1 for one in drawn if (one - 300_000) * 10 // 600_001 == tenth) for tenth in range(10)]
    assert all(320 < count < 480 for count in tenths), tenths


def test_both_ends_of_the_interval_are_drawn() -> None:
    narrow = Policy(presence_min_ms=5, presence_max_ms=7)
    assert {next_check_after_ms(b"s", b"l", counter, narrow) for counter in range(60)} == {5, 6, 7}


def test_the_draw_is_the_same_again_and_hangs_on_everything() -> None:
    first = next_check_after_ms(b"secret", b"learner", 1, POLICY)
    assert first == next_check_after_ms(b"secret", b"learner", 1, POLICY)
    others = {
        next_check_after_ms(b"other", b"learner", 1, POLICY),
        next_check_after_ms(b"secret", b"other", 1, POLICY),
        next_check_after_ms(b"secret", b"learner", 2, POLICY),
    }
    assert first not in others
    assert len(others) == 3


@pytest.mark.parametrize(
    ("rule", "pending_ms", "completed", "asked", "held", "due"),
    [
        ("too little is pending", 299_999, False, False, False, False),
        ("enough is pending", 300_000, False, False, False, True),
        ("the unit is complete", 1, True, False, False, True),
        ("the learner asks", 1, False, True, False, True),
        ("nothing is pending, whoever asks", 0, True, True, False, False),
        ("held: the only way out, with nothing pending", 0, False, False, True, True),
    ],
)
def test_a_check_is_due(rule: str, pending_ms: int, completed: bool, asked: bool, held: bool, due: bool) -> None:
    assert check_due(pending_ms, 300_000, completed=completed, asked=asked, held=held) is due, rule


def options(text: str) -> frozenset[int]:
    return frozenset(int(digit) for digit in text)


@pytest.mark.parametrize(
    ("rule", "tries", "expected"),
    [
        ("not tried yet", [], Judgement.AGAIN),
        ("all the right ones", ["02"], Judgement.PASSED),
        ("one missing", ["0"], Judgement.AGAIN),
        ("one too many", ["012"], Judgement.AGAIN),
        ("right at the second try", ["0", "02"], Judgement.PASSED),
        ("wrong twice", ["0", "2"], Judgement.FAILED),
        ("right at the third try is too late", ["0", "2", "02"], Judgement.FAILED),
        ("the first try stands", ["02", "1"], Judgement.PASSED),
        ("nothing chosen is wrong", ["", ""], Judgement.FAILED),
        ("an option that does not exist is wrong", ["029", "0"], Judgement.FAILED),
    ],
)
def test_answers(rule: str, tries: list[str], expected: Judgement) -> None:
    assert judge_tries([judged_right(options("02"), options(one)) for one in tries]) is expected, rule


def test_each_of_the_fifteen_subsets_can_be_asked_and_only_it_is_right() -> None:
    subsets = [frozenset(c) for size in range(1, 5) for c in combinations(range(4), size)]
    assert len(subsets) == 15
    for correct in subsets:
        right = [one for one in subsets if judged_right(correct, one)]
        assert right == [correct]


@pytest.mark.parametrize("correct", ["", "4", "01234"])
def test_a_question_that_cannot_be_asked_is_refused(correct: str) -> None:
    with pytest.raises(ValueError, match="one to four right options"):
        judged_right(options(correct), frozenset())


@dataclass(frozen=True)
class Piece:
    """Media that waits for a check since then."""

    credited_at_ms: int


def test_a_passed_check_makes_pending_final_within_three_days() -> None:
    now_ms = 72 * 3_600_000 + 500
    old, just, fresh = Piece(499), Piece(500), Piece(now_ms)
    settled = settle([old, just, fresh], True, now_ms, POLICY)
    assert settled.final == (just, fresh)
    assert settled.removed == ((old, Refusal.PRESENCE_EXPIRED),)
    assert not settled.held


def test_a_failed_check_takes_all_pending_back_and_holds_the_learner() -> None:
    old, fresh = Piece(0), Piece(10**9)
    settled = settle([old, fresh], False, 10**9, POLICY)
    assert settled.final == ()
    assert settled.removed == ((old, Refusal.PRESENCE_FAILED), (fresh, Refusal.PRESENCE_FAILED))
    assert settled.held


def test_a_passed_check_with_nothing_pending_releases() -> None:
    assert not settle([], True, 0, POLICY).held


@pytest.mark.parametrize(
    ("rule", "covered_ms", "duration_ms", "complete"),
    [
        ("one percent may be missing", 594_000, 600_000, True),
        ("not a millisecond more", 593_999, 600_000, False),
        ("two seconds of a short one", 88_000, 90_000, True),
        ("and no more", 87_999, 90_000, False),
        ("a unit shorter than TAIL is not complete unwatched", 0, 1_500, False),
    ],
)
def test_completion(rule: str, covered_ms: int, duration_ms: int, complete: bool) -> None:
    assert is_complete(covered_ms, duration_ms, POLICY) is complete, rule
