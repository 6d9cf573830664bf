"""A lesson of pages in a real phone-sized browser: read page by page, confirmed, whole."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from elearn.courses import page_units, teaching
from elearn.courses.page_images import written_anew
from elearn.demo.browser import phone
from elearn.demo.example import questions
from tests.journeys.school import Learner, School
from tests.journeys.turning import follow, press
from tests.tracking.presence.pictures import a_portrait

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("journeys")]

PAGES_MS = (5_000, 4_000, 4_000)
TEXT = """## 三不伤害

- 不伤害**自己**
- 不伤害他人
- 不被他人伤害

| 高度 | 要求 |
|---|---|
| 2 米以上 | 系安全带 |
"""


def a_lesson_of_pages(school: School, learner: Learner, lengths_ms: Sequence[int] = PAGES_MS) -> str:
    """Offered from now on; its first page has a picture."""
    now = datetime.now(UTC)
    with school.database() as session:
        acting = [UUID(school.example.institution_id)]
        lesson = teaching.add_lesson(session, course_id=UUID(school.example.course_id), title="图文课", acting=acting)
        pages = [
            page_units.Page(
                f"第{index + 1}节",
                TEXT,
                written_anew(a_portrait(1)) if index == 0 else None,
                each_ms,
                learner.person_id,
                now,
            )
            for index, each_ms in enumerate(lengths_ms)
        ]
        unit = page_units.register_pages(
            session, lesson.id, lesson.title, pages, questions(sum(lengths_ms)), at=now, published=True
        )
        session.commit()
        return str(unit.id)


NEXT_TOO_EARLY = """() => {
  const next = document.querySelector("[data-do=next]"), number = document.querySelector("[data-page-number]");
  if (next.getAttribute("aria-disabled") !== "true") return null;
  const before = number.textContent;
  next.click();
  return number.textContent === before;
}"""
"""Looks and presses in one step: on a slow machine the page may be counted meanwhile. Null: it was."""


def test_pages_are_read_one_by_one_and_the_lesson_is_whole(school: School, chromium: Browser) -> None:
    learner = school.a_learner()
    unit_id = a_lesson_of_pages(school, learner)
    with phone(chromium) as handset:
        page, mistakes = handset.page, []
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.on("console", lambda said: mistakes.append(said.text) if "Content Security" in said.text else None)
        handset.sign_in(school.base, learner.sign_in.name, learner.sign_in.password)
        handset.open_lesson(school.base, unit_id)
        page.click("[data-cover-action]")
        page.wait_for_selector("[data-page]:not([hidden]) table")
        drawn = "document.querySelector('[data-page-image]').naturalWidth"
        handset.wait_until(lambda: page.evaluate(drawn) > 0, "the picture", timeout_s=20)
        assert page.evaluate("document.activeElement.id") == "page-title", "a screen reader begins at the page"

        too_early = [page.evaluate(NEXT_TOO_EARLY)]
        if place := os.environ.get("PICTURES"):
            page.screenshot(path=Path(place) / "reading.png", full_page=True)
            page.evaluate("document.documentElement.classList.add('text-130')")
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            page.screenshot(path=Path(place) / "reading-large.png")
            page.evaluate("document.documentElement.classList.remove('text-130')")
            page.set_viewport_size({"width": 1280, "height": 800})
            page.screenshot(path=Path(place) / "reading-wide.png")
            page.set_viewport_size({"width": 360, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        for number, _turn in enumerate(pairwise(PAGES_MS), 2):
            while not page.inner_text("[data-page-number]").startswith(f"第 {number} 页"):
                if page.is_visible("#check-dialog[open]"):
                    handset.answer_check(questions(sum(PAGES_MS)))
                if page.get_attribute("[data-do=next]", "aria-disabled") == "false":
                    page.keyboard.press("ArrowRight")
                page.wait_for_timeout(200)
            too_early.append(page.evaluate(NEXT_TOO_EARLY))
        assert {stays for stays in too_early if stays is not None} == {True}, "none opens before the last is counted"
        handset.wait_for_check(timeout_s=30)
        handset.answer_check(questions(sum(PAGES_MS)))
        page.wait_for_selector("[data-cover][data-tone=good]:not([hidden])")
        if place := os.environ.get("PICTURES"):
            page.screenshot(path=Path(place) / "read.png", full_page=True)
        assert mistakes == []
    final = school.believed(learner)["final"]
    assert final == sum(PAGES_MS)
    assert school.exam_record(learner)["record"]["hours"]["online_theory_ms"] == final
    assert school.refusals(learner) <= {"ALREADY_CREDITED"}
    school.require_sound_ledgers()


def test_a_manager_writes_a_page_with_a_picture(school: School, chromium: Browser, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(a_portrait(2))
    with phone(chromium) as handset:
        page = handset.page
        manager = school.sign_in_of("manager")
        handset.sign_in(school.base, manager.name, manager.password)
        with school.database() as session:
            acting = [UUID(school.example.institution_id)]
            course_id = UUID(school.example.course_id)
            lesson_id = teaching.add_lesson(session, course_id=course_id, title="图文", acting=acting).id
            session.commit()
        page.goto(f"{school.base}/teaching/lessons/{lesson_id}")
        follow(page, f"a[href$='/lessons/{lesson_id}/pages']")
        page.fill("[name=title]", "临边防护")
        page.fill("[name=text]", TEXT)
        press(page, "/pages")
        page.wait_for_selector("[data-picture]")
        page.set_input_files("#picture", photo)
        page.click("[data-picture] button")
        page.wait_for_selector(".reader-page img")
        shown = "document.querySelector('.reader-page img').naturalWidth"
        handset.wait_until(lambda: page.evaluate(shown) > 0, "the picture", timeout_s=20)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        if place := os.environ.get("PICTURES"):
            page.screenshot(path=Path(place) / "write.png", full_page=True)
        press(page, "/review")
        page.wait_for_selector("form[action$='/version']")
        if place := os.environ.get("PICTURES"):
            page.screenshot(path=Path(place) / "list.png", full_page=True)
            page.set_viewport_size({"width": 1280, "height": 800})
            page.screenshot(path=Path(place) / "list-wide.png", full_page=True)
        press(page, "/version")
        page.wait_for_selector("#pages-title")
        assert "临边防护" in page.inner_text("main")
