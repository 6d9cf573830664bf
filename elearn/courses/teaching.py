"""What an institution's people do: outlines, courses, lessons, question pools, publishing.

Each function takes `acting`: the organisations in whose name the caller acts (from people.permissions). What
belongs to another organisation is not found. Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from elearn.courses import catalogue, describing, pool, unit_states
from elearn.courses.describing import Particulars
from elearn.courses.models import Course, Kind, Lesson, Outline, OutlineItem, Question, Unit
from elearn.courses.public import sharing
from elearn.courses.reading import read_questions
from elearn.courses.requirements.rows import Training
from elearn.courses.upload_models import Upload, UploadState
from elearn.db import new_id
from elearn.errors import Conflict, Malformed, NotFound

PAGE = 50
MAX_TITLE = 200


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item of an outline to be: `hours` (学时) as the outline states them."""

    code: str
    name: str
    kind: Kind
    hours: int


@dataclass(frozen=True, slots=True)
class CourseLine:
    """A course in a list."""

    id: UUID
    title: str
    summary: str
    outline_name: str | None
    item_name: str | None
    kind: Kind | None
    required_hours: int | None
    lessons: int
    offered: int
    """Lessons of which a version is offered."""
    duration_ms: int
    """Of all that is offered."""


@dataclass(frozen=True, slots=True)
class UnitLine:
    """A version of a lesson in its manager's list."""

    id: UUID
    version: int
    title: str
    duration_ms: int
    created_at: datetime
    published_at: datetime | None
    retired_at: datetime | None
    questions: int


@dataclass(frozen=True, slots=True)
class LessonLine:
    """A lesson as its manager sees it: versions newest first, and the last video sent."""

    id: UUID
    position: int
    title: str
    units: tuple[UnitLine, ...]
    upload: Upload | None


@dataclass(frozen=True, slots=True)
class CourseView:
    course: Course
    item: OutlineItem | None
    outline: Outline | None
    lessons: tuple[LessonLine, ...]


class PoolTooThin(Conflict):
    """Publishing was refused: `windows` are the stretches (ms) about which no question can be asked."""

    code = "pool_too_thin"

    def __init__(self, windows: tuple[tuple[int, int], ...]) -> None:
        stretches = ", ".join(f"{clock_text(start)}–{clock_text(end)}" for start, end in windows[:10])
        super().__init__("Questions are missing about %(stretches)s.", stretches=stretches)
        self.windows = windows


def clock_text(ms: int) -> str:
    """Milliseconds as people read a player: m:ss, or h:mm:ss."""
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def add_outline(
    session: Session,
    *,
    code: str,
    name: str,
    region: str,
    version: str,
    effective_from: date,
    items: Sequence[NewItem],
    effective_to: date | None = None,
    category: str | None = None,
    training: Training = Training.INITIAL,
) -> Outline:
    """Enter one version of an outline, whole. A change of the law is a new version (DESIGN 3.7)."""
    outline = Outline(
        id=new_id(),
        code=one_line(code),
        name=one_line(name),
        region=one_line(region),
        version=one_line(version),
        effective_from=effective_from,
        effective_to=effective_to,
        category=category,
        training=training,
    )
    session.add(outline)
    session.flush()
    session.add_all(
        OutlineItem(
            id=new_id(),
            outline_id=outline.id,
            position=position,
            code=one_line(item.code),
            name=one_line(item.name),
            kind=item.kind,
            required_hours=item.hours,
        )
        for position, item in enumerate(items, start=1)
    )
    session.flush()
    return outline


def items_of(session: Session, outline_id: UUID | None) -> Sequence[OutlineItem]:
    """The items of an outline in order; of none (an internal class) none."""
    return session.scalars(
        sa.select(OutlineItem).where(OutlineItem.outline_id == outline_id).order_by(OutlineItem.position)
    ).all()


def outlines_on(session: Session, on: date) -> Sequence[tuple[Outline, tuple[OutlineItem, ...]]]:
    """Outlines in force on a day with their items, for choosing: one query."""
    rows = session.execute(
        sa.select(Outline, OutlineItem)
        .outerjoin(OutlineItem, OutlineItem.outline_id == Outline.id)
        .where(Outline.effective_from <= on, Outline.effective_to.is_(None) | (Outline.effective_to >= on))
        .order_by(Outline.name, Outline.id, OutlineItem.position)
    )
    found: dict[UUID, tuple[Outline, list[OutlineItem]]] = {}
    for outline, item in rows:
        items = found.setdefault(outline.id, (outline, []))[1]
        if item is not None:
            items.append(item)
    return [(outline, tuple(items)) for outline, items in found.values()]


def add_course(
    session: Session,
    *,
    institution_id: UUID,
    title: str,
    at: datetime,
    summary: str = "",
    outline_item_id: UUID | None = None,
    said: Particulars | None = None,
) -> Course:
    """A new course of an institution; without an item of an outline it earns no hours towards an exam."""
    said = said or Particulars()
    if outline_item_id is not None and session.get(OutlineItem, outline_item_id) is None:
        raise NotFound("There is no such item in an outline.")
    course = Course(
        id=new_id(),
        institution_id=institution_id,
        outline_item_id=outline_item_id,
        title=one_line(title),
        summary=summary.strip(),
        created_at=at,
        centre=said.centre,
    )
    session.add(course)
    describing.describe(session, course, said)
    return course


def change_course(
    session: Session, course_id: UUID, *, title: str, summary: str, said: Particulars, acting: Collection[UUID]
) -> Course:
    """Say anew what a course is. What it teaches stays. Raises what `describing.describe` raises."""
    course = own_course(session, course_id, acting, lock=True)
    describing.describe(session, course, said)
    course.title, course.summary = one_line(title), summary.strip()
    session.flush()
    return course


def add_lesson(
    session: Session,
    *,
    course_id: UUID,
    title: str,
    acting: Collection[UUID],
    outline_item_id: UUID | None = None,
) -> Lesson:
    """A new lesson at the end of a course, for the course's item of the outline or for another one of the same."""
    # The row of the course stands for the order of its lessons.
    course = own_course(session, course_id, acting, lock=True)
    describing.require_item_of(session, course, outline_item_id)
    last = session.execute(sa.select(sa.func.max(Lesson.position)).where(Lesson.course_id == course_id)).scalar_one()
    lesson = Lesson(
        id=new_id(),
        course_id=course_id,
        position=(last or 0) + 1,
        title=one_line(title),
        outline_item_id=None if outline_item_id == course.outline_item_id else outline_item_id,
    )
    session.add(lesson)
    session.flush()
    return lesson


def own_course(session: Session, course_id: UUID, acting: Collection[UUID], *, lock: bool = False) -> Course:
    """The course, when one of `acting` teaches it. Raises NotFound."""
    query = sa.select(Course).where(Course.id == course_id, Course.institution_id.in_(acting))
    course = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if course is None:
        raise NotFound("There is no such course.")
    return course


def own_lesson(session: Session, lesson_id: UUID, acting: Collection[UUID]) -> Lesson:
    """The lesson, when one of `acting` teaches it. Raises NotFound."""
    lesson = session.scalars(
        sa.select(Lesson)
        .join(Course, Course.id == Lesson.course_id)
        .where(Lesson.id == lesson_id, Course.institution_id.in_(acting))
    ).one_or_none()
    if lesson is None:
        raise NotFound("There is no such lesson.")
    return lesson


def own_unit(session: Session, unit_id: UUID, acting: Collection[UUID], *, lock: bool = False) -> Unit:
    """The unit, when one of `acting` teaches it. Raises NotFound."""
    query = (
        sa.select(Unit)
        .join(Lesson, Lesson.id == Unit.lesson_id)
        .join(Course, Course.id == Lesson.course_id)
        .where(Unit.id == unit_id, Course.institution_id.in_(acting))
    )
    unit = session.scalars(query.with_for_update(of=Unit) if lock else query).one_or_none()
    if unit is None:
        raise NotFound("There is no such lesson.")
    return unit


def add_question(
    session: Session, unit_id: UUID, draft: pool.QuestionDraft, *, acting: Collection[UUID], at: datetime
) -> UUID:
    """Put one question into a unit's pool. Raises Malformed saying what is wrong with it."""
    unit = own_unit(session, unit_id, acting, lock=True)
    unit_states.require_changeable(session, unit)
    return catalogue.add_questions(session, unit, [draft], at=at)[0]


def add_many_questions(session: Session, unit_id: UUID, text: str, *, acting: Collection[UUID], at: datetime) -> int:
    """Put all questions of a table or a text into the pool, or, raising `reading.BadRows`, none. How many."""
    unit = own_unit(session, unit_id, acting, lock=True)
    unit_states.require_changeable(session, unit)
    return len(catalogue.add_questions(session, unit, read_questions(text, unit.duration_ms), at=at))


def retire_question(session: Session, question_id: UUID, *, acting: Collection[UUID], at: datetime) -> None:
    """Ask it no more. Raises PoolTooThin when an offered unit needs it: enter the better one first."""
    question = session.get(Question, question_id)
    if question is None:
        raise NotFound("There is no such question.")
    unit = own_unit(session, question.unit_id, acting, lock=True)
    if question.retired_at is not None:
        return
    unit_states.require_changeable(session, unit)
    question.retired_at = at
    session.flush()
    if unit.published_at is not None and unit.retired_at is None:
        _require_covered(session, unit)


def publish(session: Session, unit_id: UUID, *, acting: Collection[UUID], at: datetime) -> Unit:
    """Offer a unit to learners in place of the version before. Publishing what is offered changes nothing.

    Raises PoolTooThin when the questions do not cover every five minutes (DESIGN 3.6), Conflict when its files
    are still being moved, it was retired, or its course asks for a review that it has not passed.
    """
    unit = own_unit(session, unit_id, acting, lock=True)
    if unit.retired_at is not None:
        raise Conflict("This version was retired; send the video again to offer it anew.", code="retired")
    if unit.published_at is not None:
        return unit
    unit_states.require_reviewed(session, unit)
    require_ready(session, unit)
    catalogue.offer(session, unit, at=at)
    return unit


def require_ready(session: Session, unit: Unit) -> None:
    """Raises Conflict while its files are being moved or when everybody has its keys, PoolTooThin without questions."""
    placing = sa.exists().where(Upload.unit_id == unit.id, Upload.state != UploadState.DONE)
    if session.execute(sa.select(placing)).scalar_one():
        raise Conflict("The video is still being prepared.", code="not_ready")
    sharing.require_apart(session, unit)
    _require_covered(session, unit)


def retire(session: Session, unit_id: UUID, *, acting: Collection[UUID], at: datetime) -> Unit:
    """Offer a unit no more. Hours earned from it stay."""
    unit = own_unit(session, unit_id, acting, lock=True)
    if unit.published_at is None:
        raise Conflict("A draft cannot be retired.", code="not_published")
    if unit.retired_at is None:
        unit.retired_at = at
        session.flush()
        catalogue.forget(unit.id)
    return unit


def courses_of(
    session: Session, institution_id: UUID, *, page: int = 1, search: str = ""
) -> tuple[list[CourseLine], int]:
    """One page of an institution's courses, newest first, and how many there are: two queries."""
    chosen = sa.select(Course).where(Course.institution_id == institution_id)
    if search.strip():
        chosen = chosen.where(Course.title.icontains(search.strip(), autoescape=True))
    total = session.execute(sa.select(sa.func.count()).select_from(chosen.subquery())).scalar_one()
    offered = Unit.published_at.is_not(None) & Unit.retired_at.is_(None)
    of_page = (
        chosen.order_by(Course.created_at.desc(), Course.id.desc())
        .limit(PAGE)
        .offset((max(1, page) - 1) * PAGE)
        .subquery()
    )
    rows = session.execute(
        sa.select(
            of_page.c.id,
            of_page.c.title,
            of_page.c.summary,
            Outline.name,
            OutlineItem.name,
            OutlineItem.kind,
            OutlineItem.required_hours,
            sa.func.count(Lesson.id.distinct()),
            sa.func.count(Unit.id),
            sa.cast(sa.func.coalesce(sa.func.sum(Unit.duration_ms), 0), sa.BigInteger),
        )
        .select_from(of_page)
        .outerjoin(OutlineItem, OutlineItem.id == of_page.c.outline_item_id)
        .outerjoin(Outline, Outline.id == OutlineItem.outline_id)
        .outerjoin(Lesson, Lesson.course_id == of_page.c.id)
        .outerjoin(Unit, (Unit.lesson_id == Lesson.id) & offered)
        .group_by(*of_page.c, Outline.id, OutlineItem.id)
        .order_by(of_page.c.created_at.desc(), of_page.c.id.desc())
    )
    return [CourseLine(*row) for row in rows], total


def course_view(session: Session, course_id: UUID, *, acting: Collection[UUID]) -> CourseView:
    """A course with its lessons, their versions and last videos, in four queries however many there are."""
    course, item, outline = session.execute(
        sa.select(Course, OutlineItem, Outline)
        .outerjoin(OutlineItem, OutlineItem.id == Course.outline_item_id)
        .outerjoin(Outline, Outline.id == OutlineItem.outline_id)
        .where(Course.id == course_id, Course.institution_id.in_(acting))
    ).one_or_none() or (None, None, None)
    if course is None:
        raise NotFound("There is no such course.")
    lessons = session.scalars(sa.select(Lesson).where(Lesson.course_id == course_id).order_by(Lesson.position)).all()
    of_course = [lesson.id for lesson in lessons]
    questions = sa.func.count(Question.id).filter(Question.retired_at.is_(None))
    units: dict[UUID, list[UnitLine]] = {}
    for unit, count in session.execute(
        sa.select(Unit, questions)
        .outerjoin(Question, Question.unit_id == Unit.id)
        .where(Unit.lesson_id.in_(of_course))
        .group_by(Unit.id)
        .order_by(Unit.version.desc())
    ):
        line = UnitLine(
            unit.id, unit.version, unit.title, unit.duration_ms, unit.created_at, unit.published_at, unit.retired_at,
            count,
        )  # fmt: skip
        units.setdefault(unit.lesson_id, []).append(line)
    uploads = {
        upload.lesson_id: upload
        for upload in session.scalars(
            sa.select(Upload)
            .where(Upload.lesson_id.in_(of_course))
            .ext(distinct_on(Upload.lesson_id))
            .order_by(Upload.lesson_id, Upload.created_at.desc())
        )
    }
    lines = tuple(
        LessonLine(one.id, one.position, one.title, tuple(units.get(one.id, ())), uploads.get(one.id))
        for one in lessons
    )
    return CourseView(course, item, outline, lines)


def uncovered_of(session: Session, unit: Unit) -> tuple[tuple[int, int], ...]:
    """The stretches (ms) of a unit about which nothing can be asked yet."""
    if not unit.kind.earns_online:  # nothing of it is watched, so nothing is asked
        return ()
    return pool.uncovered(unit.duration_ms, catalogue.questions_about(session, unit.id))


def _require_covered(session: Session, unit: Unit) -> None:
    missing = uncovered_of(session, unit)
    if missing:
        raise PoolTooThin(missing)


def one_line(value: str) -> str:
    """A name that people read: one line, not empty, not endless."""
    text = " ".join(value.split())
    if not text or len(text) > MAX_TITLE:
        raise Malformed("A name has 1 to 200 characters.", code="bad_name")
    return text
