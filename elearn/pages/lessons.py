"""What a manager's lesson page reads: versions, the last video, the pool and what it covers. A handful of queries."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses import catalogue, pool, teaching, unit_states
from elearn.courses.models import Course, Lesson, Question, Unit, UnitBlock
from elearn.courses.unit_states import State, Step
from elearn.courses.upload_models import Upload, UploadState
from elearn.errors import NotFound

RUNNING = frozenset({UploadState.WAITING, UploadState.PACKAGING, UploadState.PLACING})


@dataclass(frozen=True, slots=True)
class Window:
    """Five minutes of a unit: publishing asks that something can be asked about each."""

    start_ms: int
    end_ms: int
    covered: bool


@dataclass(frozen=True, slots=True)
class LessonDesk:
    """A lesson as its manager works on it. `unit` is the version looked at; None while there is none."""

    course: Course
    lesson: Lesson
    units: tuple[tuple[Unit, int], ...]
    """Versions newest first, each with its number of live questions."""
    unit: Unit | None
    blocks: int
    questions: tuple[catalogue.QuestionFacts, ...]
    windows: tuple[Window, ...]
    upload: Upload | None
    steps: Mapping[UUID, Step]
    """The newest step of the review of each version that was ever submitted."""

    @property
    def running(self) -> bool:
        """A video is being prepared."""
        return self.upload is not None and self.upload.state in RUNNING

    @property
    def covered(self) -> bool:
        return all(one.covered for one in self.windows)

    @property
    def state(self) -> State | None:
        """Of the version looked at; None without one."""
        return self.state_of(self.unit) if self.unit else None

    @property
    def reviewed_by_two(self) -> bool:
        """Whether the version looked at is published by nobody but a second person."""
        return self.course.needs_review or (self.unit is not None and self.unit.id in self.steps)

    def state_of(self, unit: Unit) -> State:
        return unit_states.state_of(unit, self.steps.get(unit.id))


def lesson_desk(
    session: Session, lesson_id: UUID, *, acting: Collection[UUID], unit_id: UUID | None = None
) -> LessonDesk:
    """The lesson with the version `unit_id`, or its newest. Raises NotFound."""
    lesson = teaching.own_lesson(session, lesson_id, acting)
    course = session.get_one(Course, lesson.course_id)
    live = sa.func.count(Question.id).filter(Question.retired_at.is_(None))
    units = tuple(
        (unit, count)
        for unit, count in session.execute(
            sa.select(Unit, live)
            .outerjoin(Question, Question.unit_id == Unit.id)
            .where(Unit.lesson_id == lesson_id)
            .group_by(Unit.id)
            .order_by(Unit.version.desc())
        )
    )
    upload = session.scalars(
        sa.select(Upload).where(Upload.lesson_id == lesson_id).order_by(Upload.created_at.desc()).limit(1)
    ).one_or_none()
    unit = next((one for one, _count in units if unit_id is None or one.id == unit_id), None)
    if unit is None and unit_id is not None:
        raise NotFound("There is no such lesson.")
    if unit is None:
        return LessonDesk(course, lesson, units, None, 0, (), (), upload, {})
    blocks = session.scalar(sa.select(sa.func.count()).where(UnitBlock.unit_id == unit.id)) or 0
    questions = catalogue.questions_about(session, unit.id)
    missing = set(pool.uncovered(unit.duration_ms, questions))
    windows = tuple(Window(*one, covered=one not in missing) for one in pool.windows(unit.duration_ms))
    steps = unit_states.last_steps(session, [one.id for one, _count in units])
    return LessonDesk(course, lesson, units, unit, blocks, questions, windows, upload, steps)
