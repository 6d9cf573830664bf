"""What other packages may ask about watching. Reads only; nothing here is a decision."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from elearn.clock import to_ms
from elearn.courses.models import Course, Lesson, Unit
from elearn.tracking import policies
from elearn.tracking.models import BelievedSpan, Kind, LearnerWatch, Sitting, UnitWatch, WatchedSpan
from elearn.tracking.policy import Policy
from elearn.tracking.presence import is_complete

_LENGTH = sa.func.upper(BelievedSpan.media) - sa.func.lower(BelievedSpan.media)


@dataclass(frozen=True, slots=True)
class Progress:
    """One unit as one learner has it, in whole milliseconds of media."""

    frontier_ms: int
    pending_ms: int
    final_ms: int
    duration_ms: int
    complete: bool
    """Watched to its end, and all of it final."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Watching that a presence check has yet to confirm."""

    unit_id: UUID
    pending_ms: int
    lapses_ms: int
    """Epoch milliseconds from which the oldest of it is too old to be confirmed."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A learner across all lessons."""

    held: bool
    """A check was failed or missed: nothing counts until one is passed."""
    waiting: tuple[Waiting, ...]
    open_check_deadline_ms: int | None
    """A question is out and must be answered by then."""
    live_sitting_id: UUID | None


def progress(session: Session, learner_id: UUID, unit_ids: Collection[UUID]) -> dict[UUID, Progress]:
    """Progress in each of the units; one never opened has none. Unknown units are left out."""
    sums = (
        sa.select(
            BelievedSpan.unit_id,
            sa.func.coalesce(sa.func.sum(_LENGTH).filter(BelievedSpan.state == Kind.PENDING.value), 0).label("pending"),
            sa.func.coalesce(sa.func.sum(_LENGTH).filter(BelievedSpan.state == Kind.FINAL.value), 0).label("final"),
        )
        .where(BelievedSpan.learner_id == learner_id, BelievedSpan.unit_id.in_(unit_ids))
        .group_by(BelievedSpan.unit_id)
        .subquery()
    )
    rows = session.execute(
        sa.select(Unit.id, Unit.duration_ms, UnitWatch.frontier_ms, sums.c.pending, sums.c.final)
        .outerjoin(UnitWatch, (UnitWatch.unit_id == Unit.id) & (UnitWatch.learner_id == learner_id))
        .outerjoin(sums, sums.c.unit_id == Unit.id)
        .where(Unit.id.in_(unit_ids))
    )
    policy = Policy()
    return {
        row.id: Progress(
            frontier_ms=row.frontier_ms or 0,
            pending_ms=int(row.pending or 0),
            final_ms=int(row.final or 0),
            duration_ms=row.duration_ms,
            complete=is_complete(int(row.final or 0), row.duration_ms, policy),
        )
        for row in rows
    }


def standing(session: Session, learner_id: UUID) -> Standing:
    """What waits for this learner: a question, a confirmation, a live player. For somebody new: nothing."""
    learner = session.execute(
        sa.select(LearnerWatch.held, LearnerWatch.check_deadline_ms).where(LearnerWatch.learner_id == learner_id)
    ).one_or_none()
    if learner is None:
        return Standing(False, (), None, None)
    rows = session.execute(
        sa.select(
            BelievedSpan.unit_id,
            WatchedSpan.policy,
            sa.func.sum(_LENGTH).label("sum"),
            sa.func.min(WatchedSpan.heard_at).label("at"),
        )
        .join(WatchedSpan, WatchedSpan.id == BelievedSpan.watched_span_id)
        .where(BelievedSpan.learner_id == learner_id, BelievedSpan.state == Kind.PENDING.value)
        .group_by(BelievedSpan.unit_id, WatchedSpan.policy)
        .order_by(sa.literal_column("at"))
    )
    live = session.scalar(sa.select(Sitting.id).where(Sitting.learner_id == learner_id, Sitting.ended_ms.is_(None)))
    waiting: dict[UUID, Waiting] = {}
    for row in rows:
        # Each stretch waits as long as the rules it was watched under allow.
        lapses_ms = to_ms(row.at.astimezone(UTC)) + policies.by_digest(session, row.policy).pend_age_ms
        before = waiting.get(row.unit_id, Waiting(row.unit_id, 0, lapses_ms))
        pending_ms = before.pending_ms + int(row.sum)
        waiting[row.unit_id] = Waiting(row.unit_id, pending_ms, min(before.lapses_ms, lapses_ms))
    return Standing(learner.held, tuple(waiting.values()), learner.check_deadline_ms, live)


def final_ms_by_item(session: Session, learner_id: UUID) -> dict[tuple[UUID | None, UUID | None], int]:
    """What counts as hours by (class, outline item): finals of the ledger less what was reversed of them.

    Media, or the real time it took where rules count that; a lesson is worth its longest version at most.
    """
    sign = sa.case((WatchedSpan.kind == Kind.FINAL.value, 1), else_=-1)
    reversed_final = aliased(WatchedSpan)
    item = sa.func.coalesce(Lesson.outline_item_id, Course.outline_item_id)
    counted_ms = sa.func.sum(sign * (WatchedSpan.end_ms - WatchedSpan.start_ms - WatchedSpan.excess_ms))
    lessons = (
        sa.select(
            WatchedSpan.class_id,
            item.label("outline_item_id"),
            sa.func.least(counted_ms, sa.func.max(Unit.duration_ms)).label("ms"),
        )
        .join(Unit, Unit.id == WatchedSpan.unit_id)
        .join(Lesson, Lesson.id == Unit.lesson_id)
        .join(Course, Course.id == Lesson.course_id)
        .outerjoin(reversed_final, reversed_final.id == WatchedSpan.reverses_id)
        .where(
            WatchedSpan.learner_id == learner_id,
            (WatchedSpan.kind == Kind.FINAL.value) | (reversed_final.kind == Kind.FINAL.value),
        )
        .group_by(WatchedSpan.class_id, item, Lesson.id)
        .subquery()
    )
    rows = session.execute(
        sa.select(lessons.c.class_id, lessons.c.outline_item_id, sa.func.sum(lessons.c.ms).label("sum")).group_by(
            lessons.c.class_id, lessons.c.outline_item_id
        )
    )
    return {(row.class_id, row.outline_item_id): int(row.sum) for row in rows}
