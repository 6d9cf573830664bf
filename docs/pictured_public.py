"""What pictures show of the public door: a film and courses open to everybody, a campaign, notices, one that waits."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses import catalogue, teaching
from elearn.courses.centres import Centre
from elearn.courses.describing import Particulars
from elearn.courses.models import Course, Unit
from elearn.courses.public import opening, posts
from elearn.courses.public.models import CourseOpening, PublicPost
from elearn.courses.public.posts import Reach, Speaker
from elearn.courses.public.rules import PostKind, Said
from elearn.demo.kept import Example
from elearn.people import persons, registry
from elearn.people.identity import DocumentKind, Keys, resident_check_digit
from elearn.settings import Settings
from media.manifest import PUBLIC

COURSES = (
    # Title, what it is about, its videos, a film?
    ("一根没断电的线", "一次检修事故的前后十分钟：哪一步本可以救人。", ("一根没断电的线",), True),
    ("家庭用电与燃气安全", "插座、热水器、燃气灶：在家也要会的三件事。", ("插座与电线", "燃气灶与报警器"), False),
    ("火场逃生五步", "看清出口，压低身体，关门，求救，等待。", ("火场逃生五步",), False),
)
SCHOOL = "滇池安全培训中心（演示）"
ASKED = "有限空间不盲目施救"
TEXT = """## 主题

**人人讲安全、个个会应急**

## 四周安排

- 第一周：查找身边隐患
- 第二周：看一部警示教育片
- 第三周：逃生演练
- 第四周：进企业、进农村、进社区、进学校、进家庭
"""


def add(session: Session, settings: Settings, example: Example, *, now: datetime) -> None:
    """Make all of it."""
    institution, today = UUID(example.institution_id), registry.local_day(now)
    keys = Keys(sealing=settings.sealing_key, index=settings.index_key)
    one, two = (_person(session, name, number, keys, now) for number, name in enumerate(("陈静", "赵岩"), 1))
    chosen = []
    for title, summary, lessons, film in COURSES:
        course = _course(session, settings, example, title, summary, lessons, at=now)
        opening.ask(session, course.id, film=film, by=one, acting=[institution], at=now)
        opening.open_to_all(session, course.id, by=two, acting=[institution], at=now)
        chosen.append(course.id)
    asked = _course(session, settings, example, ASKED, "先通风，再检测，后作业。", (ASKED,), at=now)
    opening.ask(session, asked.id, film=True, by=one, acting=[institution], at=now)
    month = Said(PostKind.CAMPAIGN, "zh", "安全生产月", TEXT, today, today + timedelta(days=29), SCHOOL)
    closed = Said(
        PostKind.NOTICE, "zh", "国庆假期停课通知", "10 月 1 日至 7 日停课，网上课程照常。", today, None, SCHOOL
    )
    english = Said(PostKind.NOTICE, "en", "New course on gas safety", "Open to everybody.", today, None, SCHOOL)
    draft = Said(
        PostKind.NOTICE, "zh", "特种作业复审提醒", "证书到期前 60 天，请到原培训机构报名。", today, None, SCHOOL
    )
    speaker = Speaker(institution, None)
    for said in (month, closed, english, draft):
        courses = chosen if said is month else ()
        post = posts.write(session, speaker, said, courses, by=one, at=now, today=today)
        if said is not draft:
            reach = Reach(frozenset({institution}))
            posts.publish(session, post.id, revision=post.revision, reach=reach, by=two, at=now)


def shots(session: Session) -> list[tuple[str, str | None, str]]:
    """Name, who, path."""
    campaign = session.scalars(sa.select(PublicPost.id).where(PublicPost.kind == PostKind.CAMPAIGN)).one()
    draft = session.scalars(sa.select(PublicPost.id).where(PublicPost.published_at.is_(None))).one()
    asked = session.scalars(sa.select(CourseOpening.course_id).where(CourseOpening.opened_at.is_(None))).one()
    course = session.scalars(sa.select(Course.id).where(Course.title == COURSES[1][0])).one()
    return [
        ("public", None, "/public"),
        ("public-campaign", None, f"/public/posts/{campaign}"),
        ("public-course", None, f"/public/courses/{course}"),
        ("public-courses", None, "/public/courses"),
        ("publicity", "manager", "/publicity"),
        ("publicity-new", "manager", "/publicity/new"),
        ("publicity-post", "manager", f"/publicity/{draft}"),
        ("course-opening", "manager", f"/teaching/courses/{asked}/opening"),
    ]


def _course(
    session: Session, settings: Settings, example: Example, title: str, summary: str, lessons: tuple[str, ...],
    *, at: datetime,
) -> Course:  # fmt: skip
    """Its videos have the example's picture, and no files beside it: nobody presses play in a picture."""
    institution = UUID(example.institution_id)
    made = teaching.add_course(
        session,
        institution_id=institution,
        title=title,
        summary=summary,
        said=Particulars(centre=Centre.PUBLIC),
        at=at,
    )
    first = session.get_one(Unit, UUID(example.unit_ids[0]))
    manifest = catalogue.manifest(catalogue.unit_facts(session, first.id), settings.media_dir)
    for lesson in lessons:
        place = sha256(f"{title} {lesson}".encode()).hexdigest()
        target = settings.media_dir / place / PUBLIC
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(settings.media_dir / first.content_hash / PUBLIC / manifest.poster, target)
        catalogue.register_unit(
            session,
            teaching.add_lesson(session, course_id=made.id, title=lesson, acting=[institution]).id,
            lesson,
            msgspec.structs.replace(manifest, content_hash=place),
            [bytes(16)] * len(manifest.blocks),
            [],
            sealing_key=settings.sealing_key,
            published_at=at,
        )
    return made


def _person(session: Session, name: str, number: int, keys: Keys, now: datetime) -> UUID:
    """Somebody who manages; the document is of nobody, as everywhere in the example."""
    first = f"99999819900519{number:03}"
    return persons.add_person(
        session,
        name=name,
        document_kind=DocumentKind.RESIDENT_ID,
        document_number=first + resident_check_digit(first),
        keys=keys,
        at=now,
    ).id
