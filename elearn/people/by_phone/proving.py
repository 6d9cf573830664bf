"""Somebody has the code and knows how their document ends: they choose a password, and every other browser is out."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.errors import Conflict, TooMany
from elearn.people import signin
from elearn.people.by_phone import reaching, rules
from elearn.people.by_phone.models import SignInCode
from elearn.people.callers import Caller
from elearn.people.identity import Keys
from elearn.people.models import Account, Person

logger = logging.getLogger(__name__)


def over() -> Conflict:
    """One sentence for a code that ran out, was used, or never was."""
    return Conflict("This code does not hold any more. Please ask for another.", code="code_over")


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a try."""

    fits: bool
    left: int
    """More tries of this code."""


def prove(session: Session, code_id: UUID, code: str, tail: str, *, secret: bytes, keys: Keys, at: datetime) -> Tried:
    """Try a code and the end of a document's number. Which of the two was wrong nobody is told.

    The try counts, so the caller commits whatever comes back. Raises Conflict `code_over`; TooMany, to who has the
    code: too many ends were tried at this number today.
    """
    row = _open(session, code_id, at)
    if row.proved_at is not None or row.tries >= rules.MOST_TRIES:
        raise over()
    row.tries += 1
    account_id = None
    if rules.code_fits(secret, row.id, code):
        account_id = _meant(session, row, tail, keys, at)
        row.wrong_ends += account_id is None
    if account_id is None:
        session.flush()
        logger.info("sign-in code refused", extra={"code": str(row.id)})
        return Tried(False, rules.MOST_TRIES - row.tries)
    account = session.get_one(Account, account_id)
    row.account_id, row.session_epoch, row.proved_at = account.id, account.session_epoch, at
    row.was_first = account.password_hash is None
    session.flush()
    return Tried(True, 0)


def _meant(session: Session, row: SignInCode, tail: str, keys: Keys, at: datetime) -> UUID | None:
    # The number's other codes wait here: guessing in many browsers at once is guessing one after the other.
    session.execute(sa.select(sa.func.pg_advisory_xact_lock(rules.lock_of(row.phone_index))))
    wrong = session.scalars(
        sa.select(sa.func.coalesce(sa.func.sum(SignInCode.wrong_ends), 0)).where(
            SignInCode.phone_index == row.phone_index, SignInCode.asked_at > at - rules.DAY
        )
    ).one()
    if wrong >= rules.MOST_WRONG_A_DAY:
        raise TooMany(
            "Too many wrong tries. Please ask your enterprise's clerk for a one-time password.",
            code="too_many_tries",
            retry_after_s=int(rules.DAY.total_seconds()),
        )
    people = reaching.behind(session, row.phone_index)
    return rules.meant(reaching.candidates(session, people, keys), tail)


def proved(session: Session, code_id: UUID, *, at: datetime) -> SignInCode:
    """What was proved with it. Raises Conflict `code_over`: nothing, or too long ago, or it was used."""
    row = _open(session, code_id, at)
    if row.proved_at is None:
        raise over()
    return row


def finish(session: Session, code_id: UUID, password: str, *, at: datetime) -> tuple[Caller, bool]:
    """The password is chosen: sessions elsewhere end, one begins here. Also whether it was the account's first.

    Raises Conflict `code_over`, Malformed for a poor password, TooMany.
    """
    row = proved(session, code_id, at=at)
    account = session.scalars(
        sa.select(Account)
        .join(Person, Person.id == Account.person_id)
        .where(Account.id == row.account_id, reaching.may_come_in())
        .with_for_update(of=Account)
        .execution_options(populate_existing=True)
    ).one_or_none()
    # A password or one-time password that came since: whoever was slower proves it again.
    if account is None or account.session_epoch != row.session_epoch:
        raise over()
    set_today = sa.select(sa.func.count()).where(
        SignInCode.account_id == account.id, SignInCode.used_at > at - rules.DAY
    )
    if session.scalars(set_today).one() >= rules.MOST_SET_A_DAY:
        raise TooMany(
            "Too many new passwords in one day. Please ask your enterprise's clerk.",
            code="too_many_passwords",
            retry_after_s=int(rules.DAY.total_seconds()),
        )
    signin.set_password(session, account.id, password, at=at)
    row.used_at = at
    session.flush()
    logger.info("password set by a code", extra={"account": str(account.id), "code": str(row.id)})
    return signin.begin(session, account, at), bool(row.was_first)


def _open(session: Session, code_id: UUID, at: datetime) -> SignInCode:
    row = session.get(SignInCode, code_id, with_for_update=True, populate_existing=True)
    if row is None or row.used_at is not None:
        raise over()
    if at >= (row.expires_at if row.proved_at is None else row.proved_at + rules.LIFE):
        raise over()
    return row
