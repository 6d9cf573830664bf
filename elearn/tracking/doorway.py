"""What every view of the sitting's door begins with: whose token this is, the locks, where the learner stands."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, request
from sqlalchemy.orm import Session

from elearn.clock import to_ms
from elearn.courses.catalogue import UnitFacts
from elearn.errors import Forbidden
from elearn.people.callers import current_person_id
from elearn.runtime import runtime
from elearn.tracking import checks, sittings
from elearn.tracking.policy import Policy
from elearn.tracking.standing import Locked, read_unit
from elearn.tracking.tokens import Token, Tokens

bp = Blueprint("tracking", __name__)


def token_of(sitting_id: UUID, now: datetime) -> Token:
    """The token of this very sitting, of whoever is signed in. Raises Forbidden."""
    token = tokens().read(request.headers.get("X-Sitting"), now_ms=to_ms(now))
    if token.learner_id != current_person_id():
        raise Forbidden("This is somebody else's sitting.", code="not_your_sitting")
    if token.sitting_id != sitting_id:
        raise Forbidden("The token belongs to another sitting.", code="bad_token")
    return token


def touch(session: Session, learner_id: UUID, sitting_id: UUID, now: datetime) -> tuple[Locked, Policy]:
    """Both rows locked, whatever became due meanwhile settled, and the sitting's own rules."""
    return sittings.touch(session, learner_id, sitting_id, presence_secret=presence_secret(), now_ms=to_ms(now))


def state_of(session: Session, locked: Locked, facts: UnitFacts, policy: Policy) -> dict[str, Any]:
    """The state block (docs/player-protocol.md, 7)."""
    return sittings.state_block(locked, read_unit(session, locked, policy), facts.duration_ms, policy)


def presence_secret() -> bytes:
    """The key of the secret stream that times checks and picks questions."""
    return checks.secret_of(runtime().settings.secret_key)


def tokens() -> Tokens:
    """What writes and reads this application's sitting tokens; made once."""
    parts = runtime()
    kept: Tokens | None = parts.kept.get("sitting_tokens")
    if kept is None:
        kept = parts.kept["sitting_tokens"] = Tokens(parts.settings.secret_key)
    return kept
