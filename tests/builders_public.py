"""The public door for tests: courses that two managers have opened, posts that two people have published."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from elearn.courses import catalogue, teaching
from elearn.courses.centres import Centre
from elearn.courses.describing import Particulars
from elearn.courses.models import Course, Lesson, Unit
from elearn.courses.public import opening, posts
from elearn.courses.public.models import PublicPost
from elearn.courses.public.posts import Reach, Speaker
from elearn.courses.public.rules import PostKind, Said
from tests import builders_courses as courses
from tests import builders_people as people
from tests.builders_courses import AT

TODAY = date(2026, 7, 1)
"""Of the tests' clock."""


def a_public_course(session: Session, institution_id: UUID, *, title: str = "家庭用电安全") -> Course:
    """A course of the public centre for no outline, without lessons."""
    said = Particulars(centre=Centre.PUBLIC)
    return teaching.add_course(session, institution_id=institution_id, title=title, at=AT, said=said)


def opened(session: Session, course: Course, *, film: bool = False) -> None:
    """Opened to everybody by two managers of its institution."""
    acting = [course.institution_id]
    one, two = (people.a_person(session, name=name).id for name in ("甲经理", "乙经理"))
    opening.ask(session, course.id, film=film, by=one, acting=acting, at=AT)
    opening.open_to_all(session, course.id, by=two, acting=acting, at=AT)


def an_open_course(session: Session, institution_id: UUID, *, film: bool = False, title: str = "家庭用电安全") -> Unit:
    """The one unit of a course that is open to everybody."""
    course = a_public_course(session, institution_id, title=title)
    unit = courses.a_unit(session, courses.a_lesson(session, course))
    opened(session, course, film=film)
    return unit


def the_same_video(session: Session, unit: Unit, lesson: Lesson, *, published: bool = True) -> Unit:
    """Another unit of the same packaged files, as a package of a course brings it: the same hash, the same keys."""
    manifest = msgspec.structs.replace(courses.a_manifest(), content_hash=unit.content_hash)
    return catalogue.register_unit(
        session,
        lesson.id,
        lesson.title,
        manifest,
        [index.to_bytes(16, "big") for index in range(len(manifest.blocks))],
        courses.covering_questions(manifest.duration_ms),
        sealing_key=courses.SEALING_KEY,
        created_at=AT,
        published_at=AT if published else None,
    )


def said(
    kind: PostKind = PostKind.CAMPAIGN,
    *,
    title: str = "安全生产月",
    text: str = "# 主题\n\n- 人人讲安全",
    language: str = "zh",
    from_on: date | None = TODAY,
    until_on: date | None = TODAY + timedelta(days=29),
    issuer: str = "某州应急管理局",
) -> Said:
    return Said(kind, language, title, text, from_on, until_on, issuer)


def a_draft(
    session: Session, institution_id: UUID | None, what: Said | None = None, chosen: Sequence[UUID] = (),
    *, region: str | None = None, by: UUID | None = None,
) -> PublicPost:  # fmt: skip
    """A draft of an institution, or of a region."""
    writer = by or people.a_person(session).id
    speaker = Speaker(institution_id, region)
    return posts.write(session, speaker, what or said(), chosen, by=writer, at=AT, today=TODAY)


def a_post(session: Session, institution_id: UUID, what: Said | None = None, chosen: Sequence[UUID] = ()) -> PublicPost:
    """One that two people have published."""
    post = a_draft(session, institution_id, what, chosen)
    reach, second = Reach(frozenset({institution_id})), people.a_person(session).id
    return posts.publish(session, post.id, revision=post.revision, reach=reach, by=second, at=AT)
