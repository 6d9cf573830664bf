"""Scans, photos and spreadsheets that attendance rests on: kept as they came, known by their SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses import sent_files
from elearn.courses.models import TrainingClass
from elearn.db import among
from elearn.errors import Conflict, Malformed, NotFound
from elearn.tracking.attendance.models import AttendanceFile, ClassSession
from elearn.tracking.attendance.planning import own_session

LARGEST_BYTES = sent_files.LARGEST_BYTES
MOST_OF_A_SESSION = 20
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def attach(
    session: Session,
    session_id: UUID,
    *,
    name: str,
    content: bytes,
    by: UUID,
    acting: Collection[UUID],
    at: datetime,
) -> AttendanceFile:
    """A scan or photo of the signed list. The same file again is the one that is there.

    Raises NotFound; Malformed `bad_file`; Conflict `too_many_files`, `file_elsewhere`: another session has it.
    """
    held = own_session(session, session_id, acting, teacher=by, lock=True)
    if not content or len(content) > LARGEST_BYTES:
        raise Malformed("A scan or photo has at most 10 MB.", code="bad_file")
    kind = sent_files.scan_type(content)
    if kind is None:
        raise Malformed("A scan or photo is a PDF, JPEG, PNG or WebP file.", code="bad_file")
    made = keep(
        session, held.class_id, held, unit_id=held.unit_id, name=name, content=content, media_type=kind, by=by, at=at
    )
    if made.session_id != held.id:
        raise Conflict("This file belongs to another session already.", code="file_elsewhere")
    there = sa.select(sa.func.count()).select_from(AttendanceFile).where(AttendanceFile.session_id == held.id)
    if session.scalars(there).one() > MOST_OF_A_SESSION:
        raise Conflict("A session has at most 20 files.", code="too_many_files")
    return made


def keep(
    session: Session,
    class_id: UUID,
    held: ClassSession | None,
    *,
    unit_id: UUID | None = None,
    name: str,
    content: bytes,
    media_type: str,
    by: UUID,
    at: datetime,
) -> AttendanceFile:
    """The file of a class, or of a unit in it, with this content; the caller holds a lock on something of the class."""
    digest = hashlib.sha256(content).hexdigest()
    found = session.scalars(
        sa.select(AttendanceFile).where(
            AttendanceFile.class_id == class_id,
            AttendanceFile.unit_id.is_not_distinct_from(unit_id),
            AttendanceFile.sha256 == digest,
        )
    ).one_or_none()
    if found is not None:
        return found
    made = AttendanceFile(
        class_id=class_id,
        session_id=held.id if held else None,
        unit_id=unit_id,
        sha256=digest,
        name=sent_files.plain_name(name) or digest[:12],
        media_type=media_type,
        content=content,
        by_id=by,
        at=at,
    )
    session.add(made)
    session.flush()
    return made


def own_file(session: Session, file_id: UUID, acting: Collection[UUID], *, teacher: UUID | None) -> AttendanceFile:
    """A file of a class or a unit of ours, or of a session that `teacher` teaches. Raises NotFound."""
    found = session.scalars(_readable(acting, teacher).where(AttendanceFile.id == file_id)).one_or_none()
    if found is None:
        raise NotFound("There is no such file.")
    return found


def of_session(session: Session, session_id: UUID) -> Sequence[AttendanceFile]:
    """The scans and photos of a session, oldest first."""
    return session.scalars(
        sa.select(AttendanceFile).where(AttendanceFile.session_id == session_id).order_by(AttendanceFile.at)
    ).all()


def of_list(
    session: Session, class_id: UUID, digests: Collection[str], acting: Collection[UUID], *, teacher: UUID
) -> Sequence[AttendanceFile]:
    """What a list of this class rests on, oldest first: its scans and photos, and a spreadsheet for who may read it."""
    mine = _readable(acting, teacher)
    return session.scalars(
        mine.where(AttendanceFile.class_id == class_id, AttendanceFile.sha256.in_(digests)).order_by(AttendanceFile.at)
    ).all()


def _readable(acting: Collection[UUID], teacher: UUID | None) -> sa.Select[AttendanceFile]:
    return (
        sa.select(AttendanceFile)
        .join(TrainingClass, TrainingClass.id == AttendanceFile.class_id)
        .outerjoin(ClassSession, ClassSession.id == AttendanceFile.session_id)
        .where(
            among(sa.func.coalesce(AttendanceFile.unit_id, TrainingClass.institution_id), acting)
            | (sa.false() if teacher is None else ClassSession.teacher_id == teacher)
        )
    )
