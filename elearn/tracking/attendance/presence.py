"""Coming and going: by the code on the teacher's screen, or by the teacher's own list. The server's clock decides."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import to_ms
from elearn.courses.models import Enrolment
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.people import personal
from elearn.people.identity import Keys, Sealer
from elearn.people.models import Person
from elearn.tracking.attendance import codes, facts
from elearn.tracking.attendance.models import AttendanceMark, AttendanceScan, ClassSession, SessionCancelled
from elearn.tracking.attendance.planning import checked_reason, own_session, placed, whole_ms
from elearn.tracking.attendance.rules import Act, Scan, next_act, takes_codes

PURPOSE = "attendance reason"


@dataclass(frozen=True, slots=True)
class Opened:
    """Somebody's phone opened the code in time."""

    session: ClassSession
    ticket: str
    scans: Sequence[Scan]
    """What this person scanned in the session before."""


def open_code(
    session: Session, session_id: UUID, code: str, *, person_id: UUID, secret: bytes, now: datetime
) -> Opened:
    """What a learner sees who scanned the screen.

    Raises Forbidden `code_old` (made up, of another session, or no longer shown), `not_enrolled`, `no_codes_now`.
    """
    slot = codes.opened(secret, session_id, code, to_ms(now))
    if slot is None:
        raise Forbidden("This code is no longer shown. Scan the screen again.", code="code_old")
    held = _attended_by(session, session_id, person_id, now)
    ticket = codes.ticket(secret, session_id, person_id, slot)
    return Opened(held, ticket, facts.own_scans(session, session_id, person_id))


def scan(
    session: Session, session_id: UUID, act: Act, ticket: str, *, person_id: UUID, secret: bytes, now: datetime
) -> AttendanceScan | None:
    """Check in or out, by our clock. None: that is how it stands already, nothing is written.

    Raises as `open_code` does.
    """
    slot = codes.redeemed(secret, session_id, person_id, ticket, to_ms(now))
    if slot is None:
        raise Forbidden("This code is no longer shown. Scan the screen again.", code="code_old")
    held = _attended_by(session, session_id, person_id, now, lock=True)
    scans = facts.own_scans(session, held.id, person_id)
    if next_act(scans) is not act:
        return None
    made = AttendanceScan(
        session_id=held.id, person_id=person_id, number=len(scans) + 1, act=act.value, slot=slot, at=whole_ms(now)
    )
    session.add(made)
    session.flush()
    return made


def _attended_by(
    session: Session, session_id: UUID, person_id: UUID, now: datetime, *, lock: bool = False
) -> ClassSession:
    query = sa.select(ClassSession).where(ClassSession.id == session_id)
    held = session.scalars(query.with_for_update(key_share=True) if lock else query).one_or_none()
    if held is None:
        raise NotFound("There is no such session.")
    enrolled = sa.exists().where(
        Enrolment.class_id == held.class_id, Enrolment.person_id == person_id, Enrolment.withdrawn_at.is_(None)
    )
    if not session.scalar(sa.select(enrolled)) or held.teacher_id == person_id:
        raise Forbidden("You are not on the list of this class. Speak to the teacher.", code="not_enrolled")
    if held.unit_id is not None and not placed(session, held.unit_id, [person_id], on=facts.day_of(held)):
        raise Forbidden("This session is for another unit. Speak to whoever gives it.", code="not_enrolled")
    stretch = facts.stretch_of(held.from_at, held.to_at)
    if session.get(SessionCancelled, held.id) is not None or not takes_codes(stretch, to_ms(now)):
        raise Forbidden("This session is not open for coming and going now.", code="no_codes_now")
    return held


def mark(
    session: Session,
    session_id: UUID,
    person_id: UUID,
    *,
    present: tuple[datetime, datetime] | None,
    reason: str,
    by: UUID,
    acting: Collection[UUID],
    keys: Keys,
    at: datetime,
) -> AttendanceMark:
    """The teacher says when somebody was there, or (None) that they were not. It stands before any scan.

    Raises NotFound; Malformed `no_reason`, `bad_times`; Forbidden `own_line`; Conflict `cancelled`, `not_begun`.
    """
    held = own_session(session, session_id, acting, teacher=by, lock=True)
    [made] = add_marks(session, held, {person_id: present}, reason=reason, by=by, keys=keys, at=at)
    return made


def add_marks(
    session: Session,
    held: ClassSession,
    people: Mapping[UUID, tuple[datetime, datetime] | None],
    *,
    reason: str = "",
    by: UUID,
    keys: Keys,
    at: datetime,
    file_id: UUID | None = None,
) -> list[AttendanceMark]:
    """The same of several people of one session, which the caller holds locked: for a reason, or by a spreadsheet."""
    why = checked_reason(reason) if file_id is None else ""
    if by in people:
        raise Forbidden("Nobody marks themselves present or absent.", code="own_line")
    if session.get(SessionCancelled, held.id) is not None:
        raise Conflict("This session was cancelled.", code="cancelled")
    if at < held.from_at:
        raise Conflict("The session has not begun.", code="not_begun")
    session_stretch = facts.stretch_of(held.from_at, held.to_at)
    for one in people.values():
        if one is not None and (one[0] >= one[1] or facts.stretch_of(*one).within(session_stretch) is None):
            raise Malformed("The time lies in the session, and its end after its beginning.", code="bad_times")
    _require_in_class(session, held, people)
    if held.unit_id is not None and set(people) - placed(session, held.unit_id, people, on=facts.day_of(held)):
        raise NotFound("There is no such person in this class.")
    numbers: dict[UUID, int] = {
        row.person_id: row.last
        for row in session.execute(
            sa.select(AttendanceMark.person_id, sa.func.max(AttendanceMark.number).label("last"))
            .where(AttendanceMark.session_id == held.id, AttendanceMark.person_id.in_(list(people)))
            .group_by(AttendanceMark.person_id)
        )
    }
    made = [
        AttendanceMark(
            session_id=held.id,
            person_id=person_id,
            number=numbers.get(person_id, 0) + 1,
            present=one is not None,
            from_at=whole_ms(one[0]) if one else None,
            to_at=whole_ms(one[1]) if one else None,
            reason_sealed=None if file_id else personal.seal(session, person_id, keys, PURPOSE, why),
            file_id=file_id,
            by_id=by,
            at=whole_ms(at),  # not after the list that is proposed in the same moment
        )
        for person_id, one in people.items()
    ]
    session.add_all(made)
    session.flush()
    return made


def _require_in_class(session: Session, held: ClassSession, people: Collection[UUID]) -> None:
    """Everybody was in the class at some time; whether then, the rules decide."""
    known = set(
        session.scalars(
            sa.select(Enrolment.person_id).where(
                Enrolment.class_id == held.class_id, Enrolment.person_id.in_(list(people))
            )
        )
    )
    if set(people) - known:
        raise NotFound("There is no such person in this class.")


def reasons_of(session: Session, session_id: UUID, keys: Keys) -> dict[UUID, str]:
    """Why the teacher marked each of these people, as the mark that holds says. Who was erased is left out."""
    sealer = Sealer(keys.sealing)
    found = {}
    for (_session, person_id), one in facts.marks_of(session, [session_id]).items():
        if one.reason_sealed is not None:
            found[person_id] = one.reason_sealed
    keys_of = session.execute(sa.select(Person.id, Person.data_key).where(Person.id.in_(list(found))))
    return {
        row.id: sealer.open(row.data_key, row.id, PURPOSE, found[row.id]) for row in keys_of if row.data_key is not None
    }
