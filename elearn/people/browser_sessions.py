"""The browsers in which an account is signed in: which there are, and ending one, or all but this one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.errors import NotFound
from elearn.people.models import Account, BrowserSession


def _live(account_id: UUID, at: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    epoch = sa.select(Account.session_epoch).where(Account.id == account_id).scalar_subquery()
    return (
        BrowserSession.account_id == account_id,
        BrowserSession.ended_at.is_(None),
        BrowserSession.expires_at > at,
        BrowserSession.epoch == epoch,
    )


def live(session: Session, account_id: UUID, *, at: datetime) -> Sequence[BrowserSession]:
    """Sign-ins that have neither ended nor run out, the newest first. One that lay idle for too long may be among
    them: when a browser was last used only its cookie says."""
    return session.scalars(
        sa.select(BrowserSession)
        .where(*_live(account_id, at))
        .order_by(BrowserSession.started_at.desc(), BrowserSession.id.desc())
    ).all()


def end(session: Session, account_id: UUID, browser_session_id: UUID, *, at: datetime) -> None:
    """That browser is signed out: its cookie is worth nothing from now on. Raises NotFound."""
    ended = session.execute(
        sa.update(BrowserSession)
        .where(*_live(account_id, at), BrowserSession.id == browser_session_id)
        .values(ended_at=at)
        .returning(BrowserSession.id)
    ).first()
    if ended is None:
        raise NotFound("There is no such sign-in.")


def end_others(session: Session, account_id: UUID, keep_id: UUID, *, at: datetime) -> int:
    """All browsers but this one are signed out; how many."""
    ended = session.execute(
        sa.update(BrowserSession)
        .where(*_live(account_id, at), BrowserSession.id != keep_id)
        .values(ended_at=at)
        .returning(BrowserSession.id)
    ).all()
    return len(ended)
