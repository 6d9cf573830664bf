"""An operator's exam systems: who receives hours, for which outlines. An auditor looks and changes nothing."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses.models import Outline
from elearn.credit_export.exam_system import receivers
from elearn.credit_export.models import ReceiverOutline
from elearn.db import db
from elearn.errors import Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import forms, frame, log
from elearn.pages.forms import Form
from elearn.people.callers import require_caller
from elearn.people.models import Role
from elearn.people.permissions import AUDITOR, OPERATOR

MAX_NAME = 200


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/receivers", "receivers_list", receivers_list)
    bp.add_url_rule("/receivers/new", "new_receiver", new_receiver, methods=["GET", "POST"])
    bp.add_url_rule("/receivers/<client_id>/revoke", "revoke_receiver", revoke, methods=["POST"])


def scope_texts() -> dict[str, str]:
    return {
        "eligibility.read": _("Ask about one person"),
        "changes.read": _("Follow all changes"),
        "receipts.write": _("Answer what became of records"),
        "mobile.read": _("Read phone numbers with the records"),
        "evidence.read": _("Compute drawn blocks of hours again from their raw evidence"),
    }


@web.allow(OPERATOR, AUDITOR)
def receivers_list() -> ResponseReturnValue:
    """All exam systems, in two queries."""
    outlines: dict[object, list[str]] = {}
    for receiver_id, code in db.session.execute(
        sa.select(ReceiverOutline.receiver_id, ReceiverOutline.outline_code).order_by(ReceiverOutline.outline_code)
    ):
        outlines.setdefault(receiver_id, []).append(code)
    found = receivers.all_receivers(db.session())
    return render_template(
        "elearn/receivers.html",
        receivers=sorted(found, key=lambda one: one.revoked_at is not None),
        outlines=outlines,
        scopes=scope_texts(),
        may_change=Role.OPERATOR in require_caller().roles,
        log=log.trouble(),
        stamps=log.stamps(),
    )


@web.allow(OPERATOR)
def new_receiver() -> ResponseReturnValue:
    """Add an exam system; its secret is shown once."""
    form = Form.sent() if request.method == "POST" else Form()
    if request.method == "POST":
        form.need("name")
        if len(form["name"]) > MAX_NAME:
            form.errors["name"] = _("A name has 1 to 200 characters.")
        if not form.all("outline"):
            form.errors["outline"] = _("Choose at least one outline.")
        if not form.all("scope"):
            form.errors["scope"] = _("Choose at least one.")
        if not form.errors:
            if not forms.is_first():
                frame.say(_("That was done already. A secret is shown once; if it is lost, add another."), "info")
                return redirect(url_for("elearn.pages.receivers_list"), 303)
            try:
                made = receivers.add_receiver(
                    db.session(),
                    name=" ".join(form["name"].split()),
                    outlines=form.all("outline"),
                    scopes=form.all("scope"),
                    made_at=utcnow(),
                )
            except (Malformed, NotFound) as error:
                forms.undo_first()
                form.errors["scope" if isinstance(error, Malformed) else "outline"] = forms.said(error)
            else:
                db.session.commit()
                frame.here(url_for("elearn.pages.receivers_list"))
                page = render_template("elearn/receiver_secret.html", name=form["name"], made=made)
                return page, 200, {"Cache-Control": "no-store"}
    known = db.session.execute(
        sa.select(Outline.code, sa.func.max(Outline.name)).group_by(Outline.code).order_by(Outline.code)
    ).all()
    page = render_template(
        "elearn/receiver_new.html", form=form, known=known, scopes=scope_texts(), usual=receivers.SCOPES
    )
    return page, 422 if form.errors else 200


@web.allow(OPERATOR)
def revoke(client_id: str) -> ResponseReturnValue:
    """Close the door at once. One that is closed already stays so."""
    try:
        receivers.revoke_receiver(db.session(), client_id=client_id, revoked_at=utcnow())
    except NotFound:
        if forms.is_first():
            raise
    else:
        db.session.commit()
        forms.is_first()
        frame.say(_("The exam system can read nothing any more."))
    return redirect(url_for("elearn.pages.receivers_list"), 303)
