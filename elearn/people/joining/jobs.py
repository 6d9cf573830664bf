"""What time does to joinings."""

from __future__ import annotations

from elearn import jobs
from elearn.clock import utcnow
from elearn.db import db
from elearn.people.joining import coming


@jobs.task("people.lapse_joinings", every="40 18 * * *")
def lapse_joinings() -> None:
    """Each night in China: who waited for too long is refused, who never came to anything is forgotten."""
    coming.lapse(db.session(), at=utcnow())
    db.session.commit()
