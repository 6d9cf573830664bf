"""The sitting's door (docs/player-protocol.md): each view reads, makes one call, commits once, answers.

Here a sitting is opened, reported to and closed. `check_routes.py` asks for presence, `media_routes.py` hands out what
is played and read; all three stand on `doorway.py`.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from flask import jsonify, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from elearn import web
from elearn.clock import to_ms, utcnow
from elearn.courses import catalogue
from elearn.db import db
from elearn.errors import Conflict, Forbidden, NotFound
from elearn.people import devices, persons, registry
from elearn.people.callers import current_person_id
from elearn.people.permissions import LEARNER
from elearn.runtime import runtime
from elearn.tracking import addresses, described, ingest, page_rules, policies, sittings
from elearn.tracking.doorway import bp, presence_secret, state_of, token_of, tokens, touch
from elearn.tracking.messages import MAX_BODY_BYTES, Message, Nothing, OpenRequest, read_reports
from elearn.tracking.signals import clients
from elearn.tracking.standing import store
from elearn.tracking.tokens import Token


@bp.post("/sittings")
@web.allow(LEARNER)
def open_sitting() -> ResponseReturnValue:
    """Open a sitting; an older live one of this learner ends."""
    sent = web.read_json(OpenRequest)
    session, person_id, now = db.session(), current_person_id(), utcnow()
    facts = catalogue.unit_facts(session, sent.unit)
    admission = catalogue.may_study(session, person_id, sent.unit, on=registry.local_day(now))
    if admission is None:
        raise Forbidden("You are not enrolled in a class with this lesson.", code="not_enrolled")
    if not facts.kind.earns_online:
        raise Forbidden("This is practised on site: hours of it come from attendance.", code="on_site")
    policy = policies.in_force(admission.class_id)
    if sent.device is not None:
        _device_key(session, person_id, sent.device)
    pseudonym = persons.pseudonym(session, person_id)
    locked = sittings.open_sitting(
        session,
        learner_id=person_id,
        unit_id=sent.unit,
        class_id=admission.class_id,
        device=sent.device,
        actor=pseudonym,
        cm_ms=sent.cm,
        player=sent.player,
        policy=policy,
        presence_secret=presence_secret(),
        now_ms=to_ms(now),
    )
    clients.record(
        session,
        sitting_id=locked.sitting_id,
        learner_id=person_id,
        device=sent.device,
        opened_ms=locked.opened_ms,
        address=request.remote_addr,
        user_agent=request.user_agent.string,
        client=sent.client,
        secret=clients.secret_of(runtime().settings.secret_key),
    )
    state = state_of(session, locked, facts, policy)
    described.describe(session, [(facts.id, facts.kind, facts.title)], at=now)
    session.commit()
    public_url = runtime().settings.public_url
    taken_until_ms = locked.expires_ms + policy.late_age_ms
    token = Token(locked.sitting_id, person_id, sent.unit, sent.device, taken_until_ms)
    opening = {
        "sid": str(locked.sitting_id),
        "token": tokens().write(token),
        "actor": addresses.actor(public_url, pseudonym),
        "activity": addresses.activity(public_url, facts),
        "unit": str(facts.id),
        "title": facts.title,
        "duration_ms": facts.duration_ms,
        "start_ms": facts.start_offset_ms,
        "heartbeat_ms": policy.heartbeat_ms,
        "rate_max_permille": policy.rate_max_permille,
        "delta_ms": policy.delta_ms,
        "hidden_grace_ms": policy.hidden_grace_ms,
        "gap_max_ms": policy.gap_max_ms,
        "pend_max_ms": policy.pend_max_ms,
        "late_day_ms": policy.late_day_ms,
        "licence_ms": policy.licence_ms,
        "playlist": url_for("elearn.tracking.master_playlist", sitting_id=locked.sitting_id),
        "poster": addresses.poster_url(facts),
        "expires_ms": locked.expires_ms,
    }
    if facts.kind.paged:
        opening |= {
            "rate_max_permille": page_rules.at_rate_one(policy).rate_max_permille,
            "licence_ms": 0,
            "playlist": None,
            "poster": None,
            "page_idle_ms": policy.page_idle_ms,
            "pages": [[block.start_ms, block.end_ms] for block in facts.blocks],
        }
    return jsonify(opening | state), 201


@bp.post("/sittings/<uuid:sitting_id>/reports")
@web.allow(LEARNER)
def report(sitting_id: UUID) -> ResponseReturnValue:
    """Take what the player says it played: stored, judged and answered in one transaction."""
    request.max_content_length = MAX_BODY_BYTES
    now = utcnow()
    token = token_of(sitting_id, now)
    message = web.read_json(Message)
    if message.sid != str(sitting_id):
        raise Forbidden("The message belongs to another sitting.", code="bad_token")
    session = db.session()
    key = None if token.device is None else _device_key(session, token.learner_id, token.device)
    arrived = read_reports(message, key)
    facts = catalogue.unit_facts(session, token.unit_id)
    locked, policy = touch(session, token.learner_id, sitting_id, now)
    if message.nonce not in locked.nonces:
        raise Conflict("Sign the message again with the newest nonce.", code="stale_nonce")
    sittings.issue_nonce(locked)
    unit, results = ingest.receive(
        session,
        locked,
        arrived,
        facts=facts,
        whose=addresses.whose(runtime().settings.public_url, locked.actor, locked.unit_id),
        nonce=message.nonce,
        policy=policy,
        heard_at=now,
    )
    state = sittings.state_block(locked, unit, facts.duration_ms, policy)
    session.commit()
    return jsonify(state | {"acknowledged": locked.seq, "results": [result.as_json() for result in results]})


@bp.get("/sittings/<uuid:sitting_id>")
@web.allow(LEARNER)
def state(sitting_id: UUID) -> ResponseReturnValue:
    """Where the learner stands in this sitting's unit."""
    now = utcnow()
    token = token_of(sitting_id, now)
    return _touched(db.session(), token, now)


@bp.post("/sittings/<uuid:sitting_id>/close")
@web.allow(LEARNER)
def close(sitting_id: UUID) -> ResponseReturnValue:
    """End the sitting; a second time changes nothing."""
    now = utcnow()
    token = token_of(sitting_id, now)
    web.read_json(Nothing)
    return _touched(db.session(), token, now, closing=True)


def _device_key(session: Session, person_id: UUID, thumbprint: str) -> EllipticCurvePublicKey:
    """The key that signs. Raises Forbidden: never enrolled or revoked; the player enrols again and tries once more."""
    try:
        return devices.public_key(session, person_id, thumbprint)
    except NotFound as error:
        raise Forbidden("This device is not enrolled.", code="bad_signature") from error


def _touched(session: Session, token: Token, now: datetime, *, closing: bool = False) -> ResponseReturnValue:
    """The state block, with a new nonce, after whatever became due meanwhile."""
    locked, policy = touch(session, token.learner_id, token.sitting_id, now)
    if closing:
        sittings.close(locked)
    sittings.issue_nonce(locked)
    store(session, locked)
    told = state_of(session, locked, catalogue.unit_facts(session, locked.unit_id), policy)
    session.commit()
    return jsonify(told)
