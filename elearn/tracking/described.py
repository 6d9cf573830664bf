"""What this platform itself says of its units in the record store, so that a statement about one need not.

Sittings define nothing: a learner writes their statements. So when a sitting opens its unit is described, and a job
describes what was published and not opened yet. A word that stands already is not written again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import EPOCH, utcnow
from elearn.courses.models import Unit, UnitKind
from elearn.db import db
from elearn.jobs import task
from elearn.runtime import runtime
from elearn.tracking import addresses
from elearn.tracking.lrs.consistency import stale_after
from elearn.tracking.lrs.statements import store

logger = logging.getLogger(__name__)

LOOK_BACK = timedelta(hours=2)
"""How far back the frequent job looks for units that were published; the nightly one looks at all."""
AT_ONCE = 500


def describe(session: Session, units: Iterable[tuple[UUID, UnitKind, str]], *, at: datetime) -> int:
    """Say what these units are: id, kind and title of each. One query; answers how many were not known so."""
    public_url = runtime().settings.public_url
    said = [(addresses.activity_id(public_url, id_), addresses.definition(kind, title)) for id_, kind, title in units]
    return store.define(session, said, stored_at=at, stale_after=stale_after())


@task("tracking.describe_units", every="*/5 * * * *")
def describe_units() -> None:
    """Every five minutes: what was published lately."""
    describe_published(db.session(), since=utcnow() - LOOK_BACK)


@task("tracking.describe_all_units", every="52 3 * * *")
def describe_all_units() -> None:
    """Each night: whatever was ever published, also while no worker ran."""
    describe_published(db.session(), since=EPOCH)


def describe_published(session: Session, *, since: datetime) -> int:
    """Describe the units published since then; answers how many were not known so. Commits a few hundred at a time."""
    found = sa.select(Unit.id, Unit.kind, Unit.title).where(Unit.published_at >= since).order_by(Unit.id)
    units = [(id_, kind, title) for id_, kind, title in session.execute(found)]
    made = 0
    for first in range(0, len(units), AT_ONCE):
        made += describe(session, units[first : first + AT_ONCE], at=utcnow())
        session.commit()
    if made:
        logger.info("units described in the record store", extra={"units": made})
    return made
