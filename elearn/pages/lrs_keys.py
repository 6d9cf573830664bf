"""Keys of the record store: the operator's for anybody, a manager's for the own institution. An auditor looks on."""

from __future__ import annotations

import logging
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import NotFound
from elearn.locale import gettext as _
from elearn.pages import forms, frame
from elearn.pages.forms import Form
from elearn.people.callers import require_caller
from elearn.people.models import Organisation, Role
from elearn.people.permissions import AUDITOR, MANAGER, OPERATOR
from elearn.runtime import runtime
from elearn.tracking.lrs.access import credentials
from elearn.tracking.lrs.access.scopes import DEFAULT_SCOPES, SCOPES
from elearn.tracking.lrs.versions import LATEST

logger = logging.getLogger(__name__)

MAX_LABEL = 200


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/record-store", "record_keys", key_list)
    bp.add_url_rule("/record-store/keys/new", "new_record_key", new_key, methods=["GET", "POST"])
    bp.add_url_rule("/record-store/keys/<key>/revoke", "revoke_record_key", revoke, methods=["POST"])


def scope_texts() -> dict[str, str]:
    """What each scope lets a program do, in the order of the specification."""
    texts = {
        "statements/write": _("Send statements"),
        "statements/read/mine": _("Read the statements it sent itself"),
        "statements/read": _("Read all statements"),
        "state": _("Keep and read states"),
        "define": _("Say what activities are"),
        "profile": _("Keep and read profiles"),
        "all/read": _("Read everything"),
        "all": _("Everything"),
    }
    return {scope: texts[scope] for scope in SCOPES}


@web.allow(OPERATOR, MANAGER, AUDITOR)
def key_list() -> ResponseReturnValue:
    """Keys that open the record store, live ones first."""
    sees, may = _sees(), _may_change()
    found = credentials.everyone(db.session(), within=sees)
    return render_template(
        "elearn/lrs_keys.html",
        keys=sorted(found, key=lambda one: one.revoked_at is not None),
        may_revoke={one.key for one in found if may is None or one.organisation_id in may},
        may_make=may is None or bool(may),
        organisations={one.id: one.name for one in _organisations(sees)},
        scopes=scope_texts(),
        endpoint=_endpoint(),
    )


@web.allow(OPERATOR, MANAGER)
def new_key() -> ResponseReturnValue:
    """Make a key; its secret is shown once."""
    offered = {str(one.id): one.name for one in _organisations(_may_change())}
    everywhere = _may_change() is None
    form = Form.sent() if request.method == "POST" else Form()
    if request.method == "POST":
        organisation_id = form.id("organisation")
        label = " ".join(form["label"].split())
        form.need("label")
        if len(label) > MAX_LABEL:
            form.errors["label"] = _("A name has 1 to 200 characters.")
        if not form.all("scope") or not set(form.all("scope")) <= set(SCOPES):
            form.errors["scope"] = _("Choose at least one.")
        if form["speaks"] not in LATEST:
            form.errors["speaks"] = _("Please choose")
        if organisation_id is None and not everywhere:
            form.errors["organisation"] = _("Please choose")
        if organisation_id is not None and str(organisation_id) not in offered:
            raise NotFound("There is no such organisation.")
        if not form.errors:
            if not forms.is_first():
                frame.say(_("That was done already. A secret is shown once; if it is lost, add another."), "info")
                return redirect(url_for("elearn.pages.record_keys"), 303)
            made, secret = credentials.create(
                db.session(),
                label=label,
                scopes=form.all("scope"),
                organisation_id=organisation_id,
                at=utcnow(),
                server_key=credentials.server_key(),
                speaks=form["speaks"],
            )
            db.session.commit()
            logger.info("record store key made", extra={"credential": made.id, "account": require_caller().id})
            frame.here(url_for("elearn.pages.record_keys"))
            page = render_template("elearn/lrs_key_secret.html", made=made, secret=secret, endpoint=_endpoint())
            return page, 200, {"Cache-Control": "no-store"}
    page = render_template(
        "elearn/lrs_key_new.html",
        form=form,
        organisations=list(offered.items()),
        everywhere=everywhere,
        scopes=scope_texts(),
        usual=DEFAULT_SCOPES,
        versions=[(one, one) for one in LATEST],
    )
    return page, 422 if form.errors else 200


@web.allow(OPERATOR, MANAGER)
def revoke(key: str) -> ResponseReturnValue:
    """Close the key for good. One that is closed already stays so."""
    revoked = credentials.revoke(db.session(), key, at=utcnow(), within=_may_change())
    db.session.commit()
    logger.info("record store key revoked", extra={"credential": revoked.id, "account": require_caller().id})
    frame.say(_("The key opens nothing any more. What came by it stays."))
    return redirect(url_for("elearn.pages.record_keys"), 303)


def _may_change() -> frozenset[UUID] | None:
    """The organisations whose keys the caller makes and revokes; None: all, and keys of none."""
    if Role.OPERATOR in require_caller().roles:
        return None
    return frame.acting(Role.INSTITUTION_MANAGER)


def _sees() -> frozenset[UUID] | None:
    """The same of whose keys the caller looks at."""
    return None if Role.AUDITOR in require_caller().roles else _may_change()


def _organisations(within: frozenset[UUID] | None) -> list[Organisation]:
    asked = sa.select(Organisation).order_by(Organisation.name, Organisation.id)
    return list(db.session.scalars(asked if within is None else asked.where(Organisation.id.in_(within))))


def _endpoint() -> str:
    """What a client is told to talk to."""
    return f"{runtime().settings.public_url}{runtime().url_prefix}/xapi/"
