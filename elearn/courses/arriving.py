"""A video that arrives in pieces: made, appended to, asked about, given up, and whole at last.

    begin ─► append … append ─► whole: renamed, an upload's row and its packaging job, in one transaction

How much has arrived is the size of the file and nothing else, so neither a restart of the server nor a lost answer can
disagree with it. A piece is written where the sender says the file ends, under the file's lock and only when it does
end there; the lock is never held while a line is waited for. So of two tabs that send the same file each piece counts
once, whoever was first, and the other is told where to go on.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses import teaching, uploads
from elearn.courses.models import Course, Lesson
from elearn.courses.tus import Checksum
from elearn.courses.upload_models import ArrivingFile, Upload
from elearn.db import new_id
from elearn.errors import Conflict, DomainError, Malformed, NotFound, TooLarge, TooMany, Unavailable

logger = logging.getLogger(__name__)

KEPT_FOR = timedelta(hours=24)
"""Since the last piece."""
MAX_UNFINISHED = 30
"""Of the institutions that one manager acts for; each may hold a whole file's room."""
MAX_CHECKED = 16 << 20
"""Bytes of a piece that comes with a checksum: it is judged before any of it is kept."""
SUFFIX = ".arriving"


class WrongChecksum(DomainError):
    """The piece is not what its sender sent; nothing of it was kept."""

    code = "checksum"


class Gone(DomainError):
    """It was given up, or nothing came for too long."""

    code = "gone"


def part_path(data_dir: Path, file_id: UUID) -> Path:
    return uploads.source_path(data_dir, file_id).with_suffix(SUFFIX)


def begin(
    session: Session,
    lesson_id: UUID,
    *,
    file_name: str,
    length: int,
    limit: int,
    data_dir: Path,
    acting: Collection[UUID],
    at: datetime,
) -> ArrivingFile:
    """Make room for a file of `length` bytes. Raises NotFound, TooLarge, Malformed (empty), TooMany, Unavailable."""
    lesson = teaching.own_lesson(session, lesson_id, acting)
    file_id = new_id()
    part = part_path(data_dir, file_id)
    uploads.require_room(part, length, limit=limit)
    if length == 0:
        raise Malformed("The file is empty: it holds no video.", code="zero_length")
    unfinished = session.execute(
        sa.select(sa.func.count())
        .select_from(ArrivingFile)
        .join(Lesson, Lesson.id == ArrivingFile.lesson_id)
        .join(Course, Course.id == Lesson.course_id)
        .where(Course.institution_id.in_(acting), ArrivingFile.arrived_at.is_(None), ArrivingFile.expires_at > at)
    ).scalar_one()
    if unfinished >= MAX_UNFINISHED:
        raise TooMany("Too many videos are on their way. Finish or give up some of them first.", retry_after_s=3600)
    made = ArrivingFile(
        id=file_id,
        lesson_id=lesson.id,
        file_name=uploads.display_name(file_name),
        length_bytes=length,
        created_at=at,
        expires_at=at + KEPT_FOR,
    )
    session.add(made)
    session.flush()
    part.touch(exist_ok=False)
    return made


def own_file(
    session: Session, file_id: UUID, acting: Collection[UUID], *, at: datetime, lock: bool = False
) -> ArrivingFile:
    """The file on its way to a lesson of one of `acting`. Raises NotFound, and Gone when its time is over."""
    query = (
        sa.select(ArrivingFile)
        .join(Lesson, Lesson.id == ArrivingFile.lesson_id)
        .join(Course, Course.id == Lesson.course_id)
        .where(ArrivingFile.id == file_id, Course.institution_id.in_(acting))
    )
    found = session.scalars(query.with_for_update(of=ArrivingFile) if lock else query).one_or_none()
    if found is None:
        raise NotFound("There is no such video.")
    if found.arrived_at is None and found.expires_at <= at:
        raise Gone("Nothing came for a day, so this video was given up. Please send it again.")
    return found


def arrived(file: ArrivingFile, data_dir: Path) -> int:
    """How many bytes are here. Raises Gone when there is no file any more."""
    if file.arrived_at is not None:
        return file.length_bytes
    # Renamed but not recorded: a crash came in between, and `finish` goes on from there.
    for path in (part_path(data_dir, file.id), uploads.source_path(data_dir, file.id)):
        with contextlib.suppress(FileNotFoundError):
            return path.stat().st_size
    raise Gone("This video was given up. Please send it again.")


def append(
    part: Path, stream: IO[bytes], *, offset: int, length: int, announced: int | None, checksum: Checksum | None = None
) -> int:
    """Write what `stream` brings at `offset`, piece by piece as it comes; answers where the file ends now.

    Without a checksum, what came before a line broke stays. Raises Conflict (the file ends elsewhere), TooLarge (more
    than was announced at the beginning), WrongChecksum, Malformed (evidently no video), Unavailable (no space), Gone.
    """
    if announced is not None and offset + announced > length:
        raise TooLarge("This is more than the file was said to hold.", code="too_long")
    if checksum is not None:
        data = stream.read(MAX_CHECKED + 1)
        if len(data) > MAX_CHECKED:
            raise TooLarge("A piece with a checksum holds up to 16 MB.", code="piece_too_large")
        if not checksum.fits(data):
            raise WrongChecksum("The piece arrived damaged. Please send it again.")
        pieces = iter([data] if data else [])
    else:
        pieces = iter(lambda: stream.read(uploads.CHUNK), b"")
    at = offset
    with _opened(part) as file:
        if _size(file) != offset:
            raise elsewhere()
        try:
            for piece in pieces:
                if at + len(piece) > length:
                    raise TooLarge("This is more than the file was said to hold.", code="too_long")
                _put(file, piece, at)
                at += len(piece)
                if at - len(piece) < uploads.HEAD:
                    _judge(file, at, length)
        finally:
            os.fsync(file)
    return at


def finish(session: Session, file: ArrivingFile, data_dir: Path, *, at: datetime) -> Upload:
    """All of it is here: an upload and its packaging job stand for it. Done twice it is done once.

    The caller has locked the row and commits; `undone` puts the file back when that fails.
    """
    known = session.get(Upload, file.id)
    if known is not None:
        return known
    part, source = part_path(data_dir, file.id), uploads.source_path(data_dir, file.id)
    if part.exists():
        os.replace(part, source)
    file.arrived_at = at
    return uploads.register(
        session, upload_id=file.id, lesson_id=file.lesson_id, file_name=file.file_name, size_bytes=file.length_bytes,
        at=at,
    )  # fmt: skip


def give_up(session: Session, file: ArrivingFile, data_dir: Path) -> None:
    """Forget it and its bytes. Raises Conflict when it is whole: then it is an upload."""
    if file.arrived_at is not None:
        raise Conflict("This video has arrived and is being prepared.", code="arrived")
    session.delete(file)
    session.flush()
    part_path(data_dir, file.id).unlink(missing_ok=True)


def sweep(session: Session, data_dir: Path, *, at: datetime) -> int:
    """Give up what nothing came for, and forget what has long arrived. How many."""
    late = session.scalars(
        sa.select(ArrivingFile).where(ArrivingFile.expires_at <= at).with_for_update(skip_locked=True)
    ).all()
    for file in late:
        session.delete(file)
        part_path(data_dir, file.id).unlink(missing_ok=True)
    session.flush()
    if late:
        logger.info("swept files on their way", extra={"removed": len(late)})
    return len(late)


@contextlib.contextmanager
def _opened(part: Path) -> Iterator[int]:
    """The descriptor of a part, for reading and writing."""
    try:
        file = os.open(part, os.O_RDWR)
    except FileNotFoundError as error:
        raise Gone("This video was given up. Please send it again.") from error
    try:
        yield file
    finally:
        os.close(file)


def _size(file: int) -> int:
    return os.fstat(file).st_size


def elsewhere() -> Conflict:
    """The file does not end where a piece was to begin: ask, and go on from there."""
    return Conflict("The file does not end where this piece begins.", code="offset")


def _put(file: int, piece: bytes, at: int) -> None:
    """All of `piece` at `at`, or nothing of it, under the lock."""
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        if _size(file) != at:
            raise elsewhere()
        written = 0
        try:
            while written < len(piece):
                written += os.pwrite(file, piece[written:], at + written)
        except OSError as error:
            os.ftruncate(file, at)
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise Unavailable("There is no space left for this video.", code="disk_full") from error
            raise
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _judge(file: int, at: int, length: int) -> None:
    """As soon as its beginning is here: what is evidently no video need not be sent to its end."""
    if at >= min(uploads.HEAD, length):
        uploads.refuse_evident(os.pread(file, uploads.HEAD, 0))
