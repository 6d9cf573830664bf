"""A learner's account of a lesson, as the page of it asks for it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from elearn.tracking import counted
from tests.builders_tracking import Watchable

ZONE = "Asia/Shanghai"


def account(session: Session, lesson: Watchable, page: int = 1) -> counted.Lesson:
    return counted.lesson(session, lesson.learner_id, lesson.unit_id, zone=ZONE, page=page)


def lines(session: Session, lesson: Watchable) -> list[counted.LostLine]:
    """What was lost, of all days on the first page."""
    return [line for day in account(session, lesson).days for line in day.lines]
