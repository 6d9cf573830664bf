"""The decision tables of a class: which step may follow and who takes it, and each condition before acceptance."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.courses.classes.rules import (
    STEPS,
    Act,
    Actor,
    ClassRule,
    Duty,
    Facts,
    Gate,
    Item,
    Lesson,
    Modality,
    No,
    Office,
    Outside,
    Stands,
    State,
    Unmet,
    after,
    unmet,
    why_not,
    why_not_answer,
)
from elearn.courses.requirements.rows import ClassReview, HoursKind, LateReport

ANNA, BEN, CARL = (uuid5(UUID(int=1), name) for name in ("anna", "ben", "carl"))
THEORY, PRACTICE = (uuid5(UUID(int=2), name) for name in ("theory", "practice"))
DAY = date(2026, 7, 6)
AT = datetime(2026, 7, 1, 1, tzinfo=UTC)
FIRST = datetime(2026, 7, 6, 1, tzinfo=UTC)

RECEIPT = ClassRule()
INSTITUTION = ClassRule(review=ClassReview.INSTITUTION)
REGULATOR = ClassRule(review=ClassReview.REGULATOR)
MISSING = (Unmet(Gate.PLAN_SHORT),)
EMPTY = (Unmet(Gate.ROSTER_EMPTY),)

CLERK, MANAGER, OFFICER = Office.CLERK, Office.MANAGER, Office.OFFICER
PLANNED = Stands()
SUBMITTED = Stands(State.SUBMITTED, submitted_by=ANNA)
CHECKED = Stands(State.INSTITUTION_CHECKED, submitted_by=ANNA, checked_by=BEN)
ACCEPTED, RUNNING = Stands(State.ACCEPTED, ANNA, BEN), Stands(State.RUNNING, ANNA, BEN)

# why, rule, where it stands, act, who, as what, what is missing, the answer
WAYS = [
    ("a clerk submits", REGULATOR, PLANNED, Act.SUBMIT, ANNA, CLERK, (), None),
    ("a manager submits", REGULATOR, PLANNED, Act.SUBMIT, ANNA, MANAGER, (), None),
    ("an officer plans for nobody", REGULATOR, PLANNED, Act.SUBMIT, CARL, OFFICER, (), No.NOT_YOURS),
    ("a short plan may be submitted", REGULATOR, PLANNED, Act.SUBMIT, ANNA, CLERK, MISSING, None),
    ("without a roster there is no report", REGULATOR, PLANNED, Act.SUBMIT, ANNA, CLERK, EMPTY, No.UNMET),
    ("nobody checks their own report", REGULATOR, SUBMITTED, Act.CHECK, ANNA, MANAGER, (), No.SAME_PERSON),
    ("another one checks", REGULATOR, SUBMITTED, Act.CHECK, BEN, CLERK, (), None),
    ("a short plan is not passed on", REGULATOR, SUBMITTED, Act.CHECK, BEN, CLERK, MISSING, No.UNMET),
    ("an officer does not check for the school", REGULATOR, SUBMITTED, Act.CHECK, CARL, OFFICER, (), No.NOT_YOURS),
    ("what was not checked is not accepted", REGULATOR, SUBMITTED, Act.ACCEPT, CARL, OFFICER, (), No.WRONG_STATE),
    ("the officer accepts", REGULATOR, CHECKED, Act.ACCEPT, CARL, OFFICER, (), None),
    ("the school does not, there", REGULATOR, CHECKED, Act.ACCEPT, CARL, MANAGER, (), No.NOT_YOURS),
    ("an officer who checked for the school", REGULATOR, CHECKED, Act.ACCEPT, BEN, OFFICER, (), No.SAME_PERSON),
    ("an officer who submitted it", REGULATOR, CHECKED, Act.ACCEPT, ANNA, OFFICER, (), No.SAME_PERSON),
    ("conditions are asked again", REGULATOR, CHECKED, Act.ACCEPT, CARL, OFFICER, MISSING, No.UNMET),
    ("the officer sends it back", REGULATOR, CHECKED, Act.RETURN, CARL, OFFICER, MISSING, None),
    ("before it is the officer's, the school does", REGULATOR, SUBMITTED, Act.RETURN, CARL, OFFICER, (), No.NOT_YOURS),
    ("whoever checks may send it back", REGULATOR, SUBMITTED, Act.RETURN, BEN, CLERK, (), None),
    ("there an officer has no say", INSTITUTION, CHECKED, Act.RETURN, CARL, OFFICER, (), No.NOT_YOURS),
    ("the second person accepts too", INSTITUTION, CHECKED, Act.ACCEPT, BEN, MANAGER, (), None),
    ("never the first", INSTITUTION, CHECKED, Act.ACCEPT, ANNA, MANAGER, (), No.SAME_PERSON),
    ("a clerk does not accept", INSTITUTION, CHECKED, Act.ACCEPT, BEN, CLERK, (), No.NOT_YOURS),
    ("an officer is not asked there", INSTITUTION, CHECKED, Act.ACCEPT, CARL, OFFICER, (), No.NOT_YOURS),
    ("a receipt from elsewhere", RECEIPT, PLANNED, Act.RECEIPT, ANNA, MANAGER, EMPTY, None),
    ("a receipt of a checked class", RECEIPT, CHECKED, Act.RECEIPT, ANNA, MANAGER, (), None),
    ("a clerk does not file", RECEIPT, PLANNED, Act.RECEIPT, ANNA, CLERK, (), No.NOT_YOURS),
    ("no receipt where the officer reviews", REGULATOR, PLANNED, Act.RECEIPT, ANNA, MANAGER, (), No.REVIEWED_HERE),
    ("no receipt where the school does", INSTITUTION, CHECKED, Act.RECEIPT, ANNA, MANAGER, (), No.REVIEWED_HERE),
    ("where receipts are, nobody accepts", RECEIPT, CHECKED, Act.ACCEPT, CARL, OFFICER, (), No.BY_RECEIPT),
    ("an accepted class is not accepted again", REGULATOR, ACCEPTED, Act.ACCEPT, CARL, OFFICER, (), No.WRONG_STATE),
    ("nor sent back", REGULATOR, ACCEPTED, Act.RETURN, CARL, OFFICER, (), No.WRONG_STATE),
    ("a class begins", RECEIPT, ACCEPTED, Act.BEGIN, ANNA, CLERK, (), None),
    ("a class that runs is completed", RECEIPT, RUNNING, Act.COMPLETE, ANNA, MANAGER, (), None),
    ("by its manager", RECEIPT, RUNNING, Act.COMPLETE, ANNA, CLERK, (), No.NOT_YOURS),
    ("not before it ran", RECEIPT, ACCEPTED, Act.COMPLETE, ANNA, MANAGER, (), No.WRONG_STATE),
]


@pytest.mark.parametrize(("why", "rule", "stands", "act", "who", "office", "missing", "answer"), WAYS)
def test_who_takes_which_step(
    why: str, rule: ClassRule, stands: Stands, act: Act, who: UUID, office: Office, missing: tuple[Unmet, ...],
    answer: No | None,
) -> None:  # fmt: skip
    got = why_not(stands, act, Actor(who, office), rule, missing=missing, today=DAY, starts_on=DAY, last_day=DAY)
    assert got is answer, why


@pytest.mark.parametrize(
    ("act", "stands", "who", "office", "answer"),
    [
        (Act.CHECK, SUBMITTED, BEN, MANAGER, No.LEARNS_THERE),
        (Act.ACCEPT, CHECKED, CARL, OFFICER, No.LEARNS_THERE),
        (Act.SUBMIT, PLANNED, ANNA, CLERK, None),
        (Act.RETURN, SUBMITTED, BEN, MANAGER, None),
    ],
)
def test_nobody_checks_or_accepts_the_class_in_which_they_learn(
    act: Act, stands: Stands, who: UUID, office: Office, answer: No | None
) -> None:
    by = Actor(who, office)
    days = {"today": DAY, "starts_on": DAY, "last_day": DAY}
    assert why_not(stands, act, by, REGULATOR, missing=(), **days, learners={ANNA, BEN, CARL}) is answer


@pytest.mark.parametrize(
    ("act", "stands", "days", "answer"),
    [
        (Act.BEGIN, ACCEPTED, -1, No.NOT_BEGUN),
        (Act.BEGIN, ACCEPTED, 0, None),
        (Act.COMPLETE, RUNNING, -1, No.NOT_OVER),
        (Act.COMPLETE, RUNNING, 0, None),
    ],
)
def test_a_class_begins_and_ends_on_its_days(act: Act, stands: Stands, days: int, answer: No | None) -> None:
    today = DAY + timedelta(days=days)
    by = Actor(ANNA, MANAGER)
    assert why_not(stands, act, by, RECEIPT, missing=(), today=today, starts_on=DAY, last_day=DAY) is answer


def test_what_was_sent_back_is_looked_at_anew_by_anybody() -> None:
    assert after(CHECKED, Act.RETURN, CARL) == Stands()
    assert after(Stands(), Act.SUBMIT, BEN) == Stands(State.SUBMITTED, submitted_by=BEN)


@given(
    st.sampled_from([INSTITUTION, REGULATOR]),
    st.lists(st.tuples(st.sampled_from(list(Act)), st.sampled_from([ANNA, BEN, CARL]), st.sampled_from(list(Office)))),
)
def test_no_run_of_steps_accepts_a_class_that_one_person_alone_looked_at(
    rule: ClassRule, moves: list[tuple[Act, UUID, Office]]
) -> None:
    stands, accepted_by = Stands(), None
    for act, who, office in moves:
        if why_not(stands, act, Actor(who, office), rule, missing=(), today=DAY, starts_on=DAY, last_day=DAY) is None:
            before, stands = stands, after(stands, act, who)
            if act is Act.ACCEPT:
                accepted_by = who
                assert before.submitted_by not in (before.checked_by, who)
                assert rule is INSTITUTION or (who != before.checked_by and office is OFFICER)
    assert (stands.state in (State.ACCEPTED, State.RUNNING, State.COMPLETED)) is (accepted_by is not None)


@pytest.mark.parametrize(("confirm", "by", "answer"), [(True, ANNA, No.SAME_PERSON), (True, BEN, None),
                                                       (False, ANNA, None), (False, BEN, None)])  # fmt: skip
def test_nobody_confirms_their_own_change_and_everybody_may_take_it_back(
    confirm: bool, by: UUID, answer: No | None
) -> None:
    assert why_not_answer(ANNA, by, confirm=confirm) is answer


# --- conditions -------------------------------------------------------------------------------------------------------


def a_lesson(hours: int, item: UUID = THEORY, modality: Modality = Modality.OFFLINE, on: date = DAY) -> Lesson:
    return Lesson(on, item, HoursKind.THEORY if item == THEORY else HoursKind.PRACTICE, modality, hours)


WHOLE = Facts(
    learners=3,
    items=[Item(THEORY, "理论", HoursKind.THEORY, 10), Item(PRACTICE, "实操", HoursKind.PRACTICE, 6)],
    lessons=[a_lesson(7, modality=Modality.ONLINE), a_lesson(3), a_lesson(6, PRACTICE)],
    place="昆明",
    reported_at=AT,
    first_lesson_at=FIRST,
    duties=[Duty(None, None, DAY, None)],
    teacher_problems=(),
    outside=Outside(online_percent=70),
)
REFUSED = ClassRule(late=LateReport.REFUSED)
ALL_ONLINE = [a_lesson(8, modality=Modality.ONLINE), a_lesson(2), a_lesson(6, PRACTICE)]

CONDITIONS = [
    ("a whole class", {}, RECEIPT, []),
    ("nobody on the roster", {"learners": 0}, RECEIPT, [Unmet(Gate.ROSTER_EMPTY)]),
    ("no plan", {"lessons": []}, RECEIPT, [Unmet(Gate.PLAN_EMPTY)]),
    ("on site, but where?", {"place": ""}, RECEIPT, [Unmet(Gate.PLACE_MISSING)]),
    ("at the first lesson it is late", {"reported_at": FIRST}, REFUSED, [Unmet(Gate.LATE)]),
    ("a second before it is not", {"reported_at": FIRST - timedelta(seconds=1)}, REFUSED, []),
    ("late where it is only marked", {"reported_at": FIRST}, RECEIPT, []),
    ("an hour of an item is not planned", {"lessons": [*WHOLE.lessons[:2], a_lesson(5, PRACTICE)]}, RECEIPT,
     [Unmet(Gate.PLAN_SHORT, ("实操",))]),
    ("more than 70 % of theory online", {"lessons": ALL_ONLINE}, RECEIPT, [Unmet(Gate.OFFLINE_SHARE_LOW)]),
    ("where all may be online", {"lessons": ALL_ONLINE, "outside": Outside()}, RECEIPT, []),
    ("nobody teaches", {"duties": []}, RECEIPT, [Unmet(Gate.TEACHER_MISSING, ("2026-07-06",))]),
    ("nobody teaches practice", {"duties": [Duty(None, HoursKind.THEORY, DAY, None)]}, RECEIPT,
     [Unmet(Gate.TEACHER_MISSING, ("2026-07-06",))]),
    ("one for each item", {"duties": [Duty(THEORY, None, DAY, DAY), Duty(PRACTICE, None, DAY, DAY)]}, RECEIPT, []),
    ("from tomorrow", {"duties": [Duty(None, None, DAY + timedelta(days=1), None)]}, RECEIPT,
     [Unmet(Gate.TEACHER_MISSING, ("2026-07-06",))]),
    ("until yesterday", {"duties": [Duty(None, None, date(2026, 1, 1), DAY - timedelta(days=1))]}, RECEIPT,
     [Unmet(Gate.TEACHER_MISSING, ("2026-07-06",))]),
    ("a teacher's certificate is over", {"teacher_problems": ("王老师 2026-07-06",)}, RECEIPT,
     [Unmet(Gate.TEACHER_INVALID, ("王老师 2026-07-06",))]),
    ("the school is suspended", {"outside": Outside(suspended=True, online_percent=70)}, RECEIPT,
     [Unmet(Gate.INSTITUTION_SUSPENDED)]),
    ("a learner is listed", {"outside": Outside(listed=("李明",), online_percent=70)}, RECEIPT,
     [Unmet(Gate.PERSON_LISTED, ("李明",))]),
]  # fmt: skip


@pytest.mark.parametrize(("why", "changes", "rule", "found"), CONDITIONS)
def test_conditions_before_acceptance(
    why: str, changes: dict[str, object], rule: ClassRule, found: list[Unmet]
) -> None:
    assert list(unmet(replace(WHOLE, **changes), rule)) == found, why  # type: ignore[arg-type]


def test_every_step_there_is_leads_somewhere_and_only_a_review_or_a_receipt_accepts() -> None:
    leads = {(state, act) for state, act in product(State, Act) if STEPS.get((state, act)) is State.ACCEPTED}
    assert {act for _state, act in leads} == {Act.ACCEPT, Act.RECEIPT}
