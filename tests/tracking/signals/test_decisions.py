"""Who may take hours back, and who answers an appeal."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from elearn.tracking.signals.decisions import AFTER, Act, CaseFacts, Done, No, Side, State, why_not
from tests.tracking.signals.facts_of import who

LEARNER, ANNA, BO, CHEN = (who(n) for n in (1, 2, 3, 4))
SCHOOL, OFFICE, PLATFORM = Side.INSTITUTION, Side.REGULATOR, Side.OPERATOR
OPEN = CaseFacts("flags", LEARNER)
PROPOSED = replace(OPEN, acts=[Done(Act.PROPOSE, ANNA, SCHOOL)])
OBJECTED = replace(OPEN, acts=[*PROPOSED.acts, Done(Act.OBJECT, BO, OFFICE)])
VOIDED = replace(OPEN, acts=[*PROPOSED.acts, Done(Act.CONFIRM, BO, OFFICE)])
DISMISSED = replace(OPEN, acts=[Done(Act.DISMISS, ANNA, SCHOOL)])
APPEAL = CaseFacts("appeal", LEARNER, took=frozenset({ANNA, BO}), against_void=True)
QUESTION = CaseFacts("appeal", LEARNER)
ANSWERED = replace(APPEAL, acts=[Done(Act.REJECT, CHEN, PLATFORM)])


@pytest.mark.parametrize(
    ("text", "case", "act", "person", "side", "no"),
    [
        ("somebody proposes", OPEN, Act.PROPOSE, ANNA, SCHOOL, None),
        ("the operator may begin too", OPEN, Act.PROPOSE, CHEN, PLATFORM, None),
        ("not about oneself", OPEN, Act.PROPOSE, LEARNER, SCHOOL, No.OWN_CASE),
        ("nobody confirms what nobody proposed", OPEN, Act.CONFIRM, BO, OFFICE, No.WRONG_STATE),
        ("another person of another side confirms", PROPOSED, Act.CONFIRM, BO, OFFICE, None),
        ("the same person does not", PROPOSED, Act.CONFIRM, ANNA, SCHOOL, No.SAME_PERSON),
        ("nor under another hat", PROPOSED, Act.CONFIRM, ANNA, PLATFORM, No.SAME_PERSON),
        ("two of one school are one side", PROPOSED, Act.CONFIRM, BO, SCHOOL, No.SAME_SIDE),
        ("nor does the learner", PROPOSED, Act.CONFIRM, LEARNER, OFFICE, No.OWN_CASE),
        ("anybody may object", PROPOSED, Act.OBJECT, BO, SCHOOL, None),
        ("and take the own proposal off the table", PROPOSED, Act.OBJECT, ANNA, SCHOOL, None),
        ("two proposals at once are one too many", PROPOSED, Act.PROPOSE, BO, OFFICE, No.WRONG_STATE),
        ("a proposal on the table is not dismissed", PROPOSED, Act.DISMISS, BO, OFFICE, No.WRONG_STATE),
        ("after an objection it may be proposed again", OBJECTED, Act.PROPOSE, CHEN, PLATFORM, None),
        ("but what was objected to is not confirmed", OBJECTED, Act.CONFIRM, CHEN, PLATFORM, No.WRONG_STATE),
        ("what is voided is not voided again", VOIDED, Act.CONFIRM, CHEN, PLATFORM, No.WRONG_STATE),
        ("nor dismissed", VOIDED, Act.DISMISS, CHEN, PLATFORM, No.WRONG_STATE),
        ("what is dismissed stays so", DISMISSED, Act.PROPOSE, BO, OFFICE, No.WRONG_STATE),
        ("a case of flags is not upheld", OPEN, Act.UPHOLD, CHEN, PLATFORM, No.WRONG_STATE),
        ("a third person answers an appeal", APPEAL, Act.UPHOLD, CHEN, SCHOOL, None),
        ("or says no", APPEAL, Act.REJECT, CHEN, SCHOOL, None),
        ("not one of the two", APPEAL, Act.UPHOLD, ANNA, SCHOOL, No.WAS_AMONG_THEM),
        ("nor the other", APPEAL, Act.REJECT, BO, PLATFORM, No.WAS_AMONG_THEM),
        ("nor the learner", APPEAL, Act.UPHOLD, LEARNER, SCHOOL, No.OWN_CASE),
        ("nothing new is taken in an appeal", APPEAL, Act.PROPOSE, CHEN, SCHOOL, No.WRONG_STATE),
        ("an answer is final", ANSWERED, Act.UPHOLD, CHEN, SCHOOL, No.WRONG_STATE),
        ("what nobody took cannot be given", QUESTION, Act.UPHOLD, CHEN, SCHOOL, No.NOTHING_TO_RESTORE),
        ("but it can be answered", QUESTION, Act.REJECT, CHEN, SCHOOL, None),
    ],
)
def test_who_may_do_what(text: str, case: CaseFacts, act: Act, person: UUID, side: Side, no: No | None) -> None:
    assert why_not(case, act, person, side) is no, text


def test_a_case_stands_where_its_last_act_left_it() -> None:
    assert set(AFTER) == {None, *Act}
    assert [case.state for case in (OPEN, PROPOSED, OBJECTED, VOIDED, DISMISSED, ANSWERED)] == [
        State.OPEN,
        State.PROPOSED,
        State.OPEN,
        State.VOIDED,
        State.DISMISSED,
        State.REJECTED,
    ]
