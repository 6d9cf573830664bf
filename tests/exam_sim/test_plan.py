"""How the simulator behaves: pure."""

from __future__ import annotations

import pytest

from elearn.exam_sim.plan import Decide, Plan, PlanRefused, Push, decision, push_step, read_plan

PLAN = read_plan(
    """{"pushes": [{"do": "error", "times": 2}, {"do": "late", "seconds": 2}],
        "decisions": [{"do": "reject", "code": "PHOTO_MISSING"}], "receipts": {"times": 2}}"""
)


def test_steps_are_taken_in_turn_and_then_all_is_well() -> None:
    assert [push_step(PLAN, number).do for number in range(5)] == [
        Push.ERROR,
        Push.ERROR,
        Push.LATE,
        Push.TAKE,
        Push.TAKE,
    ]
    assert [decision(PLAN, number).do for number in range(2)] == [Decide.REJECT, Decide.ACCEPT]
    assert PLAN.receipts.times == 2


def test_without_a_plan_all_is_well() -> None:
    assert push_step(Plan(), 0).do is Push.TAKE
    assert decision(Plan(), 0).do is Decide.ACCEPT
    assert read_plan("{}") == Plan()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "7", '{"pushes": [{"do": "dance"}]}', '{"pushes": [{}]}', '{"more": 1}', '{"receipts": {"x": 1}}'],
)
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(PlanRefused):
        read_plan(text)
