"""Who may state what about whom, who may confirm it, and on which days it holds."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.credit_export.findings.rules import (
    Kind,
    Waiting,
    holds,
    why_not_confirm,
    why_not_object,
    why_not_state,
)
from elearn.people.sides import No, Side, Voice

LEARNER, ANNA, BERT = (UUID(int=number) for number in (1, 2, 3))
SCHOOL, REGULATOR, OPERATOR = Side.INSTITUTION, Side.REGULATOR, Side.OPERATOR

STATED = [
    ("a school states that somebody holds a certificate", Kind.SKILL_CERTIFICATE, LEARNER, SCHOOL, None),
    ("a school states that somebody was trained before", Kind.EARLIER_TRAINING, LEARNER, SCHOOL, None),
    ("a school states what somebody learned at school", Kind.EDUCATION, LEARNER, SCHOOL, None),
    ("a school states a health certificate", Kind.HEALTH_CERTIFICATE, LEARNER, SCHOOL, None),
    ("an officer states a day of birth", Kind.BORN_ON, LEARNER, REGULATOR, None),
    ("an officer tells that somebody is trained again", Kind.TRAIN_AGAIN, LEARNER, REGULATOR, None),
    ("nobody their own diploma", Kind.EDUCATION, ANNA, SCHOOL, No.OWN),
    ("a school puts nobody on the blacklist", Kind.BLACKLISTED, LEARNER, SCHOOL, No.NOT_YOURS),
    ("a school suspends no school", Kind.INSTITUTION_SUSPENDED, None, SCHOOL, No.NOT_YOURS),
    ("an officer puts somebody on the blacklist", Kind.BLACKLISTED, LEARNER, REGULATOR, None),
    ("an operator suspends an institution", Kind.INSTITUTION_SUSPENDED, None, OPERATOR, None),
    ("nobody states anything about themselves", Kind.SKILL_CERTIFICATE, ANNA, SCHOOL, No.OWN),
]


@pytest.mark.parametrize(("rule", "kind", "about", "side", "no"), STATED, ids=[row[0] for row in STATED])
def test_who_may_state(rule: str, kind: Kind, about: UUID | None, side: Side, no: No | None) -> None:
    assert why_not_state(kind, about, Voice(ANNA, side)) is no, rule


CONFIRMED = [
    ("another side confirms", Kind.SKILL_CERTIFICATE, SCHOOL, BERT, REGULATOR, None),
    ("not the same person, whatever their side", Kind.SKILL_CERTIFICATE, SCHOOL, ANNA, OPERATOR, No.SAME_PERSON),
    ("not another of the same school", Kind.SKILL_CERTIFICATE, SCHOOL, BERT, SCHOOL, No.SAME_SIDE),
    ("a diploma is confirmed by another side", Kind.EDUCATION, SCHOOL, BERT, OPERATOR, None),
    ("not by another clerk", Kind.EDUCATION, SCHOOL, BERT, SCHOOL, No.SAME_SIDE),
    ("a health certificate neither", Kind.HEALTH_CERTIFICATE, SCHOOL, BERT, SCHOOL, No.SAME_SIDE),
    ("not another officer", Kind.BLACKLISTED, REGULATOR, BERT, REGULATOR, No.SAME_SIDE),
    ("no school confirms a blacklisting", Kind.BLACKLISTED, REGULATOR, BERT, SCHOOL, No.NOT_YOURS),
    ("nor one about themselves", Kind.SKILL_CERTIFICATE, SCHOOL, LEARNER, REGULATOR, No.OWN),
]


@pytest.mark.parametrize(("rule", "kind", "first", "who", "side", "no"), CONFIRMED, ids=[row[0] for row in CONFIRMED])
def test_who_may_confirm(rule: str, kind: Kind, first: Side, who: UUID, side: Side, no: No | None) -> None:
    assert why_not_confirm(Waiting(kind, LEARNER, Voice(ANNA, first)), Voice(who, side)) is no, rule


def test_who_stated_it_may_take_it_back_and_so_may_their_side() -> None:
    waiting = Waiting(Kind.BLACKLISTED, LEARNER, Voice(ANNA, REGULATOR))
    assert why_not_object(waiting, Voice(ANNA, REGULATOR)) is None
    assert why_not_object(waiting, Voice(BERT, SCHOOL)) is No.NOT_YOURS


@given(
    st.sampled_from(list(Kind)),
    st.sampled_from(list(Side)),
    st.sampled_from(list(Side)),
    st.sampled_from([ANNA, BERT]),
    st.sampled_from([ANNA, BERT]),
)
def test_nothing_ever_holds_by_one_person_or_one_side(
    kind: Kind, first: Side, second: Side, who: UUID, other: UUID
) -> None:
    stated = why_not_state(kind, LEARNER, Voice(who, first)) is None
    confirmed = why_not_confirm(Waiting(kind, LEARNER, Voice(who, first)), Voice(other, second)) is None
    if stated and confirmed:
        assert who != other
        assert first is not second


DAY = date(2026, 7, 1)
DAYS = [
    ("before it begins", DAY, None, None, -1, False),
    ("on its first day", DAY, None, None, 0, True),
    ("years later", DAY, None, None, 4_000, True),
    ("on its last day", DAY, DAY + timedelta(days=9), None, 9, True),
    ("after its last day", DAY, DAY + timedelta(days=9), None, 10, False),
    ("the day before it is ended", DAY, None, DAY + timedelta(days=5), 4, True),
    ("on the day on which it ends", DAY, None, DAY + timedelta(days=5), 5, False),
    ("never, ended on the day it began", DAY, None, DAY, 0, False),
]


@pytest.mark.parametrize(("when", "from_on", "to_on", "ended_on", "after", "held"), DAYS, ids=[row[0] for row in DAYS])
def test_on_which_days_it_holds(
    when: str, from_on: date, to_on: date | None, ended_on: date | None, after: int, held: bool
) -> None:
    assert holds(from_on, to_on, ended_on, DAY + timedelta(days=after)) is held, when
