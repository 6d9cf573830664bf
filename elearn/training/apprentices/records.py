"""Apprenticeships (师傅带徒弟, B05): begun by the employer, noted week by week, signed by both when one is over.

New workers underground and at hazardous posts work beside an experienced one for two months at least (令3 第十九条),
where that rule is loaded. Who teaches a special operation holds its valid certificate on the first day and on the
last. The two people sign themselves: nobody signs for them. Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from elearn.courses.requirements import service
from elearn.courses.requirements.rows import Group
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.people.dated import holds_on
from elearn.people.models import Membership, Organisation, OrganisationTree, Person, Placement
from elearn.people.registry import local_day
from elearn.training.apprentices.models import Apprenticeship, ApprenticeshipNote, ApprenticeshipSignature, Part
from elearn.training.certificates.models import WorkerCertificate
from elearn.training.certificates.reading import holds
from elearn.training.law import add_months
from elearn.training.telling import messages
from elearn.training.telling.messages import Kind, Telling

RULE = "apprentice_practice"
"""The row of the requirements catalogue that says how long."""
DAY = timedelta(days=1)
WEEK_DAYS = 7
MAX_TEXT = 100
MAX_NOTE = 1_000
LONGEST = timedelta(days=3 * 366)
PAGE = 50


@dataclass(frozen=True, slots=True)
class Begun:
    """Who learns what beside whom."""

    membership_id: UUID
    master_id: UUID
    trade: str
    category: str | None
    from_on: date
    to_on: date
    by_duty: bool
    """The rule asks for it: underground, hazardous posts."""


@dataclass(frozen=True, slots=True)
class Line:
    row: Apprenticeship
    apprentice: str
    master: str
    notes: int
    signed: frozenset[Part]


def least_to(session: Session, from_on: date, region: str | None) -> tuple[date, int, str] | None:
    """The earliest last day, the months, the rule's name; None: no such rule is loaded."""
    found = service.catalogue(session).category(RULE, region, from_on)
    if found is None or found[0].duration_months is None:
        return None
    months = found[0].duration_months
    return add_months(from_on, months) - DAY, months, found[1]


def begin(session: Session, organisation_id: UUID, asked: Begun, *, by: UUID, at: datetime) -> Apprenticeship:
    """Both are told. Raises Malformed `trade`, `dates`, `to_on`, `master`; Conflict `running`: the apprentice has one;
    NotFound: one of them does not work there.
    """
    trade = " ".join(asked.trade.split())
    if not 1 <= len(trade) <= MAX_TEXT or not trade.isprintable():
        raise Malformed("Please say which trade is learned, in 1 to 100 characters.", code="trade")
    if not asked.from_on <= asked.to_on <= asked.from_on + LONGEST:
        raise Malformed("The last day is after the first, and within three years.", code="dates")
    employer = session.get_one(Organisation, organisation_id)
    membership = session.get(Membership, asked.membership_id, with_for_update=True)
    if membership is None or membership.organisation_id != organisation_id:
        raise NotFound("This person does not belong to the organisation.")
    if membership.person_id == asked.master_id:
        raise Malformed("Nobody is their own master.", code="master")
    if not _works_there(session, organisation_id, asked.master_id, asked.from_on):
        raise Malformed("The master does not work here on the first day.", code="master")
    least = least_to(session, asked.from_on, employer.region) if asked.by_duty else None
    if least is not None and asked.to_on < least[0]:
        raise Malformed("The rules ask for %(months)s months at least.", code="to_on", months=least[1])
    if not _may_teach(session, organisation_id, asked.master_id, asked.category, employer.region, asked.from_on):
        raise Malformed("The master holds no valid certificate of this special operation.", code="master")
    running = sa.select(Apprenticeship.id).where(
        Apprenticeship.membership_id == membership.id,
        Apprenticeship.done_at.is_(None),
        Apprenticeship.ended_on.is_(None),
    )
    if session.scalar(running.limit(1)) is not None:
        raise Conflict("This person is an apprentice already.", code="running")
    made = Apprenticeship(
        organisation_id=organisation_id,
        membership_id=membership.id,
        person_id=membership.person_id,
        master_id=asked.master_id,
        category=asked.category,
        trade=trade,
        from_on=asked.from_on,
        to_on=asked.to_on,
        rule="" if least is None else least[2],
        done_at=None,
        ended_on=None,
        ended_why="",
        created_by=by,
        created_at=at,
    )
    session.add(made)
    session.flush()
    _tell(session, [(made, employer.name)], Kind.APPRENTICESHIP_BEGUN, at=at)
    return made


def week_of(row: Apprenticeship, on: date) -> int:
    """Which week of it a day lies in, from 1; a day after its end is of the last week."""
    return (min(on, row.to_on) - row.from_on).days // WEEK_DAYS + 1


def weeks(row: Apprenticeship) -> int:
    return week_of(row, row.to_on)


def note(session: Session, apprenticeship_id: UUID, text: str, *, week: int, by: UUID, at: datetime) -> None:
    """One of the two writes what was done in a week that has begun, once each.

    Raises Malformed `text`, `week`; Conflict `noted`, `closed`; NotFound: it is none of theirs.
    """
    row = _open(session, apprenticeship_id, by)
    words = " ".join(text.split())
    if not 1 <= len(words) <= MAX_NOTE or not words.isprintable():
        raise Malformed("Please say what was done, in 1 to 1000 characters.", code="text")
    today = local_day(at)
    if today < row.from_on or not 1 <= week <= week_of(row, today):
        raise Malformed("This week has not begun.", code="week")
    noted = sa.select(ApprenticeshipNote.id).where(
        ApprenticeshipNote.apprenticeship_id == row.id, ApprenticeshipNote.week == week, ApprenticeshipNote.by_id == by
    )
    if session.scalar(noted) is not None:
        raise Conflict("You wrote about this week already.", code="noted")
    session.add(ApprenticeshipNote(apprenticeship_id=row.id, week=week, text=words, by_id=by, at=at))
    session.flush()


def sign(session: Session, apprenticeship_id: UUID, words: str, *, by: UUID, at: datetime) -> None:
    """One of the two signs that it took place; it is done with the second signature.

    Raises Conflict `not_over`, `signed`, `closed`, `no_note`; Malformed `text`; Forbidden `master`: the master's
    certificate did not hold on the last day; NotFound.
    """
    row = _open(session, apprenticeship_id, by)
    said = " ".join(words.split())
    if len(said) > MAX_NOTE or not said.isprintable():
        raise Malformed("Please say it in at most 1000 characters.", code="text")
    if local_day(at) <= row.to_on:
        raise Conflict("It can be signed from the day after its last one.", code="not_over")
    part = part_of(row, by)
    signed = signatures(session, row.id)
    if part in signed:
        raise Conflict("You have signed it.", code="signed")
    if not notes(session, row.id):
        raise Conflict("Nobody has written what was done: write at least one week's note first.", code="no_note")
    region = session.scalar(sa.select(Organisation.region).where(Organisation.id == row.organisation_id))
    if not _may_teach(session, row.organisation_id, row.master_id, row.category, region, row.to_on):
        raise Forbidden(
            "The master's certificate of this special operation did not hold on the last day.", code="master"
        )
    session.add(ApprenticeshipSignature(apprenticeship_id=row.id, part=part, by_id=by, note=said, at=at))
    if signed:
        row.done_at = at
    session.flush()


def break_off(session: Session, apprenticeship_id: UUID, *, on: date, why: str, at: datetime) -> None:
    """It ended before it was done. Raises Malformed `why`, `ended_on`; Conflict `closed`; NotFound."""
    row = _open(session, apprenticeship_id, None)
    words = " ".join(why.split())
    if not 1 <= len(words) <= MAX_NOTE or not words.isprintable():
        raise Malformed("Please give your reasons in 1 to 1000 characters.", code="why")
    if not row.from_on <= on <= local_day(at):
        raise Malformed("It ends between its first day and today.", code="ended_on")
    row.ended_on, row.ended_why = on, words
    session.flush()


def ask_to_sign(session: Session, *, at: datetime) -> int:
    """Tell the two of each that is over and unsigned, once. Does not commit."""
    rows = session.execute(
        sa.select(Apprenticeship, Organisation.name)
        .join(Organisation, Organisation.id == Apprenticeship.organisation_id)
        .where(
            Apprenticeship.done_at.is_(None), Apprenticeship.ended_on.is_(None), Apprenticeship.to_on < local_day(at)
        )
    )
    return _tell(session, [(row, name) for row, name in rows], Kind.APPRENTICESHIP_SIGN, at=at)


# --- reading ----------------------------------------------------------------------------------------------------------


def of_node(session: Session, node_id: UUID, *, page: int = 1) -> tuple[list[Line], int]:
    """Those whose apprentice is placed in the node or below it, now or then; running ones first."""
    placed = sa.exists().where(
        Placement.membership_id == Apprenticeship.membership_id,
        OrganisationTree.below_id == Placement.unit_id,
        OrganisationTree.above_id == node_id,
        sa.or_(Placement.to_on.is_(None), Placement.to_on >= Apprenticeship.from_on),
        Placement.from_on <= Apprenticeship.to_on,
    )
    return _lines(session, placed, page)


def of_person(session: Session, person_id: UUID) -> list[Line]:
    """A person's own, on either side."""
    mine = sa.or_(Apprenticeship.person_id == person_id, Apprenticeship.master_id == person_id)
    return _lines(session, mine, 1)[0]


def one(session: Session, apprenticeship_id: UUID) -> Line:
    """Raises NotFound."""
    found, _total = _lines(session, Apprenticeship.id == apprenticeship_id, 1)
    if not found:
        raise NotFound("There is no such apprenticeship.")
    return found[0]


def _lines(session: Session, chosen: sa.ColumnElement[bool], page: int) -> tuple[list[Line], int]:
    apprentice, master = aliased(Person), aliased(Person)
    noted = (
        sa.select(sa.func.count(ApprenticeshipNote.week.distinct()))
        .where(ApprenticeshipNote.apprenticeship_id == Apprenticeship.id)
        .scalar_subquery()
    )
    signed = (
        sa.select(sa.func.array_agg(ApprenticeshipSignature.part))
        .where(ApprenticeshipSignature.apprenticeship_id == Apprenticeship.id)
        .scalar_subquery()
    )
    total = session.scalar(sa.select(sa.func.count()).select_from(Apprenticeship).where(chosen)) or 0
    rows = session.execute(
        sa.select(Apprenticeship, apprentice.name, master.name, noted, signed)
        .join(apprentice, apprentice.id == Apprenticeship.person_id)
        .join(master, master.id == Apprenticeship.master_id)
        .where(chosen)
        .order_by(
            sa.or_(Apprenticeship.done_at.is_not(None), Apprenticeship.ended_on.is_not(None)),
            Apprenticeship.to_on,
            Apprenticeship.id,
        )
        .limit(PAGE)
        .offset((max(1, page) - 1) * PAGE)
    )
    return [Line(row[0], row[1], row[2], row[3], frozenset(map(Part, row[4] or ()))) for row in rows], total


def notes(session: Session, apprenticeship_id: UUID) -> Sequence[ApprenticeshipNote]:
    """By week, the older first."""
    return session.scalars(
        sa.select(ApprenticeshipNote)
        .where(ApprenticeshipNote.apprenticeship_id == apprenticeship_id)
        .order_by(ApprenticeshipNote.week, ApprenticeshipNote.at)
    ).all()


def signatures(session: Session, apprenticeship_id: UUID) -> dict[Part, ApprenticeshipSignature]:
    rows = session.scalars(
        sa.select(ApprenticeshipSignature).where(ApprenticeshipSignature.apprenticeship_id == apprenticeship_id)
    )
    return {row.part: row for row in rows}


def part_of(row: Apprenticeship, person_id: UUID) -> Part:
    """Which of the two somebody is. Raises NotFound: neither."""
    if person_id == row.person_id:
        return Part.APPRENTICE
    if person_id == row.master_id:
        return Part.MASTER
    raise NotFound("There is no such apprenticeship.")


# --- what they share --------------------------------------------------------------------------------------------------


def _open(session: Session, apprenticeship_id: UUID, by: UUID | None) -> Apprenticeship:
    row = session.get(Apprenticeship, apprenticeship_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("There is no such apprenticeship.")
    if by is not None:
        part_of(row, by)
    if row.done_at is not None or row.ended_on is not None:
        raise Conflict("This apprenticeship is over.", code="closed")
    return row


def _works_there(session: Session, organisation_id: UUID, person_id: UUID, on: date) -> bool:
    found = sa.select(Membership.id).where(
        Membership.person_id == person_id,
        Membership.organisation_id == organisation_id,
        holds_on(Membership, on),
    )
    return session.scalar(found.limit(1)) is not None


def _may_teach(
    session: Session, organisation_id: UUID, person_id: UUID, category: str | None, region: str | None, on: date
) -> bool:
    """Of a special operation only with a valid certificate of it; anything else may be taught by anybody."""
    found = None if category is None else service.catalogue(session).category(category, region, on)
    if found is None or found[0].group is not Group.SPECIAL_OPERATION:
        return True
    valid = sa.select(WorkerCertificate.id).where(
        WorkerCertificate.person_id == person_id,
        WorkerCertificate.organisation_id == organisation_id,
        WorkerCertificate.category == category,
        holds(on),
    )
    return session.scalar(valid.limit(1)) is not None


def _tell(session: Session, rows: Sequence[tuple[Apprenticeship, str]], kind: Kind, *, at: datetime) -> int:
    tellings = []
    for row, name in rows:
        facts = {"organisation": name, "to_on": row.to_on.isoformat(), "apprenticeship_id": str(row.id)}
        if kind is Kind.APPRENTICESHIP_BEGUN:
            facts["from_on"] = row.from_on.isoformat()
        tellings += [
            Telling(person_id, kind, str(row.id), facts, row.organisation_id)
            for person_id in (row.person_id, row.master_id)
        ]
    return messages.tell(session, tellings, at=at)
