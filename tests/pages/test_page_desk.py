"""A manager writes a lesson of pages: draft, review, version, questions, publishing; and a learner reads it."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.courses import teaching
from elearn.courses.models import PageDraft, Unit, UnitKind
from elearn.tracking.ledger_check import check_ledger
from tests.builders_courses import covering_questions
from tests.builders_tracking import a_player
from tests.courses.test_page_images import a_picture
from tests.pages.conftest import Browser, World


def a_draft(browser: Browser, lesson_id: UUID, title: str = "Belts", text: str = "# Rules\n\n- **clip** on") -> str:
    """Written through the form; the address of its page."""
    made = browser.post(f"/teaching/lessons/{lesson_id}/pages", {"title": title, "text": text})
    assert made.status_code == 303, made.text
    return made.headers["Location"]


def send_picture(browser: Browser, place: str, picture: bytes) -> tuple[int, str]:
    client: FlaskClient = browser.client
    headers = {"X-CSRFToken": browser.token, "Accept": "application/json", "Accept-Language": "en"}
    got = client.post(f"{place}/image", data=picture, headers=headers, content_type="application/octet-stream")
    return got.status_code, got.text


def test_pages_are_written_reviewed_made_a_version_and_read(app: Flask, session: Session, world: World) -> None:
    manager = Browser(app, session, world.manager)
    lesson_id, institution_id = world.lesson.id, world.institution.id
    first, second = a_draft(manager, lesson_id), a_draft(manager, lesson_id, "Ropes", "short")
    assert send_picture(manager, first, a_picture("mjpeg", "yuvj420p", 320, 200)) == (204, "")
    shown = manager.get(first).text
    assert "<strong>clip</strong>" in shown
    assert "reading takes 25 seconds; at most 60 can be given" in manager.page(first)
    assert manager.get(f"{first}/image").mimetype == "image/jpeg"

    version = f"/teaching/lessons/{lesson_id}/pages/version"
    assert manager.post(f"{first}/review", {"credit": "30"}).status_code == 303
    refused = manager.post(version)
    assert (refused.status_code, "Pages are not reviewed yet: 2." in refused.text) == (409, True)
    assert manager.post(f"{second}/review", {"credit": "15"}).status_code == 303
    made = manager.post(version)
    assert made.status_code == 303
    unit = session.scalars(sa.select(Unit).where(Unit.kind == UnitKind.PAGES)).one()
    assert (unit.duration_ms, unit.published_at) == (45_000, None)
    assert "<strong>clip</strong>" in manager.get(made.headers["Location"]).text

    publish = f"/teaching/units/{unit.id}/publish"
    assert manager.post(publish).status_code == 409, "as for a video: first its questions"
    for question in covering_questions(unit.duration_ms):
        teaching.add_question(session, unit.id, question, acting=[institution_id], at=unit.created_at)
    assert manager.post(publish).status_code == 303

    reader = a_player(app, session, world.worker.person_id)
    reader.open(unit.id)
    page = reader.ask_page(0).json()
    assert (page["title"], page["html"]) == (
        "Belts",
        "<h3>Rules</h3>\n<ul>\n<li><strong>clip</strong> on</li>\n</ul>\n",
    )
    picture = reader.call("GET", page["image"])
    assert (picture.status, picture.headers["content-type"]) == (200, "image/jpeg")
    reader.read(45_000)
    assert reader.state["pending_ms"] == 45_000
    lesson_page = Browser(app, session, world.worker).get(f"/learn/{unit.id}").text
    assert "pageunit.js" in lesson_page
    assert "clip" not in lesson_page, "the page itself comes when it is asked for"
    assert check_ledger(session) == []


def written(manager: Browser, lesson_id: UUID, **kind: object) -> str:
    """The address of a version of one reviewed page with a picture, of this kind."""
    draft = a_draft(manager, lesson_id)
    assert send_picture(manager, draft, a_picture("mjpeg", "yuvj420p", 320, 200)) == (204, "")
    assert manager.post(f"{draft}/review", {"credit": "30"}).status_code == 303
    made = manager.post(f"/teaching/lessons/{lesson_id}/pages/version", kind)
    assert made.status_code == 303, made.text
    return str(made.headers["Location"])


def test_a_practice_is_written_published_without_questions_and_read_without_a_player(
    app: Flask, session: Session, world: World
) -> None:
    manager, worker = Browser(app, session, world.manager), Browser(app, session, world.worker)
    desk = written(manager, world.lesson.id, kind="practice", minutes="90")
    unit = session.scalars(sa.select(Unit).where(Unit.kind == UnitKind.PRACTICE)).one()
    assert unit.duration_ms == 90 * 60_000
    page = manager.page(desk)
    assert "On site 90 minutes" in page
    assert "Add a question" not in page
    preview = manager.get(f"/teaching/units/{unit.id}/preview").text
    picture = f"/learn/{unit.id}/pictures/0"
    assert picture in preview
    assert manager.get(picture).mimetype == "image/jpeg"
    assert worker.get(picture).status_code == 404, "a draft is for its teachers"
    assert manager.post(f"/teaching/units/{unit.id}/publish").status_code == 303
    shown = worker.get(f"/learn/{unit.id}")
    assert "<strong>clip</strong>" in shown.text
    assert "player-config" not in shown.text
    assert "they come from attendance" in worker.page(f"/learn/{unit.id}")
    assert worker.get(picture).mimetype == "image/jpeg"
    assert worker.get(f"/learn/{unit.id}/pictures/7").status_code == 404
    assert worker.get(f"/learn/{world.unit.id}/pictures/0").status_code == 404, "of lessons pictures come with sittings"
    course = worker.page(f"/courses/{world.course.id}")
    assert "90 minutes On site" in course
    assert "In all 0 s" in course, "nothing of it is to be done here"


def test_a_case_says_what_its_end_asks_for(app: Flask, session: Session, world: World) -> None:
    manager, worker = Browser(app, session, world.manager), Browser(app, session, world.worker)
    assert "each of its questions is asked" in manager.page(written(manager, world.lesson.id, kind="case"))
    unit = session.scalars(sa.select(Unit).where(Unit.kind == UnitKind.CASE)).one()
    publish = f"/teaching/units/{unit.id}/publish"
    assert manager.post(publish).status_code == 409, "a case without a question is none"
    for question in covering_questions(unit.duration_ms):
        teaching.add_question(session, unit.id, question, acting=[world.institution.id], at=unit.created_at)
    assert manager.post(publish).status_code == 303
    assert "asked every question of the case" in worker.page(f"/learn/{unit.id}")
    assert "Case study" in worker.page(f"/courses/{world.course.id}")


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"kind": "practice"}, 422, "Enter whole minutes."),
        ({"kind": "practice", "minutes": "٩"}, 422, "Enter whole minutes."),
        ({"kind": "practice", "minutes": "0"}, 422, "1 minute to 40 hours"),
        ({"kind": "practice", "minutes": "2401"}, 422, "1 minute to 40 hours"),
        ({"kind": "video"}, 400, "out of date"),
        ({"kind": "\0"}, 400, "out of date"),
    ],
)
def test_a_version_of_no_known_kind_or_length_is_not_made(
    app: Flask, session: Session, world: World, form: dict[str, object], status: int, said: str
) -> None:
    manager = Browser(app, session, world.manager)
    before = session.scalar(sa.select(sa.func.count()).select_from(Unit))
    draft = a_draft(manager, world.lesson.id)
    assert manager.post(f"{draft}/review", {"credit": "30"}).status_code == 303
    answer = manager.post(f"/teaching/lessons/{world.lesson.id}/pages/version", form)
    assert (answer.status_code, said in answer.text) == (status, True)
    assert session.scalar(sa.select(sa.func.count()).select_from(Unit)) == before


def test_whatever_changes_in_a_page_is_reviewed_again(app: Flask, session: Session, world: World) -> None:
    manager = Browser(app, session, world.manager)
    place = a_draft(manager, world.lesson.id)

    def reviewed() -> bool:
        session.expire_all()
        return session.scalars(sa.select(PageDraft.reviewed_at)).one() is not None

    for change in (
        lambda: manager.post(place, {"title": "Belts", "text": "other"}),
        lambda: send_picture(manager, place, a_picture("png", "rgb24", 20, 20)),
        lambda: manager.post(f"{place}/image/remove"),
    ):
        assert manager.post(f"{place}/review", {"credit": "10"}).status_code == 303
        assert reviewed()
        change()
        assert not reviewed()


def test_hours_are_not_made_by_writing_a_number(app: Flask, session: Session, world: World) -> None:
    manager = Browser(app, session, world.manager)
    place = a_draft(manager, world.lesson.id)
    for credit in ("3600", "61", "9", "-30", "1e3", "", "٣٠"):
        assert manager.post(f"{place}/review", {"credit": credit}).status_code == 422, credit
    assert manager.post(f"{place}/review", {"credit": "60"}).status_code == 303


def test_bad_pictures_are_refused_in_words(app: Flask, session: Session, world: World) -> None:
    manager = Browser(app, session, world.manager)
    place = a_draft(manager, world.lesson.id)
    for picture, status, words in (
        (b"<svg onload=alert(1)>", 400, "A picture is a JPEG, PNG or WebP file."),
        (b"\x89PNG\r\n\x1a\nbroken", 400, "The picture cannot be read."),
        (b"", 400, "A picture is a JPEG, PNG or WebP file."),
        (b"\xff\xd8\xff" * 3_000_000, 413, "larger"),
    ):
        got = send_picture(manager, place, picture)
        assert got[0] == status
        assert words in got[1]
    assert manager.get(f"{place}/image").status_code == 404


def test_pages_of_another_institution_are_not_found(app: Flask, session: Session, world: World) -> None:
    place = a_draft(Browser(app, session, world.manager), world.lesson.id)
    lesson_id = world.lesson.id
    for account in (world.other_manager, world.worker, world.clerk):
        other = Browser(app, session, account)
        status = 404 if account is world.other_manager else 403
        assert other.get(place).status_code == status
        assert other.get(f"{place}/image").status_code == status
        assert other.get(f"/teaching/lessons/{lesson_id}/pages").status_code == status
        for change in ("", "/review", "/up", "/remove", "/image/remove"):
            assert other.post(place + change, {"title": "x", "credit": "10"}).status_code == status, change
        assert other.post(f"/teaching/lessons/{lesson_id}/pages/version").status_code == status
        assert send_picture(other, place, a_picture("png", "rgb24", 20, 20))[0] == status


def test_pages_change_places_and_are_taken_out(app: Flask, session: Session, world: World) -> None:
    manager = Browser(app, session, world.manager)
    places = [a_draft(manager, world.lesson.id, title) for title in ("one", "two", "three")]

    def order() -> list[str]:
        shown = manager.get(f"/teaching/lessons/{world.lesson.id}/pages").text
        return re.findall(r">\d\. (\w+)</a>", shown)

    assert order() == ["one", "two", "three"]
    manager.post(f"{places[2]}/up")
    manager.post(f"{places[0]}/up")
    assert order() == ["one", "three", "two"]
    manager.post(f"{places[0]}/remove")
    assert order() == ["three", "two"]


def test_a_lesson_without_pages_makes_no_version(app: Flask, session: Session, world: World) -> None:
    manager = Browser(app, session, world.manager)
    refused = manager.post(f"/teaching/lessons/{world.lesson.id}/pages/version")
    assert (refused.status_code, "A lesson has 1 to 200 pages." in refused.text) == (409, True)
