"""What other packages may ask about a unit. Everything here reads, but for `register_unit`.

What never changes of a unit (its blocks) is kept for the life of the process; the rest (titles, whether it is
offered) for `FRESH_S` seconds, so that a heartbeat costs no query here. Decisions that must not be stale
(`may_study`, publishing) ask the database.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.keys import open_key, seal_key
from elearn.courses.models import (
    ClassCourse,
    Course,
    Enrolment,
    Lesson,
    OutlineItem,
    Question,
    TrainingClass,
    Unit,
    UnitBlock,
    UnitKind,
)
from elearn.courses.pool import QuestionDraft, require_sound
from elearn.db import new_id
from elearn.errors import Malformed, NotFound
from elearn.runtime import runtime
from media.manifest import Block, Manifest, read_manifest

FRESH_S = 10.0
KEPT_UNITS = 4096


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """One version of a lesson. Times are milliseconds on the lesson's own clock, [0, duration_ms)."""

    id: UUID
    lesson_id: UUID
    course_id: UUID
    institution_id: UUID
    version: int
    title: str
    course_title: str
    duration_ms: int
    start_offset_ms: int
    """What the player's `currentTime` reads where the lesson's clock reads 0."""
    width: int
    height: int
    blocks: tuple[Block, ...]
    content_hash: str
    outline_id: UUID | None
    outline_item_id: UUID | None
    published: bool
    """Offered now: published and not retired."""
    kind: UnitKind = UnitKind.VIDEO


@dataclass(frozen=True, slots=True)
class QuestionFacts:
    id: UUID
    from_ms: int
    to_ms: int
    stem: str
    options: tuple[str, ...]
    correct: tuple[int, ...]
    """Places of the right options in `options`, ascending."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Why a person may study a unit. `class_filed_at` None: hours earned now never export (RULES 4(b))."""

    enrolment_id: UUID
    class_id: UUID
    class_filed_at: datetime | None


@dataclass(slots=True)
class _Kept:
    blocks: dict[UUID, tuple[Block, ...]] = field(default_factory=dict)
    facts: dict[UUID, tuple[float, UnitFacts]] = field(default_factory=dict)


def _kept() -> _Kept:
    kept: _Kept = runtime().kept.setdefault("courses.units", _Kept())
    if len(kept.blocks) > KEPT_UNITS:
        kept.blocks.clear()
        kept.facts.clear()
    return kept


def unit_facts(session: Session, unit_id: UUID) -> UnitFacts:
    """The facts of a unit, drafts and retired ones too. Raises NotFound.

    Titles and `published` may be `FRESH_S` old in a process that did not make the change; the rest is exact.
    """
    kept = _kept()
    known = kept.facts.get(unit_id)
    if known is not None and time.monotonic() - known[0] < FRESH_S:
        return known[1]
    row = session.execute(
        sa.select(
            Unit.lesson_id, Unit.version, Unit.title, Unit.duration_ms, Unit.start_offset_ms, Unit.width, Unit.height,
            Unit.content_hash, (Unit.published_at.is_not(None) & Unit.retired_at.is_(None)).label("published"),
            Lesson.course_id, Course.title.label("course_title"), Course.institution_id,
            sa.func.coalesce(Lesson.outline_item_id, Course.outline_item_id).label("outline_item_id"),
            OutlineItem.outline_id, Unit.kind,
        )
        .join(Lesson, Lesson.id == Unit.lesson_id)
        .join(Course, Course.id == Lesson.course_id)
        .outerjoin(OutlineItem, OutlineItem.id == Course.outline_item_id)
        .where(Unit.id == unit_id)
    ).one_or_none()  # fmt: skip
    if row is None:
        raise NotFound("There is no such lesson.")
    blocks = kept.blocks.get(unit_id)
    if blocks is None:
        found = session.execute(
            sa.select(UnitBlock.index, UnitBlock.start_ms, UnitBlock.end_ms)
            .where(UnitBlock.unit_id == unit_id)
            .order_by(UnitBlock.index)
        )
        blocks = tuple(Block(index, start, end) for index, start, end in found)
        kept.blocks[unit_id] = blocks
    facts = UnitFacts(id=unit_id, blocks=blocks, **row._mapping)
    kept.facts[unit_id] = (time.monotonic(), facts)
    return facts


def forget(unit_id: UUID) -> None:
    """Read the changeable facts anew; called by what changes them, in this process."""
    _kept().facts.pop(unit_id, None)


MOST_BLOCKS = 2**31


def block_key(session: Session, unit_id: UUID, index: int, sealing_key: bytes) -> bytes:
    """The 16-byte key of one block. Raises NotFound. Whether the caller may have it is tracking's decision."""
    if index >= MOST_BLOCKS:  # no column holds it
        raise NotFound("There is no such part of this lesson.")
    sealed = session.execute(
        sa.select(UnitBlock.key_sealed).where(UnitBlock.unit_id == unit_id, UnitBlock.index == index)
    ).scalar_one_or_none()
    if sealed is None:
        raise NotFound("There is no such part of this lesson.")
    return open_key(sealed, sealing_key, unit_id, index)


def block_keys(session: Session, unit_id: UUID, sealing_key: bytes) -> list[bytes]:
    """The keys of all blocks of a unit, in order; of pages none. Whether the caller may have them is for tracking."""
    rows = session.execute(
        sa.select(UnitBlock.index, UnitBlock.key_sealed).where(UnitBlock.unit_id == unit_id).order_by(UnitBlock.index)
    )
    return [open_key(sealed, sealing_key, unit_id, index) for index, sealed in rows if sealed is not None]


def manifest(unit: UnitFacts, media_dir: Path) -> Manifest:
    """The manifest of the packaged files, for playlists. Raises media's BadManifest when they are not there."""
    return _manifest(media_dir / unit.content_hash)


@lru_cache(maxsize=128)
def _manifest(place: Path) -> Manifest:
    return read_manifest(place)


def questions_about(session: Session, unit_id: UUID, *, retired: bool = False) -> tuple[QuestionFacts, ...]:
    """The pool of a unit in the order of its media, without retired questions; or only these.

    A pool may be retired as a whole after its unit was, and somebody may still owe an answer about it.
    """
    rows = session.execute(
        sa.select(Question.id, Question.from_ms, Question.to_ms, Question.stem, Question.options, Question.correct)
        .where(
            Question.unit_id == unit_id, Question.retired_at.is_not(None) if retired else Question.retired_at.is_(None)
        )
        .order_by(Question.from_ms, Question.id)
    )
    return tuple(
        QuestionFacts(id_, from_ms, to_ms, stem, tuple(options), tuple(correct))
        for id_, from_ms, to_ms, stem, options, correct in rows
    )


def may_study(session: Session, person_id: UUID, unit_id: UUID, *, on: date | None = None) -> Admission | None:
    """Whether `person_id` may open this unit, and for which class the time counts; None: not.

    The unit must be offered, the person enrolled, and its course belong to an item of the outline of a class of the
    same institution, or be offered in an enterprise's internal class. An internal class comes first (what it offers
    trains for no exam, wherever it is watched), the one joined first of several: what was begun there is ended there.
    Then the class filed last counts, an unfiled one only when there is no filed one. With `on` (the local day) the
    class must run on that day.
    """
    by_outline = (
        _present(person_id, sa.false(), on)
        .join(OutlineItem, OutlineItem.outline_id == TrainingClass.outline_id)
        .join(
            Course,
            (Course.outline_item_id == OutlineItem.id) & (Course.institution_id == TrainingClass.institution_id),
        )
        .join(Lesson, Lesson.course_id == Course.id)
    )
    internally = (
        _present(person_id, sa.true(), on)
        .join(ClassCourse, ClassCourse.class_id == TrainingClass.id)
        .join(Lesson, Lesson.course_id == ClassCourse.course_id)
    )
    offered = (Unit.id == unit_id) & Unit.published_at.is_not(None) & Unit.retired_at.is_(None)
    ways = sa.union_all(
        *(way.join(Unit, Unit.lesson_id == Lesson.id).where(offered) for way in (by_outline, internally))
    ).subquery()
    row = session.execute(
        sa.select(ways.c.enrolment_id, ways.c.class_id, ways.c.filed_at)
        .order_by(
            ways.c.internal.desc(),
            sa.case((ways.c.internal, ways.c.enrolled_at)),
            ways.c.filed_at.desc().nulls_last(),
            ways.c.class_id.desc(),
        )
        .limit(1)
    ).one_or_none()
    return None if row is None else Admission(*row)


def _present(person_id: UUID, internal: sa.ColumnElement[bool], on: date | None) -> sa.Select[*tuple[Any, ...]]:
    """The classes that somebody is in, those that run on a day, marked with the way by which a course is looked for."""
    query = (
        sa.select(
            Enrolment.id.label("enrolment_id"),
            TrainingClass.id.label("class_id"),
            TrainingClass.filed_at,
            internal.label("internal"),
            Enrolment.enrolled_at,
        )
        .join(TrainingClass, TrainingClass.id == Enrolment.class_id)
        .where(Enrolment.person_id == person_id, Enrolment.withdrawn_at.is_(None))
    )
    if on is None:
        return query
    return query.where(TrainingClass.starts_on <= on, TrainingClass.ends_on.is_(None) | (TrainingClass.ends_on >= on))


def register_unit(
    session: Session,
    lesson_id: UUID,
    title: str,
    manifest: Manifest,
    keys: Sequence[bytes],
    questions: Sequence[QuestionDraft],
    *,
    sealing_key: bytes,
    published_at: datetime | None = None,
    created_at: datetime | None = None,
) -> Unit:
    """Make the next version of a lesson from a manifest and its keys (one of 16 bytes for each block).

    Without `published_at` it is a draft. With it, it is offered at once in place of the version before; that
    is for set-ups without people (tests, the corpus runner), so nobody asks whether the pool covers it: people
    go through `teaching.publish`. One of `published_at` and `created_at` is needed.
    Raises NotFound (no such lesson) and Malformed (a question that cannot be asked).
    """
    made_at = created_at or published_at
    if made_at is None:
        raise ValueError("a unit needs the time at which it is made")
    if len(keys) != len(manifest.blocks) or any(len(key) != 16 for key in keys):
        raise Malformed("There is not one key for each part of the video.")
    unit = Unit(
        id=new_id(),
        lesson_id=lesson_id,
        version=next_version(session, lesson_id),
        title=title,
        duration_ms=manifest.duration_ms,
        start_offset_ms=manifest.start_offset_ms,
        width=manifest.width,
        height=manifest.height,
        content_hash=manifest.content_hash,
        source_sha256=manifest.source_sha256,
        created_at=made_at,
    )
    session.add(unit)
    session.flush()
    session.execute(
        sa.insert(UnitBlock),
        [
            {
                "unit_id": unit.id,
                "index": block.index,
                "start_ms": block.start_ms,
                "end_ms": block.end_ms,
                "key_sealed": seal_key(key, sealing_key, unit.id, block.index),
            }
            for block, key in zip(manifest.blocks, keys, strict=True)
        ],
    )
    add_questions(session, unit, questions, at=made_at)
    if published_at is not None:
        offer(session, unit, at=published_at)
    return unit


def next_version(session: Session, lesson_id: UUID) -> int:
    """The number of a lesson's next version, its row locked. Raises NotFound."""
    # The row of the lesson stands for its versions: two at once get two numbers.
    if session.execute(sa.select(Lesson.id).where(Lesson.id == lesson_id).with_for_update()).first() is None:
        raise NotFound("There is no such lesson.")
    newest = session.execute(sa.select(sa.func.max(Unit.version)).where(Unit.lesson_id == lesson_id)).scalar_one()
    return (newest or 0) + 1


def add_questions(session: Session, unit: Unit, drafts: Sequence[QuestionDraft], *, at: datetime) -> list[UUID]:
    """Put all of `drafts` into the pool of `unit`, or raise Malformed and none."""
    for draft in drafts:
        require_sound(draft, unit.duration_ms)
    ids = [new_id() for _ in drafts]
    rows = [
        {
            "id": question_id,
            "unit_id": unit.id,
            "from_ms": draft.from_ms,
            "to_ms": draft.to_ms,
            "stem": draft.stem,
            "options": list(draft.options),
            "correct": sorted(draft.correct),
            "created_at": at,
        }
        for question_id, draft in zip(ids, drafts, strict=True)
    ]
    if rows:
        session.execute(sa.insert(Question), rows)
    return ids


def offer(session: Session, unit: Unit, *, at: datetime) -> None:
    """Offer `unit`, and retire the version offered before it, in one moment."""
    # Two drafts published at once: one after the other, and the later one stays.
    session.execute(sa.select(Lesson.id).where(Lesson.id == unit.lesson_id).with_for_update())
    before = session.scalars(
        sa.select(Unit).where(
            Unit.lesson_id == unit.lesson_id, Unit.published_at.is_not(None), Unit.retired_at.is_(None)
        )
    ).all()
    for old in before:
        # The moment may have been taken before a faster one was published.
        old.retired_at = max(at, old.published_at or at)
        forget(old.id)
    session.flush()
    unit.published_at = at
    session.flush()
    forget(unit.id)
