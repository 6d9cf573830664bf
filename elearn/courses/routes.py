"""The doors of this package: sending a video, watching its preparation, and the packaged files."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, current_app, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from elearn.clock import utcnow
from elearn.courses import delivery, preview, subtitles, teaching, uploads
from elearn.courses.upload_models import Upload
from elearn.db import db, new_id
from elearn.locale import gettext
from elearn.people.callers import require_caller
from elearn.people.models import Role
from elearn.people.permissions import ANYBODY, MANAGER, SIGNED_IN, TEACHER, scope_of
from elearn.runtime import runtime
from elearn.web import allow
from media.playlist import master_playlist

bp = Blueprint("courses", __name__)

LIMIT_KEY = "ELEARN_UPLOAD_BYTES"
"""Key of the application's config: the largest video taken, in bytes; default `uploads.MAX_UPLOAD_BYTES`."""


def largest_video() -> int:
    """In bytes."""
    return int(current_app.config.get(LIMIT_KEY, uploads.MAX_UPLOAD_BYTES))


@bp.post("/courses/lessons/<uuid:lesson_id>/video")
@allow(MANAGER)
def send_video(lesson_id: UUID) -> ResponseReturnValue:
    """Take a video: the request's body is the file itself, `?name=` what its sender calls it."""
    limit = largest_video()
    # One more, so that our own count answers and not a closed connection.
    request.max_content_length = limit + 1
    teaching.own_lesson(db.session(), lesson_id, _acting())
    # A big file on a slow line takes an hour: nobody's connection to the database waits for it.
    db.session.rollback()
    settings, upload_id = runtime().settings, new_id()
    target = uploads.source_path(settings.data_dir, upload_id)
    size = uploads.store(request.stream, target, announced=request.content_length, limit=limit)
    try:
        upload = uploads.register(
            db.session(),
            upload_id=upload_id,
            lesson_id=lesson_id,
            file_name=request.args.get("name", ""),
            size_bytes=size,
            at=utcnow(),
        )
        db.session.commit()
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return jsonify(_state(upload)), 201


@bp.get("/courses/uploads/<uuid:upload_id>")
@allow(MANAGER)
def upload_progress(upload_id: UUID) -> ResponseReturnValue:
    """How far the preparation of a video is; the page asks every second or two."""
    return jsonify(_state(uploads.own_upload(db.session(), upload_id, _acting()))), {"Cache-Control": "no-store"}


@bp.post("/courses/uploads/<uuid:upload_id>/again")
@allow(MANAGER)
def try_upload_again(upload_id: UUID) -> ResponseReturnValue:
    """Prepare a video once more from the file that was kept."""
    upload = uploads.again(db.session(), upload_id, acting=_acting(), at=utcnow())
    db.session.commit()
    return jsonify(_state(upload)), 202


@bp.get("/courses/subtitles/<uuid:subtitle_id>.vtt")
@allow(SIGNED_IN)
def subtitle_file(subtitle_id: UUID) -> ResponseReturnValue:
    """Subtitles, for whoever may study or teaches the lesson; a version never changes."""
    caller = require_caller()
    text, etag = subtitles.file_for(db.session(), subtitle_id, caller.person_id, _teaching())
    response = Response(text, content_type="text/vtt; charset=utf-8")
    response.set_etag(etag)
    response.cache_control.private = True
    response.cache_control.max_age = 24 * 3600
    return response.make_conditional(request)


@bp.get("/courses/units/<uuid:unit_id>/preview.m3u8")
@allow(TEACHER)
def preview_master(unit_id: UUID) -> ResponseReturnValue:
    """The renditions of a unit, for those who teach it: no sitting stands behind it, so nothing is earned."""
    manifest = preview.manifest_of(db.session(), unit_id, _teaching(), runtime().settings.media_dir)
    return delivery.playlist(
        master_playlist(
            manifest,
            lambda name: url_for("elearn.courses.preview_rendition", unit_id=unit_id, rendition=name),
        )
    )


@bp.get("/courses/units/<uuid:unit_id>/preview/<rendition>.m3u8")
@allow(TEACHER)
def preview_rendition(unit_id: UUID, rendition: str) -> ResponseReturnValue:
    """The segments of one rendition."""
    manifest = preview.manifest_of(db.session(), unit_id, _teaching(), runtime().settings.media_dir)
    return delivery.playlist(
        delivery.rendition(
            manifest, rendition, lambda index: url_for("elearn.courses.preview_key", unit_id=unit_id, index=index)
        )
    )


@bp.get("/courses/units/<uuid:unit_id>/preview/keys/<int:index>")
@allow(TEACHER)
def preview_key(unit_id: UUID, index: int) -> ResponseReturnValue:
    """The key of one block, for those who teach the unit."""
    key = preview.key_of(db.session(), unit_id, index, _teaching(), runtime().settings.sealing_key)
    return Response(key, mimetype="application/octet-stream", headers={"Cache-Control": "no-store"})


@bp.get("/media/<content_hash>/<path:path>")
@allow(ANYBODY)
def media_file(content_hash: str, path: str) -> ResponseReturnValue:
    """One packaged file."""
    return delivery.serve(runtime().settings.media_dir, content_hash, path)


def _teaching() -> frozenset[UUID]:
    return scope_of(require_caller(), Role.TEACHER, Role.INSTITUTION_MANAGER)


def _acting() -> frozenset[UUID]:
    return scope_of(require_caller(), Role.INSTITUTION_MANAGER)


def _state(upload: Upload) -> dict[str, object]:
    problem = uploads.problem_text(upload)
    return {
        "id": str(upload.id),
        "lesson": str(upload.lesson_id),
        "file_name": upload.file_name,
        "bytes": upload.size_bytes,
        "state": upload.state.value,
        "stage": upload.stage,
        "progress_permille": upload.progress_permille,
        "error": upload.error_code,
        "detail": gettext(problem) if problem else None,
        "may_try_again": upload.error_code in uploads.TRY_AGAIN,
        "unit": str(upload.unit_id) if upload.unit_id else None,
    }
