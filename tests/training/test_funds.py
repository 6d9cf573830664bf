"""The training fund: exact fen, what is drawn, spent and left, and a ledger that only grows."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from elearn.db import LedgerViolation
from elearn.errors import Conflict, DomainError, Malformed, NotFound
from elearn.people.models import EmploymentKind
from elearn.training.models import Purpose
from elearn.training.plans import fund_rules, funds, yearly
from elearn.training.plans.fund_models import FundLine, FundWages
from elearn.training.plans.fund_rules import Cell, Rate, Spent, Tag
from elearn.training.plans.funds import Expense
from tests.builders_people import a_person
from tests.builders_training import AT, TODAY, Works, a_works
from tests.conftest import statements

FUND, INJURY = Tag.TRAINING_FUND, Tag.INJURY_PREVENTION


@pytest.mark.parametrize(
    ("typed", "fen"),
    [
        ("1234.5", 123_450), (" 1,234.50 ", 123_450), ("0.01", 1), ("７", 700), ("１，２３４．５０", 123_450),
        ("100000000000", 10**13), ("007", 700), ("1234567", 123_456_700),
        ("-5", None), ("1e9", None), ("0", None), ("0.00", None), ("", None), ("12,34", None), ("1.234", None),
        ("1 000", None), ("1.", None), (".5", None), ("100000000000.01", None), ("9" * 40, None), ("①", None),
        ("٣", None), ("¥5", None), ("NaN", None), ("+5", None), ("五百", None), ("1\u0000", None),
    ],
)  # fmt: skip
def test_money_is_read_exactly_or_not_at_all(typed: str, fen: int | None) -> None:
    if fen is not None:
        assert fund_rules.read_money(typed) == fen
        return
    with pytest.raises(Malformed) as refused:
        fund_rules.read_money(typed)
    assert refused.value.error_code == "amount"


@pytest.mark.parametrize(
    ("wages", "rate", "drawn"),
    [
        (100_000_000, Rate.GENERAL, 1_500_000),
        (100_000_000, Rate.DEMANDING, 2_500_000),
        (33, Rate.GENERAL, 0),  # 0.495 fen
        (34, Rate.GENERAL, 1),  # 0.51
        (100, Rate.GENERAL, 2),  # 1.5: half a fen is a whole one
        (20, Rate.DEMANDING, 1),  # 0.5
        (19, Rate.DEMANDING, 0),
        (10**13, Rate.DEMANDING, 250_000_000_000),
    ],
)
def test_what_is_drawn_is_rate_times_wages_to_the_nearest_fen(wages: int, rate: Rate, drawn: int) -> None:
    assert fund_rules.drawn_fen(wages, rate) == drawn


@given(st.integers(1, 10**13), st.sampled_from(Rate))
def test_what_is_drawn_is_never_half_a_fen_from_the_exact_share(wages: int, rate: Rate) -> None:
    exact = wages * rate.basis_points
    assert -5_000 < fund_rules.drawn_fen(wages, rate) * 10_000 - exact <= 5_000


@pytest.mark.parametrize(
    ("fen", "text"), [(123_450, "1,234.50"), (5, "0.05"), (-5, "-0.05"), (-123_456_789, "-1,234,567.89"), (0, "0.00")]
)
def test_money_is_shown_with_its_fen(fen: int, text: str) -> None:
    assert fund_rules.yuan(fen) == text
    if fen > 0:
        assert fund_rules.read_money(text) == fen


def test_another_purse_takes_nothing_from_what_was_drawn() -> None:
    found = fund_rules.balance(
        1000,
        [
            Cell(1, "employee", FUND, 300), Cell(1, None, INJURY, 900), Cell(2, "dispatched", FUND, 800),
            Cell(2, "dispatched", FUND, -100), Cell(4, "employee", FUND, 50),
        ],
    )  # fmt: skip
    assert (found.spent, found.left) == (Spent(1050, 900), -50)
    assert found.quarters == {1: Spent(300, 900), 2: Spent(700, 0), 3: Spent(0, 0), 4: Spent(50, 0)}
    assert found.left_after == {1: 700, 2: 0, 3: 0, 4: -50}
    assert found.kinds == {"employee": Spent(350, 0), None: Spent(0, 900), "dispatched": Spent(700, 0)}
    assert found.tags == {FUND: 1050, INJURY: 900}
    nothing = fund_rules.balance(None, [Cell(1, None, FUND, 5)])
    assert (nothing.left, nothing.left_after, nothing.spent.whole) == (None, {}, 5)


def state(
    session: Session, works: Works, fen: int = 5_000, *, reason: str = "", rate: Rate = Rate.GENERAL
) -> FundWages:
    by = a_person(session).id
    return funds.state_wages(session, works.enterprise.id, 2026, fen, rate, reason=reason, by=by, at=AT)


def spend(
    session: Session, works: Works, fen: int = 50_000, *, on: date | None = TODAY, tag: Tag = FUND, year: int = 2026,
    kind: EmploymentKind | None = None, what: str = "焊工复训", receipt: str = "", plan_line: UUID | None = None,
    programme: UUID | None = None, usable: tuple[UUID, ...] = (),
) -> FundLine:  # fmt: skip
    expense = Expense(on, fen, what, kind, tag, receipt, plan_line, programme)
    return funds.spend(
        session, works.enterprise.id, year, expense, programmes=usable, by=a_person(session).id, at=AT
    )  # fmt: skip


def test_wages_are_stated_anew_with_a_reason_and_the_newest_hold(session: Session) -> None:
    works = a_works(session)
    assert funds.balance(session, works.enterprise.id, 2026).drawn is None
    state(session, works, 100_000_000)
    with pytest.raises(Malformed) as refused:
        state(session, works, 200_000_000)
    assert refused.value.error_code == "reason"
    state(session, works, 200_000_000, reason="年终奖", rate=Rate.DEMANDING)
    assert [(one.number, one.drawn_fen, by) for one, by in funds.stated(session, works.enterprise.id, 2026)] == [
        (2, 5_000_000, "张三"),
        (1, 1_500_000, "张三"),
    ]
    assert funds.balance(session, works.enterprise.id, 2026).drawn == 5_000_000
    assert funds.balance(session, works.enterprise.id, 2025).drawn is None
    assert funds.balance(session, works.group.id, 2026).drawn is None
    for year in (2022, 2028):
        with pytest.raises(Malformed):
            funds.state_wages(
                session, works.enterprise.id, year, 1, Rate.GENERAL, reason="", by=a_person(session).id, at=AT
            )
    wrong = sa.insert(FundWages).values(
        organisation_id=works.enterprise.id, year=2026, number=3, wages_fen=100, rate=Rate.GENERAL, basis_points=150,
        drawn_fen=3, reason="x", entered_by=a_person(session).id, entered_at=AT,
    )  # fmt: skip
    with pytest.raises(IntegrityError, match="ck_training_fund_wages_drawn"):
        session.execute(wrong)


def test_a_wrong_line_is_reversed_by_a_line_in_its_own_quarter(session: Session) -> None:
    works = a_works(session)
    state(session, works, 100_000_000)
    wrong = spend(session, works, 70_000, on=date(2026, 2, 3), kind=EmploymentKind.DISPATCHED, receipt="0012")
    spend(session, works, 30_000, on=TODAY, tag=INJURY)

    def reverse(line: UUID, reason: str = "重复录入", employer: UUID = works.enterprise.id) -> FundLine:
        return funds.reverse(session, employer, line, reason=reason, by=a_person(session).id, at=AT)

    assert funds.balance(session, works.enterprise.id, 2026).left == 1_430_000
    refused: list[tuple[type[DomainError], UUID, str, UUID]] = [
        (Malformed, wrong.id, " ", works.enterprise.id),
        (NotFound, wrong.id, "x", works.group.id),
        (NotFound, works.enterprise.id, "x", works.enterprise.id),
    ]
    for kind, line, reason, employer in refused:
        with pytest.raises(kind):
            reverse(line, reason, employer)
    back = reverse(wrong.id)
    assert (back.amount_fen, back.spent_on, back.kind, back.tag) == (-70_000, wrong.spent_on, wrong.kind, wrong.tag)
    for again in (wrong.id, back.id):
        with pytest.raises(Conflict):
            reverse(again)
    with statements(session) as sent:
        found = funds.balance(session, works.enterprise.id, 2026)
    assert len(sent) == 2
    assert (found.left, found.quarters[1], found.spent) == (1_500_000, Spent(0, 0), Spent(0, 30_000))
    with statements(session) as sent:
        shown = funds.lines(session, works.enterprise.id, 2026)
    assert len(sent) == 1
    assert [(one.row.amount_fen, one.reversed) for one in shown] == [(30_000, False), (-70_000, False), (70_000, True)]
    assert funds.count(session, works.enterprise.id, 2026) == 3
    assert [one.id for one in funds.keeping(session, page=1)[0]] == [works.enterprise.id]


@pytest.mark.parametrize(("make", "field"), [(spend, "amount_fen"), (state, "wages_fen")])
def test_neither_the_program_nor_anybody_else_changes_a_line(session: Session, make: Any, field: str) -> None:
    row = make(session, a_works(session))
    table = type(row).__table__
    for change in (sa.update(table).values({field: 1}), sa.delete(table)):
        with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
            session.execute(change)
    setattr(row, field, 1)
    with pytest.raises(LedgerViolation):
        session.flush()


def test_an_expense_names_only_what_is_its_enterprises(session: Session) -> None:
    works, other = a_works(session), a_works(session)

    def planned(node: UUID, *, year: int = 2026, approved: bool = True) -> UUID:
        clerk = a_person(session).id
        plan = yearly.begin(session, node, year, reason="", by=clerk, at=AT)
        line = yearly.add_line(
            session, plan.id, yearly.Item(2, "焊工复训", "焊工班", Purpose.OTHER, None, 8, 10), usable=()
        )
        if approved:
            yearly.submit(session, plan.id, by=clerk, at=AT)
            yearly.decide(session, plan.id, approve=True, note="", by=a_person(session).id, at=AT)
        return line.id

    own, of_unit = planned(works.enterprise.id), planned(works.workshop.id)
    foreign = [
        planned(other.enterprise.id),  # another enterprise's
        planned(works.group.id),  # of what lies above
        planned(works.team.id, approved=False),  # a draft
        planned(works.enterprise.id, year=2027),  # another year's
        a_person(session).id,  # nobody's
    ]
    assert {one for one, _said in funds.plan_lines(session, works.enterprise.id, 2026)} == {own, of_unit}
    assert own not in dict(funds.plan_lines(session, works.group.id, 2026)), "an enterprise keeps a fund of its own"
    for line in (own, of_unit):
        assert spend(session, works, plan_line=line).plan_line_id == line
    for line in foreign:
        with pytest.raises(Malformed) as refused:
            spend(session, works, plan_line=line)
        assert refused.value.error_code == "plan_line"
    programme = works.programme()
    assert spend(session, works, programme=programme.id, usable=(programme.id,)).programme_id == programme.id
    with pytest.raises(Malformed):
        spend(session, works, programme=other.programme().id, usable=(programme.id,))


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"on": TODAY + timedelta(days=1)}, "spent_on"),
        ({"on": date(2025, 12, 31)}, "spent_on"),
        ({"on": date(2027, 1, 1), "year": 2027}, "spent_on"),
        ({"on": None}, "spent_on"),
        ({"year": 2020}, "year"),
        ({"fen": 0}, "amount"),
        ({"fen": -1}, "amount"),
        ({"fen": 10**13 + 1}, "amount"),
        ({"what": " "}, "what"),
        ({"what": "x" * 101}, "what"),
        ({"receipt": "x" * 41}, "receipt"),
    ],
)
def test_an_expense_in_a_bad_form_is_refused(session: Session, said: dict[str, Any], code: str) -> None:
    works = a_works(session)
    with pytest.raises(Malformed) as refused:
        spend(session, works, **said)
    assert refused.value.error_code == code
    assert funds.count(session, works.enterprise.id, 2026) == 0
