"""The second person. Who proposed a list, stands on it, teaches the session or marked somebody cannot confirm it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.ranges import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.courses.models import TrainingClass
from elearn.db import among
from elearn.errors import Conflict, Forbidden, NotFound
from elearn.tracking.attendance import proposing
from elearn.tracking.attendance.models import (
    AttendanceAnswer,
    AttendanceLine,
    AttendanceList,
    AttendanceMark,
    AttendedSpan,
    ClassSession,
    SessionCancelled,
)
from elearn.tracking.attendance.planning import TEXT_MAX, checked_reason, of_house, whole_ms

LEARNERS = sa.text("""
SELECT FROM elearn.learner_watch WHERE learner_id = ANY (:people) ORDER BY learner_id FOR NO KEY UPDATE
""")
ONE_AT_A_TIME = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('elearn attendance', 0))")
"""Days and places of a person are decided about by one transaction at a time; confirming takes milliseconds."""


def confirm(
    session: Session, list_id: UUID, *, by: UUID, acting: Collection[UUID], now: datetime, note: str = ""
) -> AttendanceAnswer:
    """The list holds: its lines count, or what it takes back counts no longer.

    Raises NotFound; Forbidden `second_person`; Conflict `answered`, `list_changed`: what it says is true no longer.
    """
    whole, held = _waiting(session, list_id, acting)
    lines = lines_of(session, whole.id)
    require_second(session, whole, held, lines, by)
    session.execute(ONE_AT_A_TIME)
    answer = _answer(session, whole, confirmed=True, by=by, note=note, now=now)
    if whole.act == "void":
        gone = session.execute(
            sa.delete(AttendedSpan)
            .where(AttendedSpan.line_id.in_([line.reverses_id for line in lines]))
            .returning(AttendedSpan.line_id)
        ).all()
        if len(gone) != len(lines):
            raise Conflict("These hours have changed in the meantime. Load the page again.", code="list_changed")
        return answer
    # Whoever watches at this very moment waits: what is watched and what is attended share a day.
    session.execute(LEARNERS, {"people": [line.person_id for line in lines]})
    if session.get(SessionCancelled, held.id) is not None or not proposing.decide_again(session, held, whole, lines):
        raise Conflict(
            "Something has changed since the list was proposed. Send it back and propose it again.", code="list_changed"
        )
    try:
        with session.begin_nested():
            session.add_all(
                AttendedSpan(line_id=line.id, person_id=line.person_id, period=Range(line.from_at, line.to_at))
                for line in lines
                if line.refused_as is None
            )
    except IntegrityError as error:
        if "ex_attended_span_one_place" not in str(error.orig):
            raise
        raise Conflict("Somebody on this list was in another session at that time.", code="list_changed") from None
    return answer


def refuse(
    session: Session, list_id: UUID, *, by: UUID, acting: Collection[UUID], now: datetime, note: str
) -> AttendanceAnswer:
    """The list does not hold: sent back by the second person, or withdrawn by who proposed it.

    Raises NotFound; Malformed `no_reason`; Conflict `answered`.
    """
    whole, _held = _waiting(session, list_id, acting)
    return _answer(session, whole, confirmed=False, by=by, note=checked_reason(note), now=now)


def require_second(
    session: Session, whole: AttendanceList, held: ClassSession, lines: Sequence[AttendanceLine], by: UUID
) -> None:
    """`by` may be the second person of this list, or Forbidden."""
    if by in {whole.by_id, held.teacher_id, *(line.person_id for line in lines)} or session.scalar(
        sa.select(sa.exists().where(AttendanceMark.session_id == held.id, AttendanceMark.by_id == by))
    ):
        raise Forbidden(
            "A list is confirmed by somebody who did not propose it, teach the session, mark anybody or stand on it.",
            code="second_person",
        )


def lines_of(session: Session, list_id: UUID) -> Sequence[AttendanceLine]:
    return session.scalars(
        sa.select(AttendanceLine).where(AttendanceLine.list_id == list_id).order_by(AttendanceLine.from_at)
    ).all()


def _waiting(session: Session, list_id: UUID, acting: Collection[UUID]) -> tuple[AttendanceList, ClassSession]:
    """A list of ours that has no answer, its session locked."""
    row = session.execute(
        sa.select(AttendanceList, ClassSession)
        .join(ClassSession, ClassSession.id == AttendanceList.session_id)
        .join(TrainingClass, TrainingClass.id == ClassSession.class_id)
        .where(AttendanceList.id == list_id, among(of_house(), acting))
        .with_for_update(of=ClassSession, key_share=True)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such list.")
    if session.get(AttendanceAnswer, list_id) is not None:
        raise Conflict("This list was answered already.", code="answered")
    return row[0], row[1]


def _answer(
    session: Session, whole: AttendanceList, *, confirmed: bool, by: UUID, note: str, now: datetime
) -> AttendanceAnswer:
    made = AttendanceAnswer(
        list_id=whole.id, proposed_by=whole.by_id, confirmed=confirmed, by_id=by,
        note=" ".join(note.split())[:TEXT_MAX], at=whole_ms(now),
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made
