"""Lesson plans (教案) of a class, as files: of a line of its plan, or of the class as a whole.

They are added before acceptance and after it, and never changed: the newest of a line is the one that is used, and
those before it stay, each known by its SHA-256. A file outlives its line: what the line said stands beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from elearn.courses import sent_files
from elearn.courses.classes.models import LessonPlan, PlanLine
from elearn.courses.classes.opening import own_class
from elearn.courses.models import OutlineItem
from elearn.errors import Conflict, Malformed, NotFound
from elearn.people.models import Person

LARGEST_BYTES = sent_files.LARGEST_BYTES
MOST_FILES = 500
MOST_BYTES = 100_000_000
"""Of all files of a class: its archive holds them, and is made in memory."""


def attach(
    session: Session,
    class_id: UUID,
    *,
    line_id: UUID | None,
    name: str,
    content: bytes,
    by: UUID,
    acting: Collection[UUID],
    at: datetime,
) -> LessonPlan:
    """One more file; `line_id` None: of the class as a whole. The newest again is the one that is there.

    Raises NotFound: no such class; Malformed `lesson_plan_line`, `lesson_plan_file`; Conflict `lesson_plans_full`.
    """
    held = own_class(session, class_id, acting, lock=True)
    line = session.get(PlanLine, line_id) if line_id is not None else None
    if line_id is not None and (line is None or line.class_id != held.id):
        raise Malformed("Choose a line of this plan.", code="lesson_plan_line")
    if not content:
        raise Malformed("This file is empty.", code="lesson_plan_file")
    if len(content) > LARGEST_BYTES:
        raise Malformed("A lesson plan has at most 10 MB.", code="lesson_plan_file")
    kind = sent_files.document_type(name, content)
    if kind is None:
        raise Malformed(
            "A lesson plan is a PDF, DOCX, DOC or PPTX file or a picture, and its name ends that way.",
            code="lesson_plan_file",
        )
    digest = hashlib.sha256(content).hexdigest()
    there = session.execute(
        sa.select(LessonPlan.id, LessonPlan.line_id, LessonPlan.sha256, sa.func.octet_length(LessonPlan.content))
        .where(LessonPlan.class_id == held.id)
        .order_by(LessonPlan.number)
    ).all()
    newest = next((one for one in reversed(there) if one.line_id == line_id), None)
    if newest is not None and newest.sha256 == digest:
        return session.get_one(LessonPlan, newest.id)
    if len(there) >= MOST_FILES or sum(size for *_facts, size in there) + len(content) > MOST_BYTES:
        raise Conflict("A class has at most 500 lesson plans, of 100 MB together.", code="lesson_plans_full")
    made = LessonPlan(
        class_id=held.id,
        number=len(there) + 1,
        line_id=line_id,
        taught_on=line.taught_on if line else None,
        outline_item_id=line.outline_item_id if line else None,
        sha256=digest,
        name=sent_files.plain_name(name),
        media_type=kind,
        content=content,
        by_id=by,
        at=at,
    )
    session.add(made)
    session.flush()
    return made


@dataclass(frozen=True, slots=True)
class SentPlan:
    """A file, without its content."""

    id: UUID
    number: int
    """1, 2, 3 ... of the class."""
    line_id: UUID | None
    """None: of the class as a whole."""
    taught_on: date | None
    """What the line said when the file was sent."""
    item_name: str | None
    sha256: str
    name: str
    media_type: str
    size: int
    """Bytes"""
    sent_by: str | None
    sent_at: datetime
    current: bool
    """No newer file has taken its place."""


def of_class(session: Session, class_id: UUID) -> tuple[SentPlan, ...]:
    """All that were ever sent, in their order. One query."""
    newest = sa.func.max(LessonPlan.number).over(partition_by=LessonPlan.line_id)
    rows = session.execute(
        sa.select(
            LessonPlan.id,
            LessonPlan.number,
            LessonPlan.line_id,
            LessonPlan.taught_on,
            OutlineItem.name,
            LessonPlan.sha256,
            LessonPlan.name,
            LessonPlan.media_type,
            sa.func.octet_length(LessonPlan.content),
            Person.name,
            LessonPlan.at,
            LessonPlan.number == newest,
        )
        .join(Person, Person.id == LessonPlan.by_id)
        .outerjoin(OutlineItem, OutlineItem.id == LessonPlan.outline_item_id)
        .where(LessonPlan.class_id == class_id)
        .order_by(LessonPlan.number)
    )
    return tuple(SentPlan(*row) for row in rows)


def without_one(lines: Iterable[UUID], files: Collection[SentPlan]) -> int:
    """How many lines of a plan have no lesson plan. One of the class as a whole is one of each line."""
    having = {one.line_id for one in files}
    return 0 if None in having else sum(line not in having for line in lines)


def contents(session: Session, class_id: UUID, digests: Collection[str]) -> dict[str, bytes]:
    """The bytes of these files of a class, by SHA-256."""
    rows = session.execute(
        sa.select(LessonPlan.sha256, LessonPlan.content)
        .ext(distinct_on(LessonPlan.sha256))
        .where(LessonPlan.class_id == class_id, LessonPlan.sha256.in_(digests))
        .order_by(LessonPlan.sha256)
    )
    return {row.sha256: row.content for row in rows}


def one(session: Session, class_id: UUID, file_id: UUID) -> LessonPlan:
    """A file of this class. Raises NotFound."""
    found = session.scalars(
        sa.select(LessonPlan).where(LessonPlan.id == file_id, LessonPlan.class_id == class_id)
    ).one_or_none()
    if found is None:
        raise NotFound("There is no such file.")
    return found
