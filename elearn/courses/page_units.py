"""Units of pages: made whole from reviewed pages, and read one page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses import catalogue
from elearn.courses.models import Unit, UnitBlock, UnitKind, UnitPage
from elearn.courses.page_images import Image
from elearn.courses.pool import QuestionDraft
from elearn.db import new_id
from elearn.errors import Malformed, NotFound

MAX_PAGES = 200
SHORTEST_PRACTICE_MS, LONGEST_PRACTICE_MS = 60_000, 40 * 3_600_000


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it was reviewed. `credit_ms`: how much time reading it may bring."""

    title: str
    text: str
    image: Image | None
    credit_ms: int
    reviewed_by: UUID
    reviewed_at: datetime


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What a page shows; `text` is its Markdown (`page_text.as_html`)."""

    index: int
    title: str
    text: str
    has_image: bool


def register_pages(
    session: Session,
    lesson_id: UUID,
    title: str,
    pages: Sequence[Page],
    questions: Sequence[QuestionDraft] = (),
    *,
    at: datetime,
    kind: UnitKind = UnitKind.PAGES,
    published: bool = False,
) -> Unit:
    """Make the next version of a lesson from pages: page after page, [0, the sum of their credit times).

    `kind`: pages, a case, or practice; of practice the times of the pages are shares of the time on site (`on_site`).

    A draft, unless `published`: that is for set-ups without people, as in `catalogue.register_unit`.
    Raises NotFound (no such lesson) and Malformed (no pages, too many, a question that cannot be asked).
    """
    if not 0 < len(pages) <= MAX_PAGES:
        raise Malformed("A lesson has 1 to 200 pages.", code="page_count")
    unit = Unit(
        id=new_id(),
        lesson_id=lesson_id,
        version=catalogue.next_version(session, lesson_id),
        title=title,
        kind=kind,
        duration_ms=sum(page.credit_ms for page in pages),
        start_offset_ms=0,
        width=0,
        height=0,
        content_hash=_hash(pages),
        source_sha256=_hash(pages),
        created_at=at,
    )
    session.add(unit)
    session.flush()
    start_ms, blocks, contents = 0, [], []
    for index, page in enumerate(pages):
        end_ms = start_ms + page.credit_ms
        blocks.append({"unit_id": unit.id, "index": index, "start_ms": start_ms, "end_ms": end_ms, "key_sealed": None})
        contents.append(
            {
                "unit_id": unit.id,
                "index": index,
                "title": page.title,
                "text": page.text,
                "image": page.image and page.image.data,
                "image_type": page.image and page.image.type,
                "reviewed_by": page.reviewed_by,
                "reviewed_at": page.reviewed_at,
            }
        )
        start_ms = end_ms
    session.execute(sa.insert(UnitBlock), blocks)
    session.execute(sa.insert(UnitPage), contents)
    catalogue.add_questions(session, unit, questions, at=at)
    if published:
        catalogue.offer(session, unit, at=at)
    return unit


def on_site(pages: Sequence[Page], whole_ms: int) -> list[Page]:
    """The pages of a practice that takes `whole_ms` on site: each says an equal share. Raises Malformed."""
    if not SHORTEST_PRACTICE_MS <= whole_ms <= LONGEST_PRACTICE_MS:
        raise Malformed("A practice takes 1 minute to 40 hours on site.", code="practice_minutes")
    count = len(pages)
    shares = [whole_ms * (one + 1) // count - whole_ms * one // count for one in range(count)]
    return [replace(page, credit_ms=share) for page, share in zip(pages, shares, strict=True)]


def page(session: Session, unit_id: UUID, index: int) -> PageFacts:
    """What one page shows. Raises NotFound. Whether the caller may see it is tracking's decision."""
    row = session.execute(
        sa.select(UnitPage.index, UnitPage.title, UnitPage.text, UnitPage.image_type.is_not(None)).where(
            UnitPage.unit_id == unit_id, UnitPage.index == index
        )
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such part of this lesson.")
    return PageFacts(*row)


def pages_of(session: Session, unit_id: UUID) -> list[PageFacts]:
    """All pages of a unit in order, for whoever made it."""
    rows = session.execute(
        sa.select(UnitPage.index, UnitPage.title, UnitPage.text, UnitPage.image_type.is_not(None))
        .where(UnitPage.unit_id == unit_id)
        .order_by(UnitPage.index)
    )
    return [PageFacts(*row) for row in rows]


def image(session: Session, unit_id: UUID, index: int) -> Image:
    """The picture of a page. Raises NotFound. Whether the caller may see it is tracking's decision."""
    row = session.execute(
        sa.select(UnitPage.image, UnitPage.image_type).where(UnitPage.unit_id == unit_id, UnitPage.index == index)
    ).one_or_none()
    if row is None or row.image is None:
        raise NotFound("There is no such file.")
    return Image(row.image, row.image_type)


def _hash(pages: Sequence[Page]) -> str:
    """SHA-256 over all that learners see, and how long it counts."""
    digest = sha256()
    for page in pages:
        for part in (page.title.encode(), page.text.encode(), page.image.data if page.image else b""):
            digest.update(len(part).to_bytes(8) + part)
        digest.update(page.credit_ms.to_bytes(8))
    return digest.hexdigest()
