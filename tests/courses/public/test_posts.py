"""Notices and campaigns: who keeps them, the second person, when they are shown."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.courses.models import Lesson
from elearn.courses.public import opening, posts
from elearn.courses.public.models import PublicPost
from elearn.courses.public.posts import Reach
from elearn.courses.public.rules import PostKind
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from tests import builders_people as people
from tests.builders_courses import AT
from tests.builders_public import TODAY, a_draft, a_post, a_public_course, an_open_course, said


@pytest.fixture
def school(session: Session) -> UUID:
    return people.an_institution(session).id


def test_who_wrote_it_last_does_not_publish_it(session: Session, school: UUID) -> None:
    one, two = (people.a_person(session).id for _ in range(2))
    reach = Reach(frozenset({school}))
    post = a_draft(session, school, by=one)
    with pytest.raises(Forbidden, match="Somebody else"):
        posts.publish(session, post.id, revision=1, reach=reach, by=one, at=AT)
    posts.change(session, post.id, said(title="改"), (), reach=reach, by=two, at=AT, today=TODAY)
    with pytest.raises(Conflict, match="changed since"):
        posts.publish(session, post.id, revision=1, reach=reach, by=one, at=AT)
    with pytest.raises(Forbidden):
        posts.publish(session, post.id, revision=2, reach=reach, by=two, at=AT)
    assert posts.publish(session, post.id, revision=2, reach=reach, by=one, at=AT).published_by == one
    with pytest.raises(Conflict):
        posts.publish(session, post.id, revision=2, reach=reach, by=one, at=AT)
    with pytest.raises(Conflict):
        posts.change(session, post.id, said(), (), reach=reach, by=two, at=AT, today=TODAY)
    posts.withdraw(session, post.id, reach=reach, by=two, at=AT)
    with pytest.raises(Conflict, match="withdrawn already"):
        posts.withdraw(session, post.id, reach=reach, by=two, at=AT)


def test_the_database_holds_what_two_people_have_published(session: Session, school: UUID) -> None:
    post, draft = a_post(session, school), a_draft(session, school)
    own = {"published_by": draft.written_by, "published_at": AT}
    for whose, values in ((post, {"text": "别的"}), (post, {"published_at": None, "published_by": None}), (draft, own)):
        with pytest.raises(IntegrityError), session.begin_nested():
            session.execute(sa.update(PublicPost).where(PublicPost.id == whose.id).values(values))


@pytest.mark.parametrize(
    ("region", "keeps"), [("530000", ["53"]), ("530100", ["53", "5301"]), (None, []), ("330100", [])]
)
def test_officers_keep_what_their_region_says(session: Session, region: str | None, keeps: list[str]) -> None:
    school, other = people.an_institution(session).id, people.an_institution(session).id
    post = a_draft(session, school, region=region)
    for prefix in ("53", "5301", "5302"):
        found, _more = posts.listed(session, Reach(frozenset(), frozenset({prefix})))
        assert [one.id for one in found] == ([post.id] if prefix in keeps else [])
    for nobody in (Reach(), Reach(frozenset({other}))):
        assert posts.listed(session, nobody) == ([], False)
        with pytest.raises(NotFound):
            posts.kept(session, post.id, nobody)
    assert posts.kept(session, post.id, Reach(frozenset({school}))).id == post.id


def test_it_is_shown_from_its_first_day_to_its_last_and_read_afterwards(session: Session, school: UUID) -> None:
    post = a_post(session, school, said(from_on=TODAY, until_on=TODAY + timedelta(days=2)))
    notice = a_post(session, school, said(PostKind.NOTICE, until_on=None))
    for days, is_shown, is_read in ((-1, False, False), (0, True, True), (2, True, True), (3, False, True)):
        on = TODAY + timedelta(days=days)
        assert bool(posts.shown(session, PostKind.CAMPAIGN, on=on, first="zh")[0]) is is_shown
        if is_read:
            assert posts.read(session, post.id, on=on).id == post.id
        else:
            with pytest.raises(NotFound):
                posts.read(session, post.id, on=on)
    later = TODAY + timedelta(days=900)
    assert [one.id for one in posts.shown(session, PostKind.NOTICE, on=later, first="zh")[0]] == [notice.id]


def test_drafts_and_what_was_withdrawn_are_read_by_nobody(session: Session, school: UUID) -> None:
    draft, gone = a_draft(session, school), a_post(session, school)
    posts.withdraw(session, gone.id, reach=Reach(frozenset({school})), by=gone.written_by, at=AT)
    assert posts.shown(session, PostKind.CAMPAIGN, on=TODAY, first="zh") == ([], False)
    for one in (draft, gone):
        with pytest.raises(NotFound):
            posts.read(session, one.id, on=TODAY)


def test_the_readers_language_comes_first_and_there_may_be_more(session: Session, school: UUID) -> None:
    chinese = a_post(session, school, said(from_on=TODAY))
    english = a_post(session, school, said(language="en", title="Safety month", from_on=TODAY - timedelta(days=9)))
    for first, order in (("zh", [chinese.id, english.id]), ("en", [english.id, chinese.id])):
        found, more = posts.shown(session, PostKind.CAMPAIGN, on=TODAY, first=first)
        assert ([one.id for one in found], more) == (order, False)
        assert posts.shown(session, PostKind.CAMPAIGN, on=TODAY, first=first, size=1)[1]


def test_a_campaign_shows_the_chosen_courses_while_they_are_open(session: Session, school: UUID) -> None:
    units = [an_open_course(session, school) for _ in range(2)]
    ids = [session.get_one(Lesson, one.lesson_id).course_id for one in units]
    post = a_post(session, school, chosen=[ids[1], ids[0], ids[1]])
    assert [one.id for one in posts.courses_of(session, post.id)] == [ids[1], ids[0]]
    opening.end(session, ids[1], by=post.written_by, acting=[school], at=AT)
    assert [one.id for one in posts.courses_of(session, post.id)] == [ids[0]]
    for wrong in ([ids[1]], [a_public_course(session, school).id], [people.a_person(session).id]):
        with pytest.raises(Malformed) as refused:
            a_draft(session, school, chosen=wrong)
        assert refused.value.error_code == "course"
    assert posts.chosen_for(session, a_draft(session, school, said(PostKind.NOTICE), [ids[0]]).id) == []
