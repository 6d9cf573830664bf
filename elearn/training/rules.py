"""Pure: what a member must learn, by a standing rule, a day, and what the law says there. No database, no clock.

    rule + member's history + day + law ─► happenings ─► wanted assignments ─► (less what stands) ─► new ones

An occasion is something that happened to a member: hired, moved, back, appointed; or a date: a year, a campaign. Each
has a cause, a short text that says which one it was, so that asking a hundred times assigns once. The decision table
in tests/training/test_rules.py names the clause of each row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from elearn.training.law import Law, add_months
from elearn.training.words import Cycle, Occasion

DAY = timedelta(days=1)
CONTRACTOR = "contractor"
"""The word of `EmploymentKind` for people of a firm that took work over (外来施工人员)."""


@dataclass(frozen=True, slots=True)
class Step:
    """A programme of a rule."""

    programme_id: UUID
    required_ms: int
    due_days: int
    tested: bool = False
    """A course of it has a test."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A standing rule, as the judgement sees it."""

    id: UUID
    occasion: Occasion
    units: Collection[UUID]
    """The node of the rule and all below it."""
    steps: Sequence[Step]
    """In order; closed programmes are left out."""
    from_on: date
    categories: Collection[str] = ()
    posts: Collection[str] = ()
    kinds: Collection[str] = ()
    due_days: int | None = None
    bars_post: bool = False
    cycle: Cycle | None = None


@dataclass(frozen=True, slots=True)
class Stand:
    """A placement: from one day to another, both included."""

    unit_id: UUID
    post: str
    category: str | None
    from_on: date
    to_on: date | None = None


@dataclass(frozen=True, slots=True)
class Away:
    from_on: date
    to_on: date | None = None
    """None: still away."""


@dataclass(frozen=True, slots=True)
class Member:
    """A membership with its history, each list by its first day."""

    membership_id: UUID
    person_id: UUID
    organisation_id: UUID
    kind: str
    """A word of `EmploymentKind`."""
    from_on: date
    to_on: date | None = None
    stands: Sequence[Stand] = ()
    aways: Sequence[Away] = ()
    region: str | None = None
    """Of the employer."""

    def stands_on(self, on: date) -> Stand | None:
        return next((one for one in self.stands if _holds(one, on)), None)

    def away_on(self, on: date) -> bool:
        return any(_holds(one, on) for one in self.aways)

    def over(self, on: date) -> bool:
        """The membership has ended by this day."""
        return self.to_on is not None and self.to_on < on


@dataclass(frozen=True, slots=True)
class Happening:
    """Why somebody must learn: `cause` says which occasion it was, `clause` by which rule of the field."""

    cause: str
    on: date
    clause: str
    due_on: date | None = None
    """The last day that the law leaves; None: the rule and its programmes say."""
    each_time: bool = False
    """Also when the same was learned lately: a year is a year."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One programme that a member must learn. `position` is its place in the rule's order, from 1."""

    rule: Rule
    step: Step
    position: int
    happening: Happening
    due_on: date


def wanted(rule: Rule, member: Member, today: date, law: Law) -> list[Wanted]:
    """What the rule asks of the member as of a day, in order. Asked again, it answers the same causes."""
    if member.over(today):
        return []
    return [want for one in happenings(rule, member, today, law) for want in steps_for(rule, one, today)]


def steps_for(rule: Rule, happening: Happening, today: date) -> list[Wanted]:
    """The programmes of a rule on one occasion, in order."""
    return [
        Wanted(rule, step, position, happening, due)
        for position, (step, due) in enumerate(_with_days(rule, happening, today), start=1)
    ]


def happenings(rule: Rule, member: Member, today: date, law: Law) -> list[Happening]:
    """The occasions of this rule that the member has met, since the rule holds."""
    if not _is_of_kind(rule, member.kind):
        return []
    found = _FOUND[rule.occasion](rule, member, today, law)
    return [one for one in found if one.on >= rule.from_on and _stands_within(rule, member, one.on)]


def next_day(rules: Collection[Rule], member: Member, today: date) -> date | None:
    """The next day on which asking again may answer more, by the calendar alone; None: not before a change."""
    days = [member.to_on + DAY] if member.to_on is not None else []
    days += [one.from_on for one in member.stands]
    days += [one.to_on + DAY for one in member.aways if one.to_on is not None]
    for rule in rules:
        days.append(rule.from_on)
        if rule.cycle is Cycle.CALENDAR:
            days.append(date(today.year + 1, 1, 1))
        elif rule.cycle is Cycle.ANNIVERSARY:
            days.append(add_months(_anniversary(member.from_on, today), 12))
    coming = [one for one in days if one > today]
    return min(coming, default=None)


# --- occasions --------------------------------------------------------------------------------------------------------


def _hired(rule: Rule, member: Member, today: date, law: Law) -> Iterator[Happening]:
    yield Happening(f"hire:{member.from_on}", member.from_on, law.three_level)


def _entered(rule: Rule, member: Member, today: date, law: Law) -> Iterator[Happening]:
    if member.kind == CONTRACTOR:
        yield Happening(f"entry:{member.from_on}", member.from_on, law.contractor, due_on=member.from_on)


def _moved(rule: Rule, member: Member, today: date, law: Law) -> Iterator[Happening]:
    """Another post or another unit; the day on which somebody came is no move."""
    for before, after in zip(member.stands, member.stands[1:], strict=False):
        if (before.unit_id, before.post) != (after.unit_id, after.post):
            yield Happening(f"transfer:{after.from_on}", after.from_on, law.away(member.region, after.from_on).clause)


def _back(rule: Rule, member: Member, today: date, law: Law) -> Iterator[Happening]:
    for away in member.aways:
        if away.to_on is None:
            continue
        back_on = away.to_on + DAY
        limit = law.away(member.region, back_on)
        # 以上 includes the number itself (民法典 1259): away for exactly so long is long enough.
        if add_months(away.from_on, limit.months) <= back_on:
            yield Happening(f"back:{back_on}", back_on, limit.clause)


def _appointed(rule: Rule, member: Member, today: date, law: Law) -> Iterator[Happening]:
    before: str | None = None
    for stand in member.stands:
        asked = law.appointed(stand.category, member.region, stand.from_on)
        if asked is not None and stand.category != before:
            due = add_months(stand.from_on, asked.months)
            yield Happening(f"appointment:{stand.from_on}", stand.from_on, asked.clause, due_on=due)
        before = stand.category


def _year(rule: Rule, member: Member, today: date, law: Law) -> Iterator[Happening]:
    """This year only, who stands there today, and not who came within it: they had their training before the post.

    Nobody who is away is asked; who comes back is, on that day.
    """
    if member.away_on(today):
        return
    if rule.cycle is Cycle.ANNIVERSARY:
        began = _anniversary(member.from_on, today)
        if began > member.from_on:
            due = None if rule.due_days is not None else add_months(began, 12) - DAY
            yield Happening(f"yearly:{began}", today, law.yearly, due_on=due, each_time=True)
        return
    if member.from_on < date(today.year, 1, 1):
        due = None if rule.due_days is not None else date(today.year, 12, 31)
        yield Happening(f"yearly:{today.year}", today, law.yearly, due_on=due, each_time=True)


def _dated(rule: Rule, member: Member, today: date, law: Law) -> Iterator[Happening]:
    """A campaign, new technology: whoever stands there on the day."""
    if today >= rule.from_on:
        clause = law.new_technology if rule.occasion is Occasion.NEW_TECHNOLOGY else law.campaign
        yield Happening(f"{rule.occasion.value}:{rule.from_on}", rule.from_on, clause)


_FOUND = {
    Occasion.HIRE: _hired,
    Occasion.CONTRACTOR_ENTRY: _entered,
    Occasion.TRANSFER: _moved,
    Occasion.BACK: _back,
    Occasion.APPOINTMENT: _appointed,
    Occasion.YEARLY: _year,
    Occasion.NEW_TECHNOLOGY: _dated,
    Occasion.CAMPAIGN: _dated,
}

FOR_CONTRACTORS = frozenset({Occasion.CONTRACTOR_ENTRY, Occasion.NEW_TECHNOLOGY, Occasion.CAMPAIGN})
"""What reaches a contractor's people without a rule that names them: the rest is their own employer's duty."""


def _is_of_kind(rule: Rule, kind: str) -> bool:
    """Dispatched people, interns and flexible ones are trained as an enterprise's own (安全生产法 第二十八条)."""
    if rule.kinds:
        return kind in rule.kinds
    return kind != CONTRACTOR or rule.occasion in FOR_CONTRACTORS


def _stands_within(rule: Rule, member: Member, on: date) -> bool:
    stand = member.stands_on(on)
    return (
        stand is not None
        and stand.unit_id in rule.units
        and (not rule.categories or stand.category in rule.categories)
        and (not rule.posts or stand.post in rule.posts)
    )


def _with_days(rule: Rule, happening: Happening, today: date) -> Iterator[tuple[Step, date]]:
    """Each step with its last day: the law's, or so many days from the occasion, but never in the past from the start.

    Steps that say their own days follow each other; with a day for all of them, all of them have it.
    """
    begin = max(happening.on, today)
    days = 0
    for step in rule.steps:
        days = rule.due_days if rule.due_days is not None else days + step.due_days
        said = begin + timedelta(days=days)
        if happening.due_on is None:
            yield step, said
        else:
            yield step, min(said, happening.due_on) if rule.due_days is not None else happening.due_on


def _holds(one: Stand | Away, on: date) -> bool:
    return one.from_on <= on and (one.to_on is None or on <= one.to_on)


def _anniversary(began: date, today: date) -> date:
    """The newest one that has come, or the first day itself."""
    years = today.year - began.year
    found = add_months(began, 12 * years)
    return found if found <= today else add_months(began, 12 * max(0, years - 1))


# --- what stands already ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """An assignment that a membership has of a programme."""

    id: UUID
    cause: str
    unfinished: bool
    done_on: date | None = None


@dataclass(frozen=True, slots=True)
class New:
    """An assignment to make. `after`: the one that must be done before; a place in the list, or an id that stands."""

    want: Wanted
    after: int | UUID | None
    again: bool
    """The programme was done before: only what is learned from now on counts."""


def missing(wants: Sequence[Wanted], standing: Mapping[UUID, Sequence[Standing]]) -> list[New]:
    """Of what one member must learn, what is not assigned yet. `standing`: of this membership, by programme.

    The same cause is never assigned twice, also when somebody took it back. A programme that is under way is not
    assigned a second time; one that was done on the day of the occasion or later covers it, unless it is a year's.
    """
    found: list[New] = []
    under_way: dict[UUID, int | UUID] = {
        programme: one.id for programme, several in standing.items() for one in several if one.unfinished
    }
    after: int | UUID | None = None
    for want in wants:
        if want.position == 1:
            after = None
        programme, happening = want.step.programme_id, want.happening
        if programme in under_way:
            after = under_way[programme]
            continue
        several = standing.get(programme, ())
        if any(one.cause == happening.cause for one in several) or (
            not happening.each_time and any(one.done_on and one.done_on >= happening.on for one in several)
        ):
            continue
        found.append(New(want, after, any(one.done_on for one in several)))
        after = under_way[programme] = len(found) - 1
    return found
