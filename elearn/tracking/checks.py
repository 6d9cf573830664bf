"""A presence check that is out: judging answers, missing it, withdrawing it.

`asking.py` puts it, `providers/` knows the ways, `settling.py` carries out what follows. The learner's row is locked
by whoever calls.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.errors import Conflict, NotFound
from elearn.tracking.models import Outcome, PresenceCheck
from elearn.tracking.presence import TRIES, Judgement, judge_tries
from elearn.tracking.providers import Ways
from elearn.tracking.providers.provider import Found, Provider
from elearn.tracking.providers.said import Said
from elearn.tracking.settling import SERVICE_DOWN, decide
from elearn.tracking.standing import Locked

ANOTHER_WAY = "another_way"
"""Why a check was withdrawn, when it was not `SERVICE_DOWN`."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer led to: `passed`, `try_again`, `failed`, `expired` or `withdrawn`."""

    outcome: str
    tries_left: int


def secret_of(secret_key: bytes) -> bytes:
    """The key of the secret stream that times checks, picks questions and keys challenges."""
    return hmac.digest(secret_key, b"elearn presence", "sha256")


def own_check(session: Session, learner_id: UUID, check_id: UUID) -> PresenceCheck:
    """Raises NotFound: no such check of this learner."""
    check = session.get(PresenceCheck, check_id, populate_existing=True)
    if check is None or check.learner_id != learner_id:
        raise NotFound("There is no such question.")
    return check


def open_check(session: Session, learner_id: UUID) -> PresenceCheck:
    return session.scalars(
        sa.select(PresenceCheck)
        .where(PresenceCheck.learner_id == learner_id, PresenceCheck.outcome.is_(None))
        .execution_options(populate_existing=True)
    ).one()


def look(session: Session, locked: Locked, check_id: UUID, said: Said, ways: Ways) -> Callable[[], Found] | None:
    """The errand that judging this answer needs, or None. Raises NotFound; Malformed."""
    check = own_check(session, locked.learner_id, check_id)
    errand = None if check.outcome is not None else _way(ways, check).look(session, check, said)
    heard_ms = locked.tau_ms
    return None if errand is None else lambda: {**errand(), "at_ms": heard_ms}


def ask_now(session: Session, locked: Locked, check_id: UUID, ways: Ways) -> dict[str, Any]:
    """What a check asks once the camera runs. Raises NotFound; Conflict `nothing_more`."""
    check = own_check(session, locked.learner_id, check_id)
    if check.outcome is not None:
        raise Conflict("This check has nothing more to ask.", code="nothing_more")
    task = _way(ways, check).ask_now(check, now_ms=locked.tau_ms)
    session.flush()
    return task


def answer(
    session: Session,
    locked: Locked,
    check_id: UUID,
    said: Said,
    *,
    secret: bytes,
    ways: Ways,
    found: Found | None = None,
) -> Answered:
    """Judge one try. A request that is sent again answers the same.

    Raises NotFound: no such check of this learner; Malformed: an answer to something else, which costs no try.
    """
    check = own_check(session, locked.learner_id, check_id)
    if check.outcome is not None:
        return Answered(check.outcome, 0)
    tried = _way(ways, check).judge(session, check, said, found)
    if check.tries and check.tries[-1] == tried.kept:
        return Answered("try_again", TRIES - len(check.tries))
    # Whoever is asked again was wrong before.
    judgement = judge_tries([*(False for _ in check.tries), tried.right])
    check.tries = [*check.tries, tried.kept]
    if judgement is Judgement.AGAIN:
        session.flush()
        return Answered("try_again", TRIES - len(check.tries))
    outcome = Outcome.PASSED if judgement is Judgement.PASSED else Outcome.FAILED
    decide(session, locked, check, outcome, secret)
    return Answered(outcome.value, 0)


def settle_overdue(session: Session, locked: Locked, *, secret: bytes) -> bool:
    """A check that was handed out and not answered in time is missed. True when that was so just now.

    Unless it never reached the learner, because this program or a service ended in between: that is withdrawn.
    """
    if locked.check_deadline_ms is None or locked.tau_ms <= locked.check_deadline_ms:
        return False
    check = open_check(session, locked.learner_id)
    if (check.challenge or {}).get("sent") is False:
        withdraw(locked, check, SERVICE_DOWN)
        session.flush()
    else:
        decide(session, locked, check, Outcome.EXPIRED, secret)
    return True


def _way(ways: Ways, check: PresenceCheck) -> Provider:
    """Raises Conflict: that way was switched off since."""
    way = ways.get(check.method)
    if way is None:
        raise Conflict("This way to confirm is not open to you at the moment.", code="no_such_way")
    return way


# -- withdrawing


def sent(session: Session, locked: Locked, check_id: UUID) -> None:
    """The errand of a check is done: from now on it counts."""
    check = own_check(session, locked.learner_id, check_id)
    check.challenge = {**(check.challenge or {}), "sent": True}
    session.flush()


def give_up(session: Session, locked: Locked, check_id: UUID) -> None:
    """A service of ours failed the check: it is withdrawn, nothing follows, and a question may be asked instead."""
    check = own_check(session, locked.learner_id, check_id)
    if check.outcome is None:
        withdraw(locked, check, SERVICE_DOWN)
        session.flush()


def withdraw(locked: Locked, check: PresenceCheck, why: str) -> None:
    check.outcome, check.decided_ms = Outcome.WITHDRAWN.value, locked.tau_ms
    check.challenge = {**(check.challenge or {}), "withdrawn": why}
    locked.check_deadline_ms = None
