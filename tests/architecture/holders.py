"""Who asks: nobody, each role, roles at a workshop, people without any, exam receivers and keys of the record store.

Each is signed in once; their requests carry the cookie or the key that they were given then. What a holder may is said
by what the view itself declares (`@allow(...)`), never by a list that somebody kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from flask import Flask
from flask import session as cookie
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from elearn.courses.models import Outline
from elearn.credit_export.exam_system.receivers import ALL_SCOPES, add_receiver
from elearn.credit_export.exam_system.routes import MayAsk
from elearn.people import callers, csrf, signin
from elearn.people.models import Account, Role
from elearn.people.permissions import Anybody, Holding
from elearn.tracking.lrs.access.credentials import Key
from elearn.web import Who
from tests import builders_people as people
from tests.architecture.two_sides import OVER_UNITS, Side
from tests.builders_lrs import a_key
from tests.builders_people import AT

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody or some program that asks, and all that is known of what it holds."""

    name: str
    headers: Mapping[str, str]
    """With the session or the key, and the token against forged requests."""
    roles: frozenset[Role] = frozenset()
    """Empty: nobody is signed in."""
    receives: frozenset[str] = frozenset()
    """The scopes of an exam receiver's token."""
    stores: frozenset[str] = frozenset()
    """The scopes of a key of the record store."""

    @property
    def role(self) -> Role:
        """The one that matters."""
        return next(iter(self.roles - {Role.LEARNER}), Role.LEARNER)


def may(app: Flask, rule: Rule, method: str, holder: Holder) -> bool:
    """Whether the view declares that this one may call it."""
    return any(_lets_in(one, method, holder) for one in vars(app.view_functions[rule.endpoint])["who"])


def _lets_in(who: Who, method: str, holder: Holder) -> bool:
    if isinstance(who, Anybody):
        return True
    if isinstance(who, Holding):
        held = holder.roles if method in SAFE else holder.roles - {Role.AUDITOR}
        return bool(held & who.roles if who.roles else holder.roles)
    if isinstance(who, MayAsk):
        return who.scope in holder.receives
    if isinstance(who, Key):
        return bool(who.scopes & holder.stores)
    raise AssertionError(f"{who!r} is of a kind that is not known here: say in holders._lets_in whom it lets in")


def everybody(app: Flask, session: Session, side: Side) -> list[Holder]:
    """Each role of a side, and everybody who has none of it."""
    without = _headers(app, lambda: None)
    found = [Holder("nobody", without)]
    found += [signed_in(app, session, role, account) for role, account in side.accounts.items()]
    found.append(_signed_in(app, session, "somebody of nowhere", frozenset({Role.LEARNER}), people.an_account(session)))
    for name, scopes in (("receiver", ALL_SCOPES), ("receiver of changes", ("changes.read",))):
        found.append(_receiver(app, session, name, scopes, without))
    for name, scopes in (("record key", ("all",)), ("record key that writes", ("statements/write",))):
        found.append(Holder(name, {**without, **a_key(session, *scopes)}, stores=frozenset(scopes)))
    return found


def over_unit(app: Flask, session: Session, side: Side) -> list[Holder]:
    """Who holds an enterprise's roles at a workshop only."""
    return [signed_in(app, session, role, side.accounts[role], " of a workshop") for role in OVER_UNITS]


def signed_in(app: Flask, session: Session, role: Role, account: Account, where: str = "") -> Holder:
    return _signed_in(app, session, f"{role.value}{where}", frozenset({Role.LEARNER, role}), account)


def _signed_in(app: Flask, session: Session, name: str, roles: frozenset[Role], account: Account) -> Holder:
    def begin() -> None:
        signin.begin(session, account, app.extensions["elearn"].clock())
        session.commit()

    return Holder(name, _headers(app, begin), roles)


def _headers(app: Flask, begin: Callable[[], None]) -> dict[str, str]:
    """The cookie of a browser in which `begin` happened, and the token that its forms carry."""
    callers.forget_last_request()  # another browser than the one before
    with app.test_request_context():
        begin()
        token = csrf.token()
        stored = dict(cookie)
    client = app.test_client()
    with client.session_transaction() as kept:
        kept.update(stored)
    kept_as = app.config["SESSION_COOKIE_NAME"]
    value = client.get_cookie(kept_as)
    assert value is not None
    return {"Cookie": f"{kept_as}={value.value}", csrf.HEADER: token, "X-Experience-API-Version": "1.0.3"}


def _receiver(app: Flask, session: Session, name: str, scopes: tuple[str, ...], without: Mapping[str, str]) -> Holder:
    outline = session.scalars(sa.select(Outline.code).limit(1)).one()
    made = add_receiver(session, name=name, outlines=[outline], scopes=scopes, made_at=AT)
    session.commit()
    form = {"grant_type": "client_credentials", "scope": " ".join(scopes)}
    token = app.test_client().post("/exam/v1/token", data=form, auth=(made.client_id, made.secret)).get_json()
    return Holder(name, {**without, "Authorization": f"Bearer {token['access_token']}"}, receives=frozenset(scopes))
