"""The jobs of rosters."""

from __future__ import annotations

import logging
from uuid import UUID

from elearn import jobs
from elearn.clock import utcnow
from elearn.db import db
from elearn.people.identity import Keys
from elearn.people.roster import drafts, looking, taking
from elearn.runtime import runtime

logger = logging.getLogger(__name__)


def keys() -> Keys:
    settings = runtime().settings
    return Keys(settings.sealing_key, settings.index_key)


@jobs.task(drafts.READ)
def read_roster(draft_id: str) -> None:
    """Read a file that was sent."""
    looking.read(db.session(), UUID(draft_id), keys=keys(), now=utcnow)


@jobs.task(drafts.TAKE)
def take_roster(draft_id: str) -> None:
    """Take in a roster that was confirmed."""
    taking.take(db.session(), UUID(draft_id), keys=keys(), now=utcnow)


@jobs.task("roster.forget", every="23 * * * *")
def forget_rosters() -> None:
    """Once an hour: what is a week old goes."""
    forgotten = drafts.forget_old(db.session(), at=utcnow())
    db.session.commit()
    if forgotten:
        logger.info("rosters forgotten", extra={"count": forgotten})
