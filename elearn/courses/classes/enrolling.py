"""Who is in a class. Before it is accepted the institution writes its roster; then a change has a reason.

After acceptance the region decides (`ClassRule.roster`): a change takes effect at once and the regulator is told, or
with the confirmation of a second person. Either way somebody is in the class from then on, never from before: what
they attended or watched earlier is none of this class.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from elearn.courses.classes import rules
from elearn.courses.classes.models import ClassStep, RosterAnswer, RosterChange
from elearn.courses.classes.opening import own_class
from elearn.courses.classes.reading import PAGE, state_of
from elearn.courses.classes.rules import FILED, Act, Change, ClassRule, State
from elearn.courses.models import Enrolment
from elearn.courses.requirements.rows import RosterChanges
from elearn.db import new_id
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.people.models import Person

MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class RosterLine:
    enrolment_id: UUID
    person_id: UUID
    name: str
    enrolled_at: datetime


def enrol(
    session: Session, class_id: UUID, person_ids: Sequence[UUID], *, acting: Collection[UUID], at: datetime
) -> int:
    """Enrol people; who is enrolled already stays so. How many were new.

    Raises NotFound for an unknown person; Conflict `roster_frozen`: the class was reviewed and accepted, so
    `change` is the way in; `roster_submitted`: somebody is looking at it now. One that was filed by a receipt alone
    takes people; each is a recorded change.
    """
    own_class(session, class_id, acting, lock=True)
    filed = _why_frozen(session, class_id)
    wanted = _known(session, person_ids)
    found = _join(session, class_id, wanted, at)
    if filed:
        _record(session, class_id, found, Change.JOIN, at)
    return len(found)


def withdraw(session: Session, class_id: UUID, person_id: UUID, *, acting: Collection[UUID], at: datetime) -> None:
    """End an enrolment; what was earned in it stays. Withdrawing again changes nothing. Raises as `enrol`."""
    own_class(session, class_id, acting, lock=True)
    filed = _why_frozen(session, class_id)
    found = _leave(session, class_id, [person_id], at)
    if filed:
        _record(session, class_id, found, Change.LEAVE, at)


def change(
    session: Session,
    class_id: UUID,
    person_ids: Sequence[UUID],
    what: Change,
    *,
    reason: str,
    by: UUID,
    rule: ClassRule,
    acting: Collection[UUID],
    at: datetime,
) -> int:
    """People join or leave an accepted class, with a reason: at once or with a second person, as the region wants.

    How many changes were recorded: who is in already (or out, or waits for it) is left out.
    Raises NotFound, Malformed `reason`, Conflict `not_accepted`: the roster is still open; `class_over`.
    """
    own_class(session, class_id, acting, lock=True)
    state = state_of(session, class_id)
    if state not in FILED:
        raise Conflict("This class was not accepted yet: its roster is open.", code="not_accepted")
    _require_running(state)
    words = _words(reason)
    wanted = _known(session, person_ids)
    two = rule.roster is RosterChanges.TWO_PEOPLE
    if two:
        waiting = _waiting(session, class_id)
        present = _present(session, class_id, wanted)
        found = sorted((wanted - present if what is Change.JOIN else wanted & present) - waiting)
    else:
        found = _take_effect(session, class_id, sorted(wanted), what, at)
    _record(session, class_id, found, what, at, reason=words, by=by, two_people=two)
    return len(found)


def answer(
    session: Session,
    class_id: UUID,
    change_id: UUID,
    *,
    confirm: bool,
    note: str,
    by: UUID,
    acting: Collection[UUID],
    at: datetime,
) -> RosterAnswer:
    """A second person confirms a change, and it takes effect now; or objects (whoever wanted it takes it back so).

    Raises NotFound, Conflict `answered`, `class_over` (it may still be objected to), Forbidden `same_person`,
    Malformed `reason`: an objection without words.
    """
    own_class(session, class_id, acting, lock=True)
    wanted = session.scalars(
        sa.select(RosterChange).where(
            RosterChange.id == change_id, RosterChange.class_id == class_id, RosterChange.two_people
        )
    ).one_or_none()
    if wanted is None:
        raise NotFound("There is no such change.")
    if session.get(RosterAnswer, change_id) is not None:
        raise Conflict("This change has its answer already.", code="answered")
    # Nobody confirms their own wish, and nobody that they themselves join or leave.
    if any(rules.why_not_answer(one, by, confirm=confirm) for one in (wanted.by_id, wanted.person_id)):
        raise Forbidden("Somebody else has to confirm this: two people look.", code="same_person")
    if confirm:
        _require_running(state_of(session, class_id))
    words = note.strip() if confirm else _words(note)
    made = RosterAnswer(change_id=change_id, confirmed=confirm, by_id=by, note=words[:MAX_REASON], at=at)
    session.add(made)
    session.flush()
    if confirm:
        _take_effect(session, class_id, [wanted.person_id], wanted.change, at)
    return made


def roster(
    session: Session, class_id: UUID, *, acting: Collection[UUID], page: int = 1
) -> tuple[list[RosterLine], int]:
    """One page of who is in a class, by name, and how many there are. Names only: no document numbers."""
    own_class(session, class_id, acting)
    return members(session, class_id, page=page)


def members(
    session: Session, class_id: UUID, *, page: int = 1, size: int = PAGE, at: datetime | None = None
) -> tuple[list[RosterLine], int]:
    """The same for a reader whose right was looked at. `at`: as it stood then (of what was accepted: immutable)."""
    present = (Enrolment.class_id == class_id) & Enrolment.withdrawn_at.is_(None)
    if at is not None:
        present = (
            (Enrolment.class_id == class_id)
            & (Enrolment.enrolled_at <= at)
            & (Enrolment.withdrawn_at.is_(None) | (Enrolment.withdrawn_at > at))
        )
    total = session.execute(sa.select(sa.func.count()).select_from(Enrolment).where(present)).scalar_one()
    rows = session.execute(
        sa.select(Enrolment.id, Person.id, Person.name, Enrolment.enrolled_at)
        .join(Person, Person.id == Enrolment.person_id)
        .where(present)
        .order_by(Person.name, Enrolment.id)
        .limit(size)
        .offset((max(1, page) - 1) * size)
    )
    return [RosterLine(*row) for row in rows], total


def _why_frozen(session: Session, class_id: UUID) -> bool:
    """Whether the class is filed. Raises Conflict `roster_frozen` when people reviewed what was filed, and
    `roster_submitted` while they do: nobody is put before them, or taken away, after they looked."""
    taken = session.scalars(sa.select(ClassStep.act).where(ClassStep.class_id == class_id)).all()
    if Act.ACCEPT in taken or Act.COMPLETE in taken:
        raise Conflict("The roster stands since the class was accepted: give a reason for the change.",
                       code="roster_frozen")  # fmt: skip
    if state_of(session, class_id) in (State.SUBMITTED, State.INSTITUTION_CHECKED):
        raise Conflict("The roster stands since the class was submitted. Have it sent back first.",
                       code="roster_submitted")  # fmt: skip
    return Act.RECEIPT in taken


def _require_running(state: State) -> None:
    if state is State.COMPLETED:
        raise Conflict("This class is over: its roster stays as it is.", code="class_over")


def _known(session: Session, person_ids: Sequence[UUID]) -> set[UUID]:
    wanted = set(person_ids)
    known = session.execute(sa.select(sa.func.count()).select_from(Person).where(Person.id.in_(wanted))).scalar_one()
    if known != len(wanted):
        raise NotFound("There is no such person.")
    return wanted


def _present(session: Session, class_id: UUID, people: Collection[UUID]) -> set[UUID]:
    return set(
        session.scalars(
            sa.select(Enrolment.person_id).where(
                Enrolment.class_id == class_id, Enrolment.withdrawn_at.is_(None), Enrolment.person_id.in_(people)
            )
        )
    )


def _waiting(session: Session, class_id: UUID) -> set[UUID]:
    return set(
        session.scalars(
            sa.select(RosterChange.person_id).where(
                RosterChange.class_id == class_id,
                RosterChange.two_people,
                ~sa.exists().where(RosterAnswer.change_id == RosterChange.id),
            )
        )
    )


def _take_effect(session: Session, class_id: UUID, people: Sequence[UUID], what: Change, at: datetime) -> list[UUID]:
    return _join(session, class_id, people, at) if what is Change.JOIN else _leave(session, class_id, people, at)


def _join(session: Session, class_id: UUID, people: Collection[UUID], at: datetime) -> list[UUID]:
    """Those who were not in it before."""
    if not people:
        return []
    rows = [{"id": new_id(), "class_id": class_id, "person_id": one, "enrolled_at": at} for one in sorted(people)]
    made = session.execute(insert(Enrolment).on_conflict_do_nothing().returning(Enrolment.person_id), rows)
    return sorted(made.scalars())


def _leave(session: Session, class_id: UUID, people: Collection[UUID], at: datetime) -> list[UUID]:
    """Those who were in it."""
    left = session.execute(
        sa.update(Enrolment)
        .where(Enrolment.class_id == class_id, Enrolment.person_id.in_(people), Enrolment.withdrawn_at.is_(None))
        .values(withdrawn_at=at)
        .returning(Enrolment.person_id)
    )
    return sorted(left.scalars())


def _record(
    session: Session,
    class_id: UUID,
    people: Collection[UUID],
    what: Change,
    at: datetime,
    *,
    reason: str = "",
    by: UUID | None = None,
    two_people: bool = False,
) -> None:
    session.add_all(
        RosterChange(
            class_id=class_id, person_id=one, change=what, reason=reason, by_id=by, two_people=two_people, at=at
        )
        for one in people
    )
    session.flush()


def _words(reason: str) -> str:
    words = " ".join(reason.split())
    if not words or len(words) > MAX_REASON:
        raise Malformed("Give a reason, in at most 500 characters.", code="reason")
    return words
