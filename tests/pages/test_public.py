"""The public pages: the same for everybody, no session, kept by caches; and the narrow door for keys beside them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.courses import subtitles, teaching
from elearn.courses.models import Course, Lesson, Unit
from elearn.courses.public import opening, posts, routes
from elearn.courses.public.models import CourseOpening, PublicPost
from elearn.courses.public.posts import Reach
from elearn.courses.public.rules import PostKind
from elearn.db import Base
from elearn.people.models import Account, Role
from tests import builders_courses as courses
from tests import builders_people as people
from tests.builders_courses import AT
from tests.builders_public import TODAY, a_draft, a_post, a_public_course, an_open_course, said, the_same_video
from tests.conftest import statements
from tests.courses.test_subtitles import GOOD
from tests.pages.conftest import Browser, World, text_of
from tests.pages.test_first_load import MOST_BYTES, MOST_REQUESTS, loaded

Open = Callable[[Account | None], Browser]
PAGES = ("/public", "/public/notices", "/public/campaigns", "/public/films", "/public/courses")
MONTH = timedelta(days=29)


@pytest.fixture
def unit(session: Session, world: World) -> Unit:
    found = an_open_course(session, world.institution.id, title="家庭用电安全")
    session.commit()
    return found


def course_of(session: Session, unit: Unit) -> UUID:
    return session.get_one(Lesson, unit.lesson_id).course_id


def key_of(client: FlaskClient, unit_id: UUID, index: int = 0) -> Any:
    return client.get(f"/public/units/{unit_id}/keys/{index}")


def rows(session: Session) -> dict[str, int]:
    """How many rows each table has."""
    return {
        name: session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        for name, table in Base.metadata.tables.items()
    }


# --- what everybody sees ----------------------------------------------------------------------------------------------


def test_the_home_shows_what_stands_today_without_an_account(
    session: Session, world: World, unit: Unit, browser: Open
) -> None:
    school = world.institution.id
    an_open_course(session, school, film=True, title="一根没断电的线")
    a_post(session, school, said(title="安全生产月"))
    a_post(session, school, said(PostKind.NOTICE, title="停课通知", until_on=None))
    a_draft(session, school, said(title="还没发布"))
    session.commit()
    page = browser(None).page("/public")
    for words in ("Safety for everybody", "安全生产月", "停课通知", "一根没断电的线", "家庭用电安全", "Sign in"):
        assert words in page, words
    assert "还没发布" not in page
    assert "人人讲安全" not in page, "the text stands on the page of its own"
    found = {place: browser(None).page(place) for place in PAGES[1:]}
    assert "停课通知" in found["/public/notices"]
    assert "停课通知" not in found["/public/campaigns"]
    assert "一根没断电的线" in found["/public/films"]
    assert "一根没断电的线" not in found["/public/courses"]


def test_an_empty_home_says_so_in_the_visitors_language(browser: Open, world: World) -> None:
    visitor = browser(None)
    assert "No course is open to everybody yet" in visitor.page("/public")
    visitor.client.set_cookie("lang", "zh")
    assert "还没有公开课" in visitor.page("/public")
    assert "Nothing stands here" not in visitor.page("/public/films?page=99")


def test_strangers_find_the_way_to_sign_in_and_back(browser: Open) -> None:
    visitor = browser(None)
    assert visitor.get("/").status_code == 303, "as before"
    assert 'href="/public"' in visitor.get("/signin").text
    assert 'href="/signin"' in visitor.get("/public").text


@pytest.mark.parametrize("who", ["nobody", "worker", "manager"])
def test_public_pages_are_kept_and_hold_nothing_of_an_account(
    session: Session, world: World, unit: Unit, browser: Open, who: str
) -> None:
    post = a_post(session, world.institution.id, chosen=[course_of(session, unit)])
    session.commit()
    reader = browser(None if who == "nobody" else world.account(who))
    for place in (*PAGES, f"/public/posts/{post.id}", f"/public/courses/{course_of(session, unit)}"):
        answer = reader.get(place)
        assert answer.status_code == 200, place
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == f"{'public' if who == 'nobody' else 'private'}, max-age=60"
        assert {"Accept-Language", "Cookie"} <= {one.strip() for one in answer.headers["Vary"].split(",")}
        assert "csrf" not in answer.text
        assert "li.ming" not in answer.text
        assert "Sign out" not in answer.text
        assert not re.search(r"<script(?![^>]* src=)|<style| style=|\son\w+=", answer.text), "the policy forbids it"
        again = reader.get(place, environ_overrides={"HTTP_IF_NONE_MATCH": answer.headers["ETag"]})
        assert again.status_code == 304


def test_a_public_page_does_not_swallow_what_was_said_to_somebody(world: World, browser: Open) -> None:
    worker = browser(world.worker)
    with worker.client.session_transaction() as kept:
        kept["elearn_notices"] = [{"text": "gesagt", "tone": "good"}]
    assert "gesagt" not in worker.page("/public")
    assert "gesagt" in worker.page("/messages")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_first_load_is_small(session: Session, world: World, unit: Unit, browser: Open, language: str) -> None:
    for number in range(6):
        a_post(session, world.institution.id, said(PostKind.NOTICE, title=f"通知 {number}", text="字" * 5000))
        an_open_course(session, world.institution.id, title=f"课 {number}")
    session.commit()
    visitor = browser(None)
    visitor.client.set_cookie("lang", language)
    for page in ("/public", f"/public/courses/{course_of(session, unit)}"):
        found = loaded(visitor, page)
        names = {address.rsplit("/", 1)[-1].split("?")[0] for address in found}
        assert not [name for name in names if name.startswith(("hls.", "htmx."))], page
        assert sum(found.values()) < MOST_BYTES, (page, found)
        assert len(found) <= MOST_REQUESTS


def test_the_home_asks_the_same_few_queries_however_much_there_is(
    session: Session, world: World, browser: Open
) -> None:
    def asked() -> int:
        with statements(session) as sent:
            browser(None).page("/public")
        return len([one for one in sent if one.startswith(("SELECT", "\nSELECT", "INSERT", "UPDATE"))])

    before = asked()
    for number in range(4):
        a_post(session, world.institution.id, said(title=f"活动 {number}"))
        an_open_course(session, world.institution.id, film=number % 2 == 0)
    session.commit()
    assert asked() == before <= 4


def test_a_campaign_has_its_dates_courses_and_a_code_of_its_own_address(
    session: Session, world: World, unit: Unit, browser: Open, clock: Any
) -> None:
    post = a_post(
        session, world.institution.id, said(text="## 第一周\n\n<script>x</script>"), [course_of(session, unit)]
    )
    notice = a_post(session, world.institution.id, said(PostKind.NOTICE, title="通知"))
    session.commit()
    answer = browser(None).get(f"/public/posts/{post.id}")
    assert '<svg class="code"' in answer.text or 'class="code"' in answer.text
    assert f"http://localhost/public/posts/{post.id}" in answer.text
    assert "<script>x" not in answer.text
    assert "家庭用电安全" in answer.text
    assert "data-print" in answer.text
    assert "data-print" not in browser(None).get(f"/public/posts/{notice.id}").text
    clock.now += timedelta(days=40)
    assert "It is over" in browser(None).page(f"/public/posts/{post.id}")
    assert "安全生产月" not in browser(None).page("/public")


def test_what_is_not_published_is_not_found(session: Session, world: World, browser: Open) -> None:
    school = world.institution.id
    draft, gone = a_draft(session, school), a_post(session, school)
    posts.withdraw(session, gone.id, reach=Reach(frozenset({school})), by=gone.written_by, at=AT)
    later = a_post(session, school, said(from_on=TODAY + timedelta(days=1), until_on=TODAY + MONTH))
    closed = a_public_course(session, school)
    courses.a_unit(session, courses.a_lesson(session, closed))
    session.commit()
    for one in (draft.id, gone.id, later.id, UUID(int=1)):
        browser(None).page(f"/public/posts/{one}", 404)
    for course in (closed.id, world.course.id, UUID(int=1)):
        browser(None).page(f"/public/courses/{course}", 404)


def test_the_page_of_an_open_course_says_that_nothing_counts_and_lists_subtitles(
    session: Session, world: World, unit: Unit, browser: Open
) -> None:
    by, school = people.a_person(session).id, world.institution.id
    track = subtitles.add(session, unit.id, "zh", GOOD.encode(), acting=[school], by=by, at=AT)
    other = subtitles.add(session, world.unit.id, "zh", GOOD.encode(), acting=[school], by=by, at=AT)
    session.commit()
    visitor = browser(None)
    answer = visitor.get(f"/public/courses/{course_of(session, unit)}")
    assert "Watching here is not counted as training" in text_of(answer)
    assert f'src="/public/subtitles/{track.id}.vtt"' in answer.text
    assert visitor.get(f"/public/subtitles/{track.id}.vtt").text.startswith("WEBVTT")
    assert visitor.get(f"/public/subtitles/{other.id}.vtt").status_code == 404, "of a lesson that is not open"
    subtitles.withdraw(session, track.id, acting=[school], at=AT)
    session.commit()
    assert visitor.get(f"/public/subtitles/{track.id}.vtt").status_code == 404


# --- the door for keys ------------------------------------------------------------------------------------------------


@pytest.fixture
def refused(session: Session, world: World, unit: Unit) -> dict[str, UUID]:
    """Units whose keys nobody gets here, by why."""
    school, other = world.institution.id, world.other_institution.id
    course = session.get_one(Course, course_of(session, unit))
    draft = courses.a_unit(session, courses.a_lesson(session, course, title="草稿"), published=False)
    retired = courses.a_unit(session, courses.a_lesson(session, course, title="旧课"))
    teaching.retire(session, retired.id, acting=[school], at=AT)
    closed = an_open_course(session, school)
    opening.end(session, course_of(session, closed), by=people.a_person(session).id, acting=[school], at=AT)
    asked = courses.a_unit(session, courses.a_lesson(session, a_public_course(session, other)))
    opening.ask(session, course_of(session, asked), film=True, by=people.a_person(session).id, acting=[other], at=AT)
    session.commit()
    return {
        "credited": world.unit.id,
        "draft": draft.id,
        "retired": retired.id,
        "closed again": closed.id,
        "asked for only, of another institution": asked.id,
        "guessed": UUID(int=unit.id.int + 1),
    }


def test_keys_are_given_to_nobody_but_of_open_units(
    session: Session, world: World, unit: Unit, refused: dict[str, UUID], client: FlaskClient, browser: Open
) -> None:
    given = key_of(client, unit.id, 1)
    assert (given.status_code, given.data) == (200, (1).to_bytes(16, "big"))
    assert given.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in given.headers
    assert key_of(client, unit.id, 3).status_code == 404
    assert key_of(client, unit.id, 2**40).status_code == 404
    for reader in (client, browser(world.worker).client, browser(world.manager).client):
        for why, one in refused.items():
            answers = [
                key_of(reader, one),
                reader.get(f"/public/units/{one}/master.m3u8"),
                reader.get(f"/public/units/{one}/360.m3u8"),
            ]
            assert {answer.status_code for answer in answers} == {404}, why
            assert all((0).to_bytes(16, "big") not in answer.data for answer in answers), why


def test_what_is_watched_here_leaves_nothing_that_could_be_credited(
    session: Session, world: World, unit: Unit, browser: Open
) -> None:
    """Not a row in any table, whether or not the visitor is signed in; and no sitting opens on an open unit."""
    worker = browser(world.worker)
    before = rows(session)
    for reader in (browser(None), worker):
        reader.page(f"/public/courses/{course_of(session, unit)}")
        for index in range(3):
            assert key_of(reader.client, unit.id, index).status_code == 200
    after = rows(session)
    assert {name for name in before if before[name] != after[name]} <= {"elearn.browser_session"}
    assert worker.get(f"/learn/{unit.id}").status_code in (403, 404)
    for one, why in ((unit.id, "not_enrolled"), (world.unit.id, "device_required")):
        answer = worker.client.post(
            "/sittings",
            json={"unit": str(one), "device": None, "cm": 0, "player": "x"},
            headers={"X-CSRFToken": worker.token, "Accept": "application/json"},
        )
        assert answer.get_json()["error"] == why, "a lesson of one's class would open, on a phone that signs"
    assert rows(session)["elearn.sitting"] == before["elearn.sitting"]


def test_one_address_asks_so_often_and_no_more(
    unit: Unit, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "MOST", 3)
    assert [key_of(client, unit.id).status_code for _ in range(4)] == [200, 200, 200, 429]
    late = key_of(client, unit.id)
    assert int(late.headers["Retry-After"]) > 0
    assert client.get(f"/public/units/{unit.id}/master.m3u8").status_code == 429
    other = client.get(f"/public/units/{unit.id}/keys/0", environ_base={"REMOTE_ADDR": "198.51.100.7"})
    assert other.status_code == 200


# --- who writes and opens ---------------------------------------------------------------------------------------------


@pytest.fixture
def second(session: Session, world: World) -> Account:
    found = people.an_account(session, Role.INSTITUTION_MANAGER, organisation_id=world.institution.id)
    session.commit()
    return found


def form_of(world: World, **instead: str) -> dict[str, str]:
    return {
        "speaker": str(world.institution.id), "kind": "campaign", "language": "zh", "title": "安全生产月",
        "text": "人人讲安全", "from_on": TODAY.isoformat(), "until_on": (TODAY + MONTH).isoformat(), **instead,
    }  # fmt: skip


def test_two_managers_publish_a_campaign(
    session: Session, world: World, unit: Unit, browser: Open, second: Account
) -> None:
    one = browser(world.manager)
    assert "Nothing is written yet" in one.page("/publicity")
    assert "家庭用电安全" in one.page("/publicity/new")
    made = one.post("/publicity/new", {**form_of(world), "course": str(course_of(session, unit))})
    assert made.status_code == 303
    desk = made.headers["Location"]
    post = session.scalars(sa.select(PublicPost)).one()
    assert post.issuer == world.institution.name
    assert "Somebody else must publish" in one.page(desk)
    own = one.post(f"{desk}/publish", {"revision": "1"})
    assert own.status_code == 403
    assert "Somebody else must publish" in text_of(own)
    two = browser(second)
    assert "安全生产月" in two.page("/publicity")
    assert two.post(f"{desk}/publish", {"revision": "7"}).status_code == 409
    assert two.post(f"{desk}/publish", {"revision": "x"}).status_code == 400
    assert two.post(f"{desk}/publish", {"revision": "1"}).status_code == 303
    assert "家庭用电安全" in browser(None).page(f"/public/posts/{post.id}")
    assert one.post(f"{desk}/edit", form_of(world)).status_code == 409
    assert one.post(f"{desk}/withdraw").status_code == 303
    browser(None).page(f"/public/posts/{post.id}", 404)
    assert one.post(f"{desk}/withdraw").status_code == 409


WRONG: list[tuple[dict[str, str], int, str]] = [
    ({"title": " "}, 422, "A title has 1 to 100 characters"),
    ({"text": ""}, 422, "The text has 1 to 5000"),
    ({"from_on": "morgen"}, 422, "A date has the form"),
    ({"from_on": ""}, 422, "Say from which day"),
    ({"until_on": ""}, 422, "A campaign has a last day"),
    ({"until_on": "2026-06-30"}, 422, "The last day is not before"),
    ({"language": "xx"}, 422, "Choose the language"),
    ({"speaker": "530000"}, 422, "Choose in whose name"),
    ({"speaker": "x"}, 422, "Choose in whose name"),
    ({"course": str(UUID(int=5))}, 422, "not open to everybody"),
    ({"course": "x"}, 422, "out of date"),
    ({"kind": "x"}, 400, "out of date"),
]


def test_a_wrong_form_says_what_is_wrong_and_makes_nothing(session: Session, world: World, browser: Open) -> None:
    manager = browser(world.manager)
    for instead, status, words in WRONG:
        answer = manager.post("/publicity/new", form_of(world, **instead))
        assert (answer.status_code, words in text_of(answer)) == (status, True), instead
    assert session.scalar(sa.select(sa.func.count()).select_from(PublicPost)) == 0


def test_a_draft_is_changed_by_whoever_keeps_it(session: Session, world: World, browser: Open, second: Account) -> None:
    post = a_draft(session, world.institution.id, by=world.manager.person_id)
    session.commit()
    desk, two = f"/publicity/{post.id}", browser(second)
    assert "安全生产月" in two.get(f"{desk}/edit").text
    assert two.post(f"{desk}/edit", form_of(world, title="改了")).status_code == 303
    assert two.post(f"{desk}/edit", form_of(world, title="")).status_code == 422
    session.refresh(post)
    assert (post.title, post.revision, post.written_by) == ("改了", 2, second.person_id)
    assert browser(world.manager).post(f"{desk}/publish", {"revision": "2"}).status_code == 303


def test_an_officer_speaks_for_the_region_and_keeps_what_its_institutions_write(
    session: Session, world: World, browser: Open
) -> None:
    world.institution.region = "530100"
    one, two, far = (
        people.an_account(session, Role.REGULATOR_OFFICER, region=r) for r in ("530000", "530100", "330000")
    )
    session.commit()
    made = browser(one).post("/publicity/new", form_of(world, speaker="530000", issuer="某省应急管理厅"))
    assert made.status_code == 303
    assert browser(one).post("/publicity/new", form_of(world, speaker="530000", issuer="")).status_code == 422
    assert browser(one).post("/publicity/new", form_of(world, speaker="330000", issuer="x")).status_code == 422
    browser(two).page(made.headers["Location"], 404), "what a province says is not kept by a city's officer"
    wrote = browser(world.manager).post("/publicity/new", form_of(world))
    assert browser(two).post(f"{wrote.headers['Location']}/publish", {"revision": "1"}).status_code == 303
    for account, status in ((far, 404), (world.other_manager, 404), (world.clerk, 403), (world.worker, 403)):
        assert browser(account).get(wrote.headers["Location"]).status_code == status


def test_a_manager_makes_a_course_for_no_outline_and_two_open_it(
    session: Session, world: World, browser: Open, second: Account
) -> None:
    one, two = browser(world.manager), browser(second)
    form = {"organisation": str(world.institution.id), "title": "家庭用电", "centre": "public", "item": ""}
    assert one.post("/teaching/courses/new", {**form, "centre": "employees"}).status_code == 422
    made = one.post("/teaching/courses/new", form)
    assert made.status_code == 303
    desk = f"{made.headers['Location']}/opening"
    assert "Open to everybody" in one.page(made.headers["Location"])
    assert "Publish a video of this course first" in one.page(desk)
    empty = one.post(f"{desk}/ask", {"film": "yes"})
    assert empty.status_code == 409
    assert "Publish a video" in text_of(empty)
    course = session.scalars(sa.select(Course).where(Course.title == "家庭用电")).one()
    unit = courses.a_unit(session, courses.a_lesson(session, course))
    session.commit()
    assert two.post(f"{desk}/open").status_code == 409
    assert one.post(f"{desk}/ask", {"film": "yes"}).status_code == 303
    assert one.post(f"{desk}/open").status_code == 403
    assert "never again count" in two.page(desk)
    assert two.post(f"{desk}/open").status_code == 303
    assert session.scalars(sa.select(CourseOpening.film)).one() is True
    assert "家庭用电" in browser(None).page("/public/films")
    assert f"/public/courses/{course.id}" in browser(world.stranger).get(f"/catalogue/{course.id}").text
    for account, status in ((world.other_manager, 404), (world.worker, 403)):
        assert browser(account).get(desk).status_code == status
        assert browser(account).post(f"{desk}/end").status_code == status
    assert key_of(browser(None).client, unit.id).status_code == 200
    assert one.post(f"{desk}/end").status_code == 303
    assert key_of(browser(None).client, unit.id).status_code == 404


def test_a_course_that_may_count_is_refused_on_its_page_with_the_reason(
    session: Session, world: World, browser: Open
) -> None:
    desk = f"/teaching/courses/{world.course.id}/opening"
    assert "Only a course of the centre" in browser(world.manager).page(desk)
    assert browser(world.manager).post(f"{desk}/ask").status_code == 409


def test_a_video_that_was_open_is_refused_where_it_would_count(
    session: Session, world: World, unit: Unit, browser: Open
) -> None:
    draft = the_same_video(session, unit, world.lesson, published=False)
    session.commit()
    answer = browser(world.manager).post(f"/teaching/units/{draft.id}/publish")
    assert answer.status_code == 409
    assert "was open to everybody" in text_of(answer)
