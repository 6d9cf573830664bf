"""A learner looks at what a class has of them and signs it: by hand on this screen, or by the lock of the phone.

Both need a script. Without one nothing can be signed here, and the page says so: a typed name is no signature.
"""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.credit_export.archive import reading, signing, words
from elearn.credit_export.archive.statement import sums
from elearn.db import db
from elearn.errors import Malformed
from elearn.locale import gettext as _
from elearn.pages import attendance_texts, frame, members, signed
from elearn.pages.forms import Form
from elearn.pages.signed import ByKey
from elearn.people.callers import current_person_id
from elearn.people.permissions import LEARNER
from elearn.people.signatures import base64url
from elearn.tracking.providers import webauthn
from elearn.tracking.providers.webauthn import Site


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/hours/classes/<uuid:class_id>", "sign_hours", sign_hours)
    bp.add_url_rule("/hours/classes/<uuid:class_id>", "sign_by_hand", sign_by_hand, methods=["POST"])
    bp.add_url_rule("/hours/classes/<uuid:class_id>/key", "sign_by_key", sign_by_key, methods=["POST"])


@web.allow(LEARNER)
def sign_hours(class_id: UUID) -> ResponseReturnValue:
    """The learner's own hours and tests of a class, and the field to sign in."""
    return _page(class_id, Form())


def _page(class_id: UUID, form: Form) -> str:
    session, person_id, site = db.session(), current_person_id(), signed.site()
    found = signing.to_sign(session, class_id, person_id, now=utcnow())
    frame.here(url_for("elearn.pages.sign_hours", class_id=class_id))
    lengths = reading.lengths(session, found.held)
    keys = webauthn.keys_of(session, person_id) if site and found.may_sign else []
    return render_template(
        "elearn/sign_hours.html",
        found=found,
        training=found.held.training,
        form=form,
        lines=[(one, reading.hours_text(lengths, one.modality, one.ms)) for one in sums(found.had.entries)],
        total_ms=sum(one.ms for one in found.had.entries),
        item_names=signing.item_names(session, found.held),
        modality_text=_modality_text,
        kind_text=attendance_texts.kind_text,
        standing_text=words.standing_text(found.standing, _),
        challenge=base64url(bytes.fromhex(found.had.digest)),
        credentials=" ".join(base64url(key.credential_id) for key in keys),
        rp_id=site.rp_id if site else "",
    )


def _modality_text(modality: str) -> str:
    return _("Online") if modality == "online" else _("On site")


@web.allow(LEARNER)
def sign_by_hand(class_id: UUID) -> ResponseReturnValue:
    """Take the drawing, once."""
    form, session = Form.sent(), db.session()
    digest = form["digest"]
    if len(digest) != 64:
        raise Malformed("This page is out of date. Load it again and repeat.")

    def sign(sent: bytes) -> None:
        signing.sign_by_hand(
            session, class_id, current_person_id(), digest=digest, sent=sent, keys=members.keys(), at=utcnow()
        )

    return signed.take_drawing(
        form,
        sign,
        beside={},
        again=lambda form: _page(class_id, form),
        back=url_for("elearn.pages.sign_hours", class_id=class_id),
        said=_("Signed. If something changes, you are asked again."),
    )


@web.allow(LEARNER)
def sign_by_key(class_id: UUID) -> ResponseReturnValue:
    """Take what a registered key answered to the digest of what the page showed."""

    def sign(sent: ByKey, site: Site) -> dict[str, object]:
        made = signing.sign_by_key(
            db.session(), class_id, current_person_id(), digest=sent.digest, assertion=sent.assertion, site=site,
            keys=members.keys(), at=utcnow(),
        )  # fmt: skip
        return {"id": str(made.id), "number": made.number}

    return signed.take_key(sign, said=_("Signed. If something changes, you are asked again."))
