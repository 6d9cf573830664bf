"""The law of the log: for any run of finals and reversals three sums are one, and running twice adds nothing."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from elearn.credit_export.ledger.advancing import House, advance
from elearn.credit_export.ledger.crediting import Change, in_order
from tests.credit_export.ledger.log.school import NOW, Sums, a_learner, differences, leaves, sums

moves = st.one_of(
    st.tuples(st.just("watch"), st.integers(0, 1), st.integers(1, 90_000)),
    st.tuples(st.just("void"), st.integers(0, 1), st.integers(0, 5)),
    st.tuples(st.just("advance"), st.integers(0, 1), st.integers(-90, 90)),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=st.lists(moves, max_size=14))
def test_entries_leaves_and_the_newest_total_are_one_sum(
    session: Session, house: House, story: list[tuple[str, int, int]]
) -> None:
    learners = [a_learner(session), a_learner(session)]
    worth = [60_000, 60_000]
    standing: dict[int, list[tuple[UUID, int]]] = defaultdict(list)
    now = NOW
    for move, who, value in story:
        if move == "watch":
            standing[who].append((learners[who].watch(ms=value), value))
            worth[who] += value
        elif move == "void" and standing[who]:
            span, ms = standing[who].pop(value % len(standing[who]))
            learners[who].void(span)
            worth[who] -= ms
        elif move == "advance":
            now += timedelta(seconds=value)  # a clock that also goes back
            advance(session, now=now, house=house)
    advance(session, now=now, house=house)
    assert [sums(session, one.person.id) for one in learners] == [Sums(ms, ms, ms) for ms in worth]
    before = leaves(session, "raw")
    assert advance(session, now=now, house=house).persons == set()
    assert leaves(session, "raw") == before
    assert differences(session, house) == []


def a_change(number: int, *, reverses: int | None = None) -> Change:
    return Change(
        id=UUID(int=number),
        person_id=UUID(int=0),
        unit_id=UUID(int=0),
        media=(0, 1),
        ms=1,
        on=NOW.date(),
        policy="",
        heard_at=NOW,
        reverses=None if reverses is None else UUID(int=reverses),
        reason="",
        standing=None,
    )


def test_where_time_stands_still_what_is_taken_back_comes_before_what_takes_its_place() -> None:
    final, void, again = a_change(9), a_change(5, reverses=9), a_change(1)
    assert in_order([again, void, final]) == [final, void, again]
