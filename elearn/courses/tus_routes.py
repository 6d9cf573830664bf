"""The door of resumable uploads: tus.io protocol 1.0.0 for a lesson's video.

    POST   /courses/lessons/<lesson>/arriving   Upload-Length, Upload-Metadata: 201 and where the pieces go
    HEAD   /courses/arriving/<id>               Upload-Offset: where to go on
    PATCH  /courses/arriving/<id>               a piece at Upload-Offset: 204, or 409 when the file ends elsewhere
    DELETE /courses/arriving/<id>               give it up

When the last byte is here, an upload of the same id stands for it, whose progress `/courses/uploads/<id>` tells. A
client that never got that answer asks where to go on, and is told: nowhere, all is here.
"""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from elearn.clock import utcnow
from elearn.courses import arriving, teaching, tus, uploads
from elearn.courses.arriving import Gone, WrongChecksum
from elearn.courses.routes import largest_video
from elearn.courses.upload_models import ArrivingFile
from elearn.db import db
from elearn.errors import Malformed
from elearn.people.callers import require_caller
from elearn.people.models import Role
from elearn.people.permissions import MANAGER, scope_of
from elearn.runtime import runtime
from elearn.web import allow, refuse

bp = Blueprint("arriving", __name__)

CHECKSUM_MISMATCH = 460
METHODS = ["HEAD", "PATCH", "DELETE", "POST", "OPTIONS"]


@bp.after_request
def speak(response: Response) -> Response:
    """Core, Tus-Resumable: in every answer, whatever it is; caches keep none of them."""
    response.headers["Tus-Resumable"] = tus.VERSION
    response.headers["Cache-Control"] = "no-store"
    if response.status_code == 412:
        response.headers["Tus-Version"] = tus.VERSION
    return response


@bp.errorhandler(WrongChecksum)
def on_wrong_checksum(error: WrongChecksum) -> Response:
    """Checksum: 460, a status of the protocol's own."""
    response = refuse(error)
    response.status_code = CHECKSUM_MISMATCH
    return response


@bp.errorhandler(Gone)
def on_gone(error: Gone) -> Response:
    """Expiration: 410, for what was known once."""
    response = refuse(error)
    response.status_code = 410
    return response


@bp.route("/courses/lessons/<uuid:lesson_id>/arriving", methods=["POST", "OPTIONS"], provide_automatic_options=False)
@allow(MANAGER)
def begin_video(lesson_id: UUID) -> ResponseReturnValue:
    """Creation: room for a file of Upload-Length bytes."""
    if request.method == "OPTIONS":
        return _abilities()
    teaching.own_lesson(db.session(), lesson_id, _acting())
    tus.require_version(request.headers.get("Tus-Resumable"))
    if "Upload-Defer-Length" in request.headers:
        raise Malformed("The length of the file must be known at the beginning.", code="tus_header")
    made = arriving.begin(
        db.session(),
        lesson_id,
        file_name=tus.metadata(request.headers.get("Upload-Metadata")).get("filename", ""),
        length=tus.count("Upload-Length", request.headers.get("Upload-Length")),
        limit=largest_video(),
        data_dir=runtime().settings.data_dir,
        acting=_acting(),
        at=utcnow(),
    )
    db.session.commit()
    where = url_for("elearn.arriving.video_piece", file_id=made.id)
    return "", 201, {"Location": where, "Upload-Expires": tus.expires(made.expires_at)}


@bp.route("/courses/arriving/<uuid:file_id>", methods=METHODS, provide_automatic_options=False)
@allow(MANAGER)
def video_piece(file_id: UUID) -> ResponseReturnValue:
    """What the method says; a POST says it in X-HTTP-Method-Override, for networks that know no other method."""
    method = request.headers.get("X-HTTP-Method-Override", request.method).upper()
    if method == "OPTIONS":
        return _abilities()
    # What changes something came by a method that asks for the page's token, whatever it says it is.
    if request.method == "POST" or method == request.method:
        does = {"HEAD": _where_to_go_on, "GET": _where_to_go_on, "PATCH": _take, "DELETE": _give_up}.get(method)
        if does is not None:
            tus.require_version(request.headers.get("Tus-Resumable"))
            return does(file_id)
    raise Malformed("A piece comes by PATCH.", code="tus_method")


def _where_to_go_on(file_id: UUID) -> ResponseReturnValue:
    file = _own(file_id)
    offset = arriving.arrived(file, runtime().settings.data_dir)
    if offset == file.length_bytes and file.arrived_at is None:
        # All is here, and whoever sent the last piece was stopped before recording it.
        _finish(file_id)
    return "", 200, {**_told(file, offset), "Upload-Length": str(file.length_bytes)}


def _take(file_id: UUID) -> ResponseReturnValue:
    tus.require_pieces(request.content_type)
    offset = tus.count("Upload-Offset", request.headers.get("Upload-Offset"))
    checksum = tus.checksum(request.headers.get("Upload-Checksum"))
    request.max_content_length = largest_video() + 1
    data_dir = runtime().settings.data_dir
    file = _own(file_id)
    if offset != arriving.arrived(file, data_dir):
        raise arriving.elsewhere()
    length = file.length_bytes
    if file.arrived_at is None:
        # A slow line takes minutes: nobody's connection to the database waits for it.
        db.session.rollback()
        try:
            offset = arriving.append(
                arriving.part_path(data_dir, file_id),
                request.stream,
                offset=offset,
                length=length,
                announced=request.content_length,
                checksum=checksum,
            )
        except Malformed as error:
            if error.error_code == "not_a_video":
                arriving.give_up(db.session(), _own(file_id, lock=True), data_dir)
                db.session.commit()
            raise
        file = _own(file_id, lock=True)
        file.expires_at = utcnow() + arriving.KEPT_FOR
        db.session.commit()
    if offset == length:
        _finish(file_id)
    return "", 204, _told(file, offset)


def _give_up(file_id: UUID) -> ResponseReturnValue:
    arriving.give_up(db.session(), _own(file_id, lock=True), runtime().settings.data_dir)
    db.session.commit()
    return "", 204


def _finish(file_id: UUID) -> None:
    data_dir = runtime().settings.data_dir
    arriving.finish(db.session(), _own(file_id, lock=True), data_dir, at=utcnow())
    try:
        db.session.commit()
    except BaseException:
        # Not recorded, so not arrived: the next HEAD tries again.
        source = uploads.source_path(data_dir, file_id)
        if source.exists():
            source.rename(arriving.part_path(data_dir, file_id))
        raise


def _own(file_id: UUID, *, lock: bool = False) -> ArrivingFile:
    return arriving.own_file(db.session(), file_id, _acting(), at=utcnow(), lock=lock)


def _told(file: ArrivingFile, offset: int) -> dict[str, str]:
    told = {"Upload-Offset": str(offset)}
    if file.arrived_at is None and offset < file.length_bytes:
        told["Upload-Expires"] = tus.expires(file.expires_at)
    return told


def _abilities() -> ResponseReturnValue:
    """Core, OPTIONS."""
    return "", 204, {
        "Tus-Version": tus.VERSION,
        "Tus-Extension": tus.EXTENSIONS,
        "Tus-Max-Size": str(largest_video()),
        "Tus-Checksum-Algorithm": ",".join(tus.DIGESTS),
    }  # fmt: skip


def _acting() -> frozenset[UUID]:
    return scope_of(require_caller(), Role.INSTITUTION_MANAGER)
