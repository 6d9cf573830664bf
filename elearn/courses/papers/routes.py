"""The doors that a phone talks to while a test runs: keep answers, hand in. JSON both ways, safe to send again."""

from __future__ import annotations

from uuid import UUID

import msgspec
from flask import Blueprint, jsonify, url_for
from flask.typing import ResponseReturnValue

from elearn.clock import to_ms, utcnow
from elearn.courses.papers import attempts
from elearn.courses.papers.attempts import Given
from elearn.db import db
from elearn.people.callers import current_person_id
from elearn.people.permissions import SIGNED_IN
from elearn.web import allow, read_json

bp = Blueprint("tests", __name__)


class Answers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the phone has and the server may not have yet."""

    answers: list[Given]


@bp.post("/tests/attempts/<uuid:attempt_id>/answers")
@allow(SIGNED_IN)
def save_answers(attempt_id: UUID) -> ResponseReturnValue:
    """Keep answers. Answers which of each question is kept, so that the phone knows what it may forget."""
    now = utcnow()
    try:
        kept = attempts.save(db.session(), attempt_id, current_person_id(), read_json(Answers).answers, at=now)
    except attempts.Closed:
        db.session.commit()  # that time ran out is what was found
        raise
    db.session.commit()
    return jsonify(kept={str(place): n for place, n in kept.items()}, now_ms=to_ms(now)), {"Cache-Control": "no-store"}


@bp.post("/tests/attempts/<uuid:attempt_id>/submit")
@allow(SIGNED_IN)
def submit(attempt_id: UUID) -> ResponseReturnValue:
    """Hand in. A second time, from another tab or after an answer got lost, answers the same."""
    attempts.submit(db.session(), attempt_id, current_person_id(), read_json(Answers).answers, at=utcnow())
    db.session.commit()
    result = url_for("elearn.pages.test_attempt", attempt_id=attempt_id)
    return jsonify(closed=True, result=result), {"Cache-Control": "no-store"}
