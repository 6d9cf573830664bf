"""The machine doors of `people`; pages for signing in stand in `pages`."""

from __future__ import annotations

import msgspec
from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.people import devices
from elearn.people.callers import current_person_id
from elearn.people.permissions import SIGNED_IN

bp = Blueprint("people", __name__)


class Enrolment(msgspec.Struct, forbid_unknown_fields=True):
    jwk: devices.PublicJwk
    agreement: devices.Agreement | None = None


@bp.post("/devices")
@web.allow(SIGNED_IN)
def enrol_device() -> ResponseReturnValue:
    """Enrol this browser's public keys; 201 with the signing one's thumbprint, also when it is known already."""
    sent = web.read_json(Enrolment)
    name = devices.enrol(db.session(), current_person_id(), sent.jwk, at=utcnow(), agreement=sent.agreement)
    db.session.commit()
    return jsonify(thumbprint=name), 201
