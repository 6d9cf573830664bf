"""The jobs: a code goes out to the phone, and what nobody used is forgotten."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn import jobs, locale
from elearn.clock import to_ms, utcnow
from elearn.db import db, new_id
from elearn.locale import gettext as _
from elearn.outgoing import NotUsable, Service
from elearn.people.by_phone import asking, reaching, rules
from elearn.people.by_phone.models import SignInCode
from elearn.people.identity import Keys
from elearn.people.models import Disclosure
from elearn.runtime import runtime

logger = logging.getLogger(__name__)


def send(
    session: Session,
    code_id: UUID,
    gateway: Service,
    *,
    language: str,
    secret: bytes,
    keys: Keys,
    now: Callable[[], datetime],
) -> None:
    """Tell the phone its code, once; nothing for a number that reaches nobody. Commits twice.

    That the number leaves is on record before it does, and no connection waits for the gateway. Raises OutOfOrder: the
    job is tried again, and sends the same code as long as it holds.
    """
    at = now()
    row = session.get(SignInCode, code_id)
    if row is None or row.sent_at is not None or row.expires_at <= at:
        return
    people = reaching.behind(session, row.phone_index)
    if not people:
        return
    number = reaching.number_of(people[0], keys)
    session.execute(
        sa.insert(Disclosure),
        [
            {
                "id": new_id(),
                "person_id": one.person_id,
                "receiver": gateway.host,
                "what": "phone number",
                "reason": f"sign-in code {code_id}",
                "disclosed_at": at,
            }
            for one in people
        ],
    )
    session.commit()
    with locale.speaking(language):
        text = _(
            "%(code)s is your code to choose a password for safety training. Give it to nobody. It holds for"
            " %(minutes)s min.",
            code=rules.code_of(secret, code_id),
            minutes=int(rules.LIFE.total_seconds() // 60),
        )
    body = {"to": number, "code": rules.code_of(secret, code_id), "text": text}
    try:
        gateway.post(str(code_id), to_ms(at) // 1000, body)
    except NotUsable:
        logger.warning("the gateway takes no message to this number", extra={"code": str(code_id)})
        return
    session.execute(sa.update(SignInCode).where(SignInCode.id == code_id).values(sent_at=now()))
    session.commit()


@jobs.task(asking.SEND, retries=6)
def send_sign_in_code(code_id: str, language: str) -> None:
    """Somebody waits for it. Tried again for about a minute."""
    settings = runtime().settings
    if settings.sms_url is None:
        return
    gateway = Service(settings.sms_url, settings.sms_secret)
    keys = Keys(settings.sealing_key, settings.index_key)
    send(db.session(), UUID(code_id), gateway, language=language, secret=settings.secret_key, keys=keys, now=utcnow)


@jobs.task("people.forget_sign_in_codes", every="50 18 * * *")
def forget_sign_in_codes() -> None:
    """Each night in China."""
    asking.forget_old(db.session(), at=utcnow())
    db.session.commit()
