"""Somebody asks for a code to a number: always the same work and the same answer, whether or not it is known."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn import jobs
from elearn.errors import TooMany
from elearn.people.by_phone import rules
from elearn.people.by_phone.models import SignInCode
from elearn.people.identity import Keys, blind_index, check_phone
from elearn.people.tries import Tries

SEND = "people.send_sign_in_code"
KEPT = timedelta(days=2)
"""Of codes that nobody used: longer than the limits look back."""
AHEAD_OF_OTHERS = 10
"""Somebody waits with the phone in hand."""


def ask(
    session: Session, phone: str, *, language: str, address: str | None, keys: Keys, tries: Tries, at: datetime
) -> UUID:
    """A code for this number, which a job sends if somebody is behind it; answers what the browser keeps.

    Raises Malformed `phone_form`; TooMany.
    """
    number = check_phone(phone)
    tries.count_address("code", address, rules.MOST_ADDRESS, now=at)
    index = blind_index(keys.index, "phone", number)
    # Two requests at once for one number: the second counts the first.
    session.execute(sa.select(sa.func.pg_advisory_xact_lock(rules.lock_of(index))))
    asked = session.scalars(
        sa.select(SignInCode.asked_at).where(SignInCode.phone_index == index, SignInCode.asked_at > at - rules.DAY)
    ).all()
    wait = rules.wait_for_code(asked, at)
    if wait is not None:
        raise TooMany(
            "Too many codes were asked for. Please wait, or ask your enterprise's clerk.",
            code="too_many_codes",
            retry_after_s=max(1, math.ceil(wait.total_seconds())),
        )
    made = SignInCode(phone_index=index, asked_at=at, expires_at=at + rules.LIFE)
    session.add(made)
    session.flush()
    jobs.defer(session, SEND, priority=AHEAD_OF_OTHERS, code_id=str(made.id), language=language)
    return made.id


def forget_old(session: Session, *, at: datetime) -> None:
    """Codes that nobody used go."""
    session.execute(sa.delete(SignInCode).where(SignInCode.used_at.is_(None), SignInCode.asked_at < at - KEPT))
