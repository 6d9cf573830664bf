"""A person's own security keys: the ways to confirm by the phone's lock. List, add, name, remove.

A key confirms for its person from then on, so adding and removing ask for a password given a short while ago.
"""

from __future__ import annotations

import secrets
from typing import Annotated
from uuid import UUID

import msgspec
from flask import Blueprint, jsonify, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import Conflict, Malformed
from elearn.locale import gettext as _
from elearn.pages import frame
from elearn.pages.forms import Form
from elearn.people import persons, signin
from elearn.people.callers import current_person_id, require_caller
from elearn.people.permissions import LEARNER
from elearn.people.signatures import base64url
from elearn.runtime import runtime
from elearn.tracking.providers import webauthn
from elearn.tracking.providers.said import read_base64url
from elearn.tracking.providers.webauthn import Site

CHALLENGE = "elearn_key_challenge"
"""Cookie key: what a new key must sign. It is good for one answer."""


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    """What the browser sends of a key it made."""

    name: Annotated[str, msgspec.Meta(max_length=200)]
    client_data: Annotated[str, msgspec.Meta(max_length=8_192)]
    attestation: Annotated[str, msgspec.Meta(max_length=16_384)]


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/me/keys", "security_keys", security_keys)
    bp.add_url_rule("/me/keys", "add_security_key", add_security_key, methods=["POST"])
    bp.add_url_rule("/me/keys/options", "security_key_options", security_key_options, methods=["POST"])
    bp.add_url_rule("/me/keys/<uuid:key_id>/remove", "remove_security_key", remove_security_key, methods=["POST"])


@web.allow(LEARNER)
def security_keys() -> ResponseReturnValue:
    """The keys, and a form to add this device."""
    keys = webauthn.keys_of(db.session(), current_person_id())
    recent = signin.is_recent(db.session(), at=utcnow())
    possible = Site.of(runtime().settings.public_url) is not None
    return render_template(
        "elearn/keys.html",
        keys=keys,
        recent=recent,
        form=Form(),
        possible=possible,
        full=len(keys) >= webauthn.MOST_KEYS,
        longest=webauthn.LONGEST_NAME,
    )


@web.allow(LEARNER)
def security_key_options() -> ResponseReturnValue:
    """What the browser makes a key with; the challenge is kept in the signed cookie."""
    web.read_json(dict[str, object])
    signin.require_recent(db.session(), at=utcnow())
    caller = require_caller()
    challenge = secrets.token_bytes(32)
    session[CHALLENGE] = base64url(challenge)
    options = webauthn.creation_options(
        db.session(),
        caller.person_id,
        _site(),
        pseudonym=persons.pseudonym(db.session(), caller.person_id),
        shown_as=caller.name or _("My account"),
        challenge=challenge,
    )
    return jsonify(options)


@web.allow(LEARNER)
def add_security_key() -> ResponseReturnValue:
    """Take the key that this browser made."""
    sent = web.read_json(NewKey)
    signin.require_recent(db.session(), at=utcnow())
    kept = session.pop(CHALLENGE, None)
    if not isinstance(kept, str):
        raise Malformed("The security key did not answer as asked. Please try again.", code="registration")
    key = webauthn.add_key(
        db.session(),
        current_person_id(),
        _site(),
        challenge=read_base64url(kept),
        client_data=sent.client_data,
        attestation=sent.attestation,
        name=sent.name or _("This device"),
        at=utcnow(),
    )
    db.session.commit()
    frame.say(_("Added: %(name)s.", name=key.name))
    return jsonify(id=str(key.id)), 201


@web.allow(LEARNER)
def remove_security_key(key_id: UUID) -> ResponseReturnValue:
    """The key confirms nothing from now on; a page that stood open for too long asks for the password first."""
    if web.wants_page() and not signin.is_recent(db.session(), at=utcnow()):
        return redirect(url_for("elearn.pages.sign_in_again", next=url_for("elearn.pages.security_keys")), 303)
    signin.require_recent(db.session(), at=utcnow())
    webauthn.remove_key(db.session(), current_person_id(), key_id, at=utcnow())
    db.session.commit()
    frame.say(_("Removed. It confirms nothing any more."), "info")
    return redirect(url_for("elearn.pages.security_keys"), 303)


def _site() -> Site:
    site = Site.of(runtime().settings.public_url)
    if site is None:
        raise Conflict("Security keys need the platform to be reached by https and a name.", code="no_security_keys")
    return site
