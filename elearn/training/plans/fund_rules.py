"""The training fund: how much an enterprise draws for training, money as whole fen, what is drawn, spent, left. Pure.

The State Council's decision 国发〔2002〕16号, which 财建〔2006〕317号 repeats, knows two rates: 1.5 % of wages for an
ordinary enterprise, 2.5 % for one that asks much of its workers' skill, has much to train and does well. Which of the
two an enterprise is, it says itself; the clause stands beside the amount. What another purse pays (工伤预防费,
安全生产费用) takes nothing from the fund.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from elearn.errors import Malformed

MOST_FEN = 10**13
"""A hundred billion yuan: more is a slip of the hand."""
WHOLE = 10_000
"""Basis points."""
SOURCE = "国发〔2002〕16号; 财建〔2006〕317号"
MONEY = re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,12})(?:\.([0-9]{1,2}))?")
PLAIN = str.maketrans("０１２３４５６７８９．，", "0123456789.,")
"""A Chinese keyboard writes full-width figures; they are the same ones."""


class Rate(StrEnum):
    """Which enterprise it is, in the words of the decision."""

    GENERAL = "general"
    """一般企业."""
    DEMANDING = "demanding"
    """从业人员技术素质要求高、培训任务重、经济效益较好的企业."""

    @property
    def basis_points(self) -> int:
        return {Rate.GENERAL: 150, Rate.DEMANDING: 250}[self]

    @property
    def clause(self) -> str:
        """As it stands there."""
        return {
            Rate.GENERAL: "一般企业按照职工工资总额的1.5%足额提取教育培训经费",
            Rate.DEMANDING: "从业人员技术素质要求高、培训任务重、经济效益较好的企业可按2.5%提取",
        }[self]


class Tag(StrEnum):
    """Whose money it was."""

    TRAINING_FUND = "training_fund"
    """职工教育培训经费: what is drawn here."""
    INJURY_PREVENTION = "injury_prevention"
    """工伤预防费 (人社部规〔2017〕13号): pays for team leaders, for example."""
    SAFETY_COSTS = "safety_costs"
    """安全生产费用."""
    SUBSIDY = "subsidy"
    """A public subsidy for training."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Cell:
    """What was spent in one quarter for one kind of employment out of one purse."""

    quarter: int
    kind: str | None
    """None: for all kinds together."""
    tag: Tag
    fen: int


@dataclass(frozen=True, slots=True)
class Spent:
    """Out of the fund, and out of other purses."""

    fund: int = 0
    other: int = 0

    @property
    def whole(self) -> int:
        return self.fund + self.other


@dataclass(frozen=True, slots=True)
class Balance:
    """A year's fund."""

    drawn: int | None
    """None: nobody has said what the wages are."""
    spent: Spent
    quarters: dict[int, Spent]
    """All four."""
    left_after: dict[int, int]
    """Of what was drawn, after each quarter; empty while nothing is drawn."""
    kinds: dict[str | None, Spent] = field(default_factory=dict)
    tags: dict[Tag, int] = field(default_factory=dict)

    @property
    def left(self) -> int | None:
        """Below zero: more was spent than drawn."""
        return None if self.drawn is None else self.drawn - self.spent.fund


def drawn_fen(wages_fen: int, rate: Rate) -> int:
    """Rate times wages in whole numbers, to the nearest fen; half a fen is a whole one: it is to be drawn in full."""
    return (wages_fen * rate.basis_points + WHOLE // 2) // WHOLE


def read_money(text: str) -> int:
    """Yuan as somebody types them, in fen: `1234.5`, `1,234.50`, full-width figures too. Raises Malformed `amount`."""
    found = MONEY.fullmatch(text.strip().translate(PLAIN))
    if found is None:
        raise Malformed("An amount is yuan with at most two decimals, for example 1234.50.", code="amount")
    fen = int(found[1].replace(",", "")) * 100 + int((found[2] or "").ljust(2, "0"))
    if not 1 <= fen <= MOST_FEN:
        raise Malformed("An amount is more than nothing, and at most a hundred billion yuan.", code="amount")
    return fen


def yuan(fen: int) -> str:
    """`1,234.50`, `-0.05`."""
    whole, rest = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole:,}.{rest:02}"


def check_day(spent_on: date | None, year: int, today: date) -> date:
    """The day of an expense of a year. Raises Malformed `spent_on`."""
    if spent_on is None or spent_on.year != year or spent_on > today:
        raise Malformed("The day lies in this year's fund, and not after today.", code="spent_on")
    return spent_on


def check_year(year: int, today: date) -> int:
    """A fund is kept for this year, the next, or one of the last three. Raises Malformed `year`."""
    if not today.year - 3 <= year <= today.year + 1:
        raise Malformed("A fund is kept for this year, the next, or one of the last three.", code="year")
    return year


def balance(drawn: int | None, cells: Iterable[Cell]) -> Balance:
    """Add up what was spent, and say what is left of what was drawn."""
    quarters = dict.fromkeys((1, 2, 3, 4), Spent())
    kinds: dict[str | None, Spent] = {}
    tags: dict[Tag, int] = {}
    whole = Spent()
    for one in cells:
        part = Spent(one.fen, 0) if one.tag is Tag.TRAINING_FUND else Spent(0, one.fen)
        whole = _plus(whole, part)
        quarters[one.quarter] = _plus(quarters[one.quarter], part)
        kinds[one.kind] = _plus(kinds.get(one.kind, Spent()), part)
        tags[one.tag] = tags.get(one.tag, 0) + one.fen
    left, left_after = drawn, {}
    for quarter, spent in quarters.items():
        if left is not None:
            left -= spent.fund
            left_after[quarter] = left
    return Balance(drawn, whole, quarters, left_after, kinds, tags)


def _plus(one: Spent, other: Spent) -> Spent:
    return Spent(one.fund + other.fund, one.other + other.other)
