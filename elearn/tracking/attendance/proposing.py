"""One person says who was there, or what should be taken back. Nothing counts until another confirms (`confirming.py`).

A list keeps what every stretch would add, and of those that are refused why: whoever confirms sees both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import from_ms, to_ms
from elearn.errors import Conflict, Malformed
from elearn.tracking import policies
from elearn.tracking.attendance import facts
from elearn.tracking.attendance.models import (
    AttendanceAnswer,
    AttendanceFile,
    AttendanceLine,
    AttendanceList,
    AttendanceMark,
    AttendedSpan,
    ClassSession,
)
from elearn.tracking.attendance.planning import TEXT_MAX, checked_reason, own_session, whole_ms
from elearn.tracking.attendance.rules import How, Refusal, Stretch, decide, document, presence


@dataclass(frozen=True, slots=True)
class Drafted:
    """A stretch of a list: what it adds, or why nothing."""

    person_id: UUID
    how: How
    stretch: Stretch
    ms: int
    refused_as: Refusal | None = None


def draft(session: Session, held: ClassSession, *, by: UUID, now: datetime) -> list[Drafted]:
    """What a list of this session would say now, by person and time. What counts already is left out."""
    session_stretch = facts.stretch_of(held.from_at, held.to_at)
    scans, marks = facts.scans_of(session, [held.id]), facts.marks_of(session, [held.id])
    known = {(line.person_id, facts.stretch_of(line.from_at, line.to_at)) for line in counting_lines(session, held.id)}
    found: list[tuple[UUID, How, Stretch, Refusal | None]] = []
    for key in sorted({*scans, *marks}):
        person_id = key[1]
        there = presence(scans.get(key, []), facts.said(marks.get(key)), session_stretch)
        found += [(person_id, there.how, one, None) for one in there.stretches if (person_id, one) not in known]
        if there.open_since_ms is not None:
            begun = Stretch(there.open_since_ms, session_stretch.to_ms).within(session_stretch)
            found += [(person_id, there.how, begun, Refusal.NO_CHECK_OUT)] if begun else []
    return decided(session, held, found, by=by, now=now)


def decided(
    session: Session,
    held: ClassSession,
    found: Sequence[tuple[UUID, How, Stretch, Refusal | None]],
    *,
    by: UUID,
    now: datetime,
) -> list[Drafted]:
    """What each of these stretches would add, by person and time. Those with a reason keep it."""
    of_session = facts.of_session(session, held, staff=[by])
    people = facts.of_people(session, held, {person_id for person_id, *_rest in found})
    cap_ms = policies.in_force(held.class_id).day_cap_ms
    on, made = facts.day_of(held), []
    for person_id, how, stretch, refused in sorted(found, key=lambda one: (one[0], one[2])):
        told = refused or decide(
            person_id, stretch, of_session, people[person_id], on=on, day_cap_ms=cap_ms, now_ms=to_ms(now)
        )
        if isinstance(told, Refusal):
            made.append(Drafted(person_id, how, stretch, 0, told))
        else:
            made.append(Drafted(person_id, how, stretch, told))
    return made


def decide_again(session: Session, held: ClassSession, whole: AttendanceList, lines: Sequence[AttendanceLine]) -> bool:
    """Whether every line that counts would still add the same, by the clock of when it was proposed."""
    said = {
        (line.person_id, facts.stretch_of(line.from_at, line.to_at)): line for line in lines if line.refused_as is None
    }
    asked = [(person_id, How(line.how), stretch, None) for (person_id, stretch), line in said.items()]
    again = decided(session, held, asked, by=whole.by_id, now=whole.at)
    return all(one.ms == said[one.person_id, one.stretch].ms for one in again)


def propose(
    session: Session, session_id: UUID, *, by: UUID, acting: Collection[UUID], now: datetime, note: str = ""
) -> AttendanceList:
    """The list of a session as it stands now, with every file that was attached to it.

    Raises NotFound; Malformed `empty_list`: nobody would get anything; Conflict `not_over`, `list_waiting`.
    """
    held = own_session(session, session_id, acting, teacher=by, lock=True)
    if now < held.to_at:
        raise Conflict("The session is not over.", code="not_over")
    _require_none_waiting(session, held.id)
    drafted = draft(session, held, by=by, now=now)
    if not any(one.ms for one in drafted):
        raise Malformed("Nobody's attendance would count. Look at the reasons beside the names.", code="empty_list")
    lines = [
        AttendanceLine(
            person_id=one.person_id,
            how=one.how.value,
            from_at=from_ms(one.stretch.from_ms),
            to_at=from_ms(one.stretch.to_ms),
            ms=one.ms,
            on=facts.day_of(held),
            refused_as=one.refused_as,
        )
        for one in drafted
    ]
    return _write(session, held, "record", lines, by=by, now=now, reason=" ".join(note.split())[:TEXT_MAX])


def propose_void(
    session: Session,
    session_id: UUID,
    line_ids: Collection[UUID],
    *,
    reason: str,
    by: UUID,
    acting: Collection[UUID],
    now: datetime,
) -> AttendanceList:
    """These lines of a session should be taken back, whole.

    Raises NotFound; Malformed `no_reason`, `empty_list`; Conflict `list_waiting`, `line_changed`: one counts no longer.
    """
    held = own_session(session, session_id, acting, teacher=by, lock=True)
    why = checked_reason(reason)
    if not line_ids:
        raise Malformed("Choose whose hours should be taken back.", code="empty_list")
    _require_none_waiting(session, held.id)
    counted = counting_lines(session, held.id)
    taken = [line for line in counted if line.id in set(line_ids)]
    if len(taken) != len(set(line_ids)):
        raise Conflict("These hours have changed in the meantime. Load the page again.", code="line_changed")
    lines = [
        AttendanceLine(
            person_id=one.person_id, how=one.how, from_at=one.from_at, to_at=one.to_at, ms=one.ms, on=one.on,
            reverses_id=one.id,
        )
        for one in taken
    ]  # fmt: skip
    return _write(session, held, "void", lines, by=by, now=now, reason=why)


def counting_lines(session: Session, session_id: UUID) -> Sequence[AttendanceLine]:
    """The lines of a session that count now."""
    return session.scalars(
        sa.select(AttendanceLine)
        .join(AttendanceList, AttendanceList.id == AttendanceLine.list_id)
        .join(AttendedSpan, AttendedSpan.line_id == AttendanceLine.id)
        .where(AttendanceList.session_id == session_id)
        .order_by(AttendanceLine.person_id, AttendanceLine.from_at)
    ).all()


def waiting(session: Session, session_ids: Collection[UUID]) -> set[UUID]:
    """Those of these sessions of which a list waits for the second person."""
    answered = sa.exists().where(AttendanceAnswer.list_id == AttendanceList.id)
    lists = sa.select(AttendanceList.session_id).where(AttendanceList.session_id.in_(session_ids), ~answered)
    return set(session.scalars(lists))


def _require_none_waiting(session: Session, session_id: UUID) -> None:
    if waiting(session, [session_id]):
        raise Conflict("A list of this session waits for the second person.", code="list_waiting")


def _write(
    session: Session,
    held: ClassSession,
    act: str,
    lines: Sequence[AttendanceLine],
    *,
    by: UUID,
    now: datetime,
    reason: str,
) -> AttendanceList:
    # Its scans and photos, and the spreadsheets that marks of it come from.
    marked_by = sa.exists().where(AttendanceMark.file_id == AttendanceFile.id, AttendanceMark.session_id == held.id)
    files = session.scalars(
        sa.select(AttendanceFile.sha256).where(
            AttendanceFile.class_id == held.class_id, (AttendanceFile.session_id == held.id) | marked_by
        )
    ).all()
    made = AttendanceList(
        session_id=held.id, act=act, by_id=by, reason=reason, files=sorted(files), at=whole_ms(now), doc=""
    )
    made.doc = doc_of(held, made, lines)
    session.add(made)
    session.flush()
    for line in lines:
        line.list_id = made.id
    session.add_all(lines)
    session.flush()
    return made


def doc_of(held: ClassSession, whole: AttendanceList, lines: Iterable[AttendanceLine]) -> str:
    """The digest of a list, of what its rows say."""
    head: dict[str, object] = {
        "v": 1, "act": whole.act, "at": to_ms(whole.at), "by": str(whole.by_id), "reason": whole.reason,
        "session": str(held.id), "class": str(held.class_id), "item": str(held.outline_item_id or held.unit_id),
        "kind": held.kind, "teacher": str(held.teacher_id), "place": held.place, "from": to_ms(held.from_at),
        "to": to_ms(held.to_at),
    }  # fmt: skip
    rows = [
        (str(line.person_id), line.how, to_ms(line.from_at), to_ms(line.to_at), line.ms, line.on.isoformat(),
         line.refused_as or "", str(line.reverses_id or ""))
        for line in lines
    ]  # fmt: skip
    return document(head, rows, whole.files)
