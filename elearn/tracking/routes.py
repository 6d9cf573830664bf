"""The sitting's door (docs/player-protocol.md): each view reads, makes one call, commits once, answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from flask import Blueprint, Response, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from msgspec import UNSET
from sqlalchemy.orm import Session

from elearn import web
from elearn.clock import to_ms, utcnow
from elearn.courses import catalogue, page_text, page_units
from elearn.courses.catalogue import UnitFacts
from elearn.courses.models import UnitKind
from elearn.db import db
from elearn.errors import Conflict, Forbidden, NotFound
from elearn.locale import gettext as _
from elearn.people import devices, persons, registry
from elearn.people.callers import current_person_id
from elearn.people.permissions import LEARNER
from elearn.runtime import runtime
from elearn.tracking import (
    addresses,
    asking,
    checks,
    delivery,
    ingest,
    licences,
    page_rules,
    page_views,
    policies,
    providers,
    sittings,
)
from elearn.tracking.messages import (
    MAX_BODY_BYTES,
    Message,
    Nothing,
    OpenRequest,
    read_reports,
)
from elearn.tracking.policy import Policy
from elearn.tracking.providers.provider import OutOfOrder
from elearn.tracking.providers.said import AskRequest, Said
from elearn.tracking.signals import clients
from elearn.tracking.standing import Locked, read_unit, store
from elearn.tracking.tokens import Token, Tokens

bp = Blueprint("tracking", __name__)

PLAYLIST = "application/vnd.apple.mpegurl"
T = TypeVar("T")


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
    policy, _digest = policies.in_force(admission.class_id)
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
        presence_secret=_presence_secret(),
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
    state = _state(session, locked, facts, policy)
    session.commit()
    public_url = runtime().settings.public_url
    taken_until_ms = locked.expires_ms + policy.late_age_ms
    token = Token(locked.sitting_id, person_id, sent.unit, sent.device, taken_until_ms)
    opening = {
        "sid": str(locked.sitting_id),
        "token": _tokens().write(token),
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
    if facts.kind is UnitKind.PAGES:
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
    token = _token(sitting_id, now)
    message = web.read_json(Message)
    if message.sid != str(sitting_id):
        raise Forbidden("The message belongs to another sitting.", code="bad_token")
    session = db.session()
    key = None if token.device is None else _device_key(session, token.learner_id, token.device)
    arrived = read_reports(message, key)
    facts = catalogue.unit_facts(session, token.unit_id)
    locked, policy = _touch(session, token.learner_id, sitting_id, now)
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
    token = _token(sitting_id, now)
    return _touched(db.session(), token, now)


@bp.post("/sittings/<uuid:sitting_id>/close")
@web.allow(LEARNER)
def close(sitting_id: UUID) -> ResponseReturnValue:
    """End the sitting; a second time changes nothing."""
    now = utcnow()
    token = _token(sitting_id, now)
    web.read_json(Nothing)
    return _touched(db.session(), token, now, closing=True)


@bp.post("/sittings/<uuid:sitting_id>/checks")
@web.allow(LEARNER)
def ask(sitting_id: UUID) -> ResponseReturnValue:
    """Put the learner a check: it is due, or asked for. The time to answer starts now."""
    now = utcnow()
    token = _token(sitting_id, now)
    asked = web.read_json(AskRequest)
    session, ways = db.session(), providers.ways(_presence_secret())
    locked, policy = _touch(session, token.learner_id, sitting_id, now)
    method = None if asked.method is UNSET else asked.method
    handed = asking.hand_out(session, locked, policy, secret=_presence_secret(), ways=ways, method=method)
    store(session, locked)
    shown = asking.as_shown(session, handed, ways)
    session.commit()
    if handed.errand is not None:
        _run(handed.errand, token, handed.check.id, now)
        locked, _policy = _touch(session, token.learner_id, sitting_id, now)
        checks.sent(session, locked, handed.check.id)
        session.commit()
    return jsonify(check=shown), 201


@bp.post("/sittings/<uuid:sitting_id>/checks/<uuid:check_id>")
@web.allow(LEARNER)
def answer(sitting_id: UUID, check_id: UUID) -> ResponseReturnValue:
    """Judge an answer; what was pending becomes final, or falls back."""
    now = utcnow()
    token = _token(sitting_id, now)
    said = web.read_json(Said)
    session, ways, found = db.session(), providers.ways(_presence_secret()), None
    locked, policy = _touch(session, token.learner_id, sitting_id, now)
    errand = checks.look(session, locked, check_id, said, ways)
    if errand is not None:
        session.commit()
        found = _run(errand, token, check_id, now)
        locked, policy = _touch(session, token.learner_id, sitting_id, now)
    answered = checks.answer(session, locked, check_id, said, secret=_presence_secret(), ways=ways, found=found)
    sittings.issue_nonce(locked)
    store(session, locked)
    facts = catalogue.unit_facts(session, locked.unit_id)
    told = _state(session, locked, facts, policy)
    session.commit()
    return jsonify(told | {"outcome": answered.outcome, "tries_left": answered.tries_left})


@bp.post("/sittings/<uuid:sitting_id>/checks/<uuid:check_id>/task")
@web.allow(LEARNER)
def task(sitting_id: UUID, check_id: UUID) -> ResponseReturnValue:
    """What the learner must do before the camera, told only now that it runs."""
    now = utcnow()
    token = _token(sitting_id, now)
    web.read_json(Nothing)
    session, ways = db.session(), providers.ways(_presence_secret())
    locked, _policy = _touch(session, token.learner_id, sitting_id, now)
    told = checks.ask_now(session, locked, check_id, ways)
    session.commit()
    return jsonify(task=told)


def _run(errand: Callable[[], T], token: Token, check_id: UUID, now: datetime) -> T:
    """Do a check's errand with no lock and no connection held. Raises OutOfOrder, the check then withdrawn."""
    try:
        return errand()
    except OutOfOrder:
        session = db.session()
        locked, _policy = _touch(session, token.learner_id, token.sitting_id, now)
        checks.give_up(session, locked, check_id)
        store(session, locked)
        session.commit()
        raise


@bp.get("/sittings/<uuid:sitting_id>/master.m3u8")
@web.allow(LEARNER)
def master_playlist(sitting_id: UUID) -> ResponseReturnValue:
    """The renditions of this sitting's unit."""
    return _playlist(addresses.master(_facts_of(sitting_id), sitting_id))


@bp.get("/sittings/<uuid:sitting_id>/<rendition>.m3u8")
@web.allow(LEARNER)
def rendition_playlist(sitting_id: UUID, rendition: str) -> ResponseReturnValue:
    """The segments of one rendition; its keys come from this sitting."""
    return _playlist(addresses.rendition(_facts_of(sitting_id), sitting_id, rendition))


@bp.get("/sittings/<uuid:sitting_id>/keys/<int:index>")
@web.allow(LEARNER)
def key(sitting_id: UUID, index: int) -> ResponseReturnValue:
    """The key of one block, when watching has got there; giving it is the delivery record."""
    session, person_id = db.session(), current_person_id()
    locked, policy = _touch(session, person_id, sitting_id, utcnow())
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
    token = _token(sitting_id, now)
    session = db.session()
    locked, policy = _touch(session, token.learner_id, sitting_id, now)
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
    token = _token(sitting_id, now)
    web.read_json(Nothing)
    session = db.session()
    locked, policy = _touch(session, token.learner_id, sitting_id, now)
    granted = licences.grant(session, locked, policy)
    keys = catalogue.block_keys(session, locked.unit_id, runtime().settings.sealing_key)
    sittings.issue_nonce(locked)
    store(session, locked)
    told = _state(session, locked, catalogue.unit_facts(session, locked.unit_id), policy)
    session.commit()
    response = jsonify(told | {"licence": licences.seal(granted, keys)})
    response.headers["Cache-Control"] = "no-store"
    return response, 201


# -- what the views share


def _not_yet(too_early: delivery.TooEarly) -> Response:
    response = jsonify(error=too_early.reason, detail=_("Watching has not got to this part yet."))
    response.status_code = 425
    response.headers["Retry-After"] = str(too_early.retry_after_s)
    return response


def _token(sitting_id: UUID, now: datetime) -> Token:
    """The token of this very sitting, of whoever is signed in. Raises Forbidden."""
    token = _tokens().read(request.headers.get("X-Sitting"), now_ms=to_ms(now))
    if token.learner_id != current_person_id():
        raise Forbidden("This is somebody else's sitting.", code="not_your_sitting")
    if token.sitting_id != sitting_id:
        raise Forbidden("The token belongs to another sitting.", code="bad_token")
    return token


def _device_key(session: Session, person_id: UUID, thumbprint: str) -> EllipticCurvePublicKey:
    """The key that signs. Raises Forbidden: never enrolled or revoked; the player enrols again and tries once more."""
    try:
        return devices.public_key(session, person_id, thumbprint)
    except NotFound as error:
        raise Forbidden("This device is not enrolled.", code="bad_signature") from error


def _touch(session: Session, learner_id: UUID, sitting_id: UUID, now: datetime) -> tuple[Locked, Policy]:
    return sittings.touch(session, learner_id, sitting_id, presence_secret=_presence_secret(), now_ms=to_ms(now))


def _touched(session: Session, token: Token, now: datetime, *, closing: bool = False) -> ResponseReturnValue:
    """The state block, with a new nonce, after whatever became due meanwhile."""
    locked, policy = _touch(session, token.learner_id, token.sitting_id, now)
    if closing:
        sittings.close(locked)
    sittings.issue_nonce(locked)
    store(session, locked)
    told = _state(session, locked, catalogue.unit_facts(session, locked.unit_id), policy)
    session.commit()
    return jsonify(told)


def _state(session: Session, locked: Locked, facts: UnitFacts, policy: Policy) -> dict[str, Any]:
    return sittings.state_block(locked, read_unit(session, locked, policy), facts.duration_ms, policy)


def _facts_of(sitting_id: UUID) -> UnitFacts:
    """The unit of one of the caller's own sittings."""
    session = db.session()
    return catalogue.unit_facts(session, sittings.unit_of(session, current_person_id(), sitting_id))


def _playlist(text: str) -> Response:
    return Response(text, content_type=PLAYLIST, headers={"Cache-Control": "no-store"})


def _presence_secret() -> bytes:
    return checks.secret_of(runtime().settings.secret_key)


def _tokens() -> Tokens:
    parts = runtime()
    tokens: Tokens | None = parts.kept.get("sitting_tokens")
    if tokens is None:
        tokens = parts.kept["sitting_tokens"] = Tokens(parts.settings.secret_key)
    return tokens
