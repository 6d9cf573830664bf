"""What must happen without anybody asking: an attempt whose phone never came back is closed by the clock."""

from __future__ import annotations

import logging

from elearn import jobs
from elearn.clock import utcnow
from elearn.courses.papers import attempts
from elearn.db import db

logger = logging.getLogger(__name__)


@jobs.task("courses.close_attempts", every="* * * * *")
def close_attempts() -> None:
    """Close what ran out of time. The learner's next request would; whether a course is done must not wait for it."""
    while closed := attempts.close_overdue(db.session(), at=utcnow()):
        db.session.commit()
        logger.info("attempts closed, time was up", extra={"count": closed})
