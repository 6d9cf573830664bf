"""What must happen without anybody asking: a question that nobody answered is a missed check."""

from __future__ import annotations

import logging
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn import jobs
from elearn.clock import to_ms, utcnow
from elearn.db import db
from elearn.runtime import runtime
from elearn.tracking import checks, sittings
from elearn.tracking.models import LearnerWatch, PresenceCheck

logger = logging.getLogger(__name__)


def overdue(session: Session, now_ms: int, *, limit: int = 500) -> list[tuple[UUID, UUID]]:
    """Learners whose question ran out, each with the sitting it was put in."""
    rows = session.execute(
        sa.select(PresenceCheck.learner_id, PresenceCheck.sitting_id)
        .join(LearnerWatch, LearnerWatch.learner_id == PresenceCheck.learner_id)
        .where(LearnerWatch.check_deadline_ms < now_ms, PresenceCheck.outcome.is_(None))
        .limit(limit)
    )
    return [(learner_id, sitting_id) for learner_id, sitting_id in rows]


@jobs.task("tracking.expire_checks", every="* * * * *")
def expire_checks() -> None:
    """Settle questions that ran out. Their learners' next request would; pages must not wait for that."""
    session, now_ms = db.session(), to_ms(utcnow())
    secret = checks.secret_of(runtime().settings.secret_key)
    for learner_id, sitting_id in overdue(session, now_ms):
        # Under the lock it is looked at again: the learner may have answered in the meantime.
        sittings.touch(session, learner_id, sitting_id, presence_secret=secret, now_ms=now_ms)
        session.commit()
        logger.info("presence check missed", extra={"learner": str(learner_id), "sitting": str(sitting_id)})
