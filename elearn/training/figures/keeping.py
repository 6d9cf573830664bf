"""Figures of every node of the tree, kept by what changed and equal to the ledger.

    membership, placement, assignment, certificate, hours_entry ──trigger──► figure_mark (a person)
    the calendar (came, left, fell due, ran out) ──once a day──────────────► figure_mark
    what posts ask for (a row was loaded, or begins today) ──next run──────► figure_mark
    figure_mark ─► settle: what the person added is taken off each node above, counted afresh, and put on again
    organisation_tree ──trigger──► figure_roll (a node) ─► settle: that node alone is added up from its members

So a change costs what one person's training costs and the few nodes above, whatever lies behind it; only a node that
was moved is added up whole. People are counted by who is placed there today: who left is in no figure, and who comes
back is in all. `check` asks the ledger for everything at once and compares; `rebuild` counts all afresh.

One job writes at a time (a lock), and while it does no unit changes its place; everything else goes on. What changes
meanwhile has its own mark, which the next run takes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn import jobs
from elearn.clock import utcnow
from elearn.courses.requirements import service as requirements
from elearn.courses.requirements.choosing import Catalogue
from elearn.db import db, rows_changed
from elearn.people.registry import local_day
from elearn.training import tallies
from elearn.training.certificates import qualified
from elearn.training.certificates.posts import Posts
from elearn.training.figures import sql
from elearn.training.figures.counted import FigureDay, FigureMember
from elearn.training.law import Law

logger = logging.getLogger(__name__)

AT_ONCE = 2_000
"""Marks of one transaction."""
PEOPLE_AT_ONCE = 50_000
"""Whose figures `rebuild` adds up in one statement."""
ONE_WRITER = "elearn.figures"


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that is not what the ledger says."""

    unit_id: UUID
    period: int
    purpose: str
    kind: str
    stands: tuple[int, ...]
    """As `figure_sql.MEASURES`; nothing there: zeros."""
    ledger: tuple[int, ...]


@jobs.task("figures.settle", every="* * * * *")
def settle_all() -> None:
    """The job: everything that changed since the last run, some marks a transaction."""
    session, settled = db.session(), 0
    while found := settle(session, now=utcnow()):
        session.commit()
        settled += found
    session.commit()
    if settled:
        logger.info("figures follow what changed", extra={"marks": settled})


def settle(session: Session, *, now: datetime, at_once: int = AT_ONCE, wait: bool = False) -> int:
    """Count some of those afresh of whom something changed; how many marks were taken. Does not commit.

    0: none is left, or another job is at it and we do not wait for it.
    """
    if wait:
        _wait_for_others(session)
    if not _only_writer(session):
        return 0
    tallies.fold(session)
    today = local_day(now)
    taken = _follow(session, today)
    people = session.scalars(sa.text(sql.TAKE_MARKS), {"at_once": at_once}).all()
    if people:
        _count_again(session, sorted(set(people)), today=today, now=now)
    units = session.scalars(sa.text(sql.TAKE_ROLLS)).all()
    if units:
        _add_up(session, sorted(set(units)), now=now)
    return taken + len(people) + len(units)


def rebuild(session: Session, *, now: datetime, tell: Callable[[str], None] = logger.info) -> int:
    """Count everybody afresh; how many people are placed somewhere today. Does not commit.

    What changes meanwhile has its mark. Waits for the job. Nodes are added up some thousand people at a time, which
    takes half as long as all at once and no room on the disk; `tell` hears how far it is.
    """
    _wait_for_others(session)
    _hold_tree(session)
    today = local_day(now)
    for statement in sql.EMPTY:
        session.execute(sa.text(statement))
    values = _asked(session, today)
    session.execute(sa.text(sql.put_members("TRUE")), values)
    people = session.scalars(sa.select(sa.func.count()).select_from(FigureMember)).one()
    tell(f"{people} people are placed")
    session.execute(sa.text(sql.put_cells("TRUE")), values)
    session.execute(sa.text(sql.ANALYZE))
    tell("what each adds is counted")
    adding, done = sa.text(sql.add(members="f.unit_id = ANY(:units)")), 0
    for units, many in session.execute(sa.text(sql.SLICES), {"size": PEOPLE_AT_ONCE}).all():
        session.execute(adding, {"units": units, "sign": 1, "now": now})
        done += many
        tell(f"{done} of {people} people stand in their nodes")
    session.merge(FigureDay(one=True, through_on=today, rows_through=requirements.catalogue(session).number))
    session.flush()
    return people


def check(session: Session, *, today: date, below: UUID | None = None) -> list[Difference]:
    """Where figures differ from what memberships, placements, assignments and hours add up to on a day.

    `below`: only this node and those below it. Asks the whole history at once: not for a page. What is marked and not
    counted yet differs, rightly: settle first.
    """
    values = {**_asked(session, today), "below": below}
    rows = session.execute(sa.text(sql.compare(below is not None)), values)
    stands = slice(4, 4 + len(sql.MEASURES))
    return [Difference(one[0], one[1], one[2], one[3], tuple(one[stands]), tuple(one[stands.stop :])) for one in rows]


# --- parts of it ------------------------------------------------------------------------------------------------------


def _wait_for_others(session: Session) -> None:
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:one))"), {"one": ONE_WRITER})


def _only_writer(session: Session) -> bool:
    if not session.scalar(sa.text("SELECT pg_try_advisory_xact_lock(hashtext(:one))"), {"one": ONE_WRITER}):
        return False
    _hold_tree(session)
    return True


def _hold_tree(session: Session) -> None:
    """No unit changes its place until this is committed (its trigger takes the same lock, alone); new ones may come."""
    session.execute(sa.text("SELECT pg_advisory_xact_lock_shared(hashtext('elearn.organisation_tree'))"))


def _follow(session: Session, today: date) -> int:
    """Mark everybody for whom something changed without anybody doing it, since the calendar was followed last."""
    day = session.get(FigureDay, True, with_for_update=True)
    through, rows = (None, None) if day is None else (day.through_on, day.rows_through)
    held = requirements.catalogue(session)
    if (through, rows) == (today, held.number):
        return 0
    if through is None:
        marked = rows_changed(session.execute(sa.text(sql.MARK_EVERYBODY)))
    else:
        # A clock that was set back is followed back.
        first, last = min(through, today), max(through, today)
        boundaries = sa.text(sql.MARK_BOUNDARIES)
        marked = rows_changed(session.execute(boundaries, {"first": first, "last": last})) if first < last else 0
        marked += _follow_law(session, held, through, rows, today)
    session.merge(FigureDay(one=True, through_on=today, rows_through=held.number))
    session.flush()
    return marked


def _follow_law(session: Session, held: Catalogue, through: date, rows: int | None, today: date) -> int:
    """Mark whoever stands at a post that asks for something else than when figures were counted last.

    Rows are only added: those of then say what was asked then. `rows`: None, nobody knows; then all posts count afresh.
    """
    before = Posts(Law(Catalogue([one for one in held.rows if rows is not None and one.number <= rows])), through)
    now = Posts(Law(held), today)
    changed = [
        (category, region) for category, region in qualified.pairs(session, today)
        if rows is None or before.asks(category, region) != now.asks(category, region)
    ]  # fmt: skip
    if not changed:
        return 0
    values = {
        "categories": [one for one, _region in changed],
        "regions": [region or "" for _category, region in changed],
        "today": today,
    }
    return rows_changed(session.execute(sa.text(sql.MARK_ASKED), values))


def _count_again(session: Session, people: Sequence[UUID], *, today: date, now: datetime) -> None:
    """Off the nodes with what these people added before, and on with what they add now."""
    which = "m.person_id = ANY(:people)"
    values = {"people": list(people), **_asked(session, today, which=which, people=list(people))}
    adding = sa.text(sql.add(members="f.person_id = ANY(:people)"))
    session.execute(adding, {"people": list(people), "sign": -1, "now": now})
    for statement in sql.TAKE_OFF:
        session.execute(sa.text(statement), {"people": list(people)})
    session.execute(sa.text(sql.put_members(which)), values)
    session.execute(sa.text(sql.put_cells("f.person_id = ANY(:people)")), values)
    session.execute(adding, {"people": list(people), "sign": 1, "now": now})


def _add_up(session: Session, units: Collection[UUID], *, now: datetime) -> None:
    """These nodes from what their members add, whoever stands below them now."""
    values = {"units": list(units)}
    session.execute(sa.text("DELETE FROM elearn.unit_figure WHERE unit_id = ANY(:units)"), values)
    session.execute(sa.text(sql.add(above="t.above_id = ANY(:units)")), {**values, "sign": 1, "now": now})


def _asked(session: Session, today: date, which: str = "TRUE", **values: Any) -> dict[str, Any]:
    """What the posts of these people ask for, as values of what counts them."""
    found = qualified.pairs(session, today, which=which, **values)
    return {"today": today, **qualified.asked(requirements.catalogue(session), found, today)}
