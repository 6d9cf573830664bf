"""Signatures under a level of the three-level education: the learner's own, and the signer's for several people."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import forms, frame, members, signed, training_texts
from elearn.pages.forms import Form
from elearn.pages.signed import ByKey
from elearn.pages.training import KEEPS, READS
from elearn.people.callers import current_person_id
from elearn.people.models import Organisation
from elearn.people.permissions import ENTERPRISE, ENTERPRISE_STAFF, LEARNER
from elearn.people.registry import local_day
from elearn.people.signatures import base64url
from elearn.tracking.providers import webauthn
from elearn.tracking.providers.webauthn import Site
from elearn.training import classrooms, reading, three_level
from elearn.training.models import Side
from elearn.training.reading import Asked, Show

BESIDE = {"drawing": "drawing", "on_site": "on_site", "note": "note", "nobody": "who", "same_person": "who"}


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/my-training/<uuid:assignment_id>", "sign_level", sign_level)
    bp.add_url_rule("/my-training/<uuid:assignment_id>", "sign_level_by_hand", by_hand, methods=["POST"])
    bp.add_url_rule("/my-training/<uuid:assignment_id>/key", "sign_level_by_key", by_key, methods=["POST"])
    bp.add_url_rule("/training/sign", "training_sign", to_be_signed)
    bp.add_url_rule("/training/sign", "training_signed", sign_for_several, methods=["POST"])


@web.allow(LEARNER)
def sign_level(assignment_id: UUID) -> ResponseReturnValue:
    """What the learner signs, and the field to sign in."""
    return _page(assignment_id, Form())


def _page(assignment_id: UUID, form: Form) -> str:
    session, person_id = db.session(), current_person_id()
    found = three_level.to_sign(session, assignment_id)
    if found.assignment.person_id != person_id:
        raise NotFound("There is no such level.")
    frame.here(url_for("elearn.pages.sign_level", assignment_id=assignment_id))
    site, own = signed.site(), found.by(Side.LEARNER)
    keys = webauthn.keys_of(session, person_id) if site and own is None and found.may_sign else []
    return render_template(
        "elearn/sign_level.html",
        found=found,
        organisation=session.get_one(Organisation, found.assignment.organisation_id),
        own=own,
        signer=found.by(Side.SIGNER),
        attended_ms=classrooms.attended_ms(session, [assignment_id]).get(assignment_id, 0),
        form=form,
        tested=reading.is_tested(db.session(), found.programme.id),
        texts=training_texts,
        challenge=base64url(bytes.fromhex(found.digest)),
        credentials=" ".join(base64url(key.credential_id) for key in keys),
        rp_id=site.rp_id if site else "",
    )


@web.allow(LEARNER)
def by_hand(assignment_id: UUID) -> ResponseReturnValue:
    """Take the drawing, once."""
    form, session = Form.sent(), db.session()

    def sign(sent: bytes) -> None:
        three_level.learner_signs_by_hand(
            session, assignment_id, current_person_id(), digest=form["digest"], sent=sent, keys=members.keys(),
            at=utcnow(),
        )  # fmt: skip

    return signed.take_drawing(
        form,
        sign,
        beside=BESIDE,
        again=lambda form: _page(assignment_id, form),
        back=url_for("elearn.pages.sign_level", assignment_id=assignment_id),
        said=_("Signed."),
    )


@web.allow(LEARNER)
def by_key(assignment_id: UUID) -> ResponseReturnValue:
    """Take what a registered key answered to the digest of what the page showed."""

    def sign(sent: ByKey, site: Site) -> dict[str, object]:
        made = three_level.learner_signs_by_key(
            db.session(), assignment_id, current_person_id(), digest=sent.digest, assertion=sent.assertion, site=site,
            keys=members.keys(), at=utcnow(),
        )  # fmt: skip
        return {"id": str(made.id)}

    return signed.take_key(sign, said=_("Signed."))


@web.allow(ENTERPRISE)
def to_be_signed() -> ResponseReturnValue:
    """Who has learned a level that is not signed by both."""
    return _waiting(Form())


def _waiting(form: Form) -> str:
    node, nodes = frame.own_organisations(*READS)
    page, today = frame.page_number(), local_day(utcnow())
    frame.here(url_for("elearn.pages.training_sign", organisation=node.id))
    found, total = reading.lines(db.session(), Asked(node.id, Show.SIGN), today=today, page=page)
    return render_template(
        "elearn/training_sign.html",
        node=node,
        nodes=nodes,
        lines=found,
        total=total,
        most=reading.MOST_COUNTED,
        keeps=frame.acts_in(node.id, *KEEPS),
        me=current_person_id(),
        form=form,
        chosen=set(form.all("who")),
        texts=training_texts,
        page=page,
        pages=-(-total // reading.PAGE),
        page_url=lambda number: url_for("elearn.pages.training_sign", organisation=node.id, page=number),
    )


@web.allow(ENTERPRISE_STAFF)
def sign_for_several() -> ResponseReturnValue:
    """The signer signs for everybody who was chosen, or for nobody."""
    node, _nodes = frame.own_organisations(*KEEPS)
    form, session, now = Form.sent(), db.session(), utcnow()
    hours, today = _hours(form), local_day(now)
    sent = signed.drawing(form)
    ids = form.ids("who")
    if reading.among(session, node.id, ids, today=today) != set(ids):
        raise NotFound("There is no such level.")
    if not form.errors:
        try:
            with session.begin_nested():
                made = three_level.signer_signs(
                    session, ids, current_person_id(), on_site_ms=hours * 360_000, note=form["note"], sent=sent,
                    keys=members.keys(), at=now,
                )  # fmt: skip
        except (Malformed, Conflict, Forbidden) as error:
            form.blame(error, BESIDE, "who")
        else:
            session.commit()
            frame.say(_("Signed for %(count)s people.", count=made))
            return redirect(url_for("elearn.pages.training_sign", organisation=node.id), 303)
    return _waiting(form), 422


def _hours(form: Form) -> int:
    """Hours on site in tenths, as stated; empty: none."""
    hours = forms.tenths(form["on_site"].strip() or "0", 3)
    if hours is None:
        form.errors["on_site"] = _("Please write hours with at most one place after the point, for example 4.5.")
        return 0
    return hours
