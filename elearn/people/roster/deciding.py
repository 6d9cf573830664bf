"""Pure: what a row of a roster means for somebody of whom this is known. The same row again means nothing.

What a row does not say stays as it is. A change holds from today on, or from when the present post begins. Of somebody
whom another employer brought nothing shows: to an employer that has no relation with them they are new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from elearn.people.roster.cells import Problem, Wrong, bare_unit, same_name
from elearn.people.roster.columns import Column
from elearn.people.roster.rows import Row


class Verdict(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    LEAVES = "leaves"
    """The row says a last day that is not noted yet."""
    UNCHANGED = "unchanged"
    GONE = "gone"
    """Left before today, and was no member or is none any more: nothing is kept of them."""
    DUPLICATE = "duplicate"
    REFUSED = "refused"


class Change(StrEnum):
    EMPLOYMENT = "employment"
    UNIT = "unit"
    POST = "post"
    CATEGORY = "category"
    PHONE = "phone"
    STAFF_NUMBER = "staff_number"
    FIRM = "firm"
    END = "end"


PLACE = frozenset({Change.UNIT, Change.POST, Change.CATEGORY})


@dataclass(frozen=True, slots=True)
class Held:
    """The newest membership at this employer, and where it stands."""

    membership_id: UUID
    employment: str
    from_on: date
    to_on: date | None
    placement_id: UUID
    unit_id: UUID
    path: tuple[str, ...]
    """The unit, from the employer downwards, without it."""
    post: str
    category: str | None
    placed_on: date
    """Since when at this post."""
    noted_at: datetime
    """Since when the employer's relation is known here."""
    firm: str = ""
    """Who sent them."""


@dataclass(frozen=True, slots=True)
class Known:
    """Who has the document, and what ties them to this employer."""

    person_id: UUID
    name: str
    held: Held | None = None
    staff_number: str = ""
    may_change_phone: bool = False
    """The account came with this employer and nobody has signed in with it yet."""
    has_phone: bool = False
    """The account has the number that the row says, or shares it."""


@dataclass(frozen=True, slots=True)
class Decision:
    verdict: Verdict
    changes: frozenset[Change] = frozenset()
    from_on: date | None = None
    """From which day on: the membership of somebody new, the post or kind of somebody else."""
    problem: Problem | None = None


def decide(row: Row, known: Known | None, *, today: date) -> Decision:
    """What taking this row would do."""
    if known is not None and not same_name(known.name, row.name):
        return Decision(Verdict.REFUSED, problem=Problem(Column.NUMBER, Wrong.NAME_DIFFERS))
    held = None if known is None else known.held
    over = held is None or (held.to_on is not None and held.to_on < today)
    if over and row.to_on is not None and row.to_on < today:
        return Decision(Verdict.GONE)
    if known is None or held is None or over:
        return Decision(Verdict.NEW, from_on=_begins(row, held, today))
    if row.to_on is not None and row.to_on < held.from_on:
        return Decision(Verdict.REFUSED, problem=Problem(Column.TO_ON, Wrong.BEFORE_PRESENT))
    ends = row.to_on is not None and row.to_on != held.to_on
    if ends and row.to_on is not None and row.to_on < today:
        return Decision(Verdict.LEAVES, frozenset({Change.END}))
    changes = {
        Change.END: ends,
        Change.EMPLOYMENT: row.employment is not None and row.employment != held.employment,
        Change.UNIT: bool(row.path) and bare_path(row.path) != bare_path(held.path),
        Change.POST: bool(row.post) and row.post != held.post,
        Change.CATEGORY: row.category is not None and row.category != held.category,
        Change.STAFF_NUMBER: bool(row.staff_number) and row.staff_number != known.staff_number,
        Change.FIRM: bool(row.firm) and row.firm != held.firm,
        Change.PHONE: bool(row.phone) and known.may_change_phone and not known.has_phone,
    }
    said = frozenset(change for change, holds in changes.items() if holds)
    if not said:
        return Decision(Verdict.UNCHANGED)
    begins = max(today, held.from_on, held.placed_on)
    if row.to_on is not None and begins > row.to_on:
        # What begins after the last day never does.
        said -= PLACE | {Change.EMPLOYMENT}
    return Decision(Verdict.LEAVES if ends else Verdict.CHANGED, said, begins)


def _begins(row: Row, held: Held | None, today: date) -> date:
    """Somebody who was here before and is back begins after that; with no day said, today."""
    if row.from_on is not None and (held is None or held.to_on is None or row.from_on > held.to_on):
        return row.from_on
    return today


def bare_path(path: Sequence[str]) -> tuple[str, ...]:
    """For comparing ways through the tree."""
    return tuple(bare_unit(part) for part in path)
