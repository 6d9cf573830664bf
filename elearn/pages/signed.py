"""How a page takes somebody's own signature: a drawing in its field, or what a registered key answered to a digest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import msgspec
from flask import jsonify, redirect
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.db import db
from elearn.errors import Conflict, Malformed
from elearn.locale import gettext as _
from elearn.pages import forms, frame
from elearn.pages.forms import Form
from elearn.people.signatures import unbase64url
from elearn.runtime import runtime
from elearn.tracking.providers.said import Assertion
from elearn.tracking.providers.webauthn import Site

Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class ByKey(msgspec.Struct, forbid_unknown_fields=True):
    """What the browser sends when a key has signed."""

    digest: Digest
    assertion: Assertion


def site() -> Site | None:
    """Where keys belong to; None: this address takes none."""
    return Site.of(runtime().settings.public_url)


def take_key(sign: Callable[[ByKey, Site], dict[str, object]], *, said: str) -> ResponseReturnValue:
    """Sign with what a key answered to the digest of what the page showed; `sign` answers what the browser is told.

    Raises Malformed, Conflict `no_security_keys`.
    """
    sent, here = web.read_json(ByKey), site()
    if here is None:
        raise Conflict("Security keys need the platform to be reached by https and a name.", code="no_security_keys")
    told = sign(sent, here)
    db.session().commit()
    frame.say(said)
    return jsonify(told), 201


def drawing(form: Form) -> bytes:
    """The drawing that was sent; without one the form says what is missing."""
    sent = unbase64url(form["drawing"].strip()) or b""
    if not sent:
        form.errors["drawing"] = _("Please sign with your finger in the field. A typed name is not a signature.")
    return sent


def take_drawing(
    form: Form,
    sign: Callable[[bytes], object],
    *,
    beside: Mapping[str, str],
    again: Callable[[Form], str],
    back: str,
    said: str,
) -> ResponseReturnValue:
    """Sign with the drawing and go `back`; the page `again` when it cannot be taken. A drawing counts once."""
    session, sent = db.session(), drawing(form)
    if not sent:
        return again(form), 422
    try:
        sign(sent)
    except Malformed as error:
        session.rollback()
        form.blame(error, beside, "drawing")
        return again(form), 422
    except Conflict as error:
        session.rollback()
        frame.say(forms.said(error), "warn")
        return redirect(back, 303)
    session.commit()
    frame.say(said)
    return redirect(back, 303)
