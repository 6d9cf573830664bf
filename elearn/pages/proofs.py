"""Proofs of training hours: a learner's own page with the PDF and the badge, the page that anybody may open to see how
one stands now, and the printable list of a class.
"""

from __future__ import annotations

import io
import logging
import re
from uuid import UUID

import segno
import sqlalchemy as sa
from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from redis import RedisError

from elearn import locale, web
from elearn.clock import utcnow
from elearn.courses import classes
from elearn.courses.models import Outline
from elearn.credit_export import records
from elearn.credit_export.hours import as_text
from elearn.credit_export.models import EligibilityRecord
from elearn.credit_export.paper import badges, making, sheets, standing
from elearn.credit_export.paper import routes as doors
from elearn.credit_export.paper.badges import Algorithm
from elearn.credit_export.paper.evidence import log_proofs
from elearn.credit_export.paper.making import House
from elearn.credit_export.paper.models import TrainingProof
from elearn.credit_export.paper.standing import Shown
from elearn.db import db
from elearn.errors import NotFound, TooMany
from elearn.pages import frame, members
from elearn.people.callers import current_person_id
from elearn.people.identity import blind_index
from elearn.people.models import Role
from elearn.people.permissions import ANYBODY, MANAGER, SIGNED_IN
from elearn.runtime import runtime

logger = logging.getLogger(__name__)

MOST_LOOKS = 60
"""At proofs, from one address in one minute: an exam hall may share one."""

UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/proof/<code>", "proof_now", proof_now)
    bp.add_url_rule("/hours/proof/<uuid:outline_id>", "own_proof", own_proof, methods=["GET", "POST"])
    bp.add_url_rule("/hours/proof/<code>.pdf", "own_proof_pdf", own_proof_pdf)
    bp.add_url_rule("/hours/proof/<code>.jwt", "own_badge", own_badge)
    bp.add_url_rule("/teaching/classes/<uuid:class_id>/list.pdf", "class_list_pdf", class_list_pdf)


def house() -> House:
    settings = runtime().settings
    return House(
        keys=members.keys(),
        issuer=doors.issuer(),
        log_proofs=lambda session, person_id: log_proofs(
            session, person_id, sealing_key=settings.sealing_key, ledger_dir=settings.ledger_dir
        ),
    )


# --- for anybody ------------------------------------------------------------------------------------------------------


@web.allow(ANYBODY)
def proof_now(code: str) -> ResponseReturnValue:
    """How the record behind a proof stands now. Who holds the paper holds the address; the name is masked."""
    _count_a_look()
    found = standing.look_up(db.session(), code)
    if found is None:
        raise NotFound("There is no such proof. Please compare the address with the paper.")
    headers = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex", "Referrer-Policy": "no-referrer"}
    if not web.wants_page():
        return jsonify(as_data(found)), 200, headers
    say = sheets.speaker(locale.language())
    fields = making.facts_of(db.session(), found)
    page = render_template(
        "elearn/proof_now.html",
        found=found,
        now=found.now.value,
        name=standing.masked_name(found.person.name),
        proved=list(zip(sheets.kinds(say), making.hours_of(found.record).tenths, strict=True)),
        proved_total=making.total_text(found.record),
        newest_total=making.total_text(found.newest),
        as_text=as_text,
        state=sheets.state_text(found.life.state, say),
        outcome=sheets.outcome_text(found.newest.outcome, say),
        check_code=fields["check_code"],
        looked_at=utcnow(),
    )
    return page, 200, headers


def as_data(found: Shown) -> dict[str, object]:
    """The same for programs."""
    return {
        "proof": found.proof.code,
        "now": found.now.value,
        "record": {"id": str(found.record.id), "version": found.record.version},
        "newest_version": found.newest.version,
        "status": found.life.state.value,
        "outcome": found.newest.outcome,
        "name_masked": standing.masked_name(found.person.name),
        "category": {"code": found.outline.code, "name": found.outline.name},
        "hours": making.hours_data(found.record),
        "hours_now": making.hours_data(found.newest),
    }


def _count_a_look() -> None:
    """Raises TooMany. Redis counts; while it is away nobody is turned down: there is nothing here to guess."""
    settings = runtime().settings
    who = blind_index(settings.index_key, "looks at proofs", request.remote_addr or "").hex()[:32]
    now = utcnow()
    key = f"elearn:proof:{who}:{int(now.timestamp()) // 60}"
    try:
        with runtime().redis.pipeline(transaction=True) as pipeline:
            pipeline.incr(key)
            pipeline.expire(key, 120)
            looks = pipeline.execute()[0]
    except RedisError:
        logger.warning("looks at proofs are not counted: Redis is away")
        return
    if looks > MOST_LOOKS:
        raise TooMany("Too many questions from here. Please wait a minute.", retry_after_s=60 - now.second)


# --- the holder's own -------------------------------------------------------------------------------------------------


@web.allow(SIGNED_IN)
def own_proof(outline_id: UUID) -> ResponseReturnValue:
    """A person's own proof under one outline: made when they ask for it, and then kept for that version."""
    person_id, session = current_person_id(), db.session()
    newest = records.newest_records(session, [person_id]).get((person_id, outline_id))
    if newest is None:
        raise NotFound("There is no record yet: hours appear a few seconds after a passed check.")
    if request.method == "POST":
        making.proof_of(session, person_id, outline_id, at=utcnow())
        session.commit()
        return redirect(url_for("elearn.pages.own_proof", outline_id=outline_id), 303)
    made = session.scalar(sa.select(TrainingProof).where(TrainingProof.record_id == newest.id))
    say = sheets.speaker(locale.language())
    address = making.proof_address(doors.issuer(), made.code) if made else None
    return render_template(
        "elearn/proof_own.html",
        outline=session.get_one(Outline, outline_id),
        record=newest,
        made=made,
        address=address,
        qr=_inline_qr(address) if address else None,
        hours=list(zip(sheets.kinds(say), making.hours_of(newest).tenths, strict=True)),
        total=making.total_text(newest),
        as_text=as_text,
        outcome=sheets.outcome_text(newest.outcome, say),
        algorithms=[one.value for one in Algorithm],
        earlier=_earlier(person_id, newest),
    )


def _earlier(person_id: UUID, newest: EligibilityRecord) -> list[TrainingProof]:
    """Proofs of older versions: they lead to pages that say so."""
    return list(
        db.session.scalars(
            sa.select(TrainingProof)
            .join(EligibilityRecord, EligibilityRecord.id == TrainingProof.record_id)
            .where(EligibilityRecord.person_id == person_id, EligibilityRecord.outline_id == newest.outline_id)
            .where(EligibilityRecord.id != newest.id)
            .order_by(TrainingProof.made_at.desc())
            .limit(10)
        )
    )


def _inline_qr(address: str) -> str:
    """As an SVG element of the page."""
    out = io.BytesIO()
    made = segno.make_qr(address, error="m")
    made.save(out, kind="svg", border=4, light="white", xmldecl=False, svgns=False, omitsize=True, svgclass="qr")
    return out.getvalue().decode()


def _own(code: str) -> Shown:
    """Raises NotFound: another person's proof is not even confirmed to exist here."""
    found = standing.look_up(db.session(), code)
    if found is None or found.person.id != current_person_id():
        raise NotFound("There is no such proof. Please compare the address with the paper.")
    return found


@web.allow(SIGNED_IN)
def own_proof_pdf(code: str) -> ResponseReturnValue:
    """The training proof as PDF, in the language of the page or of `?sheet=`."""
    sheet = request.args.get("sheet")
    language = sheet if sheet in locale.LANGUAGES else locale.language()
    pdf = making.proof_pdf(db.session(), _own(code), house(), language=language, at=utcnow())
    return _file(pdf, "application/pdf", f"training-proof-{code[:8]}.pdf")


@web.allow(SIGNED_IN)
def own_badge(code: str) -> ResponseReturnValue:
    """The hours as an Open Badges 3.0 credential, signed by `?algorithm=`."""
    algorithm = request.args.get("algorithm", Algorithm.RS256.value)
    if algorithm not in set(Algorithm):
        raise NotFound("There is nothing at this address.")
    found = _own(code)
    badge = making.badge_of(db.session(), found, house(), issuer_name=doors.issuer_name())
    made = badges.badge_jwt(badge, doors.keys()[Algorithm(algorithm)])
    return _file(made.encode(), "application/vc+jwt", f"training-hours-{code[:8]}-{algorithm}.jwt")


# --- a manager's ------------------------------------------------------------------------------------------------------


@web.allow(MANAGER)
def class_list_pdf(class_id: UUID) -> ResponseReturnValue:
    """The eligibility list of an own class, to print."""
    classes.own_class(db.session(), class_id, frame.acting(Role.INSTITUTION_MANAGER))
    sheet = request.args.get("sheet")
    language = sheet if sheet in locale.LANGUAGES else locale.language()
    listed = making.class_list(db.session(), class_id, house(), at=utcnow())
    return _file(sheets.eligibility_list(listed, language), "application/pdf", f"eligibility-{listed.class_no}.pdf")


def _file(content: bytes, kind: str, name: str) -> Response:
    response = Response(content, content_type=kind)
    response.headers.set("Content-Disposition", "attachment", filename=UNSAFE.sub("-", name))
    response.headers["Cache-Control"] = "private, no-store"
    return response
