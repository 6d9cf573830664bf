"""Writing a lesson of pages: drafts that change, a review of each, and versions made of all of them.

Each function takes `acting`, as those of `teaching` do. Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, undefer

from elearn.courses import page_text, page_units, teaching
from elearn.courses.models import Lesson, PageDraft, Unit, UnitKind
from elearn.courses.page_images import Image, written_anew
from elearn.db import new_id
from elearn.errors import Conflict, Malformed, NotFound


def drafts_of(session: Session, lesson_id: UUID) -> Sequence[PageDraft]:
    """The pages that are being written, in order."""
    return session.scalars(
        sa.select(PageDraft).where(PageDraft.lesson_id == lesson_id).order_by(PageDraft.position, PageDraft.id)
    ).all()


def own_draft(session: Session, draft_id: UUID, acting: Collection[UUID]) -> PageDraft:
    """The page, when one of `acting` teaches its lesson. Raises NotFound."""
    draft = session.get(PageDraft, draft_id)
    if draft is None:
        raise NotFound("There is no such page.")
    teaching.own_lesson(session, draft.lesson_id, acting)
    return draft


def add(
    session: Session, lesson_id: UUID, *, title: str, text: str, acting: Collection[UUID], at: datetime
) -> PageDraft:
    """A new page at the end. Raises Malformed."""
    _lock(session, teaching.own_lesson(session, lesson_id, acting).id)
    title, text = page_text.checked(title, text)
    there = drafts_of(session, lesson_id)
    if len(there) >= page_units.MAX_PAGES:
        raise Malformed("A lesson has 1 to 200 pages.", code="page_count")
    draft = PageDraft(
        id=new_id(),
        lesson_id=lesson_id,
        position=there[-1].position + 1 if there else 1,
        title=title,
        text=text,
        credit_ms=page_text.proposed_ms(title, text, image=False),
        updated_at=at,
    )
    session.add(draft)
    session.flush()
    return draft


def change(
    session: Session, draft_id: UUID, *, title: str, text: str, acting: Collection[UUID], at: datetime
) -> PageDraft:
    """Another title or text; it is to be reviewed again. Raises Malformed."""
    draft = own_draft(session, draft_id, acting)
    draft.title, draft.text = page_text.checked(title, text)
    _unreview(draft, at)
    session.flush()
    return draft


def set_image(
    session: Session, draft_id: UUID, sent: bytes | None, *, acting: Collection[UUID], at: datetime
) -> PageDraft:
    """The picture of a page, written anew; None takes it away. It is to be reviewed again. Raises Malformed."""
    draft = own_draft(session, draft_id, acting)
    image = None if sent is None else written_anew(sent)
    draft.image, draft.image_type = (None, None) if image is None else (image.data, image.type)
    _unreview(draft, at)
    session.flush()
    return draft


def image_of(session: Session, draft_id: UUID, *, acting: Collection[UUID]) -> Image:
    """The picture of a page that is being written. Raises NotFound."""
    draft = own_draft(session, draft_id, acting)
    if draft.image is None or draft.image_type is None:
        raise NotFound("There is no such file.")
    return Image(draft.image, draft.image_type)


def proposed_ms(draft: PageDraft) -> int:
    """The credit time that its length asks for."""
    return page_text.proposed_ms(draft.title, draft.text, image=draft.image_type is not None)


def review(
    session: Session, draft_id: UUID, *, credit_ms: int, reviewer: UUID, acting: Collection[UUID], at: datetime
) -> PageDraft:
    """Confirm what a page says and how long it counts. Raises Malformed: a credit time that reading cannot take."""
    draft = own_draft(session, draft_id, acting)
    page_text.require_credit(credit_ms, proposed_ms(draft))
    draft.credit_ms, draft.reviewed_by, draft.reviewed_at = credit_ms, reviewer, at
    session.flush()
    return draft


def remove(session: Session, draft_id: UUID, *, acting: Collection[UUID]) -> None:
    """Take a page out; versions made before keep theirs."""
    session.delete(own_draft(session, draft_id, acting))
    session.flush()


def move_up(session: Session, draft_id: UUID, *, acting: Collection[UUID]) -> None:
    """Change places with the page before; the first one stays."""
    draft = own_draft(session, draft_id, acting)
    _lock(session, draft.lesson_id)
    order = list(drafts_of(session, draft.lesson_id))
    place = order.index(draft)
    if place > 0:
        order[place - 1], order[place] = order[place], order[place - 1]
    for position, one in enumerate(order, 1):
        one.position = position
    session.flush()


def make_version(
    session: Session,
    lesson_id: UUID,
    *,
    kind: UnitKind = UnitKind.PAGES,
    on_site_ms: int = 0,
    acting: Collection[UUID],
    at: datetime,
) -> Unit:
    """The lesson's next version, a draft without questions, of all its pages as they were reviewed.

    `on_site_ms`: how long a practice takes; of other kinds it is not read. Raises Conflict `not_reviewed`, naming the
    pages; Malformed: there are none, or `practice_minutes`.
    """
    lesson = teaching.own_lesson(session, lesson_id, acting)
    _lock(session, lesson.id)
    drafts = session.scalars(
        sa.select(PageDraft)
        .options(undefer(PageDraft.image))
        .where(PageDraft.lesson_id == lesson_id)
        .order_by(PageDraft.position, PageDraft.id)
        # As they are now, whatever this session saw before it waited for the lock.
        .execution_options(populate_existing=True)
    ).all()
    pages = []
    missing = []
    for number, draft in enumerate(drafts, 1):
        if draft.reviewed_by is None or draft.reviewed_at is None:
            missing.append(str(number))
            continue
        image = Image(draft.image, draft.image_type) if draft.image and draft.image_type else None
        pages.append(
            page_units.Page(draft.title, draft.text, image, draft.credit_ms, draft.reviewed_by, draft.reviewed_at)
        )
    if missing:
        raise Conflict("Pages are not reviewed yet: %(pages)s.", code="not_reviewed", pages=", ".join(missing))
    if kind is UnitKind.PRACTICE and pages:
        pages = page_units.on_site(pages, on_site_ms)
    return page_units.register_pages(session, lesson_id, lesson.title, pages, at=at, kind=kind)


def _unreview(draft: PageDraft, at: datetime) -> None:
    draft.credit_ms = proposed_ms(draft)
    draft.reviewed_by = draft.reviewed_at = None
    draft.updated_at = at


def _lock(session: Session, lesson_id: UUID) -> None:
    """The row of the lesson stands for the order of its pages."""
    session.execute(sa.select(Lesson.id).where(Lesson.id == lesson_id).with_for_update())
