"""Whose phone can be rung up: by text message who has a number, by e-mail who has confirmed an address."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.db import among
from elearn.people.models import Account
from elearn.training.telling import sending
from elearn.training.telling.emailing import EmailAddress
from elearn.training.telling.messages import Telling
from elearn.training.telling.sending import Channel, Letter


def reached(channel: Channel) -> sa.ColumnElement[bool]:
    """Of an open account: its person is reached by this channel."""
    confirmed = sa.exists().where(EmailAddress.person_id == Account.person_id, EmailAddress.verified_at.is_not(None))
    way = Account.phone_sealed.is_not(None) if channel is Channel.SMS else confirmed
    return sa.and_(Account.closed_at.is_(None), way)


def ring(session: Session, channels: Collection[Channel], tellings: Iterable[Telling], *, at: datetime) -> int:
    """What these people are told in the application also goes to their phones, each thing once; answers how many
    letters were new. `tellings` are in an employer's name. Does not commit.
    """
    named = [(one, one.organisation_id) for one in tellings if one.organisation_id is not None]
    queued = 0
    for channel in channels:
        people = _of(session, channel, {one.person_id for one, _employer in named})
        letters = [
            Letter(one.person_id, employer, one.kind, f"{one.kind.value}:{one.cause}", one.facts)
            for one, employer in named
            if one.person_id in people
        ]
        queued += sending.queue(session, channel, letters, at=at)
    return queued


def _of(session: Session, channel: Channel, people: Collection[UUID]) -> set[UUID]:
    return set(session.scalars(sa.select(Account.person_id).where(among(Account.person_id, people), reached(channel))))
