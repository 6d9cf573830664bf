"""What a learner's pages read of watching and hours: one query each, however many lessons there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import from_ms, to_ms
from elearn.courses.curriculum import next_unit
from elearn.courses.learning import MyClass, MyCourse, MyLesson
from elearn.courses.models import Unit
from elearn.pages.shown import per_mille
from elearn.tracking.models import BelievedSpan, Kind, Report, Sitting
from elearn.tracking.spans import Span, merge
from elearn.tracking.verifier import REFUSAL_CLASS, Refusal, RefusalClass
from elearn.tracking.watched import Progress
from elearn.tracking.watched import progress as progress_of

REFUSALS_FOR = timedelta(days=7)
REFUSALS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class LessonStanding:
    """A lesson with what this learner has of it."""

    lesson: MyLesson
    progress: Progress | None

    @property
    def state(self) -> str:
        """done: all of it final; waiting: watched, a check is missing; begun; new. on_site: nothing of it is online."""
        if not self.lesson.kind.earns_online:
            return "on_site"
        one = self.progress
        if one is None or one.final_ms + one.pending_ms == 0:
            return "new"
        if one.complete:
            return "done"
        return "waiting" if one.pending_ms and one.final_ms + one.pending_ms >= one.duration_ms else "begun"

    @property
    def believed_ms(self) -> int:
        return self.progress.final_ms + self.progress.pending_ms if self.progress else 0

    @property
    def pending_ms(self) -> int:
        return self.progress.pending_ms if self.progress else 0

    @property
    def final_ms(self) -> int:
        return self.progress.final_ms if self.progress else 0


@dataclass(frozen=True, slots=True)
class CourseStanding:
    """A course with its lessons, and how much of it is final and pending (per mille of its length)."""

    course: MyCourse
    lessons: tuple[LessonStanding, ...]

    @property
    def duration_ms(self) -> int:
        return sum(one.lesson.duration_ms for one in self.online)

    @property
    def online(self) -> tuple[LessonStanding, ...]:
        """The lessons that are studied here; what is practised on site is not."""
        return tuple(one for one in self.lessons if one.state != "on_site")

    @property
    def final_ms(self) -> int:
        return sum(one.final_ms for one in self.lessons)

    @property
    def pending_ms(self) -> int:
        return sum(one.pending_ms for one in self.lessons)

    @property
    def final(self) -> int:
        # A complete lesson may lack the last few milliseconds; a course whose lessons are done is shown whole.
        return 1000 if self.online and self.done == len(self.online) else per_mille(self.final_ms, self.duration_ms)

    @property
    def pending(self) -> int:
        return min(1000 - self.final, per_mille(self.pending_ms, self.duration_ms))

    @property
    def done(self) -> int:
        return sum(one.state == "done" for one in self.lessons)

    @property
    def next(self) -> LessonStanding | None:
        """The first lesson that is not complete."""
        done = {one.lesson.unit_id for one in self.lessons if one.state == "done"}
        unit_id = next_unit([one.lesson.unit_id for one in self.online], done)
        return next((one for one in self.lessons if one.lesson.unit_id == unit_id), None)


def course_standing(course: MyCourse, progress: Mapping[UUID, Progress]) -> CourseStanding:
    return CourseStanding(course, tuple(LessonStanding(one, progress.get(one.unit_id)) for one in course.lessons))


def standings(session: Session, learner_id: UUID, classes: Sequence[MyClass]) -> dict[UUID, CourseStanding]:
    """Course id -> standing; two classes may share a course. One query."""
    wanted = unit_ids(classes)
    found = progress_of(session, learner_id, wanted) if wanted else {}
    return {course.id: course_standing(course, found) for one in classes for course in one.courses}


def unit_ids(classes: Sequence[MyClass]) -> set[UUID]:
    """All offered units of these classes."""
    return {lesson.unit_id for one in classes for course in one.courses for lesson in course.lessons}


def spans_of(session: Session, learner_id: UUID, unit_id: UUID) -> dict[str, list[list[int]]]:
    """What is believed of one unit, as the player's `spans`: {"pending": [[a, b], ...], "final": ...}."""
    rows = session.execute(
        sa.select(BelievedSpan.state, sa.func.lower(BelievedSpan.media), sa.func.upper(BelievedSpan.media)).where(
            BelievedSpan.learner_id == learner_id, BelievedSpan.unit_id == unit_id
        )
    ).all()
    return {
        kind.value: [list(one) for one in merge(Span(start, end) for state, start, end in rows if state == kind.value)]
        for kind in (Kind.PENDING, Kind.FINAL)
    }


@dataclass(frozen=True, slots=True)
class RefusalLine:
    """Media that was not counted, in the class a learner is told."""

    at: datetime
    unit_id: UUID
    title: str
    kind: RefusalClass
    refused_ms: int


def recent_refusals(session: Session, learner_id: UUID, *, now: datetime) -> list[RefusalLine]:
    """The newest refusals of the last week; what follows on in one sitting for one reason is one line."""
    rows = session.execute(
        sa.select(Report.tau_ms, Report.refused, Report.refused_as, Sitting.id, Sitting.unit_id, Unit.title)
        .join(Sitting, Sitting.id == Report.sitting_id)
        .join(Unit, Unit.id == Sitting.unit_id)
        .where(Sitting.learner_id == learner_id, Report.tau_ms >= to_ms(now - REFUSALS_FOR))
        .where((sa.func.jsonb_array_length(Report.refused) > 0) | Report.refused_as.is_not(None))
        .order_by(Report.tau_ms.desc(), Report.seq.desc())
        .limit(10 * REFUSALS_SHOWN)
    )
    lines: list[RefusalLine] = []
    last: tuple[UUID, RefusalClass] | None = None
    for row in rows:
        for kind, refused_ms in _classes(row.refused, row.refused_as).items():
            if last == (row.id, kind):
                before = lines.pop()
                line = RefusalLine(before.at, row.unit_id, row.title, kind, before.refused_ms + refused_ms)
            else:
                line = RefusalLine(from_ms(row.tau_ms), row.unit_id, row.title, kind, refused_ms)
            lines.append(line)
            last = (row.id, kind)
    return lines[:REFUSALS_SHOWN]


def _classes(refused: Collection[Sequence[object]], refused_as: str | None) -> dict[RefusalClass, int]:
    """Milliseconds refused by class; codes that a learner is told nothing about are left out."""
    found: dict[RefusalClass, int] = {}
    for start, end, code in refused:
        kind = REFUSAL_CLASS[Refusal(str(code))]
        if kind is not None:
            found[kind] = found.get(kind, 0) + max(0, int(str(end)) - int(str(start)))
    kind = REFUSAL_CLASS[Refusal(refused_as)] if refused_as else None
    if kind is not None:
        found.setdefault(kind, 0)
    return found
