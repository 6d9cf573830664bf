"""Until when a worker's certificate holds, by the rules of each day, and when that is told. Pure.

A certificate of special operations was reviewed (复审) every three years until Order 19 came into force on 2026-06-01;
since then nobody reviews it, and it is renewed (换证) after six. So a review counts only where the rules in force on
its very day ask for it, and which rules those are is data (`courses/requirements`), not written here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from elearn.errors import Malformed
from elearn.training.law import add_months

DAY = timedelta(days=1)
MAX_TEXT = 100
STAGES = (30, 60, 90)
"""Days before the end at which it is told."""


class CertificateKind(StrEnum):
    """Which paper it is."""

    OPERATION = "operation"
    """特种作业操作证: whoever does special work without one may not do it."""
    ASSESSMENT = "assessment"
    """安全生产知识和管理能力考核合格证, of principals and managers."""
    EQUIPMENT = "equipment"
    """特种设备作业人员证: another ministry's, kept here and never exported."""
    SKILL = "skill"
    """职业技能等级证书."""
    OTHER = "other"


class CheckState(StrEnum):
    """What came of looking a certificate up with who issued it."""

    UNCHECKED = "unchecked"
    AGREES = "agrees"
    DIFFERS = "differs"


class EndsBy(StrEnum):
    """Why it holds no longer than it does."""

    PAPER = "paper"
    """The last day stands on it."""
    RULE = "rule"
    """The paper says none; the rules of its first day do."""
    REVIEW = "review"
    """A review was due and none is recorded."""


class Standing(StrEnum):
    VALID = "valid"
    EXPIRING = "expiring"
    """Valid for 90 more days at most."""
    NOT_YET = "not_yet"
    EXPIRED = "expired"
    REVIEW_MISSED = "review_missed"
    DIFFERS = "differs"
    ENDED = "ended"
    """Withdrawn or given back."""


HOLDS = frozenset({Standing.VALID, Standing.EXPIRING})


@dataclass(frozen=True, slots=True)
class Paper:
    """What stands on a certificate."""

    kind: CertificateKind
    category: str | None
    """An id of the requirements catalogue."""
    title: str
    number: str
    issuer: str
    from_on: date
    to_on: date | None = None
    reviewed_on: date | None = None
    scan_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Regime:
    """What the rules of a day say of one kind of certificate."""

    validity_months: int | None
    review_months: int | None
    """None: nobody reviews it."""


@dataclass(frozen=True, slots=True)
class Life:
    holds_to: date | None
    """The last day; None: no end is known."""
    ends_by: EndsBy | None


def checked(paper: Paper, *, today: date) -> Paper:
    """A paper that can be one. Raises Malformed `title`, `number`, `issuer`, `dates`, `reviewed_on`."""
    title, issuer = _line(paper.title), _line(paper.issuer)
    number = "".join(paper.number.split())
    if not title:
        raise Malformed("Please say what the certificate is for, in 1 to 100 characters.", code="title")
    if not 4 <= len(number) <= MAX_TEXT or not number.isprintable():
        raise Malformed("The number of a certificate has 4 to 100 characters.", code="number")
    if not issuer:
        raise Malformed("Please say who issued it, in 1 to 100 characters.", code="issuer")
    if paper.to_on is not None and paper.to_on < paper.from_on:
        raise Malformed("The last day is before the first.", code="dates")
    if paper.reviewed_on is not None and not paper.from_on < paper.reviewed_on <= today:
        raise Malformed("A review lies after the first day, and not after today.", code="reviewed_on")
    return replace(paper, title=title, number=number, issuer=issuer)


def _line(text: str) -> str:
    """One line of at most 100 printable characters; empty when it is none."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_TEXT and line.isprintable() else ""


def life(
    from_on: date, to_on: date | None, reviewed_on: date | None, regime_on: Callable[[date], Regime | None]
) -> Life:
    """Until when it holds. `reviewed_on`: the newest review that is recorded."""
    begun = regime_on(from_on)
    ends, by = to_on, EndsBy.PAPER
    if ends is None and begun is not None and begun.validity_months is not None:
        ends, by = add_months(from_on, begun.validity_months) - DAY, EndsBy.RULE
    missed = _first_missed(from_on, ends, reviewed_on, begun, regime_on)
    if missed is not None:
        return Life(missed - DAY, EndsBy.REVIEW)
    return Life(ends, None if ends is None else by)


def _first_missed(
    from_on: date,
    ends: date | None,
    reviewed_on: date | None,
    begun: Regime | None,
    regime_on: Callable[[date], Regime | None],
) -> date | None:
    """The first review that the rules of its own day ask for and that is not recorded, also one still to come.

    A review counts for the day it was due on when it lies no more than half a period before that day.
    """
    if begun is None or begun.review_months is None or ends is None:
        return None
    months = begun.review_months
    for due_after in range(months, 12 * 100, months):
        due = add_months(from_on, due_after)
        if due > ends:
            return None
        asked = regime_on(due)
        if asked is None or asked.review_months is None:
            return None
        if reviewed_on is None or reviewed_on < add_months(due, -(months // 2)):
            return due
    return None


def standing(
    from_on: date,
    holds_to: date | None,
    ends_by: EndsBy | None,
    check: CheckState,
    ended_on: date | None,
    on: date,
) -> Standing:
    """How it stands on a day. What differs from the issuer's record does not hold, whatever its days say."""
    if ended_on is not None and ended_on <= on:
        return Standing.ENDED
    if check is CheckState.DIFFERS:
        return Standing.DIFFERS
    if from_on > on:
        return Standing.NOT_YET
    if holds_to is not None and holds_to < on:
        return Standing.REVIEW_MISSED if ends_by is EndsBy.REVIEW else Standing.EXPIRED
    if holds_to is not None and (holds_to - on).days <= STAGES[-1]:
        return Standing.EXPIRING
    return Standing.VALID


def stage(holds_to: date, on: date) -> int | None:
    """Which warning is due: 90, 60 or 30 days before the end, the nearest; None: none yet, or it is over."""
    left = (holds_to - on).days
    return next((one for one in STAGES if 0 <= left <= one), None)


def masked(number: str) -> str:
    """What lists show of a number: the first and the last two characters of five or more."""
    if len(number) < 5:
        return "*" * len(number)
    return number[0] + "*" * (len(number) - 3) + number[-2:]
