"""The narrow door: playlists, keys and subtitles of units that are open to everybody, and of no other unit.

The sitting's door gives keys at the pace of watching and writes each down; here nothing is written, so nothing can be
believed. One address asks so often in a quarter of an hour and no more: a village behind one address of its telephone
company watches, a program that fetches everything waits.
"""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from elearn.clock import utcnow
from elearn.courses import delivery
from elearn.courses.public import watching
from elearn.db import db
from elearn.people.permissions import ANYBODY
from elearn.people.signin import counted_tries
from elearn.runtime import runtime
from elearn.web import allow
from media.manifest import Manifest
from media.playlist import master_playlist

bp = Blueprint("public", __name__)

MOST = 6000
"""Requests of one address in a quarter of an hour: some two hundred people who watch at once need as many keys."""


@bp.get("/public/units/<uuid:unit_id>/master.m3u8")
@allow(ANYBODY)
def public_master(unit_id: UUID) -> ResponseReturnValue:
    """The renditions of an open unit."""
    manifest = _manifest(unit_id)
    return delivery.playlist(
        master_playlist(
            manifest, lambda name: url_for("elearn.public.public_rendition", unit_id=unit_id, rendition=name)
        )
    )


@bp.get("/public/units/<uuid:unit_id>/<rendition>.m3u8")
@allow(ANYBODY)
def public_rendition(unit_id: UUID, rendition: str) -> ResponseReturnValue:
    """The segments of one rendition."""
    manifest = _manifest(unit_id)
    return delivery.playlist(
        delivery.rendition(
            manifest, rendition, lambda index: url_for("elearn.public.public_key", unit_id=unit_id, index=index)
        )
    )


@bp.get("/public/units/<uuid:unit_id>/keys/<int:index>")
@allow(ANYBODY)
def public_key(unit_id: UUID, index: int) -> ResponseReturnValue:
    """The key of one block of an open unit. No delivery is recorded: none was made to anybody."""
    _count()
    key = watching.key_of(db.session(), unit_id, index, runtime().settings.sealing_key)
    return Response(key, mimetype="application/octet-stream", headers={"Cache-Control": "no-store"})


@bp.get("/public/subtitles/<uuid:subtitle_id>.vtt")
@allow(ANYBODY)
def public_subtitles(subtitle_id: UUID) -> ResponseReturnValue:
    """Subtitles of an open unit; a version never changes."""
    _count()
    text, etag = watching.subtitles_of(db.session(), subtitle_id)
    response = Response(text, content_type="text/vtt; charset=utf-8")
    response.set_etag(etag)
    response.cache_control.public = True
    response.cache_control.max_age = 3600
    return response.make_conditional(request)


def _count() -> None:
    """Raises TooMany."""
    counted_tries().count_address("public", request.remote_addr, MOST, now=utcnow())


def _manifest(unit_id: UUID) -> Manifest:
    _count()
    return watching.manifest_of(db.session(), unit_id, runtime().settings.media_dir)
