"""Taking in a video: from the request straight to a file, then a row and a job in one transaction.

A file is called by its upload's id, never by what its sender calls it. What it is, is found by looking inside:
here only what evidently is no video is turned away, before its gigabytes are sent; the job decides.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn import jobs
from elearn.courses.models import Course, Lesson
from elearn.courses.upload_models import Upload, UploadState
from elearn.errors import Conflict, Malformed, NotFound, TooLarge, Unavailable

logger = logging.getLogger(__name__)

JOB = "courses.package"
MAX_UPLOAD_BYTES = 2_000_000_000
CHUNK = 1 << 20
HEAD = 64

NO_VIDEO = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"Rar!": "rar",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"\x1f\x8b": "gzip",
    b"%PDF": "pdf",
    b"\x89PNG": "png",
    b"\xff\xd8\xff": "jpeg",
    b"GIF8": "gif",
    b"\xd0\xcf\x11\xe0": "office",
    b"\x7fELF": "program",
    b"MZ": "program",
    b"#!": "program",
    b"<!": "html",
    b"<?xml": "xml",
    b"<html": "html",
    b"#EXTM3U": "playlist",
}
"""How files begin that are no video whatever their name says."""

TRY_AGAIN = frozenset({"disk_full", "encoding_failed", "interrupted", "internal_error"})
"""Failures that are ours: the file is kept and may be tried again without sending it anew."""

TEXTS = {
    "source_unreadable": "The file could not be read. Please send it again.",
    "zero_length": "The file is empty: it holds no video.",
    "not_a_video": "This file is not a video in a format that is accepted.",
    "no_video_track": "This file has sound but no picture.",
    "truncated_file": "The video file is cut off. Please send it again whole.",
    "damaged_file": "The video is damaged and cannot be decoded to its end.",
    "disk_full": "The server has no space left for this video.",
    "encoding_failed": "The video could not be converted.",
    "interrupted": "The work was interrupted and will go on.",
    "internal_error": "The video could not be prepared because of a fault on our side.",
}
"""Error code of a failed upload -> sentence (message id)."""


def problem_text(upload: Upload) -> str | None:
    """The sentence (message id) that says why an upload failed; None when it did not."""
    if upload.error_code is None:
        return None
    return TEXTS.get(upload.error_code, "The video could not be prepared.")


def evident_kind(head: bytes) -> str | None:
    """What a file evidently is, when that is no video; `head` is its first bytes. None: it may be one."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for magic, kind in NO_VIDEO.items():
        if head.startswith(magic) or text.startswith(magic.lower()):
            return kind
    return None


def source_path(data_dir: Path, upload_id: UUID) -> Path:
    return data_dir / "uploads" / str(upload_id)


def store(stream: IO[bytes], target: Path, *, announced: int | None, limit: int = MAX_UPLOAD_BYTES) -> int:
    """Write `stream` to `target` piece by piece; answers its size. Nothing is left behind when it raises.

    Raises TooLarge, Malformed (empty, cut short, evidently no video), Unavailable (no space).
    """
    require_room(target, announced or 0, limit=limit)
    part = target.with_suffix(".part")
    try:
        with part.open("wb") as file:
            size = _copy(stream, file, limit)
            if announced is not None and size != announced:
                raise Malformed("The video arrived incomplete. Please send it again.", code="incomplete")
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    except OSError as error:
        part.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Unavailable("There is no space left for this video.", code="disk_full") from error
        raise
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return size


def require_room(target: Path, announced: int, *, limit: int) -> None:
    """There is a directory with so many bytes left for `target`. Raises TooLarge, Unavailable."""
    if announced > limit:
        raise TooLarge("The video is larger than %(limit)s MB.", limit=limit // 1_000_000)
    target.parent.mkdir(parents=True, exist_ok=True)
    if announced > shutil.disk_usage(target.parent).free:
        raise Unavailable("There is no space left for this video.", code="disk_full")


def _copy(stream: IO[bytes], file: IO[bytes], limit: int) -> int:
    size, head, judged = 0, b"", False
    while chunk := stream.read(CHUNK):
        size += len(chunk)
        if size > limit:
            raise TooLarge("The video is larger than %(limit)s MB.", limit=limit // 1_000_000)
        file.write(chunk)
        if not judged:
            head += chunk[:HEAD]
            judged = len(head) >= HEAD
            refuse_evident(head) if judged else None
    if size == 0:
        raise Malformed("The file is empty: it holds no video.", code="zero_length")
    refuse_evident(head)
    return size


def refuse_evident(head: bytes) -> None:
    """Raises Malformed when a file that begins so is evidently no video."""
    kind = evident_kind(head)
    if kind is not None:
        raise Malformed("This file is not a video in a format that is accepted.", code="not_a_video", kind=kind)


def register(
    session: Session, *, upload_id: UUID, lesson_id: UUID, file_name: str, size_bytes: int, at: datetime
) -> Upload:
    """Record a stored video and queue its packaging: both or neither (DESIGN 3.11)."""
    upload = Upload(
        id=upload_id,
        lesson_id=lesson_id,
        file_name=display_name(file_name),
        size_bytes=size_bytes,
        state=UploadState.WAITING,
        stage="",
        progress_permille=0,
        error_facts={},
        created_at=at,
        updated_at=at,
    )
    session.add(upload)
    session.flush()
    _queue(session, upload)
    return upload


def display_name(name: str) -> str:
    """A sender's file name made fit to be shown: its last part, printable, at most 200 characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(one for one in last if one.isprintable())[:200] or "video"


def own_upload(session: Session, upload_id: UUID, acting: Collection[UUID], *, lock: bool = False) -> Upload:
    """The upload, when it is to a lesson of one of `acting`. Raises NotFound."""
    query = (
        sa.select(Upload)
        .join(Lesson, Lesson.id == Upload.lesson_id)
        .join(Course, Course.id == Lesson.course_id)
        .where(Upload.id == upload_id, Course.institution_id.in_(acting))
    )
    upload = session.scalars(query.with_for_update(of=Upload) if lock else query).one_or_none()
    if upload is None:
        raise NotFound("There is no such video.")
    return upload


def again(session: Session, upload_id: UUID, *, acting: Collection[UUID], at: datetime) -> Upload:
    """Try a failed upload again from the file that was kept. Raises Conflict when that cannot help."""
    upload = own_upload(session, upload_id, acting, lock=True)
    ours = upload.state is UploadState.FAILED and upload.error_code in TRY_AGAIN
    if ours:
        upload.state, upload.error_code, upload.error_facts = UploadState.WAITING, None, {}
    elif upload.state is not UploadState.PLACING:
        raise Conflict("This video cannot be tried again; please send another file.", code="not_again")
    upload.updated_at = at
    session.flush()
    _queue(session, upload)
    return upload


def _queue(session: Session, upload: Upload) -> None:
    jobs.defer(session, JOB, lock=f"upload {upload.id}", upload_id=str(upload.id))


def sweep(session: Session, data_dir: Path, media_dir: Path, *, at: datetime) -> int:
    """Remove what crashes and failures left: files without a row after a day, of failures after a week. How many."""
    removed = 0
    for path in (*(data_dir / "uploads").glob("*"), *(media_dir / ".making").glob("*")):
        age = at - datetime.fromtimestamp(path.stat().st_mtime, at.tzinfo)
        upload = session.get(Upload, UUID(path.stem)) if _is_id(path.stem) and path.suffix == "" else None
        if upload is None:
            keep = age < timedelta(days=1)
        elif upload.state is UploadState.DONE:
            keep = False
        else:
            keep = upload.state is not UploadState.FAILED or age < timedelta(days=7)
        if not keep:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            removed += 1
    if removed:
        logger.info("swept uploads", extra={"removed": removed})
    return removed


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
