"""A manager makes a lesson in the browser; a worker finds it. What is no video, and who is no manager, is refused."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from elearn.demo.browser import Phone, phone
from elearn.demo.transport import HttpTransport
from tests.journeys.school import School
from tests.journeys.turning import follow, press
from tests.media.sources import FAST, make, picture, tone

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("teaching")]

SECONDS = 8
DESK = {"width": 1280, "height": 800}


def sign_in(school: School, handset: Phone, name: str) -> None:
    who = school.sign_in_of(name)
    handset.sign_in(school.base, who.name, who.password)


def a_new_lesson(school: School, desk: Phone, title: str) -> None:
    """Add a lesson to the course and open its page."""
    desk.page.goto(f"{school.base}/teaching/courses/{school.example.course_id}")
    desk.page.fill("input[name=title]", title)
    desk.page.press("input[name=title]", "Enter")
    desk.page.wait_for_load_state()
    if "/teaching/lessons/" not in desk.page.url:
        follow(desk.page, f"ol.steps a:has-text('{title}')")
    desk.page.wait_for_selector("form[data-upload]")


def send(desk: Phone, file: Path) -> None:
    desk.page.set_input_files("#video", file)
    desk.page.click("form[data-upload] button")


def test_a_manager_makes_a_lesson_from_a_video_and_a_worker_finds_it(
    school: School, chromium: Browser, tmp_path: Path
) -> None:
    video = make(tmp_path / "scaffold.mp4", *picture("640x360", SECONDS), *tone(SECONDS), *FAST)
    with phone(chromium, language="en", size=DESK) as desk:
        sign_in(school, desk, "manager")
        a_new_lesson(school, desk, "Scaffolds in wind")
        seen: list[str] = []
        send(desk, video)

        def is_packaged() -> bool:
            if desk.page.is_visible("#pool"):
                return True
            if desk.page.is_visible("form[data-upload] progress"):
                seen.append(desk.page.inner_text("[data-says]"))
            return False

        desk.wait_until(is_packaged, "the packaged video", timeout_s=60)
        assert any("%" in said for said in seen), "progress is shown while it is prepared"
        assert desk.page.is_disabled("form[action$='/publish'] button"), "no question yet"

        desk.page.fill("textarea[name=stem]", "When does work on a scaffold stop?")
        for letter, text in zip("ABCD", ("In strong wind", "In fog", "On Mondays", "Never"), strict=True):
            desk.page.fill(f"input[name=option_{letter}]", text)
        for letter in "AB":
            desk.page.check(f"input[name=correct][value={letter}]")
        desk.page.click("#add-one form button")
        desk.page.wait_for_selector("ol.questions li")
        press(desk.page, "/publish")
        desk.page.wait_for_selector("form[action$='/retire']")

    learner = school.a_learner()
    with phone(chromium, language="en") as handset:
        handset.sign_in(school.base, learner.sign_in.name, learner.sign_in.password)
        handset.page.goto(f"{school.base}/courses/{school.example.course_id}")
        follow(handset.page, "a:has-text('Scaffolds in wind')")
        handset.page.wait_for_selector("[data-player][data-ready=true]")
        handset.play()


def test_a_zip_is_refused_in_words(school: School, chromium: Browser, tmp_path: Path) -> None:
    archive = tmp_path / "lesson.mp4"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("lesson.txt", "not a video " * 1000)
    with phone(chromium, language="en", size=DESK) as desk:
        sign_in(school, desk, "manager")
        a_new_lesson(school, desk, "An archive")
        send(desk, archive)
        desk.page.wait_for_selector("form[data-upload][data-state=failed]", timeout=60_000)
        said = desk.page.inner_text("[data-says]")
        assert "video" in said.lower(), said
        desk.page.reload()
        assert not desk.page.is_visible("#pool")


PAGES_OF_A_MANAGER = ("/teaching", "/teaching/courses/new", "/teaching/classes", "/teaching/courses/{course}")


@pytest.mark.parametrize("name", ["clerk", "worker1"])
def test_pages_of_a_manager_are_closed_to_others(school: School, name: str) -> None:
    browser = HttpTransport(school.base)
    who = school.sign_in_of(name)
    headers = browser.sign_in(who.name, who.password)
    for page in PAGES_OF_A_MANAGER:
        path = page.format(course=school.example.course_id)
        assert browser("GET", path, headers={"Accept": "text/html"}, body=None).status in (403, 404), path
    lesson = school.example.lesson_ids[0]
    sent = browser("POST", f"/courses/lessons/{lesson}/video?name=x.mp4", headers=headers, body=b"0" * 1000)
    assert sent.status in (403, 404)


def test_everybody_is_asked_to_sign_in_first(school: School) -> None:
    browser = HttpTransport(school.base)
    for path in ("/", "/hours", f"/learn/{school.unit_id}", "/teaching", "/people", "/receivers"):
        answer = browser("GET", path, headers={"Accept": "text/html"}, body=None)
        assert (answer.status, answer.headers["location"].split("?")[0]) == (303, "/signin"), path
