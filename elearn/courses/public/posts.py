"""Notices and campaigns: written by whoever keeps them, published by a second one, withdrawn by any of them.

Who keeps a post is told by two answers of the caller's rights: the institutions they manage, and what the codes of the
regions begin with that they are officers of (`rules.py` says why these and nobody else).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.public import rules, watching
from elearn.courses.public.models import SHOWN_NOW, PublicPost, PublicPostCourse
from elearn.courses.public.rules import PostKind, PostState, Said
from elearn.errors import Conflict, Forbidden, Malformed, NotFound

PAGE = 20


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose posts somebody keeps."""

    institutions: frozenset[UUID] = frozenset()
    regions: frozenset[str] = frozenset()
    """What region codes begin with."""

    def holds(self) -> sa.ColumnElement[bool]:
        return sa.or_(
            PublicPost.organisation_id.in_(self.institutions),
            *(PublicPost.region.startswith(one, autoescape=True) for one in sorted(self.regions)),
        )


@dataclass(frozen=True, slots=True)
class Speaker:
    """In whose name a post is written: an institution's (with the region where it is), or a region's."""

    organisation_id: UUID | None
    region: str | None


def write(
    session: Session, speaker: Speaker, said: Said, courses: Sequence[UUID], *, by: UUID, at: datetime, today: date
) -> PublicPost:
    """A draft. Raises Malformed, its code the field."""
    said = rules.checked(said, today=today)
    made = PublicPost(organisation_id=speaker.organisation_id, region=speaker.region, revision=0)
    _fill(made, said, by=by, at=at)
    session.add(made)
    session.flush()
    _choose(session, made, courses)
    return made


def change(
    session: Session, post_id: UUID, said: Said, courses: Sequence[UUID], *, reach: Reach, by: UUID, at: datetime,
    today: date,
) -> PublicPost:  # fmt: skip
    """Write a draft anew. Raises NotFound; Conflict: it was published or withdrawn; Malformed."""
    post = _draft(session, post_id, reach)
    _fill(post, rules.checked(said, today=today), by=by, at=at)
    _choose(session, post, courses)
    return post


def publish(session: Session, post_id: UUID, *, revision: int, reach: Reach, by: UUID, at: datetime) -> PublicPost:
    """Show it to everybody. Raises Forbidden to whoever wrote it last; Conflict: it is another text than was read."""
    post = _draft(session, post_id, reach)
    if post.revision != revision:
        raise Conflict("It was changed since you read it. Read it again.", code="changed")
    if post.written_by == by:
        raise Forbidden("Somebody else must publish what you wrote.", code="own_work")
    post.published_by, post.published_at = by, at
    session.flush()
    return post


def withdraw(session: Session, post_id: UUID, *, reach: Reach, by: UUID, at: datetime) -> PublicPost:
    """Nobody sees it any more; a draft is put aside for good."""
    post = kept(session, post_id, reach, lock=True)
    if post.withdrawn_at is not None:
        raise Conflict("It was withdrawn already.", code="withdrawn")
    post.withdrawn_by, post.withdrawn_at = by, at
    session.flush()
    return post


def kept(session: Session, post_id: UUID, reach: Reach, *, lock: bool = False) -> PublicPost:
    """A post that the caller keeps, in whatever state. Raises NotFound."""
    query = sa.select(PublicPost).where(PublicPost.id == post_id, reach.holds())
    found = session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NotFound("There is no such notice.")
    return found


def listed(session: Session, reach: Reach, *, page: int = 1) -> tuple[Sequence[PublicPost], bool]:
    """What the caller keeps, the newest first, and whether there is more."""
    rows = session.scalars(
        sa.select(PublicPost)
        .where(reach.holds())
        .order_by(PublicPost.written_at.desc(), PublicPost.id.desc())
        .limit(PAGE + 1)
        .offset((max(1, page) - 1) * PAGE)
    ).all()
    return rows[:PAGE], len(rows) > PAGE


def shown(
    session: Session, kind: PostKind, *, on: date, first: str, page: int = 1, size: int = PAGE
) -> tuple[Sequence[PublicPost], bool]:
    """What stands on the public home on a day, those in the language `first` before the others; is there more?"""
    rows = session.scalars(
        sa.select(PublicPost)
        .where(
            sa.text(SHOWN_NOW),
            PublicPost.kind == kind,
            PublicPost.from_on <= on,
            PublicPost.until_on.is_(None) | (PublicPost.until_on >= on),
        )
        .order_by((PublicPost.language == first).desc(), PublicPost.from_on.desc(), PublicPost.id.desc())
        .limit(size + 1)
        .offset((max(1, page) - 1) * size)
    ).all()
    return rows[:size], len(rows) > size


def read(session: Session, post_id: UUID, *, on: date) -> PublicPost:
    """A published post from its first day on, over ones too: the code on a wall still leads somewhere.

    Raises NotFound: a draft, withdrawn, or not yet.
    """
    found = session.scalar(
        sa.select(PublicPost).where(sa.text(SHOWN_NOW), PublicPost.id == post_id, PublicPost.from_on <= on)
    )
    if found is None:
        raise NotFound("There is no such notice.")
    return found


def courses_of(session: Session, post_id: UUID) -> list[watching.Line]:
    """The courses chosen for a campaign that are open now, in its order."""
    ids = session.scalars(
        sa.select(PublicPostCourse.course_id)
        .where(PublicPostCourse.post_id == post_id)
        .order_by(PublicPostCourse.position)
    ).all()
    open_now = watching.courses_named(session, ids)
    return [open_now[one] for one in ids if one in open_now]


def chosen_for(session: Session, post_id: UUID) -> list[UUID]:
    """The same by id, closed ones too."""
    chosen = sa.select(PublicPostCourse.course_id).where(PublicPostCourse.post_id == post_id)
    return list(session.scalars(chosen.order_by(PublicPostCourse.position)))


def state_of(post: PublicPost) -> PostState:
    return rules.state_of(post.published_at, post.withdrawn_at)


def _draft(session: Session, post_id: UUID, reach: Reach) -> PublicPost:
    post = kept(session, post_id, reach, lock=True)
    if state_of(post) is not PostState.DRAFT:
        raise Conflict("Only a draft can be changed or published.", code="not_a_draft")
    return post


def _fill(post: PublicPost, said: Said, *, by: UUID, at: datetime) -> None:
    assert said.from_on is not None  # `rules.checked`
    post.kind, post.language, post.title, post.text = said.kind, said.language, said.title, said.text
    post.from_on, post.until_on, post.issuer = said.from_on, said.until_on, said.issuer
    post.revision, post.written_by, post.written_at = post.revision + 1, by, at


def _choose(session: Session, post: PublicPost, courses: Collection[UUID]) -> None:
    """The courses of a campaign, in this order; open ones only. A notice has none."""
    ids = list(dict.fromkeys(courses)) if post.kind is PostKind.CAMPAIGN else []
    if len(ids) > rules.MAX_COURSES:
        raise Malformed("A campaign has at most 20 courses.", code="course")
    session.execute(sa.delete(PublicPostCourse).where(PublicPostCourse.post_id == post.id))
    open_now = watching.courses_named(session, ids)
    if len(open_now) < len(ids):
        raise Malformed("One of these courses is not open to everybody.", code="course")
    session.add_all(
        PublicPostCourse(post_id=post.id, course_id=one, position=position) for position, one in enumerate(ids, 1)
    )
    session.flush()
