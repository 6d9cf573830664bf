"""What is wrong with the teachers of a class, by the rule of the day; each row says its rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.courses.requirements.rows import Asked, HoursKind
from elearn.courses.teachers.rules import (
    Assigned,
    Certificate,
    Held,
    Problem,
    ProblemKind,
    Rules,
    Subject,
    Taught,
    Teacher,
    Term,
    hours_short,
    problems,
    valid,
    wrong_on,
)
from elearn.people.sides import No, Side, Voice, why_not_second

WHO, OTHER, ITEM = UUID(int=1), UUID(int=2), UUID(int=3)
FIRST, LAST = date(2026, 7, 1), date(2026, 7, 31)
YEAR = Term(date(2026, 1, 1), date(2026, 12, 31))
THEORY, PRACTICE = HoursKind.THEORY, HoursKind.PRACTICE
K = ProblemKind
PAPER = Certificate(YEAR, works=frozenset({"电工作业"}))
GOOD = Teacher(WHO, (PAPER,), (YEAR,))
LOW_VOLTAGE = Subject("lv", "电工作业", frozenset({THEORY, PRACTICE}))
CLASS = Held(LOW_VOLTAGE, Term(FIRST, LAST), (Assigned(WHO, Term(FIRST)),))

YUNNAN = Rules(lambda _on: Asked.ASKED)
NATION = Rules(lambda _on: None)
ONLY_KNOWN = Rules(lambda _on: Asked.IF_KNOWN)


def july(day: int) -> date:
    return date(2026, 7, day)


def with_paper(**changed: Any) -> Teacher:
    return replace(GOOD, certificates=(replace(PAPER, **changed),))


ROWS = [
    ("all is shown", CLASS, GOOD, (), set()),
    ("nobody teaches what the outline asks", replace(CLASS, assigned=()), GOOD, (), {(K.NO_TEACHER, FIRST)}),
    ("theory only", replace(CLASS, assigned=(Assigned(WHO, Term(FIRST), THEORY),)), GOOD, (), {(K.NO_TEACHER, FIRST)}),
    (
        "an outline without practice asks for no teacher of it",
        replace(
            CLASS,
            subject=replace(LOW_VOLTAGE, kinds=frozenset({THEORY})),
            assigned=(Assigned(WHO, Term(FIRST), THEORY),),
        ),
        GOOD,
        (),
        set(),
    ),
    ("no certificate", CLASS, replace(GOOD, certificates=()), (), {(K.NO_CERTIFICATE, FIRST)}),
    ("valid to the class's last day", CLASS, with_paper(term=Term(YEAR.from_on, LAST)), (), set()),
    (
        "runs out on the day before the last",
        CLASS,
        with_paper(term=Term(YEAR.from_on, july(30))),
        (),
        {(K.EXPIRED, LAST)},
    ),
    ("valid from the second day", CLASS, with_paper(term=Term(july(2))), (), {(K.EXPIRED, FIRST)}),
    ("ended by two people on the tenth", CLASS, with_paper(ended_on=july(10)), (), {(K.EXPIRED, july(10))}),
    ("ended after the class", CLASS, with_paper(ended_on=date(2026, 8, 1)), (), set()),
    ("for welders only", CLASS, with_paper(works=frozenset({"焊接与热切割作业"})), (), {(K.NOT_COVERED, FIRST)}),
    (
        "for this category by its id",
        CLASS,
        with_paper(works=frozenset(), categories=frozenset({"lv"})),
        (),
        set(),
    ),
    ("no second person has confirmed", CLASS, with_paper(confirmed=None), (), {(K.NOT_CONFIRMED, FIRST)}),
    (
        "a confirmed one beside one that waits",
        CLASS,
        replace(GOOD, certificates=(replace(PAPER, confirmed=None), PAPER)),
        (),
        set(),
    ),
    ("of another institution", CLASS, replace(GOOD, terms=()), (), {(K.NOT_OF_INSTITUTION, FIRST)}),
    (
        "left the institution in the middle",
        CLASS,
        replace(GOOD, terms=(Term(YEAR.from_on, july(15)),)),
        (),
        {(K.NOT_OF_INSTITUTION, july(16))},
    ),
    (
        "left it after the last day of teaching",
        replace(CLASS, assigned=(Assigned(WHO, Term(FIRST, july(15))),)),
        replace(GOOD, terms=(Term(YEAR.from_on, july(15)),)),
        (),
        set(),
    ),
    ("taught on site by a teacher of the class", CLASS, GOOD, (Taught(WHO, july(3), PRACTICE, ITEM),), set()),
    (
        "taught on site by somebody else",
        CLASS,
        GOOD,
        (Taught(OTHER, july(3), PRACTICE, ITEM), Taught(None, july(4), THEORY, ITEM)),
        {(K.NOT_ENTERED, july(3)), (K.NOT_ENTERED, july(4))},
    ),
    (
        "a teacher of another item taught",
        replace(CLASS, assigned=(Assigned(WHO, Term(FIRST)), Assigned(OTHER, Term(FIRST), PRACTICE, UUID(int=9)))),
        replace(GOOD),
        (Taught(OTHER, july(3), PRACTICE, ITEM),),
        {(K.NOT_ENTERED, july(3))},
    ),
    (
        "taught after the last day of teaching",
        replace(CLASS, assigned=(Assigned(WHO, Term(FIRST, july(10))),)),
        GOOD,
        (Taught(WHO, july(11), THEORY, ITEM),),
        {(K.NOT_ENTERED, july(11))},
    ),
]


@pytest.mark.parametrize(("held", "who", "taught", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_is_wrong_and_since_when(
    held: Held, who: Teacher, taught: tuple[Taught, ...], expected: set[tuple[K, date]]
) -> None:
    knows = {WHO: who, OTHER: replace(GOOD, id=OTHER)}
    found = problems(held, knows, YUNNAN, until=LAST, taught=taught)
    assert {(one.kind, one.on) for one in found} == expected
    assert valid(held, found, YUNNAN, on=LAST) is (not expected)
    told = problems(held, knows, NATION, until=LAST, taught=taught)
    assert {(one.kind, one.on) for one in told} == expected, "the country is told the same"
    assert not any(one.gates for one in told), "and nothing follows from it"
    assert valid(held, told, NATION, on=LAST) is None


@pytest.mark.parametrize(
    ("who", "assigned", "fact"),
    [
        (GOOD, True, True),
        (replace(GOOD, certificates=()), True, None),
        (with_paper(confirmed=None), True, None),
        (with_paper(ended_on=july(10)), True, False),
        (with_paper(works=frozenset({"高处作业"})), True, False),
        (replace(GOOD, terms=()), True, False),
        (GOOD, False, None),
    ],
)
def test_where_only_a_known_no_is_a_no(who: Teacher, assigned: bool, fact: bool | None) -> None:
    held = CLASS if assigned else replace(CLASS, assigned=())
    assert valid(held, problems(held, {WHO: who}, ONLY_KNOWN, until=LAST), ONLY_KNOWN, on=LAST) is fact


def test_a_day_is_judged_by_the_rule_of_that_day() -> None:
    begins = Rules(lambda on: Asked.ASKED if on >= july(10) else None, (july(10),))
    until_ninth = with_paper(term=Term(YEAR.from_on, july(5)))
    assert [one.on for one in problems(CLASS, {WHO: until_ninth}, begins, until=LAST)] == [july(10)]
    early = replace(CLASS, assigned=(Assigned(WHO, Term(FIRST, july(9))),))
    found = problems(early, {WHO: until_ninth}, begins, until=LAST)
    assert [(one.on, one.gates) for one in found] == [(july(6), False)], "nobody asked then"
    assert valid(early, found, begins, on=LAST) is True
    assert valid(early, found, begins, on=july(9)) is None, "nor does a judgement of that day"


def test_a_class_is_looked_at_up_to_a_day() -> None:
    ends = {WHO: with_paper(ended_on=july(20))}
    assert problems(CLASS, ends, YUNNAN, until=july(19)) == ()
    assert [one.on for one in problems(CLASS, ends, YUNNAN, until=LAST)] == [july(20)]


def test_it_is_told_once_for_each_teacher() -> None:
    both = replace(
        CLASS, assigned=(*CLASS.assigned, Assigned(WHO, Term(july(5)), THEORY), Assigned(OTHER, Term(FIRST)))
    )
    found = problems(both, {WHO: replace(GOOD, certificates=())}, YUNNAN, until=LAST)
    assert [(one.kind, one.teacher_id) for one in found if one.teacher_id == WHO] == [(K.NO_CERTIFICATE, WHO)]
    assert {one.kind for one in found if one.teacher_id == OTHER} == {K.NO_CERTIFICATE, K.NOT_OF_INSTITUTION}


DAYS = st.integers(0, 40).map(lambda number: FIRST - timedelta(days=4) + timedelta(days=number))
TERMS = st.builds(lambda one, two: Term(min(one, two), max(one, two)), DAYS, DAYS) | DAYS.map(Term)
PAPERS = st.builds(
    Certificate,
    TERMS,
    works=st.sampled_from([frozenset({"电工作业"}), frozenset({"高处作业"})]),
    confirmed=st.sampled_from([True, None]),
    ended_on=st.none() | DAYS,
)


@given(
    st.lists(PAPERS, max_size=3).map(tuple), st.lists(TERMS, max_size=2).map(tuple), TERMS, st.sets(DAYS, max_size=2)
)
def test_looking_at_the_days_on_which_something_turns_is_looking_at_every_day(
    papers: tuple[Certificate, ...], terms: tuple[Term, ...], term: Term, turns: set[date]
) -> None:
    who = Teacher(WHO, papers, terms)
    held = replace(CLASS, assigned=(Assigned(WHO, term),))
    rules = Rules(lambda on: Asked.ASKED if sum(day <= on for day in turns) % 2 else None, tuple(turns))
    found = {(one.kind, one.gates): one.on for one in problems(held, {WHO: who}, rules, until=LAST)}
    first: dict[tuple[K, bool], date] = {}
    for number in range(31):
        on = FIRST + timedelta(days=number)
        if term.holds(on):
            for kind in wrong_on(who, LOW_VOLTAGE, on):
                first.setdefault((kind, rules.asked(on) is not None), on)
    gating = {kind for kind, gates in first if gates}
    assert found == {(kind, gates): on for (kind, gates), on in first.items() if gates or kind not in gating}


@given(st.lists(PAPERS, max_size=3).map(tuple), PAPERS.map(lambda one: replace(one, confirmed=True)))
def test_one_more_confirmed_certificate_never_makes_a_teacher_less_valid(
    papers: tuple[Certificate, ...], more: Certificate
) -> None:
    def gating(several: tuple[Certificate, ...]) -> bool:
        return any(one.gates for one in problems(CLASS, {WHO: Teacher(WHO, several, (YEAR,))}, YUNNAN, until=LAST))

    assert gating(papers) or not gating((*papers, more))


FORTY = Rules(lambda _on: None, yearly_hours=lambda on: 40 if on.year >= 2025 else None)


@pytest.mark.parametrize(
    ("rule", "first_on", "hours", "on", "short"),
    [
        ("40 of the year before are enough", date(2024, 5, 1), 40, date(2026, 1, 1), None),
        ("39 are one short", date(2024, 5, 1), 39, date(2026, 1, 1), 1),
        ("in the year itself nobody is late", date(2024, 5, 1), 0, date(2025, 12, 31), None),
        ("who came on the first day of the year is asked for it", date(2025, 1, 1), 0, date(2026, 6, 1), 40),
        ("who came during the year is not", date(2025, 1, 2), 0, date(2026, 6, 1), None),
    ],
)
def test_hours_of_their_own_a_year(rule: str, first_on: date, hours: int, on: date, short: int | None) -> None:
    assert hours_short(first_on, FORTY, hours, on=on) == short, rule
    assert hours_short(first_on, NATION, hours, on=on) is None, "the country asks for none"


@pytest.mark.parametrize(
    ("second", "no"),
    [
        (Voice(UUID(int=8), Side.REGULATOR), None),
        (Voice(UUID(int=8), Side.OPERATOR), None),
        (Voice(UUID(int=8), Side.INSTITUTION), No.SAME_SIDE),
        (Voice(UUID(int=7), Side.REGULATOR), No.SAME_PERSON),
        (Voice(WHO, Side.REGULATOR), No.OWN),
    ],
)
def test_two_people_of_two_sides_confirm(second: Voice, no: No | None) -> None:
    assert why_not_second(WHO, Voice(UUID(int=7), Side.INSTITUTION), second) is no


def test_a_problem_that_nobody_asks_about_gates_nothing() -> None:
    assert Problem(K.EXPIRED, FIRST).gates is False
