"""Every hour everybody is reminded; every minute what waits for a phone goes out; every evening what failed is told."""

from __future__ import annotations

import time
from uuid import UUID

from elearn.clock import utcnow
from elearn.db import db
from elearn.jobs import task
from elearn.outgoing import Service
from elearn.people.identity import Keys
from elearn.runtime import runtime
from elearn.training.apprentices import records as apprenticeships
from elearn.training.telling import inviting, meetings, reminders, sending
from elearn.training.telling.emailing import Emails
from elearn.training.telling.sending import Carrier, Channel, TextMessages

BUDGET_S = 50.0


def carriers() -> list[Carrier]:
    """The ways out of this house. Text messages may be for invitations alone: `reminds_by`."""
    settings = runtime().settings
    keys = Keys(sealing=settings.sealing_key, index=settings.index_key)
    found: list[Carrier] = []
    if settings.sms_url is not None:
        found.append(TextMessages(Service(settings.sms_url, settings.sms_secret), keys))
    if settings.mail is not None:
        found.append(Emails(settings.mail, keys))
    return found


def reminds_by() -> list[Channel]:
    """Those that its settings open for reminders, too."""
    by_sms = runtime().settings.remind_by_sms
    return [one.channel for one in carriers() if by_sms or one.channel is not Channel.SMS]


@task("training.remind", every="5 * * * *")
def remind() -> None:
    session, now, channels = db.session(), utcnow(), reminds_by()
    reminders.remind(session, at=now, channels=channels)
    meetings.tell(session, at=now)
    meetings.ring(session, channels, at=now)
    session.commit()


@task(inviting.INVITE)
def invite(employers: list[str], address: str) -> None:
    """Of rosters that were taken in."""
    inviting.invite(db.session(), [UUID(one) for one in employers], address, at=utcnow())


@task("training.tell_rosters", every="*/5 * * * *")
def tell_rosters() -> None:
    inviting.tell_rosters(db.session(), at=utcnow())
    db.session.commit()


@task("training.send", every="* * * * *")
def send() -> None:
    ends = time.monotonic() + BUDGET_S
    for carrier in carriers():
        while time.monotonic() < ends and sending.send_due(db.session(), carrier, now=utcnow):
            continue


@task("training.ask_to_sign", every="10 0 * * *")
def ask_to_sign() -> None:
    """At 08:10 in China."""
    apprenticeships.ask_to_sign(db.session(), at=utcnow())
    db.session.commit()


@task("training.tell_what_failed", every="30 12 * * *")
def tell_what_failed() -> None:
    """At 20:30 in China, where the letters of yesterday are sent or given up."""
    reminders.tell_what_failed(db.session(), at=utcnow())
    db.session.commit()
