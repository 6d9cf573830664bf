"""A roster is taken in: by a job, a thousand lines at a time, each piece committed. Killed anywhere, it goes on there.

Every row is decided once more, under locks: what was looked at was a forecast. With `whole` there is one piece, and a
row that is refused after all leaves everything as it was.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn import jobs
from elearn.errors import Conflict
from elearn.people import tree
from elearn.people.identity import Keys
from elearn.people.models import EMPLOYERS, Organisation
from elearn.people.registry import local_day
from elearn.people.roster import applying, drafts, knowing, looking, units
from elearn.people.roster.applying import Changes, House
from elearn.people.roster.cells import Problem, Wrong
from elearn.people.roster.columns import Column
from elearn.people.roster.deciding import Decision, Verdict, decide
from elearn.people.roster.drafts import Kept
from elearn.people.roster.models import DraftState, RosterDraft, RosterLine
from elearn.people.roster.units import Units

logger = logging.getLogger(__name__)

MANY_PERCENT = 10
"""More missing members than this leave only when that is said once more."""
MOST_NEW_UNITS = 1_000
TRIES = 5
ACTING = (Verdict.NEW, Verdict.CHANGED, Verdict.LEAVES, Verdict.UNCHANGED, Verdict.GONE)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody chose who confirmed."""

    whole: bool = False
    """Only if no row is refused."""
    make_units: bool = False
    missing_left: bool = False
    """Who belongs to the employer and is not in the file has left."""
    agreed: bool = False
    """Also when they are many."""


def are_many(draft: RosterDraft) -> bool:
    """Whether it has to be said once more that so many have left: of all, or of one enterprise of a group."""
    counts = [(draft.missing, draft.present), *((one.missing, one.present) for one in drafts.parts_of(draft).values())]
    return any(missing * 100 > present * MANY_PERCENT for missing, present in counts)


def confirm(session: Session, draft_id: UUID, wishes: Wishes, *, by: UUID, at: datetime) -> RosterDraft:
    """Have a job take the roster in. Raises NotFound; Conflict `roster_not_ready`, `roster_whole`, `roster_missing`,
    `roster_units`.
    """
    draft = drafts.own_draft(session, draft_id, lock=True)
    if draft.state != DraftState.READY:
        raise Conflict("This roster is not waiting to be taken in any more.", code="roster_not_ready")
    if wishes.whole and draft.counts.get(Verdict.REFUSED):
        raise Conflict("Nothing was taken: some rows are wrong, and you chose all or nothing.", code="roster_whole")
    if wishes.missing_left and are_many(draft) and not wishes.agreed:
        raise Conflict(
            "%(count)s of %(all)s people would leave. Confirm that this is right.",
            code="roster_missing",
            count=draft.missing,
            all=draft.present,
        )
    if wishes.make_units and len(draft.new_units) > MOST_NEW_UNITS:
        raise Conflict(
            "The file names %(count)s units that do not exist. At most %(most)s are made at once.",
            code="roster_units",
            count=len(draft.new_units),
            most=MOST_NEW_UNITS,
        )
    gone = set(drafts.employers_of(draft)) - _employers_below(session, draft.organisation_id)
    if gone:
        raise Conflict("An enterprise of this file does not belong to the group any more. Send the file again.")
    draft.state, draft.wishes, draft.done, draft.problem = DraftState.TAKING, asdict(wishes), 0, None
    draft.taken_by, draft.taken_at = by, at
    session.flush()
    # One roster of a group, and of each enterprise in it, after the other.
    top = tree.above(session, draft.organisation_id)[0]
    jobs.defer(session, drafts.TAKE, lock=f"roster {top.id}", draft_id=str(draft.id))
    return draft


def _employers_below(session: Session, node_id: UUID) -> set[UUID]:
    """The open employers at or below a node."""
    found = sa.select(Organisation.id).where(
        Organisation.id.in_(tree.below(session, [node_id])),
        Organisation.level.in_([one.value for one in EMPLOYERS]),
        Organisation.closed_at.is_(None),
    )
    return set(session.scalars(found))


def take(session: Session, draft_id: UUID, *, keys: Keys, now: Callable[[], datetime]) -> None:
    """What is left to do for a draft. It commits; run again after the end it changes nothing."""
    for attempt in range(TRIES):
        try:
            _take(session, draft_id, keys, now)
        except IntegrityError:
            # Somebody was registered by hand between our look and our write: look again.
            session.rollback()
            if attempt == TRIES - 1:
                raise
            logger.info("a piece of a roster is looked at again", extra={"draft": str(draft_id)})
        else:
            return


def _take(session: Session, draft_id: UUID, keys: Keys, now: Callable[[], datetime]) -> None:
    draft = drafts.own_draft(session, draft_id)
    if draft.state != DraftState.TAKING or draft.taken_at is None:
        return
    wishes, today = Wishes(**draft.wishes), local_day(draft.taken_at)
    parts = drafts.parts_of(draft)
    refused: list[tuple[int, Kept]] = []
    for employer_id in drafts.employers_of(draft):
        employer = session.get_one(Organisation, employer_id)
        tag = applying.tag_of(employer.id, employer.credit_code)
        known_units = units.units_of(session, employer.id)
        if wishes.make_units:
            asked = parts[employer_id].new_units if parts else draft.new_units
            units.make_missing(session, known_units, [tuple(path) for path in asked], at=now())
        for lines in drafts.waiting_lines(session, draft, ACTING, employer_id if parts else None):
            house = House(employer.id, tag, keys, now())
            refused += _take_piece(session, draft, lines, known_units, house, today)
            draft.done += len(lines)
            if not wishes.whole:
                session.commit()
    if wishes.whole and refused:
        _put_back(session, draft_id, refused, keys)
        return
    draft.result = _counted(session, draft.id)
    if wishes.missing_left:
        gone = looking.missing(session, draft, keys=keys, today=today)
        # More than somebody agreed to: nobody leaves, in no enterprise.
        now_gone = Counter(one.employer_id for one in gone)
        agreed = len(gone) <= draft.missing and all(now_gone[one] <= part.missing for one, part in parts.items())
        if agreed:
            applying.end_all(session, {one.membership_id: today - applying.DAY for one in gone})
        draft.result = {**draft.result, "left" if agreed else "not_left": len(gone)}
    for employer_id, part in parts.items():
        part.result = _counted(session, draft.id, employer_id)
    drafts.keep_parts(draft, parts)
    session.execute(
        sa.update(RosterLine)
        .where(RosterLine.draft_id == draft.id, RosterLine.verdict != Verdict.REFUSED)
        .values(content_sealed=None, document_index=None, taken=True)
    )
    draft.state, draft.done = DraftState.DONE, draft.total
    session.commit()
    logger.info("roster taken in", extra={"draft": str(draft.id), "lines": draft.total})


def _take_piece(
    session: Session, draft: RosterDraft, lines: list[RosterLine], known_units: Units, house: House, today: date
) -> list[tuple[int, Kept]]:
    """Take these lines; answers those that are refused after all."""
    keys, refused = house.keys, []
    kept = {one.line: drafts.opened(draft, one, keys=keys) for one in lines}
    rows = {one.document_index: kept[one.line].row for one in lines if one.document_index is not None}
    said = {index: row for index, row in rows.items() if row is not None}
    phones = {index: looking.phone_index(keys, row) for index, row in said.items()}
    known = knowing.known(session, house.employer_id, phones, known_units, lock=True)
    changes = Changes(house)
    changes.look_up(session, list(said.values()))
    lines_by_person: dict[UUID, int] = {}
    for line in lines:
        one, row = kept[line.line], kept[line.line].row
        if row is None or line.document_index is None:
            raise RuntimeError("a line that nobody refused says nothing")
        person, behind = known.get(line.document_index, (None, None))
        unit_id = known_units.at(row.path)
        wrong = known_units.wrong(row.path) or (Wrong.UNIT_UNKNOWN if unit_id is None else None)
        twice = None if person is None else lines_by_person.setdefault(person.person_id, line.line)
        if wrong is not None:
            decision = Decision(Verdict.REFUSED, problem=Problem(Column.PATH, wrong))
        elif twice in (None, line.line):
            decision = decide(row, person, today=today)
        else:
            decision = looking.said_twice(twice)
        line.verdict, line.changes, line.taken = decision.verdict, sorted(decision.changes), True
        if decision.problem is not None or unit_id is None:
            one.problems = (decision.problem,) if decision.problem else ()
            line.content_sealed = drafts.sealed(draft, line.line, one, keys=keys)
            refused.append((line.line, one))
            continue
        line.content_sealed = None
        changes.take(row, decision, person, behind, unit_id, shared=one.phone_shared)
    changes.write(session)
    session.flush()
    return refused


def _put_back(session: Session, draft_id: UUID, refused: list[tuple[int, Kept]], keys: Keys) -> None:
    """All or nothing, and a row is refused since somebody looked: nothing. It can be looked at again."""
    session.rollback()
    draft = drafts.own_draft(session, draft_id, lock=True)
    for number, kept in refused:
        line = session.get_one(RosterLine, (draft_id, number))
        line.verdict, line.changes = Verdict.REFUSED, []
        line.content_sealed = drafts.sealed(draft, number, kept, keys=keys)
    session.flush()
    draft.counts = {**draft.counts, **dict.fromkeys(Verdict, 0), **_counted(session, draft_id)}
    draft.state, draft.done = DraftState.READY, 0
    again = Conflict("Nothing was taken: rows that were good are wrong now. Look at the roster again.")
    draft.problem = {"detail": again.detail, "facts": {}}
    session.commit()


def _counted(session: Session, draft_id: UUID, employer_id: UUID | None = None) -> dict[str, int]:
    """Lines by verdict, and by what changed; with `employer_id` those of one."""
    counts: Counter[str] = Counter()
    chosen = RosterLine.draft_id == draft_id
    if employer_id is not None:
        chosen &= RosterLine.employer_id == employer_id
    rows = session.execute(
        sa.select(RosterLine.verdict, RosterLine.changes, sa.func.count())
        .where(chosen)
        .group_by(RosterLine.verdict, RosterLine.changes)
    )
    for verdict, changes, count in rows:
        counts[verdict] += count
        for change in changes:
            counts[f"change:{change}"] += count
    return dict(counts)
