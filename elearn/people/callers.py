"""Who is asking: the signed-in account of this request, with the roles it holds, read in one query.

Our sign-in keeps a row for each browser (`browser_session`) and its id in the signed cookie, through flask-login.
A host application with accounts of its own passes `Elearn(identify=...)` instead; then its word is taken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import flask_login
import sqlalchemy as sa
from flask import current_app, g, has_request_context, session
from sqlalchemy.orm import Session

from elearn.clock import MILLISECOND, from_ms, to_ms, utcnow
from elearn.db import db
from elearn.errors import NotSignedIn
from elearn.people.models import Role
from elearn.runtime import runtime

SEEN = "elearn_seen"
"""Cookie key: milliseconds since 1970 of the last request that moved the idle limit."""
SEEN_EVERY = timedelta(minutes=1)
"""The cookie is written again at most so often."""
CALLER = "elearn_caller"
MANAGER = "login_manager"


@dataclass(frozen=True, slots=True)
class Grant:
    """A live role, where it reaches: an organisation, a region (GB/T 2260), or neither."""

    role: Role
    organisation_id: UUID | None
    region: str | None


@dataclass(frozen=True, slots=True)
class Caller:
    """The account that asks. It carries what flask-login wants of a user."""

    id: UUID
    person_id: UUID
    name: str
    must_change: bool
    grants: tuple[Grant, ...]
    browser_session_id: UUID | None
    """None when the host application signed the person in."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(grant.role for grant in self.grants)

    def get_id(self) -> str:
        return str(self.browser_session_id)


COLUMNS = """
    a.id, a.person_id, a.name, a.must_change,
    (SELECT jsonb_agg(jsonb_build_array(r.role, r.organisation_id, r.region)) FROM elearn.role_grant r
      WHERE r.account_id = a.id AND r.revoked_at IS NULL) AS grants
"""
BY_ACCOUNT = sa.text(f"SELECT {COLUMNS} FROM elearn.account a WHERE a.id = :id AND a.closed_at IS NULL")
BY_SESSION = sa.text(f"""
    SELECT {COLUMNS}, s.idle_ms
      FROM elearn.browser_session s JOIN elearn.account a ON a.id = s.account_id
     WHERE s.id = :id AND s.ended_at IS NULL AND s.expires_at > :now
       AND s.epoch = a.session_epoch AND a.closed_at IS NULL
""")


def _caller(row: sa.Row[Any], browser_session_id: UUID | None) -> Caller:
    grants = tuple(
        Grant(Role(role), UUID(organisation) if organisation else None, region)
        for role, organisation, region in row.grants or ()
    )
    return Caller(row.id, row.person_id, row.name or "", row.must_change, grants, browser_session_id)


def caller_of(session: Session, account_id: UUID, *, browser_session_id: UUID | None = None) -> Caller | None:
    """The open account as a caller, or None."""
    row = session.execute(BY_ACCOUNT, {"id": account_id}).first()
    return None if row is None else _caller(row, browser_session_id)


def load(cookie_id: str) -> Caller | None:
    """Whom the cookie names, unless that sign-in has ended, run out, or lain idle for too long."""
    try:
        browser_session_id = UUID(cookie_id)
    except ValueError:
        return None
    now = utcnow()
    row = db.session.execute(BY_SESSION, {"id": browser_session_id, "now": now}).first()
    seen_ms = session.get(SEEN)
    if row is None or not isinstance(seen_ms, int):
        return None
    silent = now - from_ms(seen_ms)
    if silent > row.idle_ms * MILLISECOND:
        return None
    if silent > SEEN_EVERY:
        session[SEEN] = to_ms(now)
    return _caller(row, browser_session_id)


def current_account() -> Caller | None:
    """Who is signed in; None when nobody is, and outside a request."""
    if not has_request_context():
        return None
    parts = runtime()
    if parts.identify is not None:
        if CALLER not in g:
            account_id = parts.identify()
            found = None if account_id is None else caller_of(db.session(), UUID(str(account_id)))
            # The host's sign-in is not by our passwords, so none of ours is waiting to be changed.
            setattr(g, CALLER, found and replace(found, must_change=False))
        return cast(Caller | None, g.get(CALLER))
    if getattr(current_app, "login_manager", None) is not parts.kept[MANAGER]:
        raise RuntimeError("this application has a LoginManager of its own: pass Elearn(identify=...)")
    user = flask_login.current_user
    return cast(Caller, user._get_current_object()) if user.is_authenticated else None


def require_caller() -> Caller:
    """Who is signed in. Raises NotSignedIn."""
    caller = current_account()
    if caller is None:
        raise NotSignedIn("Please sign in.")
    return caller


def current_person_id() -> UUID:
    """The person who is signed in. Raises NotSignedIn."""
    return require_caller().person_id


def forget_last_request() -> None:
    """Look afresh in every request, also where several share one application context (command line, tests)."""
    for kept in ("_login_user", CALLER, "elearn_below"):
        g.pop(kept, None)
