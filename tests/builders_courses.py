"""Courses for tests: say only what matters. Units are made from a manifest alone, without encoded media."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from elearn.courses import catalogue, classes, teaching
from elearn.courses.models import Course, Enrolment, Kind, Lesson, Outline, OutlineItem, TrainingClass, Unit
from elearn.courses.pool import QuestionDraft, windows
from media.manifest import MANIFEST_VERSION, Block, Manifest, Rendition, Segment, hash_of_files

SEALING_KEY = b"e" * 32
"""The sealing key of the tests' settings."""
AT = datetime(2026, 6, 20, 2, 0, tzinfo=UTC)
ON = date(2026, 6, 20)

_numbers = itertools.count(1)


def an_outline(
    session: Session, *, code: str | None = None, hours: int = 88, practice: int = 60, effective_from: date = ON
) -> Outline:
    """An outline with one item of theory and one of practice."""
    number = next(_numbers)
    return teaching.add_outline(
        session,
        code=code or f"DY-{number}",
        name="低压电工作业",
        region="CN",
        version=f"v{number}",
        effective_from=effective_from,
        items=[
            teaching.NewItem("T", "安全技术理论", Kind.THEORY, hours),
            teaching.NewItem("P", "实际操作", Kind.PRACTICE, practice),
        ],
    )


def theory_of(session: Session, outline: Outline) -> OutlineItem:
    return teaching.items_of(session, outline.id)[0]


def a_course(
    session: Session,
    institution_id: UUID,
    *,
    outline: Outline | None = None,
    title: str = "触电急救",
    at: datetime = AT,
) -> Course:
    item_id = theory_of(session, outline).id if outline else None
    return teaching.add_course(session, institution_id=institution_id, title=title, at=at, outline_item_id=item_id)


def a_lesson(session: Session, course: Course, *, title: str = "第一课") -> Lesson:
    return teaching.add_lesson(session, course_id=course.id, title=title, acting=[course.institution_id])


def a_manifest(duration_ms: int = 90_000, *, block_ms: int = 30_000) -> Manifest:
    """A manifest of that length whose files exist nowhere; each has a content hash of its own."""
    bounds = [*range(0, duration_ms, block_ms), duration_ms]
    blocks = tuple(Block(index, start, end) for index, (start, end) in enumerate(itertools.pairwise(bounds)))
    segments = tuple(
        Segment(f"360/{block.index}.m4s", block.start_ms, block.end_ms - block.start_ms, block.index)
        for block in blocks
    )
    names = ["poster.jpg", "sprite.jpg", "sprite.vtt", "360/init.mp4", *(segment.uri for segment in segments)]
    number = next(_numbers)
    files = {name: hashlib.sha256(f"{number} {name}".encode()).hexdigest() for name in names}
    return Manifest(
        version=MANIFEST_VERSION,
        duration_ms=duration_ms,
        start_offset_ms=0,
        width=640,
        height=360,
        blocks=blocks,
        renditions=(Rendition("360", 640, 360, 500_000, "avc1.4d401e,mp4a.40.2", "360/init.mp4", segments),),
        audio=None,
        poster="poster.jpg",
        sprite="sprite.jpg",
        sprite_vtt="sprite.vtt",
        content_hash=hash_of_files(files),
        files=files,
        source_sha256="0" * 64,
    )


def a_question(
    from_ms: int = 0, to_ms: int = 60_000, *, correct: Sequence[int] = (0, 2), stem: str = "下列哪些正确？"
) -> QuestionDraft:
    return QuestionDraft(from_ms, to_ms, stem, ("甲", "乙", "丙", "丁"), tuple(correct))


def covering_questions(duration_ms: int) -> list[QuestionDraft]:
    """A pool that is just enough to publish: one question for each window."""
    return [a_question(start, end) for start, end in windows(duration_ms)]


def a_unit(
    session: Session,
    lesson: Lesson,
    *,
    duration_ms: int = 90_000,
    block_ms: int = 30_000,
    questions: Sequence[QuestionDraft] | None = None,
    published: bool = True,
) -> Unit:
    """A version of `lesson`, offered unless said otherwise, with a pool that covers it."""
    manifest = a_manifest(duration_ms, block_ms=block_ms)
    return catalogue.register_unit(
        session,
        lesson.id,
        lesson.title,
        manifest,
        [index.to_bytes(16, "big") for index in range(len(manifest.blocks))],
        covering_questions(duration_ms) if questions is None else questions,
        sealing_key=SEALING_KEY,
        created_at=AT,
        published_at=AT if published else None,
    )


def a_class(
    session: Session, institution_id: UUID, outline: Outline, *, filed_at: datetime | None = AT, starts_on: date = ON
) -> TrainingClass:
    """A class, filed unless said otherwise."""
    number = next(_numbers)
    made = classes.open_class(
        session,
        institution_id=institution_id,
        outline_id=outline.id,
        class_no=f"2026-{number:03}",
        title="低压电工初训班",
        starts_on=starts_on,
        at=AT,
    )
    if filed_at is not None:
        classes.file_class(
            session, made.id, filing_no=f"BA-{number}", filed_at=filed_at, acting=[institution_id], at=filed_at
        )
    return made


def enrolled(session: Session, training_class: TrainingClass, person_id: UUID, *, at: datetime = AT) -> Enrolment:
    """`person_id` in the class, from the day of the tests' other facts."""
    classes.enrol(session, training_class.id, [person_id], acting=[training_class.institution_id], at=at)
    return session.query(Enrolment).filter_by(class_id=training_class.id, person_id=person_id).one()
