"""Pure: how many 学时 the law asks of a post before it is taken up and each year, and whether so much time is enough.

    category, region, day ─► asks ─► LawAsks ─┐
    credited time, online and on site ────────┴─► judge ─► enough | short by n | unknown, with the clause

A row of the requirements that nobody has confirmed is never a default: where the row that holds there is one, or says
no number, or there is none, the answer is "unknown". A 学时 is as long as the confirmed row of that place says, else as
AQ 8011-2023, 4.4 does: 30 minutes online, 45 on site. Posts that need a certificate are trained for it at an
institution; how many hours their employer owes them, general or high-risk, no row says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from elearn.courses.requirements.choosing import Catalogue
from elearn.courses.requirements.rows import Category, Group, Mode, Training
from elearn.credit_export.hours import AQ8011_2023, MICRO, MINUTE_MS
from elearn.training.law import add_months
from elearn.training.words import Occasion, Purpose

STAFF = frozenset({Group.PRINCIPAL, Group.MANAGER, Group.EMPLOYEE})
"""Whom an enterprise trains itself."""
LEADING = frozenset({Group.PRINCIPAL, Group.MANAGER})
DAY = timedelta(days=1)


class Verdict(StrEnum):
    """How time stands to what the law asks."""

    ENOUGH = "enough"
    SHORT = "short"
    UNKNOWN = "unknown"
    """No confirmed row says how much."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long a 学时 is."""

    online_ms: int = AQ8011_2023.online_hour_ms
    on_site_ms: int = AQ8011_2023.offline_hour_ms


@dataclass(frozen=True, slots=True)
class LawAsks:
    """What the rows that hold there on that day ask of somebody of a category."""

    training: Training
    """INITIAL: before the post. YEARLY: each year."""
    hours: int | None = None
    """学时; None: no confirmed row says."""
    clause: str = ""
    """Of the row; without one the title of its source."""
    name: str = ""
    name_en: str = ""
    """Of the category."""
    rule: str = ""
    """The row that was used, by its version."""
    lengths: Lengths = field(default_factory=Lengths)


@dataclass(frozen=True, slots=True)
class Learned:
    """Credited time, by where it was learned."""

    online_ms: int = 0
    on_site_ms: int = 0

    def __add__(self, other: Learned) -> Learned:
        return Learned(self.online_ms + other.online_ms, self.on_site_ms + other.on_site_ms)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Millionths of a 学时: what there is, and what is missing (0 where it is not known)."""

    verdict: Verdict
    has: int
    short: int = 0


def asks(catalogue: Catalogue, category: str | None, region: str | None, on: date, training: Training) -> LawAsks:
    """What the law asks of this category, there, on that day."""
    found = None if category is None else catalogue.category(category, region, on)
    if found is None:
        return LawAsks(training)
    row, name = found
    if row.group not in STAFF or not row.confirmed:
        return LawAsks(training, name=row.name, name_en=row.name_en or row.name)
    asked = row.hours.get(training)
    return LawAsks(
        training,
        None if asked is None else asked.total,
        row.clause or _title(catalogue, row),
        row.name,
        row.name_en or row.name,
        name,
        lengths(catalogue, row.group, region, on),
    )


def lengths(catalogue: Catalogue, group: Group | None, region: str | None, on: date) -> Lengths:
    """How long a 学时 is there: by a confirmed row, else by AQ 8011-2023."""

    def minutes_ms(mode: Mode, otherwise: int) -> int:
        found = catalogue.class_hour(mode, group, region, on)
        return found.row.minutes * MINUTE_MS if found is not None and found.row.confirmed else otherwise

    return Lengths(minutes_ms(Mode.ONLINE, Lengths().online_ms), minutes_ms(Mode.OFFLINE, Lengths().on_site_ms))


def judge(learned: Learned, asked: LawAsks) -> Judgement:
    """Enough, or how much is missing. What was taken back below nothing is nothing."""
    online, on_site = max(0, learned.online_ms), max(0, learned.on_site_ms)
    size = asked.lengths
    # Over one denominator, so that a third online and two thirds on site are one.
    has = (online * size.on_site_ms + on_site * size.online_ms) * MICRO // (size.online_ms * size.on_site_ms)
    if asked.hours is None:
        return Judgement(Verdict.UNKNOWN, has)
    short = max(0, asked.hours * MICRO - has)
    return Judgement(Verdict.SHORT if short else Verdict.ENOUGH, has, short)


def _title(catalogue: Catalogue, row: Category) -> str:
    sources = catalogue.sources()
    return next((sources[one].title for one in row.source if one in sources), "")


# --- what counts for what ---------------------------------------------------------------------------------------------

OF_OCCASION = {
    Occasion.HIRE: Training.INITIAL,
    Occasion.APPOINTMENT: Training.INITIAL,
    Occasion.YEARLY: Training.YEARLY,
}
OF_PURPOSE = {
    Purpose.THREE_LEVEL_FACTORY: Training.INITIAL,
    Purpose.THREE_LEVEL_WORKSHOP: Training.INITIAL,
    Purpose.THREE_LEVEL_TEAM: Training.INITIAL,
    Purpose.APPOINTMENT: Training.INITIAL,
    Purpose.YEARLY: Training.YEARLY,
}


def counts_for(occasion: Occasion, purpose: Purpose) -> Training | None:
    """What an assignment counts for; None: neither for the hours before the post nor for the year's.

    The occasion says it; what was assigned by hand is what its programme is for.
    """
    return OF_PURPOSE.get(purpose) if occasion is Occasion.BY_HAND else OF_OCCASION.get(occasion)


def year_of(today: date, causes: Iterable[str], began_on: date) -> tuple[date, date] | None:
    """The year of yearly training, first and last day: as the newest assignment has it, else the calendar's.

    None: it is the year in which the membership began, whose hours were those before the post.
    """
    days = [
        one.removeprefix("yearly:") for one in causes if one.startswith("yearly:") and len(one) > len("yearly:2026")
    ]
    begun = [one for one in map(date.fromisoformat, days) if one <= today]
    if begun:
        first = max(begun)
        return first, add_months(first, 12) - DAY
    first = date(today.year, 1, 1)
    return (first, date(today.year, 12, 31)) if began_on < first else None


# --- what rules give --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gives:
    """A standing rule, as it is compared with the law."""

    id: UUID
    training: Training
    programmes: Mapping[UUID, Learned]
    """What each of its open programmes asks."""
    categories: Collection[str] = ()
    posts: Collection[str] = ()
    kinds: Collection[str] = ()
    leading: bool = False
    """For principals and managers alone: they are appointed."""


def given(rule: Gives, category: str, beside: Sequence[Gives], *, leads: bool) -> Learned:
    """What somebody of this category whom the rule finds is asked to learn: by it and by the rules that hold beside it.

    `beside`: rules of the same node or of what lies above. One that is for fewer people than this rule is not sure to
    find them. A programme that two of them name is learned once. `leads`: the category is a principal's or a manager's.
    """
    found = dict(rule.programmes)
    for one in beside:
        if one.training is rule.training and leads >= one.leading and _reaches(one, rule, category):
            found |= one.programmes
    return sum(found.values(), Learned())


def _reaches(one: Gives, rule: Gives, category: str) -> bool:
    return (
        (not one.categories or category in one.categories)
        and (not one.posts or (bool(rule.posts) and set(rule.posts) <= set(one.posts)))
        and (not one.kinds or (bool(rule.kinds) and set(rule.kinds) <= set(one.kinds)))
    )
