"""The bank: writing, reviewing by a second person, the yearly look, retiring, pictures, lists.

Each function takes `acting`: the organisations in whose name the caller acts. What belongs to another organisation is
not found. Nothing here commits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from elearn.courses import page_images, teaching
from elearn.courses.models import Course, Lesson, OutlineItem, Unit
from elearn.courses.questions.kinds import (
    Content,
    Difficulty,
    Kind,
    as_json,
    digest,
    from_json,
    images_of,
    kind_of,
    problem_of,
)
from elearn.courses.questions.models import BankImage, BankQuestion, BankVersion
from elearn.db import new_id
from elearn.errors import Conflict, Forbidden, Malformed, NotFound

PAGE = 30
YEAR = timedelta(days=365)
LISTED_STEM = 300
MOST_UNITS = 300


class State(StrEnum):
    DRAFT = "draft"
    REVIEWED = "reviewed"
    DUE = "due"
    """Reviewed, and its yearly look is due."""
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Line:
    """A version of a question in the bank's list."""

    version: BankVersion
    question: BankQuestion
    item: OutlineItem
    state: State

    @property
    def content(self) -> Content:
        return from_json(self.version.content)


def state_of(version: BankVersion, today: date) -> State:
    if version.retired_at is not None:
        return State.RETIRED
    if version.review_due_on is None:
        return State.DRAFT
    return State.DUE if version.review_due_on <= today else State.REVIEWED


def add_question(
    session: Session,
    *,
    institution_id: UUID,
    outline_item_id: UUID,
    content: Content,
    difficulty: Difficulty,
    by: UUID,
    at: datetime,
    unit_id: UUID | None = None,
) -> BankVersion:
    """A new question as a draft. Raises Malformed, NotFound, Conflict (the bank has it already)."""
    require_sound(session, institution_id, content)
    if session.get(OutlineItem, outline_item_id) is None:
        raise NotFound("There is no such item in an outline.")
    if unit_id is not None:
        teaching.own_unit(session, unit_id, [institution_id])
    if known_digests(session, institution_id, [digest(content)]):
        raise Conflict("The bank has this question already.", code="known_question")
    question = BankQuestion(
        id=new_id(), institution_id=institution_id, outline_item_id=outline_item_id, unit_id=unit_id, created_at=at
    )
    session.add(question)
    session.flush()
    return _draft(session, question.id, 1, content, difficulty, by, at)


def _draft(
    session: Session, question_id: UUID, number: int, content: Content, difficulty: Difficulty, by: UUID, at: datetime
) -> BankVersion:
    made = BankVersion(question_id=question_id, version=number, **row_of(content, difficulty, by, at))
    session.add(made)
    session.flush()
    return made


def row_of(content: Content, difficulty: Difficulty, by: UUID, at: datetime) -> dict[str, object]:
    """The columns that say what a version is."""
    return {
        "kind": kind_of(content),
        "difficulty": difficulty,
        "stem": content.stem[:LISTED_STEM],
        "content": as_json(content),
        "digest": digest(content),
        "written_by": by,
        "written_at": at,
    }


def require_sound(session: Session, institution_id: UUID, content: Content) -> None:
    """Raises Malformed: it cannot be asked, or names a picture that the bank does not have."""
    problem = problem_of(content)
    if problem is not None:
        raise Malformed(problem, code="bad_question")
    wanted = set(images_of(content))
    if wanted - known_images(session, institution_id, wanted):
        raise Malformed("The bank does not have this picture.", code="no_image")


def change(
    session: Session,
    version_id: UUID,
    content: Content,
    difficulty: Difficulty,
    *,
    acting: Collection[UUID],
    by: UUID,
    at: datetime,
) -> BankVersion:
    """Write a draft anew; of a reviewed question make a new version, which is asked once it is reviewed.

    Raises Conflict: a retired version, or a newer draft exists.
    """
    version, question = own_version(session, version_id, acting, lock=True)
    require_sound(session, question.institution_id, content)
    if version.retired_at is not None:
        raise Conflict("This version was retired.", code="retired")
    if version.reviewed_at is None:
        for name, value in row_of(content, difficulty, by, at).items():
            setattr(version, name, value)
        session.flush()
        return version
    newest = session.execute(
        sa.select(BankVersion.version, BankVersion.reviewed_at, BankVersion.retired_at)
        .where(BankVersion.question_id == question.id)
        .order_by(BankVersion.version.desc())
        .limit(1)
    ).one()
    if newest.reviewed_at is None and newest.retired_at is None:
        raise Conflict("There is a newer draft of this question already.", code="draft_exists")
    return _draft(session, question.id, newest.version + 1, content, difficulty, by, at)


def set_unit(session: Session, version_id: UUID, unit_id: UUID | None, *, acting: Collection[UUID]) -> None:
    """Say which lesson the question is about; None: of none. Raises NotFound."""
    _version, question = own_version(session, version_id, acting, lock=True)
    if unit_id is not None and unit_id != question.unit_id:
        teaching.own_unit(session, unit_id, [question.institution_id])
    question.unit_id = unit_id
    session.flush()


def units(session: Session, institution_id: UUID, *, chosen: UUID | None = None) -> list[tuple[UUID, str]]:
    """The lessons that a question may be about, by course: the newest version of each, of so many of the newest, and
    the one that is `chosen` already."""
    newest = (
        sa.select(Unit.id)
        .join(Lesson, Lesson.id == Unit.lesson_id)
        .join(Course, Course.id == Lesson.course_id)
        .where(Course.institution_id == institution_id, Unit.retired_at.is_(None))
        .order_by(Unit.created_at.desc())
        .limit(MOST_UNITS)
    )
    rows = session.execute(
        sa.select(Unit.id, Course.title.label("course"), Unit.title, Unit.version)
        .join(Lesson, Lesson.id == Unit.lesson_id)
        .join(Course, Course.id == Lesson.course_id)
        .where(Course.institution_id == institution_id, Unit.id.in_(newest) | (Unit.id == chosen))
        .order_by(Course.title, Lesson.position, Unit.version.desc())
    )
    return [(row.id, f"{row.course} · {row.title} ({row.version})") for row in rows]


def review(session: Session, version_id: UUID, *, acting: Collection[UUID], by: UUID, at: datetime) -> BankVersion:
    """A second person finds a draft right: from now on it is asked, in place of the version before.

    Raises Forbidden (code own_question) to whoever wrote it, Conflict when it was retired.
    """
    version, question = own_version(session, version_id, acting, lock=True)
    if version.retired_at is not None:
        raise Conflict("This version was retired.", code="retired")
    if version.reviewed_at is not None:
        return version
    if version.written_by == by:
        raise Forbidden("Whoever wrote a question does not review it: ask a second person.", code="own_question")
    session.execute(
        sa.update(BankVersion)
        .where(
            BankVersion.question_id == question.id,
            BankVersion.reviewed_at.is_not(None),
            BankVersion.retired_at.is_(None),
        )
        .values(retired_at=at, retired_by=by)
    )
    version.reviewed_by, version.reviewed_at, version.review_due_on = by, at, (at + YEAR).date()
    session.flush()
    return version


def look_again(session: Session, version_id: UUID, *, acting: Collection[UUID], by: UUID, at: datetime) -> BankVersion:
    """The yearly look found nothing to change (题库每年修改完善)."""
    version, _ = own_version(session, version_id, acting, lock=True)
    if version.reviewed_at is None or version.retired_at is not None:
        raise Conflict("Only a question that is asked is looked at again.", code="not_asked")
    version.looked_by, version.looked_at, version.review_due_on = by, at, (at + YEAR).date()
    session.flush()
    return version


def retire(session: Session, version_id: UUID, *, acting: Collection[UUID], by: UUID, at: datetime) -> BankVersion:
    """Draw it no more. Papers that hold it stay as they are."""
    version, _ = own_version(session, version_id, acting, lock=True)
    if version.retired_at is None:
        version.retired_by, version.retired_at = by, at
        session.flush()
    return version


def own_version(
    session: Session, version_id: UUID, acting: Collection[UUID], *, lock: bool = False
) -> tuple[BankVersion, BankQuestion]:
    """Raises NotFound. With `lock` the question waits for others who change it."""
    query = (
        sa.select(BankVersion, BankQuestion)
        .join(BankQuestion, BankQuestion.id == BankVersion.question_id)
        .where(BankVersion.id == version_id, BankQuestion.institution_id.in_(acting))
    )
    row = session.execute(query.with_for_update(of=BankQuestion) if lock else query).one_or_none()
    if row is None:
        raise NotFound("There is no such question.")
    version, question = row
    if lock:
        session.refresh(version)
    return version, question


def line_of(session: Session, version_id: UUID, *, acting: Collection[UUID], today: date) -> Line:
    version, question = own_version(session, version_id, acting)
    item = session.get_one(OutlineItem, question.outline_item_id)
    return Line(version, question, item, state_of(version, today))


def listed(
    session: Session,
    institution_id: UUID,
    *,
    today: date,
    state: State | None = None,
    kind: Kind | None = None,
    outline_item_id: UUID | None = None,
    unit_id: UUID | None = None,
    search: str = "",
    page: int = 1,
) -> tuple[list[Line], int]:
    """One page of versions, newest first, and how many there are. Retired ones only when asked for."""
    chosen = (
        sa.select(BankVersion, BankQuestion, OutlineItem)
        .join(BankQuestion, BankQuestion.id == BankVersion.question_id)
        .join(OutlineItem, OutlineItem.id == BankQuestion.outline_item_id)
        .where(BankQuestion.institution_id == institution_id)
        .where(BankVersion.retired_at.is_(None) if state is None else _state(today) == state.value)
    )
    if kind is not None:
        chosen = chosen.where(BankVersion.kind == kind)
    if outline_item_id is not None:
        chosen = chosen.where(BankQuestion.outline_item_id == outline_item_id)
    if unit_id is not None:
        chosen = chosen.where(BankQuestion.unit_id == unit_id)
    if search.strip():
        chosen = chosen.where(BankVersion.stem.icontains(search.strip(), autoescape=True))
    total = session.execute(chosen.with_only_columns(sa.func.count())).scalar_one()
    rows = session.execute(
        chosen.order_by(BankVersion.written_at.desc(), BankVersion.id.desc())
        .limit(PAGE)
        .offset((max(1, page) - 1) * PAGE)
    )
    return [Line(version, question, item, state_of(version, today)) for version, question, item in rows], total


def _state(today: date) -> sa.ColumnElement[str]:
    """`state_of`, as the database says it."""
    return sa.case(
        (BankVersion.retired_at.is_not(None), State.RETIRED.value),
        (BankVersion.review_due_on.is_(None), State.DRAFT.value),
        (BankVersion.review_due_on <= today, State.DUE.value),
        else_=State.REVIEWED.value,
    )


def counts(session: Session, institution_id: UUID, *, today: date) -> dict[State, int]:
    """How many versions are in each state."""
    rows = session.execute(
        sa.select(_state(today), sa.func.count())
        .join(BankQuestion, BankQuestion.id == BankVersion.question_id)
        .where(BankQuestion.institution_id == institution_id)
        .group_by(sa.text("1"))
    )
    found = {State(name): count for name, count in rows}
    return {state: found.get(state, 0) for state in State}


def known_digests(session: Session, institution_id: UUID, digests: Sequence[str]) -> frozenset[str]:
    """Which of these questions the bank has, in a version that is not retired."""
    rows = session.scalars(
        sa.select(BankVersion.digest)
        .join(BankQuestion, BankQuestion.id == BankVersion.question_id)
        .where(
            BankQuestion.institution_id == institution_id,
            BankVersion.retired_at.is_(None),
            BankVersion.digest == sa.any_(sa.cast(list(digests), sa.ARRAY(sa.Text))),
        )
    )
    return frozenset(rows)


# --- pictures ---------------------------------------------------------------------------------------------------------


def keep_image(session: Session, institution_id: UUID, sent: bytes, *, at: datetime) -> str:
    """Keep a picture, written anew; its hash. The same picture again is the same row. Raises Malformed."""
    image = page_images.written_anew(sent)
    name = hashlib.sha256(image.data).hexdigest()
    session.execute(
        insert(BankImage)
        .values(institution_id=institution_id, sha256=name, type=image.type, data=image.data, created_at=at)
        .on_conflict_do_nothing()
    )
    return name


def known_images(session: Session, institution_id: UUID, names: Collection[str]) -> set[str]:
    """Which of these pictures the bank has."""
    if not names:
        return set()
    return set(
        session.scalars(
            sa.select(BankImage.sha256).where(
                BankImage.institution_id == institution_id, BankImage.sha256.in_(list(names))
            )
        )
    )


def images(session: Session, institution_id: UUID, names: Collection[str]) -> dict[str, tuple[str, bytes]]:
    """Hash -> (media type, bytes)."""
    if not names:
        return {}
    rows = session.execute(
        sa.select(BankImage.sha256, BankImage.type, BankImage.data).where(
            BankImage.institution_id == institution_id, BankImage.sha256.in_(list(names))
        )
    )
    return {name: (type_, data) for name, type_, data in rows}
