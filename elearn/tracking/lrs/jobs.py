"""Keeps months of statements made ahead (DESIGN 3.1)."""

from __future__ import annotations

import logging

from elearn.db import db
from elearn.jobs import task

logger = logging.getLogger(__name__)

MONTHS_AHEAD = 3


@task("lrs.make_months", every="17 3 * * *")
def make_months() -> None:
    """Each night: this month and the next three exist. Should this stand still, the default partition takes over."""
    session = db.session()
    made = session.connection().exec_driver_sql("SELECT elearn.make_statement_months(%s)", (MONTHS_AHEAD,)).scalar_one()
    session.commit()
    if made:
        logger.info("months of statements made", extra={"months": made})
