"""The job that makes a unit of an uploaded video. It may be killed at any point and run again.

    waiting ─► packaging ─► placing ─► done          each arrow is one commit
                  └──────────────────► failed        with a code; the page has a sentence for each

While packaging, all work lies in `.making/<upload>` beside where it will be served from. The unit, its sealed
keys and "placing" commit together; only then are the clear keys deleted and the directory renamed to its hash.
Whoever comes after a crash finds in the row which of this is left to do.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from elearn import jobs
from elearn.clock import utcnow
from elearn.courses import arriving, catalogue, uploads
from elearn.courses.models import Lesson, Unit
from elearn.courses.upload_models import Upload, UploadState
from elearn.db import db
from elearn.runtime import runtime
from media.errors import BadManifest, DiskFull, Interrupted, MediaError, TargetExists
from media.manifest import KEYS_FILE, Manifest, read_keys, read_manifest
from media.package import Progress, package

logger = logging.getLogger(__name__)

PROGRESS_EVERY_S = 1.0
MAKING = ".making"


class StillWorking(RuntimeError):
    """Another worker holds this upload; the queue tries again later."""


@jobs.task(uploads.JOB)
def package_video(upload_id: str) -> None:
    """Make the unit of one upload."""
    settings = runtime().settings
    with _alone(upload_id):
        package_upload(
            db.session(),
            UUID(upload_id),
            data_dir=settings.data_dir,
            media_dir=settings.media_dir,
            sealing_key=settings.sealing_key,
            now=utcnow,
        )


@jobs.task("courses.sweep_uploads", every="17 3 * * *")
def sweep_uploads() -> None:
    """Once a day: remove what crashes and failed uploads left on the disk."""
    settings = runtime().settings
    arriving.sweep(db.session(), settings.data_dir, at=utcnow())
    db.session.commit()
    uploads.sweep(db.session(), settings.data_dir, settings.media_dir, at=utcnow())


def package_upload(
    session: Session,
    upload_id: UUID,
    *,
    data_dir: Path,
    media_dir: Path,
    sealing_key: bytes,
    now: Callable[[], datetime],
) -> None:
    """Do what is left to do for an upload, and commit it. Run again after the end it changes nothing.

    A fault of the file is recorded and ends the job. A fault of ours is recorded and raised, so that the queue
    tries again.
    """
    upload = session.get(Upload, upload_id)
    source = uploads.source_path(data_dir, upload_id)
    if upload is None:
        logger.warning("no such upload", extra={"upload": str(upload_id)})
        return
    if upload.state is UploadState.FAILED and upload.error_code not in uploads.TRY_AGAIN:
        source.unlink(missing_ok=True)
        return
    try:
        if upload.state not in (UploadState.PLACING, UploadState.DONE):
            _make_unit(session, upload, source, media_dir, sealing_key, now)
        if upload.state is UploadState.PLACING:
            _place(session, upload, media_dir, now)
        source.unlink(missing_ok=True)
    except MediaError as error:
        _record_failure(session, upload_id, error.code, error.facts, now)
        if isinstance(error, DiskFull | Interrupted):
            raise
        if error.code not in uploads.TRY_AGAIN:
            source.unlink(missing_ok=True)
    except OperationalError:
        # The database went away: there is nothing to record it in, and nothing is lost.
        session.rollback()
        raise
    except Exception:
        _record_failure(session, upload_id, "internal_error", {}, now)
        raise


def _make_unit(
    session: Session, upload: Upload, source: Path, media_dir: Path, sealing_key: bytes, now: Callable[[], datetime]
) -> None:
    upload.state, upload.stage, upload.updated_at = UploadState.PACKAGING, "probe", now()
    upload.error_code, upload.error_facts = None, {}
    session.commit()
    work = media_dir / MAKING / str(upload.id)
    manifest = _packaged(source, work, _Report(session, upload.id, now))
    lesson = session.get_one(Lesson, upload.lesson_id)
    unit = catalogue.register_unit(
        session,
        lesson.id,
        lesson.title,
        manifest,
        read_keys(work, manifest),
        (),
        sealing_key=sealing_key,
        created_at=now(),
    )
    upload.state, upload.unit_id, upload.updated_at = UploadState.PLACING, unit.id, now()
    session.commit()
    logger.info("unit made", extra={"upload": str(upload.id), "unit": str(unit.id), "ms": unit.duration_ms})


def _packaged(source: Path, work: Path, report: Callable[[Progress], None]) -> Manifest:
    """Package, or take what an earlier run had packaged: the directory appears whole or not at all."""
    if work.exists():
        try:
            return read_manifest(work)
        except BadManifest:
            shutil.rmtree(work)
    try:
        return package(source, work, progress=report, gently=True)  # whoever studies meanwhile comes first
    except TargetExists:
        return read_manifest(work)  # another run, thought dead, came first


def _place(session: Session, upload: Upload, media_dir: Path, now: Callable[[], datetime]) -> None:
    """Move the files to where they are served from. The keys are sealed in the database by now."""
    content_hash = session.execute(sa.select(Unit.content_hash).where(Unit.id == upload.unit_id)).scalar_one()
    work, final = media_dir / MAKING / str(upload.id), media_dir / content_hash
    if work.exists():
        (work / KEYS_FILE).unlink(missing_ok=True)
        os.rename(work, final)
    elif not final.exists():
        raise FileNotFoundError(f"the packaged files of upload {upload.id} are gone")
    upload.state, upload.stage, upload.progress_permille, upload.updated_at = UploadState.DONE, "done", 1000, now()
    session.commit()


class _Report:
    """Writes progress into the upload's row, at most once a second and at each new stage."""

    def __init__(self, session: Session, upload_id: UUID, now: Callable[[], datetime]) -> None:
        self._session, self._upload_id, self._now = session, upload_id, now
        self._written: tuple[str, float] = ("", 0.0)

    def __call__(self, progress: Progress) -> None:
        stage, at = self._written
        if progress.stage.value == stage and time.monotonic() - at < PROGRESS_EVERY_S:
            return
        self._written = (progress.stage.value, time.monotonic())
        try:
            self._session.execute(
                sa.update(Upload)
                .where(Upload.id == self._upload_id)
                .values(
                    stage=progress.stage.value, progress_permille=int(progress.fraction * 1000), updated_at=self._now()
                )
            )
            self._session.commit()
        except OperationalError:
            # Progress is for the eye: a database that restarts does not stop an hour of encoding.
            self._session.rollback()
            logger.warning("progress not recorded", extra={"upload": str(self._upload_id)})


def _record_failure(
    session: Session, upload_id: UUID, code: str, facts: dict[str, int | str], now: Callable[[], datetime]
) -> None:
    session.rollback()
    session.execute(
        sa.update(Upload)
        .where(Upload.id == upload_id, Upload.state.not_in([UploadState.DONE, UploadState.PLACING]))
        .values(state=UploadState.FAILED, error_code=code, error_facts=facts, updated_at=now())
    )
    session.commit()
    logger.warning("upload failed", extra={"upload": str(upload_id), "code": code})


@contextmanager
def _alone(upload_id: str) -> Iterator[None]:
    """Hold the upload for this worker: a lock of the database's session, which ends with a killed process."""
    key = {"key": f"upload {upload_id}"}
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        got = connection.execute(sa.text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))"), key).scalar_one()
        if not got:
            raise StillWorking(f"upload {upload_id} is being packaged by another worker")
        try:
            yield
        finally:
            connection.execute(sa.text("SELECT pg_advisory_unlock(hashtextextended(:key, 0))"), key)
