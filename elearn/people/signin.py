"""Signing in and out, choosing a password, and one-time passwords.

The answer to a wrong password, an unknown name and a closed account is the same, and takes the same time. Every
sign-in starts a session of its own; it ends by itself (absolute and idle), by signing out, and everywhere at once
when the account's epoch rises.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

import flask
import flask_login
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import MILLISECOND, to_ms
from elearn.db import db
from elearn.errors import Conflict, Forbidden, Malformed, NotFound, NotSignedIn
from elearn.people import csrf, passwords
from elearn.people.accounts import account_key, find_account
from elearn.people.callers import SEEN, Caller, caller_of, current_account, current_person_id, load, require_caller
from elearn.people.identity import Keys
from elearn.people.models import Account, BrowserSession, PasswordReset, Role
from elearn.people.organisations import organisations_that_brought
from elearn.people.permissions import organisation_to_reset_in
from elearn.people.registry import local_day
from elearn.people.tries import Tries
from elearn.runtime import runtime

__all__ = [
    "Caller",
    "begin",
    "change_password",
    "counted_tries",
    "current_account",
    "current_person_id",
    "is_recent",
    "issue_reset",
    "live_as_staff",
    "login_manager",
    "require_caller",
    "require_recent",
    "set_password",
    "sign_in",
    "sign_in_again",
    "sign_out",
    "sign_out_everywhere",
    "signed_in_at",
]

logger = logging.getLogger(__name__)

RESET_LIFE = timedelta(hours=24)
LEARNER_LIFE, LEARNER_IDLE = timedelta(days=30), timedelta(days=7)
STAFF_LIFE, STAFF_IDLE = timedelta(hours=12), timedelta(hours=2)
"""Whoever holds any role besides learner sees other people's data."""

RECENT = timedelta(minutes=15)
"""What opens an account's other doors, as a security key does, asks for the password when it was given longer ago."""

WRONG = "The name or the password is wrong."


def login_manager() -> flask_login.LoginManager:
    """flask-login for our routes only: no application-wide hook, no remember-me cookie."""
    manager = flask_login.LoginManager()
    # A phone changes its address all day; the row in the database is what ends a session.
    manager.session_protection = None
    manager.user_loader(load)
    return manager


def sign_in(session: Session, name_or_phone: str, password: str, *, heard_at: datetime, address: str | None) -> Caller:
    """Start a session for whoever this is. Raises NotSignedIn, TooMany.

    When the caller `must_change`, the account was opened by a one-time password, which is used up now.
    """
    if runtime().identify is not None:
        raise Conflict("People sign in at the application that this one is part of.")
    keys, tries = _keys(), counted_tries()
    typed = account_key(name_or_phone)
    tries.count(typed, address, now=heard_at)
    account = find_account(session, name_or_phone, keys=keys)
    if not _opens(session, account, password, heard_at):
        logger.info("sign-in refused", extra={"account": str(account.id) if account else None})
        raise NotSignedIn(WRONG, code="wrong_password")
    assert account is not None  # _opens says so
    tries.forget(typed, address, now=heard_at)
    return begin(session, account, heard_at)


def _opens(session: Session, account: Account | None, password: str, heard_at: datetime) -> bool:
    """Whether the password opens the account. One hash is verified whatever happens."""
    if account is None or account.closed_at is not None:
        return passwords.verify(None, password)
    if account.password_hash is None:
        return _opens_once(session, account, password, heard_at)
    if not passwords.verify(account.password_hash, password):
        return False
    if passwords.is_outdated(account.password_hash):
        account.password_hash = passwords.hash_password(password)
    return True


def _opens_once(session: Session, account: Account, password: str, heard_at: datetime) -> bool:
    reset = session.scalar(
        sa.select(PasswordReset).where(
            PasswordReset.account_id == account.id,
            PasswordReset.used_at.is_(None),
            PasswordReset.withdrawn_at.is_(None),
            PasswordReset.expires_at > heard_at,
        )
    )
    kept = None if reset is None else reset.password_hash
    if not passwords.verify(kept, passwords.one_time_form(password)) or reset is None:
        return False
    used = session.execute(
        sa.update(PasswordReset)
        .where(PasswordReset.id == reset.id, PasswordReset.used_at.is_(None))
        .values(used_at=heard_at)
        .returning(PasswordReset.id)
    )
    if used.first() is None:  # another browser was faster
        return False
    account.must_change = True
    return True


def begin(session: Session, account: Account, heard_at: datetime) -> Caller:
    """A new session in the database and in the cookie; nothing of an earlier one is taken over."""
    _end_this(session, heard_at)
    session.flush()
    caller = caller_of(session, account.id)
    assert caller is not None  # an open account
    is_staff = bool(caller.roles - {Role.LEARNER})
    row = BrowserSession(
        account_id=account.id,
        epoch=account.session_epoch,
        started_at=heard_at,
        expires_at=heard_at + (STAFF_LIFE if is_staff else LEARNER_LIFE),
        idle_ms=(STAFF_IDLE if is_staff else LEARNER_IDLE) // MILLISECOND,
    )
    session.add(row)
    session.flush()
    caller = caller_of(session, account.id, browser_session_id=row.id)
    assert caller is not None
    flask.session.permanent = True
    flask.session[SEEN] = to_ms(heard_at)
    flask_login.login_user(caller)
    return caller


def signed_in_at(session: Session) -> datetime | None:
    """When whoever asks last gave a password in this browser; None: the host application signs people in.

    Raises NotSignedIn.
    """
    caller = require_caller()
    if caller.browser_session_id is None:
        return None
    return session.scalars(
        sa.select(BrowserSession.started_at).where(BrowserSession.id == caller.browser_session_id)
    ).one()


def is_recent(session: Session, *, at: datetime) -> bool:
    """Was the password given a short while ago? Where a host application signs people in that is its own to ask."""
    given_at = signed_in_at(session)
    return given_at is None or at - given_at <= RECENT


def require_recent(session: Session, *, at: datetime) -> None:
    """Raises Forbidden `recent_signin`: an unlocked phone or a copied cookie is not enough for this."""
    if not is_recent(session, at=at):
        raise Forbidden("For this, please enter your password once more.", code="recent_signin")


def sign_in_again(session: Session, password: str, *, heard_at: datetime, address: str | None) -> Caller:
    """Whoever is signed in gives the password once more: a new session, and the cookie of the old one is worth nothing.

    Raises NotSignedIn, Forbidden, TooMany.
    """
    account = _own_account(session)
    if not _knows_password(account, password, heard_at, address):
        raise Forbidden("The password is wrong.", code="wrong_password")
    return begin(session, account, heard_at)


def _own_account(session: Session) -> Account:
    """Raises NotSignedIn; Conflict: a host application signs people in."""
    caller = require_caller()
    account = session.get(Account, caller.id)
    if account is None or caller.browser_session_id is None:
        raise Conflict("People sign in at the application that this one is part of.")
    return account


def _knows_password(account: Account, password: str, heard_at: datetime, address: str | None) -> bool:
    """Of somebody who is signed in. Wrong ones count by themselves, not among tries to sign in. Raises TooMany."""
    tries = counted_tries()
    tries.count(str(account.id), address, now=heard_at)
    if not passwords.verify(account.password_hash, password):
        return False
    tries.forget(str(account.id), address, now=heard_at)
    return True


def _end_this(session: Session, at: datetime) -> None:
    """End this browser's session, if there is one; leave what a host application keeps in its cookie."""
    caller = current_account()
    if caller is not None and caller.browser_session_id is not None:
        session.execute(
            sa.update(BrowserSession).where(BrowserSession.id == caller.browser_session_id).values(ended_at=at)
        )
    flask_login.logout_user()
    flask.session.pop(SEEN, None)
    csrf.renew()


def sign_out(session: Session, *, at: datetime) -> None:
    """End this browser's session. Nothing happens when there is none."""
    if runtime().identify is None:
        _end_this(session, at)


def sign_out_everywhere(session: Session, account_id: UUID) -> None:
    """End every session of the account, on every browser, at once."""
    session.execute(sa.update(Account).where(Account.id == account_id).values(session_epoch=Account.session_epoch + 1))


def live_as_staff(session: Session, account_id: UUID, *, at: datetime) -> None:
    """The account came to see other people's data: sessions it has already last no longer than a new one would."""
    session.execute(
        sa.update(BrowserSession)
        .where(BrowserSession.account_id == account_id, BrowserSession.ended_at.is_(None))
        .values(
            expires_at=sa.func.least(BrowserSession.expires_at, at + STAFF_LIFE),
            idle_ms=sa.func.least(BrowserSession.idle_ms, STAFF_IDLE // MILLISECOND),
        )
    )


def set_password(session: Session, account_id: UUID, password: str, *, at: datetime) -> Account:
    """Give the account this password and end all its sessions and one-time passwords.

    Raises Malformed for a poor one, NotFound. Who may do so is the caller's question.
    """
    account = session.get(Account, account_id, with_for_update=True)
    if account is None or account.closed_at is not None:
        raise NotFound("There is no such account.")
    passwords.check_new(password, not_like=(account.name or "",))
    account.password_hash = passwords.hash_password(password)
    account.must_change = False
    account.session_epoch += 1
    _withdraw_resets(session, account_id, at)
    session.flush()
    return account


def change_password(
    session: Session, old_password: str, new_password: str, *, heard_at: datetime, address: str | None
) -> Caller:
    """The signed-in person chooses a new password; every other browser is signed out.

    `old_password` is not asked after a one-time password. Raises NotSignedIn, Forbidden, Malformed, TooMany.
    """
    account = _own_account(session)
    if not account.must_change:
        if not _knows_password(account, old_password, heard_at, address):
            raise Forbidden("The old password is wrong.", code="wrong_password")
        if old_password == new_password:
            raise Malformed("The new password is the old one.", code="password_same")
    return begin(session, set_password(session, account.id, new_password, at=heard_at), heard_at)


def issue_reset(session: Session, by: Caller | None, account_id: UUID, *, at: datetime) -> str:
    """A one-time password for somebody who forgot theirs: shown once, good for 24 hours, recorded with who issued it.

    The old password and every session end at once. `by` None is the command line, which may for anybody; a clerk may
    for people of the clerk's own organisations who hold no more than the clerk may reset, when the account was opened
    in that organisation and not before it took the person in. Raises NotFound otherwise.
    """
    account = session.get(Account, account_id, with_for_update=True)
    if account is None or account.closed_at is not None:
        raise NotFound("There is no such account.")
    organisation_id = None
    if by is not None and Role.OPERATOR not in by.roles:
        target = caller_of(session, account_id)
        held = target.roles if target else frozenset()
        brought_by = organisations_that_brought(session, account, on=local_day(at))
        organisation_id = organisation_to_reset_in(by, held, brought_by)
        if organisation_id is None:
            raise NotFound("There is no such account.")
    one_time = passwords.new_one_time()
    _withdraw_resets(session, account_id, at)
    account.password_hash = None
    account.must_change = True
    account.session_epoch += 1
    session.add(
        PasswordReset(
            account_id=account_id,
            issued_by=by.id if by else None,
            organisation_id=organisation_id,
            password_hash=passwords.hash_password(passwords.one_time_form(one_time)),
            issued_at=at,
            expires_at=at + RESET_LIFE,
        )
    )
    session.flush()
    logger.info("one-time password issued", extra={"account": str(account_id), "by": str(by.id) if by else None})
    return one_time


def _withdraw_resets(session: Session, account_id: UUID, at: datetime) -> None:
    session.execute(
        sa.update(PasswordReset)
        .where(
            PasswordReset.account_id == account_id,
            PasswordReset.used_at.is_(None),
            PasswordReset.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=at)
    )


def _keys() -> Keys:
    settings = runtime().settings
    return Keys(sealing=settings.sealing_key, index=settings.index_key)


def counted_tries() -> Tries:
    """The counters of this application, for whatever somebody may guess at."""
    parts = runtime()
    return Tries(parts.redis, db.engine, parts.settings.index_key)
