"""What is played and read, at the pace of watching: playlists, keys, pages, and all keys at once for a download."""

from __future__ import annotations

from uuid import UUID

from flask import Response, jsonify, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses import catalogue, page_text, page_units
from elearn.courses.catalogue import UnitFacts
from elearn.courses.delivery import playlist
from elearn.db import db
from elearn.errors import NotFound
from elearn.locale import gettext as _
from elearn.people.callers import current_person_id
from elearn.people.permissions import LEARNER
from elearn.runtime import runtime
from elearn.tracking import addresses, delivery, licences, page_views, sittings
from elearn.tracking.doorway import bp, state_of, token_of, touch
from elearn.tracking.messages import Nothing
from elearn.tracking.standing import store


@bp.get("/sittings/<uuid:sitting_id>/master.m3u8")
@web.allow(LEARNER)
def master_playlist(sitting_id: UUID) -> ResponseReturnValue:
    """The renditions of this sitting's unit."""
    return playlist(addresses.master(_facts_of(sitting_id), sitting_id))


@bp.get("/sittings/<uuid:sitting_id>/<rendition>.m3u8")
@web.allow(LEARNER)
def rendition_playlist(sitting_id: UUID, rendition: str) -> ResponseReturnValue:
    """The segments of one rendition; its keys come from this sitting."""
    return playlist(addresses.rendition(_facts_of(sitting_id), sitting_id, rendition))


@bp.get("/sittings/<uuid:sitting_id>/keys/<int:index>")
@web.allow(LEARNER)
def key(sitting_id: UUID, index: int) -> ResponseReturnValue:
    """The key of one block, when watching has got there; giving it is the delivery record."""
    session, person_id = db.session(), current_person_id()
    locked, policy = touch(session, person_id, sitting_id, utcnow())
    facts = catalogue.unit_facts(session, locked.unit_id)
    too_early = delivery.release(session, locked, facts, index, policy)
    if too_early is not None:
        session.commit()
        response = _not_yet(too_early)
    else:
        opened = catalogue.block_key(session, facts.id, index, runtime().settings.sealing_key)
        session.commit()
        response = Response(opened, mimetype="application/octet-stream")
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.get("/sittings/<uuid:sitting_id>/pages/<int:index>")
@web.allow(LEARNER)
def show_page(sitting_id: UUID, index: int) -> ResponseReturnValue:
    """A page of a unit of pages, when all before it is read: it is shown from now on, and its time begins."""
    now = utcnow()
    token = token_of(sitting_id, now)
    session = db.session()
    locked, policy = touch(session, token.learner_id, sitting_id, now)
    facts = catalogue.unit_facts(session, locked.unit_id)
    too_early = page_views.show(session, locked, facts, index, policy)
    if too_early is not None:
        session.commit()
        response = _not_yet(too_early)
    else:
        page, block = page_units.page(session, facts.id, index), facts.blocks[index]
        session.commit()
        picture = url_for("elearn.tracking.page_image", sitting_id=sitting_id, index=index)
        response = jsonify(
            index=index,
            start_ms=block.start_ms,
            end_ms=block.end_ms,
            title=page.title,
            html=page_text.as_html(page.text),
            image=picture if page.has_image else None,
        )
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.get("/sittings/<uuid:sitting_id>/pages/<int:index>/image")
@web.allow(LEARNER)
def page_image(sitting_id: UUID, index: int) -> ResponseReturnValue:
    """The picture of a page that was shown to this learner."""
    session, person_id = db.session(), current_person_id()
    unit_id = sittings.unit_of(session, person_id, sitting_id)
    if not page_views.was_delivered(session, person_id, unit_id, index):
        raise NotFound("There is no such file.")
    picture = page_units.image(session, unit_id, index)
    response = Response(picture.data, mimetype=picture.type)
    response.headers["Cache-Control"] = "private, max-age=3600"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@bp.post("/sittings/<uuid:sitting_id>/licence")
@web.allow(LEARNER)
def licence(sitting_id: UUID) -> ResponseReturnValue:
    """All keys of the sitting's unit, sealed to its device: the lesson can be taken along."""
    now = utcnow()
    token = token_of(sitting_id, now)
    web.read_json(Nothing)
    session = db.session()
    locked, policy = touch(session, token.learner_id, sitting_id, now)
    granted = licences.grant(session, locked, policy)
    keys = catalogue.block_keys(session, locked.unit_id, runtime().settings.sealing_key)
    sittings.issue_nonce(locked)
    store(session, locked)
    told = state_of(session, locked, catalogue.unit_facts(session, locked.unit_id), policy)
    session.commit()
    response = jsonify(told | {"licence": licences.seal(granted, keys)})
    response.headers["Cache-Control"] = "no-store"
    return response, 201


def _not_yet(too_early: delivery.TooEarly) -> Response:
    response = jsonify(error=too_early.reason, detail=_("Watching has not got to this part yet."))
    response.status_code = 425
    response.headers["Retry-After"] = str(too_early.retry_after_s)
    return response


def _facts_of(sitting_id: UUID) -> UnitFacts:
    """The unit of one of the caller's own sittings."""
    session = db.session()
    return catalogue.unit_facts(session, sittings.unit_of(session, current_person_id(), sitting_id))
