"""Who teaches in a class: entered, ended, taken out. Nothing here commits, and nothing is deleted."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.classes import own_class
from elearn.courses.models import Kind, OutlineItem
from elearn.courses.teachers.models import ClassTeacherEntry, TeacherEntry, TeacherTerm
from elearn.errors import Conflict, Malformed, NotFound


def assign(
    session: Session,
    class_id: UUID,
    teacher_id: UUID,
    *,
    item_id: UUID | None = None,
    kind: Kind | None = None,
    from_on: date,
    to_on: date | None = None,
    acting: Collection[UUID],
    by: UUID,
    at: datetime,
) -> ClassTeacherEntry:
    """A teacher of the institution's register teaches an item, a kind of hours, or all of a class.

    What is wrong with it (`standing.problems`) is told and keeps nobody from entering what happened. Raises NotFound:
    no class of `acting`, no teacher who ever taught for its institution; Malformed `item`, `dates`; Conflict
    `assigned_already`: the same for overlapping days.
    """
    held = own_class(session, class_id, acting, lock=True)
    teaches = sa.select(TeacherTerm.id).where(
        TeacherTerm.teacher_id == teacher_id, TeacherTerm.institution_id == held.institution_id
    )
    if session.get(TeacherEntry, teacher_id) is None or session.scalar(teaches.limit(1)) is None:
        raise NotFound("There is no such teacher in this institution.", code="teacher")
    if item_id is not None:
        item = session.get(OutlineItem, item_id)
        if kind is not None or item is None or item.outline_id != held.outline_id:
            raise Malformed("Choose an item of the class's outline, or a kind of hours.", code="item")
    if from_on < held.starts_on or (held.ends_on is not None and from_on > held.ends_on):
        raise Malformed("This day is not one of the class.", code="dates")
    if to_on is not None and (to_on < from_on or (held.ends_on is not None and to_on > held.ends_on)):
        raise Malformed("The last day is before the first, or after the class.", code="dates")
    same = sa.select(ClassTeacherEntry.id).where(
        ClassTeacherEntry.class_id == class_id,
        ClassTeacherEntry.teacher_id == teacher_id,
        ClassTeacherEntry.outline_item_id.is_not_distinct_from(item_id),
        ClassTeacherEntry.kind.is_not_distinct_from(kind),
        ClassTeacherEntry.removed_at.is_(None),
        sa.or_(ClassTeacherEntry.to_on.is_(None), ClassTeacherEntry.to_on >= from_on),
        *([ClassTeacherEntry.from_on <= to_on] if to_on is not None else []),
    )
    if session.scalar(same.limit(1)) is not None:
        raise Conflict("This teacher teaches this in the class already.", code="assigned_already")
    made = ClassTeacherEntry(
        class_id=class_id,
        teacher_id=teacher_id,
        outline_item_id=item_id,
        kind=kind,
        from_on=from_on,
        to_on=to_on,
        added_by=by,
        added_at=at,
    )
    session.add(made)
    session.flush()
    return made


def end(
    session: Session, entry_id: UUID, *, to_on: date, acting: Collection[UUID], by: UUID, at: datetime
) -> ClassTeacherEntry:
    """The last day of a teacher in a class. Raises NotFound; Malformed `dates`."""
    entry = _own(session, entry_id, acting)
    held = own_class(session, entry.class_id, acting)
    if to_on < entry.from_on or (held.ends_on is not None and to_on > held.ends_on):
        raise Malformed("The last day is before the first, or after the class.", code="dates")
    entry.to_on, entry.changed_by, entry.changed_at = to_on, by, at
    session.flush()
    return entry


def remove(session: Session, entry_id: UUID, *, acting: Collection[UUID], by: UUID, at: datetime) -> ClassTeacherEntry:
    """It was entered by mistake: it counts as if it had never been, and stays on record. Raises NotFound."""
    entry = _own(session, entry_id, acting)
    entry.removed_by, entry.removed_at = by, at
    session.flush()
    return entry


def _own(session: Session, entry_id: UUID, acting: Collection[UUID]) -> ClassTeacherEntry:
    entry = session.get(ClassTeacherEntry, entry_id, with_for_update=True)
    if entry is None or entry.removed_at is not None:
        raise NotFound("There is no such teacher in this class.")
    own_class(session, entry.class_id, acting)
    return entry
