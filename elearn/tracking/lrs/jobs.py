"""Keeps months of statements made ahead (DESIGN 3.1), and sees after statements that arrived at once."""

from __future__ import annotations

import logging
from datetime import timedelta

from elearn.clock import utcnow
from elearn.db import db
from elearn.jobs import task
from elearn.tracking.lrs.statements import faces

logger = logging.getLogger(__name__)

MONTHS_AHEAD = 3
LOOK_BACK = timedelta(hours=1)
"""Longer than any transaction that stores statements, and than this job may stand still without loss."""


@task("lrs.make_months", every="17 3 * * *")
def make_months() -> None:
    """Each night: this month and the next three exist. Should this stand still, the default partition takes over."""
    session = db.session()
    made = session.connection().exec_driver_sql("SELECT elearn.make_statement_months(%s)", (MONTHS_AHEAD,)).scalar_one()
    session.commit()
    if made:
        logger.info("months of statements made", extra={"months": made})


@task("lrs.mend_faces", every="* * * * *")
def mend_faces() -> None:
    """Each minute: a statement and the one it refers to, stored at once and unseen by each other, are joined."""
    session = db.session()
    made = faces.mend(session, utcnow() - LOOK_BACK)
    session.commit()
    if made:
        logger.info("statements joined to what they refer to", extra={"faces": made})
