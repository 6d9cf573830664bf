"""Presence checks at the sitting's door: asked for, answered; errands to other services between two transactions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from flask import jsonify
from flask.typing import ResponseReturnValue
from msgspec import UNSET

from elearn import web
from elearn.clock import to_ms, utcnow
from elearn.courses import catalogue
from elearn.db import db
from elearn.outgoing import OutOfOrder
from elearn.people.permissions import LEARNER
from elearn.people.signin import signed_in_at
from elearn.tracking import asking, checks, providers, sittings
from elearn.tracking.doorway import bp, presence_secret, state_of, token_of, touch
from elearn.tracking.messages import Nothing
from elearn.tracking.providers.said import AskRequest, Said
from elearn.tracking.standing import store
from elearn.tracking.tokens import Token

T = TypeVar("T")


@bp.post("/sittings/<uuid:sitting_id>/checks")
@web.allow(LEARNER)
def ask(sitting_id: UUID) -> ResponseReturnValue:
    """Put the learner a check: it is due, or asked for. The time to answer starts now."""
    now = utcnow()
    token = token_of(sitting_id, now)
    asked = web.read_json(AskRequest)
    session, ways = db.session(), providers.ways(presence_secret())
    locked, policy = touch(session, token.learner_id, sitting_id, now)
    method = None if asked.method is UNSET else asked.method
    given_at = signed_in_at(session)
    handed = asking.hand_out(
        session,
        locked,
        policy,
        secret=presence_secret(),
        ways=ways,
        method=method,
        signed_in_ms=None if given_at is None else to_ms(given_at),
    )
    store(session, locked)
    shown = asking.as_shown(session, handed, ways)
    session.commit()
    if handed.errand is not None:
        _run(handed.errand, token, handed.check.id, now)
        locked, _policy = touch(session, token.learner_id, sitting_id, now)
        checks.sent(session, locked, handed.check.id)
        session.commit()
    return jsonify(check=shown), 201


@bp.post("/sittings/<uuid:sitting_id>/checks/<uuid:check_id>")
@web.allow(LEARNER)
def answer(sitting_id: UUID, check_id: UUID) -> ResponseReturnValue:
    """Judge an answer; what was pending becomes final, or falls back."""
    now = utcnow()
    token = token_of(sitting_id, now)
    said = web.read_json(Said)
    session, ways, found = db.session(), providers.ways(presence_secret()), None
    locked, policy = touch(session, token.learner_id, sitting_id, now)
    errand = checks.look(session, locked, check_id, said, ways)
    if errand is not None:
        session.commit()
        found = _run(errand, token, check_id, now)
        locked, policy = touch(session, token.learner_id, sitting_id, now)
    answered = checks.answer(session, locked, check_id, said, secret=presence_secret(), ways=ways, found=found)
    sittings.issue_nonce(locked)
    store(session, locked)
    facts = catalogue.unit_facts(session, locked.unit_id)
    told = state_of(session, locked, facts, policy)
    session.commit()
    return jsonify(told | {"outcome": answered.outcome, "tries_left": answered.tries_left})


@bp.post("/sittings/<uuid:sitting_id>/checks/<uuid:check_id>/task")
@web.allow(LEARNER)
def task(sitting_id: UUID, check_id: UUID) -> ResponseReturnValue:
    """What the learner must do before the camera, told only now that it runs."""
    now = utcnow()
    token = token_of(sitting_id, now)
    web.read_json(Nothing)
    session, ways = db.session(), providers.ways(presence_secret())
    locked, _policy = touch(session, token.learner_id, sitting_id, now)
    told = checks.ask_now(session, locked, check_id, ways)
    session.commit()
    return jsonify(task=told)


def _run(errand: Callable[[], T], token: Token, check_id: UUID, now: datetime) -> T:
    """Do a check's errand with no lock and no connection held. Raises OutOfOrder, the check then withdrawn."""
    try:
        return errand()
    except OutOfOrder:
        session = db.session()
        locked, _policy = touch(session, token.learner_id, token.sitting_id, now)
        checks.give_up(session, locked, check_id)
        store(session, locked)
        session.commit()
        raise
