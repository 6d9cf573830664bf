"""What a row means for somebody of whom this is known, as a table; and that the same row again means nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.people.identity import DocumentKind
from elearn.people.roster.cells import Wrong
from elearn.people.roster.deciding import Change, Decision, Held, Known, Verdict, decide
from elearn.people.roster.rows import Row

TODAY = date(2026, 7, 1)
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
LONG_AGO, SOON = date(2025, 1, 1), date(2026, 9, 1)

ROW = Row("张三", DocumentKind.RESIDENT_ID, "1", path=("生产部", "甲班"), post="电工", employment="employee")
HELD = Held(
    membership_id=UUID(int=1),
    employment="employee",
    from_on=LONG_AGO,
    to_on=None,
    placement_id=UUID(int=2),
    unit_id=UUID(int=3),
    path=("生产部", "甲班"),
    post="电工",
    category=None,
    placed_on=LONG_AGO,
    noted_at=datetime(2025, 1, 1, tzinfo=UTC),
)
MEMBER = Known(UUID(int=4), "张三", HELD)


def held(**other: Any) -> Known:
    return replace(MEMBER, held=replace(HELD, **other))


def row(**other: Any) -> Row:
    return replace(ROW, **other)


NEW, CHANGED, LEAVES, UNCHANGED, GONE, REFUSED = (
    Verdict.NEW, Verdict.CHANGED, Verdict.LEAVES, Verdict.UNCHANGED, Verdict.GONE, Verdict.REFUSED
)  # fmt: skip


@pytest.mark.parametrize(
    ("of_row", "known", "verdict", "changes", "from_on"),
    [
        # Nobody here has the document, or another employer's person does: the same.
        (row(), None, NEW, [], TODAY),
        (row(), Known(UUID(int=4), "张三"), NEW, [], TODAY),
        (row(from_on=LONG_AGO), None, NEW, [], LONG_AGO),
        (row(from_on=LONG_AGO), Known(UUID(int=4), "张三"), NEW, [], LONG_AGO),
        (row(from_on=SOON), None, NEW, [], SOON),
        (row(from_on=LONG_AGO, to_on=SOON), None, NEW, [], LONG_AGO),
        # Who has left before is taken in no more: as little data as the task needs.
        (row(from_on=LONG_AGO, to_on=YESTERDAY), None, GONE, [], None),
        (row(to_on=YESTERDAY), Known(UUID(int=4), "张三"), GONE, [], None),
        (row(to_on=LONG_AGO), held(to_on=YESTERDAY), GONE, [], None),
        (row(to_on=TODAY), None, NEW, [], TODAY),
        # The same row again; a blank says nothing.
        (row(), MEMBER, UNCHANGED, [], None),
        (row(path=(), post="", employment=None), MEMBER, UNCHANGED, [], None),
        (row(path=("生产部 ", "甲 班")), MEMBER, UNCHANGED, [], None),
        (row(name="张 三"), MEMBER, UNCHANGED, [], None),
        (row(from_on=date(2024, 1, 1)), MEMBER, UNCHANGED, [], None),
        (row(), held(to_on=SOON), UNCHANGED, [], None),
        (row(to_on=SOON), held(to_on=SOON), UNCHANGED, [], None),
        # Changes hold from today, or from the day on which what they change begins.
        (row(path=("后勤",)), MEMBER, CHANGED, [Change.UNIT], TODAY),
        (row(post="焊工"), MEMBER, CHANGED, [Change.POST], TODAY),
        (row(category="so_lv_electric"), MEMBER, CHANGED, [Change.CATEGORY], TODAY),
        (row(employment="flexible"), MEMBER, CHANGED, [Change.EMPLOYMENT], TODAY),
        (row(firm="路桥一公司"), MEMBER, CHANGED, [Change.FIRM], TODAY),
        (row(firm="路桥一公司"), held(firm="路桥一公司"), UNCHANGED, [], None),
        (row(), held(firm="路桥一公司"), UNCHANGED, [], None),
        (row(post="焊工"), held(placed_on=TOMORROW), CHANGED, [Change.POST], TOMORROW),
        (row(post="焊工"), held(from_on=SOON, placed_on=SOON), CHANGED, [Change.POST], SOON),
        (row(staff_number="A1"), MEMBER, CHANGED, [Change.STAFF_NUMBER], TODAY),
        (row(staff_number="A1"), replace(MEMBER, staff_number="A1"), UNCHANGED, [], None),
        # A phone number only while the account is this employer's to open.
        (row(phone="+8613800138000"), MEMBER, UNCHANGED, [], None),
        (row(phone="+8613800138000"), replace(MEMBER, may_change_phone=True), CHANGED, [Change.PHONE], TODAY),
        (row(phone="+8613800138000"), replace(MEMBER, may_change_phone=True, has_phone=True), UNCHANGED, [], None),
        # A last day.
        (row(to_on=YESTERDAY), MEMBER, LEAVES, [Change.END], None),
        (row(to_on=YESTERDAY, post="焊工"), MEMBER, LEAVES, [Change.END], None),
        (row(to_on=SOON), MEMBER, LEAVES, [Change.END], TODAY),
        (row(to_on=SOON, post="焊工"), MEMBER, LEAVES, [Change.END, Change.POST], TODAY),
        (row(to_on=TOMORROW, post="焊工"), held(placed_on=SOON), LEAVES, [Change.END], SOON),
        (row(to_on=TOMORROW), held(to_on=SOON), LEAVES, [Change.END], TODAY),
        # Back after having left.
        (row(), held(to_on=YESTERDAY), NEW, [], TODAY),
        (row(from_on=LONG_AGO), held(to_on=YESTERDAY), NEW, [], TODAY),
        (row(from_on=SOON), held(to_on=YESTERDAY), NEW, [], SOON),
        (row(), held(to_on=TODAY), UNCHANGED, [], None),
    ],
)
def test_what_a_row_means(
    of_row: Row, known: Known | None, verdict: Verdict, changes: list[Change], from_on: date | None
) -> None:
    decision = decide(of_row, known, today=TODAY)
    assert (decision.verdict, sorted(decision.changes), decision.from_on) == (verdict, sorted(changes), from_on)


@pytest.mark.parametrize("known", [Known(UUID(int=4), "李四"), replace(MEMBER, name="李四"), held(to_on=YESTERDAY)])
def test_a_name_that_does_not_fit_is_refused_whoever_knows_it(known: Known) -> None:
    decision = decide(row(name="王五"), known, today=TODAY)
    assert decision.problem is not None
    assert (decision.verdict, decision.problem.wrong) == (REFUSED, Wrong.NAME_DIFFERS)


def test_nobody_leaves_before_they_began() -> None:
    decision = decide(row(to_on=date(2024, 12, 31)), MEMBER, today=TODAY)
    assert decision.problem is not None
    assert (decision.verdict, decision.problem.wrong) == (REFUSED, Wrong.BEFORE_PRESENT)


DAYS = st.one_of(st.none(), st.dates(date(2026, 6, 27), date(2026, 7, 5)))
WORDS = st.sampled_from(["", "电工", "焊工"])
ROWS = st.builds(
    replace,
    st.just(ROW),
    from_on=DAYS,
    to_on=DAYS,
    post=WORDS,
    path=st.sampled_from([(), ("生产部",), ("后勤", "乙班")]),
    employment=st.sampled_from([None, "employee", "flexible"]),
    category=st.sampled_from([None, "a", "b"]),
    firm=st.sampled_from(["", "甲公司", "乙公司"]),
)


def after(of_row: Row, known: Known | None, decision: Decision) -> Known | None:
    """What is known once a row was taken, as `applying.py` writes it."""
    if decision.verdict in (GONE, REFUSED, UNCHANGED):
        return known
    if decision.verdict is NEW:
        assert decision.from_on is not None
        made = replace(
            HELD,
            from_on=decision.from_on,
            placed_on=decision.from_on,
            to_on=of_row.to_on,
            employment=of_row.employment or "employee",
            path=of_row.path,
            post=of_row.post,
            category=of_row.category,
            firm=of_row.firm,
        )
        return replace(MEMBER, held=made)
    assert known is not None
    assert known.held is not None
    changes = decision.changes
    became = replace(
        known.held,
        to_on=of_row.to_on if Change.END in changes else known.held.to_on,
        employment=(of_row.employment or "") if Change.EMPLOYMENT in changes else known.held.employment,
        path=of_row.path if Change.UNIT in changes else known.held.path,
        post=of_row.post if Change.POST in changes else known.held.post,
        category=of_row.category if Change.CATEGORY in changes else known.held.category,
        firm=of_row.firm if {Change.FIRM, Change.EMPLOYMENT} & changes else known.held.firm,
    )
    if decision.from_on is not None and changes - {Change.END}:
        became = replace(became, placed_on=decision.from_on)
    return replace(known, held=became)


@given(ROWS, st.one_of(st.none(), st.just(MEMBER)), st.lists(ROWS, max_size=2))
def test_a_row_taken_twice_changes_nothing_the_second_time(last: Row, known: Known | None, before: list[Row]) -> None:
    for one in before:
        if one.from_on is None or one.to_on is None or one.from_on <= one.to_on:
            known = after(one, known, decide(one, known, today=TODAY))
    if last.from_on is not None and last.to_on is not None and last.to_on < last.from_on:
        return
    first = decide(last, known, today=TODAY)
    second = decide(last, after(last, known, first), today=TODAY)
    assert second.changes == frozenset()
    assert second.verdict in ((REFUSED,) if first.verdict is REFUSED else (UNCHANGED, GONE))
